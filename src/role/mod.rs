//! Custom roles, and what plans add: sets of permissions that superadmins write down.
//!
//! The invariant: nobody writes a set, nor takes from one, that holds what he lacks himself; so nobody rises by
//! rewriting a role. What changes counts on the next request here and within a second on every node, for all who have
//! the role or plan. The built-in roles are in the code. Begin with [`create`].

pub mod http;
pub mod plan;
mod store;

use crate::{
    access::{Caller, Permission, Permissions, Role},
    clock::Time,
    db::{Conn, Tx},
    error::{Code, Error, Result},
    event::{self, Event, Kind},
};

/// A custom role.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub permissions: Permissions,
    /// When it was made; nothing for what is built in.
    pub created_at: Option<Time>,
}

impl Custom {
    /// The same with what is given.
    fn with(&self, description: Option<String>, permissions: Option<Permissions>) -> Self {
        Self {
            description: description.unwrap_or_else(|| self.description.clone()),
            permissions: permissions.unwrap_or(self.permissions),
            ..self.clone()
        }
    }
}

/// Every role, the built-in ones first.
///
/// # Errors
/// `forbidden`.
pub async fn list(caller: &Caller, conn: &mut Conn) -> Result<Vec<Custom>> {
    caller.must(Permission::RolesRead)?;
    Ok(Role::ALL.map(built_in).into_iter().chain(store::roles(conn).await?).collect())
}

/// One role.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn get(caller: &Caller, conn: &mut Conn, name: &str) -> Result<Custom> {
    caller.must(Permission::RolesRead)?;
    match Role::parse(name) {
        Some(role) => Ok(built_in(role)),
        None => store::role(conn, name).await?.ok_or_else(Error::not_found),
    }
}

/// Makes a role.
///
/// # Errors
/// `conflict` when the name is taken; `forbidden` when it holds what the caller lacks.
pub async fn create(tx: &mut Tx, caller: &Caller, role: Custom) -> Result<Custom> {
    caller.must(Permission::RolesWrite)?;
    caller.must_hold(role.permissions)?;
    let role = Custom { created_at: Some(tx.now()), ..role };
    if Role::parse(&role.name).is_some() || !store::insert(tx, &role).await? {
        return Err(Error::new(Code::Conflict).field("name").detail("There is a role of this name."));
    }
    event::record(tx, told(Kind::RoleCreated, caller, &role)).await?;
    Ok(role)
}

/// Changes what a role is for, and what it allows: what is given.
///
/// # Errors
/// `not_found`; `conflict` for a built-in role; `forbidden` when it holds, or held, what the caller lacks.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    name: &str,
    description: Option<String>,
    permissions: Option<Permissions>,
) -> Result<Custom> {
    let before = custom(tx, caller, name).await?;
    let role = before.with(description, permissions);
    caller.must_hold(role.permissions)?;
    store::update(tx, &role).await?;
    event::record(tx, told(Kind::RoleUpdated, caller, &role).with("before", before.permissions.to_text())).await?;
    Ok(role)
}

/// Takes a role away, from all who have it.
///
/// # Errors
/// As [`update`].
pub async fn delete(tx: &mut Tx, caller: &Caller, name: &str) -> Result<()> {
    let role = custom(tx, caller, name).await?;
    store::delete(tx, name).await?;
    event::record(tx, told(Kind::RoleDeleted, caller, &role)).await
}

async fn custom(tx: &mut Tx, caller: &Caller, name: &str) -> Result<Custom> {
    caller.must(Permission::RolesWrite)?;
    if Role::parse(name).is_some() {
        return Err(Error::new(Code::Conflict).detail("Built-in roles cannot be changed."));
    }
    let role = store::lock(tx, name).await?.ok_or_else(Error::not_found)?;
    caller.must_hold(role.permissions)?;
    Ok(role)
}

fn built_in(role: Role) -> Custom {
    let description = match role {
        Role::User => "Everybody. What one may see of others is said by DIRECTORY.",
        Role::Admin => "Looks after users.",
        Role::Superadmin => "May do everything.",
    };
    Custom {
        name: role.as_str().to_owned(),
        description: description.to_owned(),
        permissions: role.permissions(),
        created_at: None,
    }
}

fn told(kind: Kind, caller: &Caller, role: &Custom) -> Event {
    Event::new(kind, caller).with("name", role.name.as_str()).with("permissions", role.permissions.to_text())
}
