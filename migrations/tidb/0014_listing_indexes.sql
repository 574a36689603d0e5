ALTER TABLE tenants ADD INDEX IF NOT EXISTS tenants_listed (deleting_since, slug);

ALTER TABLE channels ADD INDEX IF NOT EXISTS channels_by_visibility (tenant_id, thread, visibility, channel_id);
ALTER TABLE channels
    ADD INDEX IF NOT EXISTS channels_visible_by_activity (parent_id, thread, visibility, active_at, platform_id);
ALTER TABLE channels
    ADD INDEX IF NOT EXISTS channels_visible_by_platform_id (parent_id, thread, visibility, platform_id);
