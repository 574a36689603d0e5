ALTER TABLE messages ADD COLUMN deletion_kind INTEGER NOT NULL DEFAULT 1;

ALTER TABLE coverage_segments ADD COLUMN oldest_at INTEGER;

ALTER TABLE coverage_segments ADD COLUMN parts TEXT;
