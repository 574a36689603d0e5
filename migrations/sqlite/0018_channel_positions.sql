CREATE INDEX IF NOT EXISTS channels_visible_by_position
    ON channels (tenant_id, thread, visibility, position, platform_id);
