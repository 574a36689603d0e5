ALTER TABLE tenants ADD COLUMN solved_tags TEXT;
