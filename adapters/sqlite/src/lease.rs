//! Leases.

use adapter_sql::lease::LeaseStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl LeaseStatements for Unit {
    const FIND: &'static str = sql! {r"
        SELECT {lease}
        FROM leases
        WHERE lease_name = :lease_name
    "};

    const INSERT: &'static str = sql! {r"
        INSERT INTO leases (lease_name, {lease})
        VALUES (:lease_name, {:lease})
        ON CONFLICT (lease_name) DO NOTHING
    "};

    const UPDATE: &'static str = r"
        UPDATE leases
        SET holder = :holder, fence = :fence, expires_at = :expires_at
        WHERE lease_name = :lease_name
            AND fence = :expected
    ";

    const DELETE: &'static str = r"
        DELETE FROM leases
        WHERE lease_name = :lease_name
    ";
}
