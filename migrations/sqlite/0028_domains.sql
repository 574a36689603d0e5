ALTER TABLE tenants ADD COLUMN domain TEXT;

CREATE UNIQUE INDEX IF NOT EXISTS tenants_domain ON tenants (domain);
