ALTER TABLE tenants ADD COLUMN domain TEXT;

CREATE UNIQUE INDEX IF NOT EXISTS tenants_domain ON tenants (domain);

CREATE INDEX IF NOT EXISTS tenants_listed_by_domain ON tenants (deleting_since, domain);
