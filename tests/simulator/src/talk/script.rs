//! The scenes.

/// One turn of a person.
pub(super) struct Line {
    /// The number of the person in the cast of the scene.
    pub(super) speaker: usize,
    pub(super) turn: Turn,
}

/// A turn. Numbers are those of messages of the scene, from 0 on; `{}` is the subject of the scene.
pub(super) enum Turn {
    Say(&'static str),
    Reply(usize, &'static str),
    Edit(usize, &'static str),
    Delete(usize),
    React(usize, &'static str),
    /// A thread from a message, in which the messages after it are written.
    Thread(usize, &'static str),
}

impl Line {
    /// Returns the text that is written.
    pub(super) const fn text(&self) -> &'static str {
        match self.turn {
            Turn::Say(text) | Turn::Reply(_, text) | Turn::Edit(_, text) | Turn::Thread(_, text) => text,
            Turn::Delete(_) | Turn::React(..) => "",
        }
    }
}

const fn say(speaker: usize, text: &'static str) -> Line {
    Line { speaker, turn: Turn::Say(text) }
}

const fn reply(speaker: usize, to: usize, text: &'static str) -> Line {
    Line { speaker, turn: Turn::Reply(to, text) }
}

const fn edit(speaker: usize, number: usize, text: &'static str) -> Line {
    Line { speaker, turn: Turn::Edit(number, text) }
}

const fn delete(speaker: usize, number: usize) -> Line {
    Line { speaker, turn: Turn::Delete(number) }
}

const fn react(speaker: usize, number: usize, emoji: &'static str) -> Line {
    Line { speaker, turn: Turn::React(number, emoji) }
}

const fn thread(speaker: usize, number: usize, name: &'static str) -> Line {
    Line { speaker, turn: Turn::Thread(number, name) }
}

pub(super) const SCENES: [&[Line]; 8] = [
    &[
        say(0, "Has anyone tried the **{}** map since the update?"),
        say(1, "Yes, last night. The tunnels have light now."),
        react(2, 1, "🎉"),
        reply(0, 1, "Finally! Do the doors still stick?"),
        say(1, "Only the north one. Push it twice."),
        edit(1, 3, "Only the north one. Push it twice, slowly."),
        react(0, 3, "👍"),
        react(2, 3, "👍"),
    ],
    &[
        say(3, "Morning, all. Coffee first, then the `{}` branch."),
        react(4, 0, "☕"),
        say(4, "It fails here on the second run. Is that known?"),
        reply(3, 1, "Delete the folder `cache/`, then run it again."),
        say(4, "That was it, thank you!"),
        react(3, 3, "❤️"),
    ],
    &[
        say(5, "Who comes on Saturday? We meet at the {} pavilion, at 15:00."),
        react(0, 0, "✅"),
        react(1, 0, "✅"),
        react(6, 0, "✅"),
        reply(6, 0, "I bring the long table."),
        say(2, "I can only come at four."),
        edit(5, 0, "Who comes on Saturday? We meet at the {} pavilion, at **16:00**."),
        react(2, 0, "✅"),
        say(5, "Moved by an hour. See you there!"),
    ],
    &[
        say(7, "My password is hunter2"),
        delete(7, 0),
        say(7, "Wrong window. You saw nothing."),
        react(1, 1, "😂"),
        react(3, 1, "😂"),
        reply(1, 1, "Saw what?"),
    ],
    &[
        say(2, "I wrote up how the {} sensor works. Questions in a thread, please."),
        react(5, 0, "👀"),
        thread(5, 0, "Questions about the {} sensor"),
        say(5, "Does it need its own battery?"),
        reply(2, 1, "No, two wires from the board are enough."),
        say(6, "And in winter?"),
        say(2, "Down to −20 °C so far. I will know more in February."),
        react(6, 4, "🔥"),
    ],
    &[
        say(6, "Here is a small one for the way home:"),
        say(6, "> What walks on four legs in the morning, two at noon and three in the evening?"),
        say(0, "||A person||"),
        react(6, 2, "🎉"),
        say(4, "I was about to say the {}."),
        react(0, 3, "😂"),
    ],
    &[
        say(1, "Release 2.4 is out:\n- faster start\n- fewer {} warnings\n- the manual has pictures"),
        react(3, 0, "🔥"),
        react(4, 0, "🔥"),
        say(3, "The start *is* faster. 1.8 s here, before it was 6."),
        reply(4, 0, "Where are the pictures?"),
        say(1, "In [chapter 3](https://example.org/manual#3)."),
        edit(1, 3, "In [chapter 4](https://example.org/manual#4). I cannot count."),
        react(4, 3, "😂"),
    ],
    &[
        say(8, "Hello! I am new here. Where do I begin?"),
        react(0, 0, "👋"),
        react(5, 0, "👋"),
        reply(0, 0, "Welcome! The list of open tasks has some that are marked *first*."),
        reply(8, 1, "I take the one about the {}, if it is free."),
        say(5, "It is yours."),
        react(8, 3, "🙌"),
    ],
];
