//! The signing keys' SQL.

use crate::{
    clock::Time,
    db::{Conn, Record, Tx, sql},
    error::Result,
    record, sql,
};

record! {
    /// A signing key as it is stored.
    #[derive(Clone)]
    pub struct SigningKey {
        /// Its `kid`: the JWK thumbprint (RFC 7638).
        pub id: String,
        /// Its `alg`.
        pub algorithm: String,
        /// The public half, as a JWK.
        pub public: Vec<u8>,
        /// The private half, sealed.
        pub private: Vec<u8>,
        /// Since when it signs.
        pub created_at: Time,
        /// Since when it only verifies.
        pub retired_at: Option<Time>,
    }
}

pub(super) async fn all(conn: &mut Conn) -> Result<Vec<SigningKey>> {
    sql!("select ", SigningKey::COLUMNS, " from signing_keys order by created_at, id").fetch_all(conn).await
}

pub(super) async fn has(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(sql("select count(*) from signing_keys where id = $1").bind(id).scalar::<i64>(conn).await? > 0)
}

pub(super) async fn insert(tx: &mut Tx, key: SigningKey) -> Result<String> {
    sql!("insert into signing_keys (", SigningKey::COLUMNS, ") values ($1, $2, $3, $4, $5, $6)")
        .bind(key.id.as_str())
        .bind(key.algorithm)
        .bind(key.public)
        .bind(key.private)
        .bind(key.created_at)
        .bind(key.retired_at)
        .execute(tx)
        .await?;
    Ok(key.id)
}

pub(super) async fn retire(tx: &mut Tx) -> Result<u64> {
    sql("update signing_keys set retired_at = $1 where retired_at is null").bind(tx.now()).execute(tx).await
}

pub(super) async fn forget(tx: &mut Tx, before: Time) -> Result<u64> {
    sql("delete from signing_keys where retired_at < $1").bind(before).execute(tx).await
}
