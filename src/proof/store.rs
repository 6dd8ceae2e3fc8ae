//! The proofs' SQL.

use crate::{
    clock::Time,
    db::{Conn, Record, Tx, sql},
    error::Result,
    id::UserId,
    record, sql,
};

record! {
    /// What a token proves.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Proof {
        /// Whose it is.
        pub user_id: UserId,
        /// The address it was sent to.
        pub email: String,
        /// Until when it stands.
        pub expires_at: Time,
    }
}

/// Writes a proof in the place of the one before.
pub(super) async fn put(
    tx: &mut Tx,
    kind: &str,
    user: UserId,
    digest: [u8; 32],
    email: &str,
    expires_at: Time,
) -> Result<()> {
    sql("insert into proofs (user_id, kind, digest, email, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id, kind) do update set digest = excluded.digest, email = excluded.email,
             created_at = excluded.created_at, expires_at = excluded.expires_at")
    .bind(user)
    .bind(kind)
    .bind(digest)
    .bind(email)
    .bind(tx.now())
    .bind(expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn get(conn: &mut Conn, kind: &str, digest: [u8; 32], now: Time) -> Result<Option<Proof>> {
    sql!("select ", Proof::COLUMNS, " from proofs where digest = $1 and kind = $2 and expires_at > $3")
        .bind(digest)
        .bind(kind)
        .bind(now)
        .fetch_optional(conn)
        .await
}

/// Takes a proof away. Of any number at once, one gets it.
pub(super) async fn take(tx: &mut Tx, kind: &str, digest: [u8; 32]) -> Result<Option<Proof>> {
    sql!("delete from proofs where digest = $1 and kind = $2 and expires_at > $3 returning ", Proof::COLUMNS)
        .bind(digest)
        .bind(kind)
        .bind(tx.now())
        .fetch_optional(tx)
        .await
}

pub(super) async fn void(tx: &mut Tx, user: UserId) -> Result<()> {
    sql("delete from proofs where user_id = $1").bind(user).execute(tx).await?;
    Ok(())
}

pub(super) async fn remove_over(tx: &mut Tx, limit: i64) -> Result<u64> {
    sql("delete from proofs where digest in
         (select digest from proofs where expires_at <= $1 order by expires_at limit $2)")
    .bind(tx.now())
    .bind(limit)
    .execute(tx)
    .await
}
