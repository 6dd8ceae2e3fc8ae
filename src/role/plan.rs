//! Plans: what each adds to the role of those who have it. Three are built in and can be rewritten; superadmins make
//! more. Who has one that they made got it from whoever may change him and holds what it adds: nobody takes one himself.

use super::{Custom, store, told};
use crate::{
    access::{Caller, Permission, Permissions, Plan},
    db::{Conn, Tx},
    error::{Code, Error, Result},
    event::{self, Kind},
};

/// Every plan: the built-in ones, then those that were made.
///
/// # Errors
/// `forbidden`.
pub async fn list(caller: &Caller, conn: &mut Conn) -> Result<Vec<Custom>> {
    caller.must(Permission::RolesRead)?;
    let stored = store::plans(conn).await?;
    let of = |plan: Plan| stored.iter().find(|stored| stored.name == plan.as_str()).cloned();
    let built_in = Plan::ALL.into_iter().map(|plan| of(plan).unwrap_or_else(|| as_made(plan)));
    Ok(built_in.chain(stored.iter().filter(|stored| Plan::parse(&stored.name).is_none()).cloned()).collect())
}

/// Makes a plan.
///
/// # Errors
/// `conflict` when the name is taken; `forbidden` when it adds what the caller lacks.
pub async fn create(tx: &mut Tx, caller: &Caller, plan: Custom) -> Result<Custom> {
    caller.must(Permission::RolesWrite)?;
    caller.must_hold(plan.permissions)?;
    let plan = Custom { created_at: Some(tx.now()), ..plan };
    if Plan::parse(&plan.name).is_some() || !store::insert_plan(tx, &plan).await? {
        return Err(Error::new(Code::Conflict).field("tier").detail("There is a plan of this name."));
    }
    event::record(tx, told(Kind::PlanCreated, caller, &plan)).await?;
    Ok(plan)
}

/// Writes down what a plan adds: what is given.
///
/// # Errors
/// `not_found`; `forbidden` when it adds, or added, what the caller lacks.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    name: &str,
    description: Option<String>,
    permissions: Option<Permissions>,
) -> Result<Custom> {
    caller.must(Permission::RolesWrite)?;
    let stored = store::lock_plan(tx, name).await?;
    let before = stored.or_else(|| Plan::parse(name).map(as_made)).ok_or_else(Error::not_found)?;
    caller.must_hold(before.permissions)?;
    let created_at = before.created_at.or(Some(tx.now()));
    let after = Custom { created_at, ..before.with(description, permissions) };
    caller.must_hold(after.permissions)?;
    store::set_plan(tx, &after).await?;
    event::record(tx, told(Kind::PlanUpdated, caller, &after).with("before", before.permissions.to_text())).await?;
    Ok(after)
}

/// Takes a plan away that nobody has.
///
/// # Errors
/// `not_found`; `conflict` for a built-in plan, and while somebody has it, be it one who is deleted and can be restored;
/// `forbidden` when it added what the caller lacks.
pub async fn delete(tx: &mut Tx, caller: &Caller, name: &str) -> Result<()> {
    caller.must(Permission::RolesWrite)?;
    if Plan::parse(name).is_some() {
        return Err(Error::new(Code::Conflict).detail("Built-in plans cannot be deleted."));
    }
    // Whoever gives the plan to somebody locks this row too.
    let plan = store::lock_plan(tx, name).await?.ok_or_else(Error::not_found)?;
    caller.must_hold(plan.permissions)?;
    if store::plan_is_used(tx, name).await? {
        return Err(Error::new(Code::Conflict).detail("Somebody has this plan. Give him another one first."));
    }
    store::delete_plan(tx, name).await?;
    event::record(tx, told(Kind::PlanDeleted, caller, &plan)).await
}

fn as_made(plan: Plan) -> Custom {
    Custom {
        name: plan.as_str().to_owned(),
        description: plan.description().to_owned(),
        permissions: plan.permissions(),
        created_at: None,
    }
}
