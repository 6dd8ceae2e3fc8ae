//! The passwords' SQL.

use std::collections::HashMap;

use super::{Hash, format::kind};
use crate::{
    clock::Time,
    db::{Conn, Tx, Value, load, sql},
    error::Result,
    id::UserId,
};

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

/// How many hashes there are of each format and cost, and one of each; always in one order, or the decoy of a name would
/// change where an account's hash does not.
pub(super) async fn sample(conn: &mut Conn) -> Result<Vec<(i64, String)>> {
    sql("select count(*), min(secret) from credentials where kind = 'password' group by format order by format")
        .long()
        .fetch_all(conn)
        .await
}
