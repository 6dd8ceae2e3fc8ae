//! The counters' SQL. Deadlines are integers (microseconds), because the statement computes them.

use super::FREE;
use crate::{
    clock::Time,
    db::{Conn, Tx, sql},
    error::Result,
    id::UserId,
    sql,
};

/// The count at which the next failure costs the first wait; and the one from which on the wait is an hour, since
/// it would be 2^12 seconds.
const FIRST: i64 = FREE - 1;
const LAST: i64 = FIRST + 12;

/// Counts one more, unless the subject must wait: one statement, so that parallel tries queue at its row.
/// From the last free failure on the wait is 1 s, 2 s, 4 s, .. and at most an hour.
pub(super) async fn count(tx: &mut Tx, key: [u8; 32], user: Option<UserId>) -> Result<bool> {
    let counted = sql!(
        "insert into failures (key, user_id, count, not_before, updated_at) values ($1, $4, 1, 0, $2)
         on conflict (key) do update set
             count = failures.count + 1,
             updated_at = excluded.updated_at,
             not_before = case
                 when failures.count < ",
        FIRST,
        " then 0
                 when failures.count >= ",
        LAST,
        " then $3 + 3600 * cast(1000000 as bigint)
                 else $3 + (cast(1000000 as bigint) << cast(failures.count - ",
        FIRST,
        " as integer))
             end
         where failures.not_before <= $3"
    )
    .bind(key)
    .bind(tx.now())
    .bind(tx.now().micros())
    .bind(user)
    .execute(tx)
    .await?;
    Ok(counted == 1)
}

pub(super) async fn not_before(conn: &mut Conn, key: [u8; 32]) -> Result<Time> {
    let until = sql("select not_before from failures where key = $1").bind(key);
    Ok(until.fetch_optional::<(i64,)>(conn).await?.map_or(Time::from_micros(0), |row| Time::from_micros(row.0)))
}

/// Of one account: how many failures at each door, until when it is closed, and when the last was.
pub(super) async fn of(conn: &mut Conn, user: UserId, most: i64) -> Result<Vec<(i64, i64, Time)>> {
    let rows =
        sql("select count, not_before, updated_at from failures where user_id = $1 order by updated_at limit $2");
    rows.bind(user).bind(most).fetch_all(conn).await
}

pub(super) async fn clear(tx: &mut Tx, key: [u8; 32]) -> Result<()> {
    sql("delete from failures where key = $1").bind(key).send(tx).await
}

pub(super) async fn unlock(tx: &mut Tx, user: UserId) -> Result<()> {
    sql("delete from failures where user_id = $1").bind(user).send(tx).await
}

pub(super) async fn remove(tx: &mut Tx, before: Time, limit: i64) -> Result<u64> {
    sql("delete from failures where key in
         (select key from failures where updated_at < $1 order by updated_at limit $2)")
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await
}
