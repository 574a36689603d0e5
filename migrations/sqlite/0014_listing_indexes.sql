CREATE INDEX IF NOT EXISTS tenants_listed ON tenants (deleting_since, slug);

CREATE INDEX IF NOT EXISTS channels_by_visibility ON channels (tenant_id, thread, visibility, channel_id);

CREATE INDEX IF NOT EXISTS channels_visible_by_activity
    ON channels (parent_id, thread, visibility, active_at, platform_id);

CREATE INDEX IF NOT EXISTS channels_visible_by_platform_id ON channels (parent_id, thread, visibility, platform_id);
