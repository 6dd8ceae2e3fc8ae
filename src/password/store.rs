//! The passwords' SQL.

use std::collections::HashMap;

use super::{Hash, format::kind};
use crate::{
    clock::Time,
    db::{Conn, Engine, Sql, Tx, Value, load, sql},
    error::Result,
    id::UserId,
    sql,
};

/// How many hashes of one format and cost are counted at the start. A store of fewer is known exactly.
pub(super) const MOST: i64 = 10_000;
/// How many formats and costs are told apart. An import may bring in any number; those beyond are drawn by nobody.
const KINDS: i64 = 64;

/// A password as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its hash.
    pub hash: Hash,
    /// Since when it is the password: it changes with it, and not with an upgrade of the hash.
    pub since: Time,
}

pub(super) async fn get(conn: &mut Conn, user: UserId) -> Result<Option<Stored>> {
    let row = sql("select secret, updated_at from credentials where user_id = $1 and kind = 'password'").bind(user);
    let row: Option<(String, Time)> = row.fetch_optional(conn).await?;
    Ok(row.map(|(hash, since)| Stored { hash: Hash::stored(hash), since }))
}

pub(super) async fn set(tx: &mut Tx, user: UserId, hash: &Hash) -> Result<()> {
    sql("insert into credentials (id, user_id, kind, secret, format, created_at, updated_at)
         values ($1, $2, 'password', $3, $4, $5, $5)
         on conflict (user_id) where kind = 'password' do update
         set secret = excluded.secret, format = excluded.format, updated_at = excluded.updated_at")
    .bind(tx.new_id::<crate::id::kind::Credential>()?)
    .bind(user)
    .bind(hash.as_str())
    .bind(kind(hash))
    .bind(tx.now())
    .send(tx)
    .await
}

/// The first passwords of new accounts.
pub(super) async fn insert_all(tx: &mut Tx, hashes: &[(UserId, &Hash)]) -> Result<()> {
    let mut rows: Vec<Vec<Value>> = Vec::with_capacity(hashes.len());
    for (user, hash) in hashes {
        let id = tx.new_id::<crate::id::kind::Credential>()?;
        let now = tx.now();
        rows.push(vec![
            id.into(),
            (*user).into(),
            "password".into(),
            hash.as_str().into(),
            kind(hash).into(),
            now.into(),
            now.into(),
        ]);
    }
    load("credentials", "id, user_id, kind, secret, format, created_at, updated_at", rows).execute(tx).await
}

pub(super) async fn between(conn: &mut Conn, first: UserId, last: UserId) -> Result<HashMap<UserId, String>> {
    let rows = sql("select user_id, secret from credentials
                    where kind = 'password' and user_id >= $1 and user_id <= $2");
    Ok(rows.bind(first).bind(last).long().fetch_all(conn).await?.into_iter().collect())
}

/// Replaces a hash by another of the same password, unless the password changed meanwhile.
pub(super) async fn replace(tx: &mut Tx, user: UserId, old: &Hash, new: &Hash) -> Result<bool> {
    let replaced = sql("update credentials set secret = $1, format = $2
                        where user_id = $3 and kind = 'password' and secret = $4")
    .bind(new.as_str())
    .bind(kind(new))
    .bind(user)
    .bind(old.as_str())
    .execute(tx)
    .await?;
    Ok(replaced == 1)
}

/// The formats and costs of the hashes, how many there are of each, up to [`MOST`], and one of each; always in one order,
/// or the decoy of a name would change where an account's hash does not.
pub(super) async fn sample(conn: &mut Conn) -> Result<Vec<(String, i64, String)>> {
    quick().fetch_all(conn).await
}

/// Leaps from format to format along the index, and reads a bounded part of it for each: its cost does not grow with the
/// store. Each part begins at a format and is ordered, since for an equal one without an order PostgreSQL would rather
/// read the table, to its end where the format is rare.
fn quick() -> Sql {
    sql!(
        "with recursive kinds (n, format) as (
             select 1, (select min(format) from credentials)
             union all
             select n + 1, (select min(c.format) from credentials c where c.format > kinds.format)
             from kinds where format is not null and n < ",
        KINDS,
        ")
         select format,
             (select count(*) from
                 (select c.format as own from credentials c where c.format >= kinds.format order by c.format limit ",
        MOST,
        ") part where own = kinds.format),
             (select c.secret from credentials c where c.format >= kinds.format order by c.format limit 1)
         from kinds where format is not null order by n"
    )
    .long()
}

/// How many hashes there are of each format and cost. It reads the whole index.
pub(super) async fn count(conn: &mut Conn) -> Result<HashMap<String, i64>> {
    let counts = sql("select format, count(*) from credentials group by format").long();
    Ok(counts.fetch_all(conn).await?.into_iter().collect())
}

/// The engine's plan for what [`sample`] asks.
pub(super) async fn explain(conn: &mut Conn) -> Result<Vec<String>> {
    let engine = conn.engine();
    let query = quick().explained(engine);
    if engine == Engine::Sqlite {
        let steps: Vec<(i64, i64, i64, String)> = query.fetch_all(conn).await?;
        return Ok(steps.into_iter().map(|step| step.3).collect());
    }
    Ok(query.fetch_all::<(String,)>(conn).await?.into_iter().map(|line| line.0).collect())
}
