ALTER TABLE channels
    ADD INDEX IF NOT EXISTS channels_visible_by_position (tenant_id, thread, visibility, position, platform_id);
