ALTER TABLE channels ADD COLUMN observed_at INTEGER;
