//! Tenants.

use adapter_sql::sql;
use adapter_sql::tenant::TenantStatements;

use crate::unit::Unit;

impl TenantStatements for Unit {
    const FIND: &'static str = sql! {r"
        SELECT {tenant}
        FROM tenants
        WHERE tenant_id = :tenant_id
    "};

    const FIND_BY_SLUG: &'static str = sql! {r"
        SELECT {tenant}
        FROM tenants
        WHERE slug = :slug
    "};

    const FIND_BY_DOMAIN: &'static str = sql! {r"
        SELECT {tenant}
        FROM tenants
        WHERE domain = :domain
    "};

    const LIST: &'static str = sql! {r"
        SELECT {tenant}
        FROM tenants
        WHERE slug > :after
            AND deleting_since IS NULL
        ORDER BY slug
        LIMIT :limit
    "};

    const LIST_BY_DOMAIN: &'static str = sql! {r"
        SELECT {tenant}
        FROM tenants
        WHERE domain > :after
            AND deleting_since IS NULL
        ORDER BY domain
        LIMIT :limit
    "};

    const FIND_PUBLIC: &'static str = r"
        SELECT tenant_id
        FROM channels
        WHERE tenant_id = :tenant_id
            AND thread = 0
            AND visibility = 'public'
        ORDER BY channel_id
        LIMIT 1
    ";

    /// The error text of a job can contain names of channels.
    const CLEAR_ERRORS: &'static str = r"
        UPDATE jobs
        SET error = NULL
        WHERE tenant_id = :tenant_id
            AND error IS NOT NULL
    ";

    const INSERT: &'static str = sql! {r"
        INSERT INTO tenants ({tenant})
        VALUES ({:tenant})
    "};

    const UPDATE: &'static str = r"
        UPDATE tenants
        SET slug = :slug, name = :name, status = :status, logo_url = :logo_url, primary_color = :primary_color,
            secondary_color = :secondary_color, accent_color = :accent_color, description = :description,
            footer = :footer, links = :links, contact = :contact, icon_hash = :icon_hash, icon_kind = :icon_kind,
            retention_deleted_days = :retention_deleted_days, retention_edited_days = :retention_edited_days,
            solved_tags = :solved_tags, domain = :domain, ai_training = :ai_training, updated_at = :updated_at,
            deleting_since = :deleting_since
        WHERE tenant_id = :tenant_id
    ";

    const DELETE: &'static str = r"
        DELETE FROM tenants
        WHERE tenant_id = :tenant_id
    ";
}
