//! The SQL of grants.

use crate::{
    clock::Time,
    db::{Conn, Tx, sql},
    error::Result,
    id::UserId,
    record,
};

record! {
    /// A role that somebody was granted.
    pub(super) struct Granted {
        pub user_id: UserId,
        pub role: String,
        pub expires_at: Option<Time>,
        pub permissions: Option<String>,
    }
}

/// Every grant of these people, ended ones too.
pub(super) async fn of(conn: &mut Conn, users: &[UserId]) -> Result<Vec<Granted>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    sql("select g.user_id, g.role, g.expires_at, r.permissions
         from grants g left join roles r on r.name = g.role where g.user_id in ")
    .list(users.iter().map(|id| (*id).into()))
    .push(" order by g.user_id, g.role")
    .fetch_all(conn)
    .await
}

/// What the plans add that superadmins wrote down.
pub(super) async fn plans(conn: &mut Conn) -> Result<Vec<(String, String)>> {
    sql("select tier, permissions from plans").fetch_all(conn).await
}

/// What a plan adds, if superadmins wrote it down. It is not taken away until the transaction ends.
pub(super) async fn plan(tx: &mut Tx, tier: &str) -> Result<Option<String>> {
    let row = sql("select permissions from plans where tier = $1").bind(tier).for_update();
    Ok(row.fetch_optional::<(String,)>(tx).await?.map(|row| row.0))
}

/// What a custom role allows. It cannot change until the transaction ends.
pub(super) async fn role_permissions(tx: &mut Tx, role: &str) -> Result<Option<String>> {
    let row = sql("select permissions from roles where name = $1").bind(role).for_update();
    Ok(row.fetch_optional::<(String,)>(tx).await?.map(|row| row.0))
}

/// When a role ends that somebody was granted; nothing when it does not.
pub(super) async fn ends(conn: &mut Conn, user: UserId, role: &str) -> Result<Option<Time>> {
    let row = sql("select expires_at from grants where user_id = $1 and role = $2").bind(user).bind(role);
    Ok(row.fetch_optional::<(Option<Time>,)>(conn).await?.and_then(|row| row.0))
}

pub(super) async fn grant(tx: &mut Tx, user: UserId, role: &str, until: Option<Time>) -> Result<()> {
    sql("insert into grants (user_id, role, expires_at, created_at) values ($1, $2, $3, $4)
         on conflict (user_id, role) do update set expires_at = excluded.expires_at")
    .bind(user)
    .bind(role)
    .bind(until)
    .bind(tx.now())
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a grant back; false when there is none.
pub(super) async fn take(tx: &mut Tx, user: UserId, role: &str) -> Result<bool> {
    Ok(sql("delete from grants where user_id = $1 and role = $2").bind(user).bind(role).execute(tx).await? == 1)
}

pub(super) async fn ended(tx: &mut Tx, limit: i64) -> Result<Vec<(UserId, String)>> {
    sql("select user_id, role from grants where expires_at <= $1 limit $2")
        .bind(tx.now())
        .bind(limit)
        .fetch_all(tx)
        .await
}

/// Whether somebody holds a custom role now.
pub(super) async fn is_staff(tx: &mut Tx, user: UserId) -> Result<bool> {
    let held = sql("select count(*) from grants g join roles r on r.name = g.role
                    where g.user_id = $1 and (g.expires_at is null or g.expires_at > $2)");
    Ok(held.bind(user).bind(tx.now()).scalar::<i64>(tx).await? > 0)
}

/// What somebody was granted: which role, until when, since when.
pub(super) async fn held(conn: &mut Conn, user: UserId) -> Result<Vec<(String, Option<Time>, Time)>> {
    let rows = sql("select role, expires_at, created_at from grants where user_id = $1 order by role").bind(user);
    rows.fetch_all(conn).await
}
