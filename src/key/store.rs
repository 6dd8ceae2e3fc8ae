//! The keys' SQL. Whose a key is when it is used is asked in `src/session/store.rs`.

use crate::{
    clock::Time,
    db::{Conn, Record, Tx, sql},
    error::Result,
    id::{KeyId, UserId},
    record, sql,
};

record! {
    /// A key as it is stored, but for its digest.
    #[derive(Clone, Debug)]
    pub struct Key {
        /// Its id.
        pub id: KeyId,
        /// Its maker.
        pub user_id: UserId,
        /// What it is for.
        pub name: String,
        /// How it begins.
        pub prefix: String,
        /// What it was given: names between blanks.
        pub permissions: String,
        /// When it was made.
        pub created_at: Time,
        /// When it ends.
        pub expires_at: Option<Time>,
        /// When it was last used, to the minute.
        pub last_used_at: Option<Time>,
        /// From where.
        pub last_used_ip: Option<String>,
    }
}

pub(super) async fn insert(tx: &mut Tx, key: &Key, digest: [u8; 32]) -> Result<()> {
    sql("insert into api_keys (id, digest, user_id, name, prefix, permissions, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(key.id)
    .bind(digest)
    .bind(key.user_id)
    .bind(key.name.as_str())
    .bind(key.prefix.as_str())
    .bind(key.permissions.as_str())
    .bind(key.created_at)
    .bind(key.expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn list(conn: &mut Conn, limit: i64, skip: i64) -> Result<Vec<Key>> {
    sql!("select ", Key::COLUMNS, " from api_keys where revoked_at is null order by id desc limit $1 offset $2")
        .bind(limit)
        .bind(skip)
        .fetch_all(conn)
        .await
}

pub(super) async fn count(conn: &mut Conn) -> Result<i64> {
    sql("select count(*) from api_keys where revoked_at is null").scalar(conn).await
}

pub(super) async fn maker(tx: &mut Tx, id: KeyId) -> Result<Option<UserId>> {
    let row = sql("select user_id from api_keys where id = $1 and revoked_at is null").bind(id);
    Ok(row.fetch_optional::<(UserId,)>(tx).await?.map(|row| row.0))
}

/// Of any number at once, one is told true.
pub(super) async fn revoke(tx: &mut Tx, id: KeyId) -> Result<bool> {
    let ended = sql("update api_keys set revoked_at = $1 where id = $2 and revoked_at is null").bind(tx.now()).bind(id);
    Ok(ended.execute(tx).await? == 1)
}
