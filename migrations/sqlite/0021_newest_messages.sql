ALTER TABLE channels ADD COLUMN newest_message_id INTEGER;
