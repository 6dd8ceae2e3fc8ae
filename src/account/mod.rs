//! Accounts: who the users are.
//!
//! Every verb takes the caller first, checks what he may do, changes rows and records one event in the same
//! transaction. The invariants: an e-mail address and a username have one owner; each change raises the version
//! by one and is one event; one superadmin always remains. Begin with [`create`].

pub mod arrival;
pub mod changes;
pub(crate) mod claim;
mod entry;
pub mod http;
pub mod grant;
mod identifier;
pub mod job;
mod name;
pub mod oversight;
pub mod plan;
pub mod rank;
pub mod restore;
mod store;
pub mod view;

use std::time::Duration;

pub use arrival::Arrival;
pub use changes::Changes;
pub use identifier::{Email, Identifier, Username};
pub use name::Names;
pub use store::User;

use crate::{
    access::{Caller, Permission, Role},
    clock::Time,
    db::{Conn, Tx},
    error::{Error, Result},
    event::{self, Event, Kind},
    id::UserId,
    limit, proof, search,
    session::{self, Reason},
};

/// What an account begins with.
#[derive(Clone, Debug)]
pub struct New {
    /// Its address.
    pub email: Email,
    /// Its name to sign in with, beside the address.
    pub username: Option<Username>,
    /// The person's names.
    pub names: Names,
    /// The person's gender, as told.
    pub gender: Option<String>,
    /// The person's telephone number.
    pub phone: Option<String>,
    /// From where the person came.
    pub ip_address: Option<String>,
    /// Its role.
    pub role: Role,
    /// Whether its address is proved.
    pub verification: Verification,
}

/// Whether an address is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Nobody has shown that the mailbox is his.
    Pending,
    /// Somebody has, or an operator vouches for it.
    Proved,
}

/// Makes an account without credentials.
///
/// Whoever registers is anonymous and gets role `user`; anybody else needs `users.create`, and for more `users.grant`,
/// rank, and all that the role allows.
///
/// # Errors
/// `email_taken`, `username_taken`, `forbidden`.
pub async fn create(tx: &mut Tx, caller: &Caller, new: New) -> Result<User> {
    if caller.actor != crate::access::Actor::Anonymous {
        caller.must(Permission::UsersCreate)?;
    }
    if new.role > Role::User {
        caller.must(Permission::UsersGrant)?;
        caller.must_give(new.role)?;
    }
    let user = User::new(tx, new)?;
    store::insert(tx, &user).await?;
    let event = Event::new(Kind::UserCreated, caller).user(user.id).version(user.version);
    event::record(tx, event.with("user", view::record(&user))).await?;
    Ok(user)
}

/// The account of this id, unless it is deleted.
///
/// # Errors
/// Of the database.
pub async fn get(conn: &mut Conn, id: UserId) -> Result<Option<User>> {
    store::by_id(conn, id).await
}

/// The id of the account that a path names, by its id or by its external id. An id wins.
///
/// # Errors
/// `not_found`.
pub async fn resolve(conn: &mut Conn, name: &str) -> Result<UserId> {
    if let Ok(id) = name.parse::<UserId>()
        && store::by_id(conn, id).await?.is_some()
    {
        return Ok(id);
    }
    if name.contains('\0') || name.len() > oversight::EXTERNAL_ID_BYTES {
        return Err(Error::not_found());
    }
    store::by_external_id(conn, name).await?.ok_or_else(Error::not_found)
}

/// Who somebody is elsewhere: in which system, as whom, since when.
///
/// # Errors
/// Of the database.
pub async fn identities(conn: &mut Conn, id: UserId) -> Result<Vec<(String, String, Time)>> {
    store::identities(conn, id).await
}

/// The accounts of these ids that are not deleted, in the order of the ids. Who calls has asked whether he may.
///
/// # Errors
/// Of the database.
pub async fn some(conn: &mut Conn, ids: &[UserId]) -> Result<Vec<User>> {
    let mut users = if ids.is_empty() { Vec::new() } else { store::some(conn, ids).await? };
    let place = |user: &User| ids.iter().position(|id| *id == user.id);
    users.sort_by_cached_key(place);
    Ok(users)
}

