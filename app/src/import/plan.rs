//! What is to be done with each file, going by what all of them say together.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, TenantId};
use domain::timestamp::Timestamp;
use ports::source::{ExportFile, ExportParent, ExportSummary, MessageOrder};

use super::tiles::Proof;

/// A file that can be imported.
pub(super) struct Planned {
    pub(super) file: ExportFile,
    pub(super) summary: ExportSummary,
    pub(super) channel: Channel,
    /// When the export was made that describes the channel.
    pub(super) described_at: Timestamp,
    pub(super) parent: Option<Channel>,
    /// What the file proves to be all there was.
    pub(super) proof: Proof,
}

/// How sure it is that a channel is of this kind, where its children say so: what is no thread can only stand in a
/// category, and only a forum's post begins with the message that has its id.
pub(super) const fn certainty(kind: ChannelKind) -> u8 {
    match kind {
        ChannelKind::CATEGORY => 3,
        ChannelKind::FORUM => 2,
        ChannelKind::ANNOUNCEMENT => 1,
        _ => 0,
    }
}

/// Plans the import of files. What a channel's own file says of it beats what its children say, and what a newer file
/// says beats an older one.
pub(super) fn plan(files: Vec<(ExportFile, ExportSummary)>, key: &PseudonymKey) -> Vec<Planned> {
    let tenant_of = |summary: &ExportSummary| TenantId::of(Platform::Discord, &summary.guild.platform_id);
    let mut own: HashMap<ChannelId, (Channel, Timestamp)> = HashMap::new();
    let mut heard: HashMap<ChannelId, (Channel, Timestamp)> = HashMap::new();
    for (_, summary) in &files {
        let tenant = tenant_of(summary);
        let people = Pseudonymizer::new(key, tenant);
        let mut channel = summary.channel.to_channel(tenant, &people);
        if let Some(parent) = &summary.channel.parent {
            let parent = hearsay(tenant, parent, &people);
            channel.parent_id = Some(parent.id);
            let known = heard.entry(parent.id).or_insert_with(|| (parent.clone(), summary.exported_at));
            let kind = if certainty(parent.kind) > certainty(known.0.kind) { parent.kind } else { known.0.kind };
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
        let (channel, described_at) = own[&ChannelId::of(tenant_of(&summary), summary.channel.platform_id)].clone();
        let parent = channel.parent_id.and_then(|parent| own.get(&parent).or_else(|| heard.get(&parent)));
        // What is above the parent need not be stored yet: the parent's own file names it.
        let parent = parent.map(|(parent, _)| Channel { parent_id: None, ..parent.clone() });
        Planned { file, summary, channel, described_at, parent, proof }
    });
    planned.collect()
}

fn hearsay(tenant: TenantId, parent: &ExportParent, people: &Pseudonymizer) -> Channel {
    let name = match people.text(parent.name.trim(), &[]) {
        name if name.is_empty() => format!("channel {}", parent.platform_id),
        name => name.into_owned(),
    };
    Channel::new(tenant, parent.platform_id, parent.kind, name)
}

/// What each file proves, going by what is known of the other parts of its export.
fn proofs(files: &[(ExportFile, ExportSummary)]) -> Vec<Proof> {
    let mut exports: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, (_, summary)) in files.iter().enumerate() {
        let export = (&summary.guild.platform_id, summary.channel.platform_id, &summary.part.of);
        exports.entry(export).or_default().push(index);
    }
    let mut proofs = vec![Proof::Nothing; files.len()];
    for mut parts in exports.into_values() {
        parts.sort_by_key(|index| files[*index].1.part.number);
        let parted = parts.iter().any(|index| files[*index].1.part.number > 1);
        let ids: Vec<_> = parts.iter().filter_map(|index| files[*index].1.ids).collect();
        let falls = parts.iter().any(|index| files[*index].1.order == MessageOrder::Descending)
            || parted && ids.windows(2).any(|pair| pair[1].1 < pair[0].0);
        for (place, index) in parts.iter().enumerate() {
            let summary = &files[*index].1;
            let before = place.checked_sub(1).map(|before| &files[parts[before]].1).filter(|before| {
                before.part.number + 1 == summary.part.number
                    && before.exported_at <= summary.exported_at
                    && proves(before)
            });
            proofs[*index] = match summary.order {
                _ if !proves(summary) => Proof::Nothing,
                MessageOrder::Ascending if falls && summary.messages > 1 => Proof::alone(summary),
                MessageOrder::Ascending if !falls => Proof::rising(summary, before),
                _ => Proof::falling(summary, before, parted),
            };
        }
    }
    proofs
}

/// Whether a file shows everything between its first message and its last.
fn proves(summary: &ExportSummary) -> bool {
    summary.is_whole() && summary.order != MessageOrder::Mixed
}
