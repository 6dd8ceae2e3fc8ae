//! The SQL of repeated requests.

use super::Repeat;
use crate::{
    clock::Time,
    db::{Conn, Record, Tx, sql},
    error::Result,
    record, sql,
};

record! {
    /// A request that was done.
    pub(super) struct Stored {
        pub body_mac: Vec<u8>,
        pub status: Option<i64>,
        pub answer: Option<String>,
        pub expires_at: Time,
    }
}

pub(super) async fn get(conn: &mut Conn, repeat: &Repeat) -> Result<Option<Stored>> {
    sql!("select ", Stored::COLUMNS, " from idempotency_keys where caller = $1 and route = $2 and key = $3")
        .bind(repeat.caller)
        .bind(repeat.route.as_str())
        .bind(repeat.key.as_str())
        .fetch_optional(conn)
        .await
}

/// Takes a key that nobody has, or whose time is over. Of any number at once, one is told true, the others when that
/// one is done.
pub(super) async fn claim(tx: &mut Tx, repeat: &Repeat, until: Time) -> Result<bool> {
    let claimed = sql(
        "insert into idempotency_keys (caller, route, key, body_mac, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (caller, route, key) do update
         set body_mac = excluded.body_mac, status = null, answer = null, created_at = excluded.created_at,
             expires_at = excluded.expires_at
         where idempotency_keys.expires_at <= excluded.created_at",
    )
    .bind(repeat.caller)
    .bind(repeat.route.as_str())
    .bind(repeat.key.as_str())
    .bind(repeat.mac)
    .bind(tx.now())
    .bind(until)
    .execute(tx)
    .await?;
    Ok(claimed == 1)
}

pub(super) async fn keep(tx: &mut Tx, repeat: &Repeat, status: i64, answer: Option<String>) -> Result<()> {
    sql("update idempotency_keys set status = $1, answer = $2 where caller = $3 and route = $4 and key = $5")
        .bind(status)
        .bind(answer)
        .bind(repeat.caller)
        .bind(repeat.route.as_str())
        .bind(repeat.key.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn sweep(tx: &mut Tx, limit: i64) -> Result<u64> {
    sql("delete from idempotency_keys where (caller, route, key) in
         (select caller, route, key from idempotency_keys where expires_at < $1 order by expires_at limit $2)")
    .bind(tx.now())
    .bind(limit)
    .execute(tx)
    .await
}
