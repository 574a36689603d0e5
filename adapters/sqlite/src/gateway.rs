//! Sessions of the gateway.

use adapter_sql::gateway::GatewaySessionStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl GatewaySessionStatements for Unit {
    const FIND: &'static str = sql! {r"
        SELECT {gateway_session}
        FROM gateway_sessions
        WHERE account = :account
            AND shard_index = :shard_index
            AND shard_count = :shard_count
    "};

    const UPSERT: &'static str = sql! {r"
        INSERT INTO gateway_sessions (account, shard_index, shard_count, {gateway_session}, updated_at)
        VALUES (:account, :shard_index, :shard_count, {:gateway_session}, :updated_at)
        ON CONFLICT (account, shard_index) DO UPDATE
        SET shard_count = excluded.shard_count, session_id = excluded.session_id, resume_url = excluded.resume_url,
            sequence = excluded.sequence, updated_at = excluded.updated_at
    "};
}
