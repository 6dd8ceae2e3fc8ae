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

record! {
    /// A key, and when it was ended.
    struct Made {
        id: KeyId,
        user_id: UserId,
        name: String,
        prefix: String,
        permissions: String,
        created_at: Time,
        expires_at: Option<Time>,
        last_used_at: Option<Time>,
        last_used_ip: Option<String>,
        revoked_at: Option<Time>,
    }
}

impl From<Made> for (Key, Option<Time>) {
    fn from(made: Made) -> Self {
        let Made { id, user_id, name, prefix, permissions, created_at, expires_at, last_used_at, last_used_ip, .. } =
            made;
        let key = Key { id, user_id, name, prefix, permissions, created_at, expires_at, last_used_at, last_used_ip };
        (key, made.revoked_at)
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

pub(super) async fn list(conn: &mut Conn, below: Option<KeyId>, limit: i64, skip: i64) -> Result<Vec<Key>> {
    let query = sql!("select ", Key::COLUMNS, " from api_keys where revoked_at is null");
    let query = match below {
        Some(id) => query.push(" and id < ").value(id),
        None => query,
    };
    query.push(" order by id desc limit ").value(limit).push(" offset ").value(skip).fetch_all(conn).await
}

/// Those of one maker, ended ones too; with when they were ended.
pub(super) async fn made_by(
    conn: &mut Conn,
    user: UserId,
    below: Option<KeyId>,
    limit: i64,
) -> Result<Vec<(Key, Option<Time>)>> {
    let query = sql!("select ", Made::COLUMNS, " from api_keys where user_id = ").value(user);
    let query = match below {
        Some(id) => query.push(" and id < ").value(id),
        None => query,
    };
    let rows: Vec<Made> = query.push(" order by id desc limit ").value(limit).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
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
