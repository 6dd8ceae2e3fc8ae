//! Facts of this deployment.

use crate::{
    db::{Conn, Db, sql},
    error::Result,
};

/// The check value that is stored.
pub(super) async fn stored_key_check(conn: &mut Conn) -> Result<Option<Vec<u8>>> {
    let row = sql("select value from facts where name = 'key_check'").fetch_optional::<(Vec<u8>,)>(conn).await?;
    Ok(row.map(|row| row.0))
}

/// The check value that is stored, which is `ours` when there was none.
pub(super) async fn key_check(db: &Db, ours: [u8; 32]) -> Result<Vec<u8>> {
    db.write(async |tx| {
        sql("insert into facts (name, value, created_at) values ('key_check', $1, $2) on conflict (name) do nothing")
            .bind(ours)
            .bind(tx.now())
            .execute(tx)
            .await?;
        sql("select value from facts where name = 'key_check'").scalar(tx).await
    })
    .await
}
