ALTER TABLE tenants ADD COLUMN description TEXT;

ALTER TABLE tenants ADD COLUMN footer TEXT;

ALTER TABLE tenants ADD COLUMN links TEXT;

ALTER TABLE tenants ADD COLUMN contact TEXT;

ALTER TABLE tenants ADD COLUMN icon_hash TEXT;

ALTER TABLE tenants ADD COLUMN icon_kind TEXT;
