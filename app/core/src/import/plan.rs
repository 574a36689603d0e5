//! Plans the import of each file, from the summaries of all files.

use std::collections::HashMap;
use std::time::Duration;

use domain::channel::{Channel, ChannelId};
use domain::export::ExportParent;
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, TenantId};
use domain::timestamp::Timestamp;
use ports::source::{ExportFile, ExportSummary, MessageOrder};

use super::tiles::Proof;

/// A file that can be imported.
pub(super) struct Planned {
    pub(super) file: ExportFile,
    pub(super) summary: ExportSummary,
    pub(super) channel: Channel,
    pub(super) parent: Option<Channel>,
    /// The range that the file proves to be complete.
    pub(super) proof: Proof,
}

/// Plans the import of files. A channel's own file takes precedence over the files of its children, and a newer file
/// over an older one.
pub(super) fn plan(files: Vec<(ExportFile, ExportSummary)>, key: &PseudonymKey) -> Vec<Planned> {
    let tenant_of = |summary: &ExportSummary| TenantId::of(Platform::Discord, &summary.guild.platform_id);
    let mut own: HashMap<ChannelId, (Channel, Timestamp)> = HashMap::new();
    let mut described: HashMap<ChannelId, (Channel, Timestamp)> = HashMap::new();
    for (_, summary) in &files {
        let tenant = tenant_of(summary);
        let people = Pseudonymizer::new(key, tenant);
        let found = summary.channel.to_channel(tenant, &people);
        let mut channel = Channel { observed_at: Some(summary.exported_at), ..found };
        if let Some(parent) = &summary.channel.parent {
            let parent = described_parent(tenant, parent, &people);
            channel.parent_id = Some(parent.id);
            let known = described.entry(parent.id).or_insert_with(|| (parent.clone(), summary.exported_at));
            let kind = if parent.kind.certainty() > known.0.kind.certainty() { parent.kind } else { known.0.kind };
            if summary.exported_at > known.1 {
                *known = (parent, summary.exported_at);
            }
            known.0.kind = kind;
        }
        let known = own.entry(channel.id).or_insert_with(|| (channel.clone(), summary.exported_at));
        if summary.exported_at > known.1 {
            *known = (channel, summary.exported_at);
        }
    }
    let proofs = proofs(&files);
    let planned = files.into_iter().zip(proofs).map(|((file, summary), proof)| {
        let (channel, _) = own[&ChannelId::of(tenant_of(&summary), summary.channel.platform_id)].clone();
        let parent = channel.parent_id.and_then(|parent| own.get(&parent).or_else(|| described.get(&parent)));
        // The parent of the parent need not be stored yet: the parent's own file names it.
        let parent = parent.map(|(parent, _)| Channel { parent_id: None, ..parent.clone() });
        Planned { file, summary, channel, parent, proof }
    });
    planned.collect()
}

fn described_parent(tenant: TenantId, parent: &ExportParent, people: &Pseudonymizer) -> Channel {
    let name = match people.text(parent.name.trim()) {
        name if name.is_empty() => format!("channel {}", parent.platform_id),
        name => name.into_owned(),
    };
    Channel::new(tenant, parent.platform_id, parent.kind, name)
}

/// The parts of one export are made within this time of each other.
const PARTS_WITHIN: Duration = Duration::from_mins(1);

/// Returns the proof of each file, given the other parts of its export.
fn proofs(files: &[(ExportFile, ExportSummary)]) -> Vec<Proof> {
    let mut proofs = vec![Proof::Nothing; files.len()];
    for parts in exports(files) {
        let parted = parts.iter().any(|(number, _)| *number > 1);
        let ids: Vec<_> = parts.iter().filter_map(|(_, index)| files[*index].1.ids).collect();
        let falls = parts.iter().any(|(_, index)| files[*index].1.order == MessageOrder::Descending)
            || parted && ids.windows(2).any(|pair| pair[1].1 < pair[0].0);
        for (place, (number, index)) in parts.iter().enumerate() {
            let summary = &files[*index].1;
            let before = place.checked_sub(1).map(|before| parts[before]).filter(|(before, index)| {
                let summary_before = &files[*index].1;
                before + 1 == *number && summary_before.exported_at <= summary.exported_at && proves(summary_before)
            });
            let before = before.map(|(_, index)| &files[index].1);
            proofs[*index] = match summary.order {
                _ if !proves(summary) => Proof::Nothing,
                MessageOrder::Ascending if falls && summary.messages > 1 => Proof::alone(summary),
                MessageOrder::Ascending if !falls => Proof::rising(summary, *number, before),
                _ => Proof::falling(summary, before, parted),
            };
        }
    }
    proofs
}

/// Returns the files of each export, with their numbers and in the order of these. Most parts are recognised by their
/// names. Files of one channel and of the same requested range whose ids do not overlap, made within a minute, are parts
/// that were renamed: their numbers are not consecutive, because a part between two of them can be missing.
fn exports(files: &[(ExportFile, ExportSummary)]) -> Vec<Vec<(u32, usize)>> {
    let mut named: HashMap<_, Vec<(u32, usize)>> = HashMap::new();
    for (index, (_, summary)) in files.iter().enumerate() {
        let export = (&summary.guild.platform_id, summary.channel.platform_id, &summary.part.of);
        named.entry(export).or_default().push((summary.part.number, index));
    }
    let (mut exports, mut single): (Vec<_>, HashMap<_, Vec<usize>>) = (Vec::new(), HashMap::new());
    for ((guild, channel, _), mut parts) in named {
        parts.sort_unstable();
        match parts[..] {
            [(1, index)] if files[index].1.ids.is_some() => single.entry((guild, channel)).or_default().push(index),
            _ => exports.push(parts),
        }
    }
    for mut alike in single.into_values() {
        alike.sort_by_key(|index| (files[*index].1.ids, *index));
        let follows = |before: &usize, next: &usize| {
            let (before, next) = (&files[*before].1, &files[*next].1);
            let apart = before.ids.zip(next.ids).is_some_and(|((_, high), (low, _))| high < low);
            let millis = before.exported_at.as_millis().abs_diff(next.exported_at.as_millis());
            apart && before.after == next.after && u128::from(millis) <= PARTS_WITHIN.as_millis()
        };
        for run in alike.chunk_by(follows) {
            let mut run = run.to_vec();
            if run.iter().any(|index| files[*index].1.order == MessageOrder::Descending) {
                run.reverse();
            }
            exports.push((1..).step_by(2).zip(run).collect());
        }
    }
    exports
}

/// Returns whether a file is complete between its first message and its last.
fn proves(summary: &ExportSummary) -> bool {
    summary.has_range && summary.is_whole() && summary.order != MessageOrder::Mixed
}
