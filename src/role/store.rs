//! The SQL of roles and plans.

use super::Custom;
use crate::{
    access::Permissions,
    clock::Time,
    db::{Conn, Sql, Tx, sql},
    error::Result,
};

type Row = (String, String, String, Time);

fn custom((name, description, permissions, created_at): Row) -> Custom {
    Custom { name, description, permissions: Permissions::stored(&permissions), created_at: Some(created_at) }
}

pub(super) async fn roles(conn: &mut Conn) -> Result<Vec<Custom>> {
    let rows: Vec<Row> =
        sql("select name, description, permissions, created_at from roles order by name").fetch_all(conn).await?;
    Ok(rows.into_iter().map(custom).collect())
}

pub(super) async fn role(conn: &mut Conn, name: &str) -> Result<Option<Custom>> {
    let row = sql("select name, description, permissions, created_at from roles where name = $1").bind(name);
    Ok(row.fetch_optional(conn).await?.map(custom))
}

pub(super) async fn lock(tx: &mut Tx, name: &str) -> Result<Option<Custom>> {
    let row = sql("select name, description, permissions, created_at from roles where name = $1").bind(name);
    Ok(row.for_update().fetch_optional(tx).await?.map(custom))
}

/// False when the name is taken.
pub(super) async fn insert(tx: &mut Tx, role: &Custom) -> Result<bool> {
    let insert = sql("insert into roles (name, description, permissions, created_at, updated_at)
                      values ($1, $2, $3, $4, $4) on conflict (name) do nothing");
    Ok(given(insert, role, tx.now()).execute(tx).await? == 1)
}

pub(super) async fn update(tx: &mut Tx, role: &Custom) -> Result<()> {
    sql("update roles set description = $1, permissions = $2, updated_at = $3 where name = $4")
        .bind(role.description.as_str())
        .bind(role.permissions.to_text())
        .bind(tx.now())
        .bind(role.name.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// The role, and every grant of it: a later role of the same name is another one.
pub(super) async fn delete(tx: &mut Tx, name: &str) -> Result<()> {
    sql("delete from grants where role = $1").bind(name).execute(tx).await?;
    sql("delete from roles where name = $1").bind(name).execute(tx).await?;
    Ok(())
}

pub(super) async fn plans(conn: &mut Conn) -> Result<Vec<Custom>> {
    let rows: Vec<Row> =
        sql("select tier, description, permissions, created_at from plans order by tier").fetch_all(conn).await?;
    Ok(rows.into_iter().map(custom).collect())
}

pub(super) async fn lock_plan(tx: &mut Tx, tier: &str) -> Result<Option<Custom>> {
    let row = sql("select tier, description, permissions, created_at from plans where tier = $1").bind(tier);
    Ok(row.for_update().fetch_optional(tx).await?.map(custom))
}

/// False when the name is taken.
pub(super) async fn insert_plan(tx: &mut Tx, plan: &Custom) -> Result<bool> {
    let insert = sql("insert into plans (tier, description, permissions, created_at, updated_at)
                      values ($1, $2, $3, $4, $4) on conflict (tier) do nothing");
    Ok(given(insert, plan, tx.now()).execute(tx).await? == 1)
}

/// Whether somebody has this plan, which is none of the program's. The index holds nobody else.
pub(super) async fn plan_is_used(tx: &mut Tx, tier: &str) -> Result<bool> {
    let one = sql("select id from users where subscription_tier = $1
                       and subscription_tier not in ('basic', 'premium', 'enterprise') limit 1");
    Ok(one.bind(tier).fetch_optional::<(crate::id::UserId,)>(tx).await?.is_some())
}

pub(super) async fn delete_plan(tx: &mut Tx, tier: &str) -> Result<()> {
    sql("delete from plans where tier = $1").bind(tier).execute(tx).await?;
    Ok(())
}

pub(super) async fn set_plan(tx: &mut Tx, plan: &Custom) -> Result<()> {
    let set = sql("insert into plans (tier, description, permissions, created_at, updated_at)
                   values ($1, $2, $3, $4, $4)
                   on conflict (tier) do update set description = excluded.description,
                       permissions = excluded.permissions, updated_at = excluded.updated_at");
    given(set, plan, tx.now()).execute(tx).await?;
    Ok(())
}

/// Binds what a role or a plan is written down with: `$1` to `$4`.
fn given(statement: Sql, of: &Custom, now: Time) -> Sql {
    statement.bind(of.name.as_str()).bind(of.description.as_str()).bind(of.permissions.to_text()).bind(now)
}
