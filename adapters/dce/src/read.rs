//! Reads the messages of an export, in its order.

use std::collections::{BTreeMap, HashMap};

use domain::channel::ChannelId;
use domain::message::{AttachmentId, Message, MessageId};
use domain::picture::PictureKey;
use domain::pseudonym::{KnownPeople, Pseudonymizer};
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::source::{ExportBatch, ExportFile, SourceError};

use crate::archive::Archives;
use crate::document::{Messages, open, walk};
use crate::message::{Converted, Converter};

/// The number of messages in a batch.
const BATCH: usize = 500;
/// The size of a batch in the file, in bytes, from which no message is added to it: some batches wait, and messages may
/// be large.
const BATCH_BYTES: usize = 4 << 20;

/// Reads the messages of a file; `send` receives them and returns whether to continue.
pub(crate) fn read(
    file: &ExportFile,
    archives: &Archives,
    channel: ChannelId,
    observed_at: Timestamp,
    (people, known): (&Pseudonymizer, &KnownPeople),
    send: impl Fn(ExportBatch) -> bool,
) -> Result<(), SourceError> {
    open(file, archives, |input, _| {
        let mut batches = Batches {
            converter: Converter { channel, observed_at, people, known },
            messages: Vec::with_capacity(BATCH),
            beside: HashMap::new(),
            pictures: BTreeMap::new(),
            unreadable: Vec::new(),
            held: 0,
            byte: 0,
            send,
        };
        walk(input, &mut batches)?;
        batches.send();
        Ok(())
    })
}

struct Batches<'a, S> {
    converter: Converter<'a>,
    messages: Vec<Message>,
    beside: HashMap<(MessageId, AttachmentId), String>,
    pictures: BTreeMap<PictureKey, String>,
    unreadable: Vec<Unreadable>,
    /// The size of the messages in the file, in bytes.
    held: usize,
    byte: u64,
    send: S,
}

impl<S: Fn(ExportBatch) -> bool> Batches<'_, S> {
    fn send(&mut self) -> bool {
        self.held = 0;
        let messages = std::mem::replace(&mut self.messages, Vec::with_capacity(BATCH));
        let beside = std::mem::take(&mut self.beside);
        let pictures = std::mem::take(&mut self.pictures);
        let unreadable = std::mem::take(&mut self.unreadable);
        let is_empty = messages.is_empty() && unreadable.is_empty();
        is_empty || (self.send)(ExportBatch { messages, beside, pictures, unreadable, byte: self.byte })
    }
}

impl<S: Fn(ExportBatch) -> bool> Messages for Batches<'_, S> {
    fn message(&mut self, text: &[u8], start: u64) -> Result<(usize, bool), String> {
        let (converted, length) = self.converter.convert(text)?;
        match converted {
            Converted::Message(message, beside) => {
                // The last message of an id wins.
                self.beside.retain(|(id, _), _| *id != message.id);
                self.beside.extend(beside.files.into_iter().map(|(file, path)| ((message.id, file), path)));
                self.pictures.extend(beside.pictures);
                self.messages.push(*message);
            }
            Converted::Large(unreadable) => self.unreadable.push(unreadable),
        }
        self.byte = start + length as u64;
        self.held += length;
        let room = self.messages.len() < BATCH && self.held < BATCH_BYTES;
        Ok((length, room || self.send()))
    }

    fn fault(&mut self, _: String, _: u64) {
        // The first pass has reported it.
    }
}

#[cfg(test)]
mod tests;
