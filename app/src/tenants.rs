//! Tenants: making, changing and deleting them.
