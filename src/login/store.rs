//! The SQL of known devices, and of answers kept for repeated requests.

use crate::{
    clock::Time,
    db::{Conn, Tx, sql},
    error::Result,
    id::UserId,
};

pub(super) async fn known_device(
    conn: &mut Conn,
    user: UserId,
    devices: impl Iterator<Item = [u8; 32]>,
) -> Result<Option<[u8; 32]>> {
    let mut devices: Vec<_> = devices.map(Into::into).collect();
    // Always as many as there can be, so that the statement is one.
    devices.resize(2, [0u8; 32].into());
    let query = sql("select device from known_devices where user_id = $1 and device in ").bind(user).list(devices);
    let found: Vec<([u8; 32],)> = query.push(" order by device").fetch_all(conn).await?;
    Ok(found.first().map(|row| row.0))
}

pub(super) async fn remember_device(tx: &mut Tx, user: UserId, device: [u8; 32]) -> Result<()> {
    sql("insert into known_devices (user_id, device, seen_at) values ($1, $2, $3)
         on conflict (user_id, device) do update set seen_at = excluded.seen_at")
    .bind(user)
    .bind(device)
    .bind(tx.now())
    .send(tx)
    .await
}

/// When somebody was last seen at each device that he is known by, at most `most` of them.
pub(super) async fn devices_seen(conn: &mut Conn, user: UserId, most: i64) -> Result<Vec<Time>> {
    let rows = sql("select seen_at from known_devices where user_id = $1 order by seen_at desc limit $2");
    let rows: Vec<(Time,)> = rows.bind(user).bind(most).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub(super) async fn forget_devices(tx: &mut Tx, before: Time, limit: i64) -> Result<u64> {
    sql("delete from known_devices where (user_id, device) in
         (select user_id, device from known_devices where seen_at < $1 order by seen_at limit $2)")
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await
}
