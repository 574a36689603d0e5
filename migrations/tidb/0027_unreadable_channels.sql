ALTER TABLE channels ADD COLUMN IF NOT EXISTS has_unreadable BOOLEAN NOT NULL DEFAULT 0;

UPDATE channels
SET has_unreadable = 1
WHERE channel_id IN (SELECT channel_id FROM unreadable_messages);