/// How many accounts there are, deleted ones aside.
///
/// # Errors
/// Of the database.
pub async fn count(conn: &mut Conn) -> Result<u64> {
    Ok(store::count(conn).await?.unsigned_abs())
}

/// The account that somebody names at sign-in, unless it is deleted.
///
/// # Errors
/// Of the database.
pub async fn find(conn: &mut Conn, identifier: &Identifier) -> Result<Option<User>> {
    match identifier {
        Identifier::Email(email) => store::by_email(conn, email).await,
        Identifier::Username(username) => store::by_username(conn, username).await,
        Identifier::Nobody(_) => Ok(None),
    }
}

/// Every account after `after`, in the order of their ids, at most `limit`.
///
/// # Errors
/// `forbidden`.
pub async fn walk(caller: &Caller, conn: &mut Conn, after: Option<UserId>, limit: i64) -> Result<Vec<User>> {
    caller.must(Permission::UsersList)?;
    store::walk(conn, after, limit).await
}

/// Changes one's own or somebody's data: only what is given. Nothing to change is no event.
///
/// # Errors
/// `stale_version` when `expected` is not the stored version; `username_taken`; `not_found`; `forbidden`.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    changes: Changes,
    expected: impl Fn(i64) -> Result<()>,
) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on(tx, caller, &before, Permission::UsersUpdate).await?;
    expected(before.version)?;
    let after = changes.apply(before.clone());
    if after == before {
        return Ok(before);
    }
    save(tx, caller, Kind::UserUpdated, &before, after).await
}

/// Says that the address of an account is proved. Nobody says so of himself: whoever proved his mailbox is vouched for
/// by the program ([`Caller::system`]).
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn verify(tx: &mut Tx, caller: &Caller, id: UserId) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersUpdate).await?;
    if before.is_verified {
        return Ok(before);
    }
    save(tx, caller, Kind::UserVerified, &before, User { is_verified: true, ..before.clone() }).await
}

/// Gives an account another role, for good.
///
/// # Errors
/// `last_superadmin`, `not_found`, `forbidden`.
pub async fn set_role(tx: &mut Tx, caller: &Caller, id: UserId, role: Role) -> Result<User> {
    grant::set_role_until(tx, caller, id, role, None, |_| Ok(())).await
}

/// Lets nobody sign in to an account any more, and ends its sessions.
///
/// # Errors
/// `last_superadmin`, `not_found`, `forbidden`, `stale_version`.
pub async fn deactivate(
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    expected: impl Fn(i64) -> Result<()>,
) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersDeactivate).await?;
    expected(before.version)?;
    if !before.is_active {
        return Ok(before);
    }
    if before.role == Role::Superadmin {
        rank::must_leave_one(tx, id).await?;
    }
    let after = User { is_active: false, authority_version: before.authority_version + 1, ..before.clone() };
    let user = save(tx, caller, Kind::UserDeactivated, &before, after).await?;
    session::revoke_all(tx, caller, id, None, Reason::Deactivated).await?;
    store::end_keys(tx, id).await?;
    proof::void(tx, id).await?;
    Ok(user)
}

/// Lets the person of an account sign in again. Sessions that were ended stay ended.
///
/// # Errors
/// `not_found`, `forbidden`, `stale_version`.
pub async fn activate(tx: &mut Tx, caller: &Caller, id: UserId, expected: impl Fn(i64) -> Result<()>) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersDeactivate).await?;
    expected(before.version)?;
    if before.is_active {
        return Ok(before);
    }
    let after = User { is_active: true, authority_version: before.authority_version + 1, ..before.clone() };
    save(tx, caller, Kind::UserActivated, &before, after).await
}

/// Says whether the password of an account must be changed at the next sign-in.
///
/// # Errors
/// `not_found`.
pub(crate) async fn require_password_change(
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    requirement: PasswordChange,
) -> Result<User> {
    let before = present(tx, id).await?;
    let must_change_password = requirement == PasswordChange::Required;
    if before.must_change_password == must_change_password {
        return Ok(before);
    }
    save(tx, caller, Kind::UserUpdated, &before, User { must_change_password, ..before.clone() }).await
}

