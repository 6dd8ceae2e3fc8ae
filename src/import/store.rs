//! The imports' SQL.

use crate::{
    db::{Conn, Record, Tx, sql},
    error::Result,
    record, sql,
};

record! {
    /// How far an import has come.
    #[derive(Clone, Debug, Default)]
    pub(super) struct Progress {
        pub rows: i64,
        pub created: i64,
        pub updated: i64,
        pub skipped: i64,
        pub rejected: i64,
        pub rejects: String,
        pub rejects_bytes: i64,
    }
}

pub(super) async fn progress(conn: &mut Conn, id: [u8; 32]) -> Result<Option<Progress>> {
    sql!("select ", Progress::COLUMNS, " from imports where id = $1").bind(id).fetch_optional(conn).await
}

pub(super) async fn save(tx: &mut Tx, id: [u8; 32], progress: &Progress) -> Result<()> {
    sql("insert into imports (id, rows, created, updated, skipped, rejected, rejects, rejects_bytes, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (id) do update set rows = excluded.rows, created = excluded.created, updated = excluded.updated,
             skipped = excluded.skipped, rejected = excluded.rejected, rejects = excluded.rejects,
             rejects_bytes = excluded.rejects_bytes, updated_at = excluded.updated_at")
    .bind(id)
    .bind(progress.rows)
    .bind(progress.created)
    .bind(progress.updated)
    .bind(progress.skipped)
    .bind(progress.rejected)
    .bind(progress.rejects.as_str())
    .bind(progress.rejects_bytes)
    .bind(tx.now())
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn forget(tx: &mut Tx, id: [u8; 32]) -> Result<()> {
    sql("delete from imports where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// Whether there are people that nobody made up.
pub(super) async fn has_users(conn: &mut Conn) -> Result<bool> {
    let some = sql("select count(*) from (select 1 from users where deleted_at is null and role <> 'superadmin'
                    and email not like '%@fake.example' limit 1) as real");
    Ok(some.scalar::<i64>(conn).await? > 0)
}
