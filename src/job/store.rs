//! The jobs' SQL.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    clock::Time,
    db::{Conn, Record, Tx, sql},
    error::Result,
    id::JobId,
    record,
};

record! {
    /// A job, taken.
    #[derive(Clone, Debug)]
    pub struct Job {
        /// Its id.
        pub id: JobId,
        /// What is to be done.
        pub kind: String,
        /// With what.
        pub payload: Map<String, Value>,
        /// How often it was taken, this time included.
        pub attempts: i64,
    }
}

pub(super) async fn insert(tx: &mut Tx, kind: &str, key: Option<&str>, payload: Map<String, Value>) -> Result<()> {
    sql("insert into jobs (id, kind, unique_key, payload, run_at, attempts, created_at)
         values ($1, $2, $3, $4, $5, 0, $5) on conflict (unique_key) do nothing")
    .bind(tx.new_id::<crate::id::kind::Job>()?)
    .bind(kind)
    .bind(key)
    .bind(payload)
    .bind(tx.now())
    .send(tx)
    .await
}

/// Takes the job of these kinds that waits longest. The outer condition is asked again of a row that another one held.
pub(super) async fn take(
    tx: &mut Tx,
    kinds: impl Iterator<Item = &'static str>,
    lease: Duration,
) -> Result<Option<Job>> {
    sql("update jobs set locked_until = $1, attempts = attempts + 1
         where parked_at is null and run_at <= $2 and (locked_until is null or locked_until < $2)
           and id = (select id from jobs where parked_at is null and run_at <= $2
                     and (locked_until is null or locked_until < $2) and kind in ")
    .bind(tx.now() + lease)
    .bind(tx.now())
    .list(kinds.map(Into::into))
    .push(const_format::concatcp!(" order by run_at limit 1) returning ", Job::COLUMNS))
    .fetch_optional(tx)
    .await
}

pub(super) async fn remove(tx: &mut Tx, id: JobId) -> Result<()> {
    sql("delete from jobs where id = $1").bind(id).send(tx).await
}

/// Puts a job off. A scheduled one that succeeded begins anew.
pub(super) async fn postpone(tx: &mut Tx, id: JobId, until: Time, attempts: i64, error: Option<&str>) -> Result<()> {
    sql("update jobs set run_at = $1, attempts = $2, last_error = $3, locked_until = null where id = $4")
        .bind(until)
        .bind(attempts)
        .bind(error.map(ToOwned::to_owned))
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn park(tx: &mut Tx, id: JobId, error: &str) -> Result<()> {
    sql("update jobs set parked_at = $1, last_error = $2, locked_until = null where id = $3")
        .bind(tx.now())
        .bind(error)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn count(conn: &mut Conn, besides: &[&'static str]) -> Result<(i64, i64)> {
    // No kind has an empty name; without any the list would be none.
    let besides = besides.iter().copied().chain([""]).map(Into::into);
    sql("select count(*), count(parked_at) from (select parked_at from jobs where unique_key is null and kind not in ")
        .list(besides)
        .push(" limit 10000) as counted")
        .fetch_one(conn)
        .await
}

pub(super) async fn waiting(conn: &mut Conn, kinds: &[&'static str]) -> Result<i64> {
    sql("select count(*) from (select id from jobs where parked_at is null and kind in ")
        .list(kinds.iter().copied().map(Into::into))
        .push(" limit 10000) as counted")
        .scalar(conn)
        .await
}

/// Removes up to `limit` jobs of a kind that were asked for before `before`, parked ones too.
pub(super) async fn forget(tx: &mut Tx, kind: &str, before: Time, limit: i64) -> Result<u64> {
    sql("delete from jobs where id in (select id from jobs where kind = $1 and created_at < $2 limit $3)")
        .bind(kind)
        .bind(before)
        .bind(limit)
        .execute(tx)
        .await
}