/// Whether a password must be changed before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    /// It must.
    Required,
    /// It need not.
    Done,
}

/// Deletes an account: it is gone at once, its address and name are free, and it is erased after `grace`.
///
/// # Errors
/// `last_superadmin`, `not_found`, `forbidden`, `stale_version`.
pub async fn delete(
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    grace: Duration,
    expected: impl Fn(i64) -> Result<()>,
) -> Result<()> {
    let before = present(tx, id).await?;
    rank::must_act_on(tx, caller, &before, Permission::UsersDelete).await?;
    expected(before.version)?;
    if before.role == Role::Superadmin {
        rank::must_leave_one(tx, id).await?;
    }
    session::revoke_all(tx, caller, id, None, Reason::Deleted).await?;
    store::end_keys(tx, id).await?;
    proof::void(tx, id).await?;
    store::clear_external_id(tx, id).await?;
    let erase_at = tx.now() + grace;
    let version = store::delete(tx, id, erase_at).await?;
    let event = Event::new(Kind::UserDeleted, caller).user(id).version(version);
    event::record(tx, event.with("user", view::record(&before)).with("erase_at", erase_at.to_string())).await
}

/// Records that somebody signed in. It is activity, not a change: the version stays.
///
/// # Errors
/// Of the database.
pub async fn signed_in(tx: &mut Tx, id: UserId) -> Result<()> {
    store::signed_in(tx, id).await
}

/// Writes the record after a change, one version on, and the event that tells of it.
async fn save(tx: &mut Tx, caller: &Caller, kind: Kind, before: &User, after: User) -> Result<User> {
    let after = User { version: before.version + 1, updated_at: tx.now(), ..after };
    store::change(tx, before, &after).await?;
    let (now, then) = (view::record(&after), view::record(before));
    let changed = then.into_iter().filter(|(name, value)| now.get(name) != Some(value) && name != "updated_at");
    let changed: serde_json::Map<_, _> = changed.collect();
    let event = Event::new(kind, caller).user(after.id).version(after.version);
    event::record(tx, event.with("user", now).with("before", changed)).await?;
    Ok(after)
}

/// The account of this id, unless it is deleted. Nobody else changes it until the transaction ends.
///
/// # Errors
/// Of the database.
pub async fn lock(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    let Some(user) = store::lock(tx, id).await? else { return Ok(None) };
    grant::settle(tx, user).await.map(Some)
}

async fn present(tx: &mut Tx, id: UserId) -> Result<User> {
    lock(tx, id).await?.ok_or_else(Error::not_found)
}

/// Erases up to `most` deleted accounts whose grace has passed, in the log too. Gives how many.
///
/// One of whom an event still waits for its number is left for the next time: erased before, it would not be blanked.
///
/// # Errors
/// Of the database.
pub async fn erase(tx: &mut Tx, most: i64) -> Result<usize> {
    let mut erased = 0;
    for id in store::due_for_erasure(tx, most).await? {
        if store::erase(tx, id).await? {
            limit::unlock(tx, id).await?;
            event::erase(tx, &Caller::system(), id).await?;
            erased += 1;
        }
    }
    Ok(erased)
}

/// Accounts below this id, the greatest first, that the search does not know as they are; and the last id looked at.
///
/// # Errors
/// Of the database.
pub async fn unknown(conn: &mut Conn, below: UserId, most: i64) -> Result<(Vec<UserId>, Option<UserId>)> {
    let rows = store::known_versions(conn, below, most).await?;
    let last = rows.last().map(|row| row.0);
    Ok((rows.into_iter().filter(|(_, version, known)| version != known).map(|row| row.0).collect(), last))
}

/// Makes an account known to the search as it is.
///
/// # Errors
/// Of the database.
pub async fn make_known(tx: &mut Tx, id: UserId) -> Result<()> {
    match lock(tx, id).await? {
        Some(user) => search::put(tx, &(&user).into()).await,
        None => search::remove(tx, id).await,
    }
}

/// Whether somebody can administer this deployment.
///
/// # Errors
/// Of the database.
pub async fn has_superadmin(conn: &mut Conn) -> Result<bool> {
    store::has_superadmin(conn).await
}
