//! The frequency of each kind of message.

use crate::random::Draw;

/// The kind of a generated message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Reply,
    Files,
    VoiceNote,
    Embeds,
    Webhook,
    Crosspost,
    SlashCommand,
    ContextMenu,
    Sticker,
    Poll,
    PollResult,
    Forward,
    ComponentsV2,
    Buttons,
    Exotic,
    Pin,
    Join,
    Boost,
    Follow,
    AutoModeration,
    System,
    Unknown,
}

impl Kind {
    /// Returns whether a person or a bot wrote it, so that it may be pinned and reacted to.
    pub(super) const fn is_content(self) -> bool {
        !matches!(
            self,
            Self::PollResult
                | Self::Pin
                | Self::Join
                | Self::Boost
                | Self::Follow
                | Self::AutoModeration
                | Self::System
                | Self::Unknown
        )
    }
}

/// The number of messages of each kind in ten thousand. The rest are plain.
const MIX: [(u64, Kind); 22] = [
    (1200, Kind::Reply),
    (600, Kind::Files),
    (20, Kind::VoiceNote),
    (400, Kind::Embeds),
    (150, Kind::Webhook),
    (20, Kind::Crosspost),
    (90, Kind::SlashCommand),
    (20, Kind::ContextMenu),
    (90, Kind::Sticker),
    (50, Kind::Poll),
    (20, Kind::PollResult),
    (60, Kind::Forward),
    (40, Kind::ComponentsV2),
    (50, Kind::Buttons),
    (30, Kind::Exotic),
    (40, Kind::Pin),
    (40, Kind::Join),
    (20, Kind::Boost),
    (10, Kind::Follow),
    (20, Kind::AutoModeration),
    (30, Kind::System),
    (30, Kind::Unknown),
];

/// Draws a kind.
pub(super) fn kind(draw: &mut Draw) -> Kind {
    let mut rest = draw.below(10_000);
    for (weight, kind) in MIX {
        if rest < weight {
            return kind;
        }
        rest -= weight;
    }
    Kind::Plain
}
