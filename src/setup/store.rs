//! The setup code: the fact 'setup'. Its value is the code's SHA-256.

use crate::{
    db::{Tx, sql},
    error::Result,
};

/// Puts another code in place, unless one was used. False when setup is over.
pub(super) async fn replace(tx: &mut Tx, digest: [u8; 32]) -> Result<bool> {
    let replaced = sql("insert into facts (name, value, created_at) values ('setup', $1, $2)
                        on conflict (name) do update set value = excluded.value, created_at = excluded.created_at
                        where facts.used_at is null")
    .bind(digest)
    .bind(tx.now())
    .execute(tx)
    .await?;
    Ok(replaced == 1)
}

/// Uses the code. Of any number who try at once, one succeeds.
pub(super) async fn consume(tx: &mut Tx, digest: [u8; 32]) -> Result<bool> {
    let used = sql("update facts set used_at = $1 where name = 'setup' and value = $2 and used_at is null")
        .bind(tx.now())
        .bind(digest)
        .execute(tx)
        .await?;
    Ok(used == 1)
}

/// Makes what is left of a code useless.
pub(super) async fn close(tx: &mut Tx) -> Result<()> {
    sql("update facts set used_at = $1 where name = 'setup' and used_at is null").bind(tx.now()).execute(tx).await?;
    Ok(())
}
