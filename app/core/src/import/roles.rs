//! The roles in the files, for the mentions in their texts.

use std::collections::BTreeMap;

use domain::guild::{Role, RoleObservation};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, TenantId};
use ports::source::{ExportFile, ExportSummary};

/// Returns the roles of each tenant in the files. The role of all members has the guild's id; it is not named in any
/// file.
pub(super) fn of_files(
    files: &[(ExportFile, ExportSummary)],
    key: &PseudonymKey,
) -> BTreeMap<TenantId, Vec<RoleObservation>> {
    let mut observations: BTreeMap<TenantId, Vec<RoleObservation>> = BTreeMap::new();
    for (_, summary) in files {
        let guild = &summary.guild.platform_id;
        let tenant = TenantId::of(Platform::Discord, guild);
        let people = Pseudonymizer::new(key, tenant);
        let named = |role: &Role| Role { name: people.text(&role.name).into_owned(), ..role.clone() };
        let everyone =
            guild.as_str().parse().ok().map(|id| Role { id, name: "@everyone".to_owned(), color: None, position: 0 });
        let roles = summary.roles.iter().map(named).filter(|role| Some(role.id) != everyone.as_ref().map(|all| all.id));
        let roles = roles.chain(everyone.clone());
        let observations = observations.entry(tenant).or_default();
        observations.extend(roles.map(|role| RoleObservation { role, observed_at: summary.exported_at }));
    }
    observations
}
