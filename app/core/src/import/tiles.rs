//! The range that a file proves to be complete, and its share in every batch of messages.

use domain::coverage::Interval;
use domain::message::{Message, MessageId};
use ports::source::ExportSummary;

/// The range of ids that a file proves to be complete, and its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// No range: the file is truncated or its messages are not in order.
    Nothing,
    /// This one, from its low end up.
    Rising(Interval),
    /// This one, from its high end down.
    Falling(Interval),
}

impl Proof {
    /// Returns the proof of a file, which is part `number` of its export and whose messages ascend: from the requested
    /// start, which for the start of a channel is the smallest possible id, or from the end of the part `before`, to
    /// its last message.
    pub(super) fn rising(summary: &ExportSummary, number: u32, before: Option<&ExportSummary>) -> Self {
        let Some((low, high)) = summary.ids else { return Self::Nothing };
        let begin = match before {
            _ if number == 1 => begin(summary),
            Some(before) => before.ids.and_then(|(_, high)| high.next()).unwrap_or(low),
            None => low,
        };
        Interval::new(begin.min(low), high).map_or(Self::Nothing, Self::Rising)
    }

    /// Returns the range between its first message and its last.
    pub(super) fn alone(summary: &ExportSummary) -> Self {
        summary.ids.and_then(|(low, high)| Interval::new(low, high)).map_or(Self::Nothing, Self::Rising)
    }

    /// Returns the proof of a file whose messages descend. If it is `parted`, the last part is not known.
    pub(super) fn falling(summary: &ExportSummary, before: Option<&ExportSummary>, parted: bool) -> Self {
        let Some((low, high)) = summary.ids else { return Self::Nothing };
        let top = before.and_then(|before| before.ids?.0.previous()).unwrap_or(high);
        let bottom = if parted { low } else { begin(summary) };
        Interval::new(bottom.min(low), top.max(high)).map_or(Self::Nothing, Self::Falling)
    }
}

impl Proof {
    /// Returns the range.
    pub(super) const fn interval(self) -> Option<Interval> {
        match self {
            Self::Nothing => None,
            Self::Rising(interval) | Self::Falling(interval) => Some(interval),
        }
    }
}

/// Returns the smallest id that a file can contain.
fn begin(summary: &ExportSummary) -> MessageId {
    summary.after.map_or(Some(MessageId::MIN), MessageId::next).unwrap_or(MessageId::MAX)
}

/// Divides a proven range among batches, without a gap between two.
pub(super) struct Tiles {
    left: Proof,
}

impl Tiles {
    pub(super) const fn new(proof: Proof) -> Self {
        Self { left: proof }
    }

    /// Returns the share of the next batch, ascending; the last one takes the rest.
    pub(super) fn next(&mut self, messages: &[Message], is_last: bool) -> Option<Interval> {
        let (low, high) = (messages.first()?.id, messages.last()?.id);
        match self.left {
            Proof::Nothing => None,
            Proof::Rising(left) => {
                let rest = high.next().and_then(|bottom| Interval::new(bottom, left.high()));
                self.left = rest.map_or(Proof::Nothing, Proof::Rising);
                Interval::new(left.low(), high)
            }
            Proof::Falling(left) => {
                let bottom = if is_last { left.low() } else { low };
                let rest = bottom.previous().and_then(|top| Interval::new(left.low(), top));
                self.left = rest.map_or(Proof::Nothing, Proof::Falling);
                Interval::new(bottom, left.high())
            }
        }
    }
}

#[cfg(test)]
mod tests;
