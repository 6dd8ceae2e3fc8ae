//! What accounts were granted: a built-in role, for good or for a time, and custom roles.

mod store;

use futures_util::future::try_join;

use self::store::Granted;
use super::{User, present, rank, save};
use crate::{
    access::{Authority, Basis, Caller, Grant, Permission, Permissions, Plan, Role},
    clock::Time,
    config::Directory,
    db::{Conn, Db, Tx},
    error::{Error, Result},
    event::{self, Event, Kind},
    id::UserId,
};

/// What people hold that their accounts do not tell: what they were granted, and what plans add.
pub struct Holdings {
    grants: Vec<Granted>,
    plans: Vec<(String, String)>,
}

impl Holdings {
    /// Those of these people.
    ///
    /// # Errors
    /// Of the database.
    pub async fn of(conn: &mut Conn, users: &[UserId]) -> Result<Self> {
        Ok(Self { grants: store::of(conn, users).await?, plans: store::plans(conn).await? })
    }

    /// The same, all asked for at once.
    ///
    /// # Errors
    /// Of the database.
    pub async fn at_once(db: &Db, users: &[UserId]) -> Result<Self> {
        let (mut one, mut other) = (db.read(), db.read());
        let (grants, plans) = try_join(store::of(&mut one, users), store::plans(&mut other)).await?;
        Ok(Self { grants, plans })
    }

    /// What one of them may do now.
    #[must_use]
    pub fn authority(&self, directory: Directory, user: &User, now: Time) -> Authority {
        let own = self.grants.iter().filter(|grant| grant.user_id == user.id);
        let own = own.map(|grant| Grant {
            role: grant.role.clone(),
            expires_at: grant.expires_at,
            permissions: grant.permissions.clone(),
        });
        let tier = &user.subscription_tier;
        let plan = self.plans.iter().find(|(stored, _)| stored == tier).map(|(_, permissions)| permissions.as_str());
        let basis = Basis { role: user.role, is_verified: user.is_verified, tier, plan };
        Authority::of(directory, basis, &own.collect::<Vec<_>>(), now)
    }
}

/// What each of these accounts may do now.
///
/// # Errors
/// Of the database.
pub async fn authorities(conn: &mut Conn, directory: Directory, users: &[User], now: Time) -> Result<Vec<Authority>> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let holdings = Holdings::of(conn, &ids).await?;
    Ok(users.iter().map(|user| holdings.authority(directory, user, now)).collect())
}

/// The same of one account.
///
/// # Errors
/// Of the database.
pub async fn authority(conn: &mut Conn, directory: Directory, user: &User, now: Time) -> Result<Authority> {
    Ok(Holdings::of(conn, &[user.id]).await?.authority(directory, user, now))
}

/// What somebody holds that not everybody can have: by his role, by what he was granted, by a plan that others give.
/// Not what `DIRECTORY` shows to all, nor what the premium plan adds, which everybody takes himself.
pub(super) async fn holds(tx: &mut Tx, user: &User) -> Result<Permissions> {
    let (now, plans) = (tx.now(), store::plans(tx).await?);
    let adds = |tier: &str| {
        let stored = plans.iter().find(|(name, _)| name == tier);
        Plan::adds(tier, stored.map(|(_, permissions)| permissions.as_str()))
    };
    let plan = adds(&user.subscription_tier).without(adds(Plan::Premium.as_str()));
    let grants = store::of(tx, &[user.id]).await?;
    let living = grants.iter().filter(|grant| grant.expires_at.is_none_or(|end| now < end));
    let granted = living.filter_map(|grant| grant.permissions.as_deref()).map(Permissions::stored);
    Ok(granted.fold(user.role.permissions().and(plan), Permissions::and))
}

/// What somebody was granted: which role, until when, since when.
///
/// # Errors
/// Of the database.
pub async fn held(conn: &mut Conn, user: UserId) -> Result<Vec<(String, Option<Time>, Time)>> {
    store::held(conn, user).await
}

/// Gives an account another built-in role, until it ends or for good. The role of a superadmin does not end: the last
/// one would go by himself.
///
/// # Errors
/// `last_superadmin`, `not_found`, `forbidden`, `stale_version`, `invalid`.
pub async fn set_role_until(
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    role: Role,
    until: Option<Time>,
    expected: impl Fn(i64) -> Result<()>,
) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersGrant).await?;
    caller.must_give(role)?;
    expected(before.version)?;
    must_come(tx, until)?;
    if until.is_some() && role != Role::Admin {
        return Err(Error::invalid("expires_at", "not_allowed", "Only the role 'admin' and custom roles can end."));
    }
    if before.role == role && store::ends(tx, id, role.as_str()).await? == until {
        return Ok(before);
    }
    if before.role == Role::Superadmin && role != Role::Superadmin {
        rank::must_leave_one(tx, id).await?;
    }
    for built_in in Role::ALL {
        store::take(tx, id, built_in.as_str()).await?;
    }
    if until.is_some() {
        store::grant(tx, id, role.as_str(), until).await?;
    }
    let authority_version = before.authority_version + 1;
    save(tx, caller, Kind::UserRoleChanged, &before, User { role, authority_version, ..before.clone() }).await
}

/// Grants a custom role.
///
/// # Errors
/// `not_found`, `forbidden`, `invalid`: there is no such role, or it would have ended already.
pub async fn add(tx: &mut Tx, caller: &Caller, id: UserId, role: &str, until: Option<Time>) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersGrant).await?;
    let unknown = || Error::invalid("role", "unknown_role", "There is no custom role of this name.");
    let permissions = store::role_permissions(tx, role).await?.ok_or_else(unknown)?;
    caller.must_hold(Permissions::stored(&permissions))?;
    must_come(tx, until)?;
    store::grant(tx, id, role, until).await?;
    changed(tx, caller, before, "granted", role).await
}

/// Takes a custom role back.
///
/// # Errors
/// `not_found`, when he does not have it either; `forbidden`, `stale_version`.
pub async fn remove(
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    role: &str,
    expected: impl Fn(i64) -> Result<()>,
) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersGrant).await?;
    expected(before.version)?;
    let permissions = store::role_permissions(tx, role).await?.ok_or_else(Error::not_found)?;
    caller.must_hold(Permissions::stored(&permissions))?;
    if !store::take(tx, id, role).await? {
        return Err(Error::not_found());
    }
    changed(tx, caller, before, "taken", role).await
}

/// One version on, with an event that names the role.
async fn changed(tx: &mut Tx, caller: &Caller, before: User, how: &str, role: &str) -> Result<User> {
    let after = User {
        version: before.version + 1,
        authority_version: before.authority_version + 1,
        updated_at: tx.now(),
        ..before
    };
    super::store::update(tx, &after).await?;
    let event = Event::new(Kind::UserRoleChanged, caller).user(after.id).version(after.version);
    event::record(tx, event.with(how, role).with("user", super::view::record(&after))).await?;
    Ok(after)
}

/// What the plans add that superadmins wrote down.
pub(super) async fn plans(conn: &mut Conn) -> Result<Vec<(String, String)>> {
    store::plans(conn).await
}

/// What a plan adds, if superadmins wrote it down. It is not taken away until the transaction ends.
pub(super) async fn plan(tx: &mut Tx, tier: &str) -> Result<Option<String>> {
    store::plan(tx, tier).await
}

/// Whether somebody holds a custom role now.
pub(super) async fn is_staff(tx: &mut Tx, user: UserId) -> Result<bool> {
    store::is_staff(tx, user).await
}

/// Makes it so in the record, and tells it, when the built-in role of a locked account has ended.
pub(super) async fn settle(tx: &mut Tx, user: User) -> Result<User> {
    if user.role != Role::Admin {
        return Ok(user);
    }
    let ends = store::ends(tx, user.id, user.role.as_str()).await?;
    if ends.is_none_or(|end| tx.now() < end) {
        return Ok(user);
    }
    store::take(tx, user.id, user.role.as_str()).await?;
    let after = User { role: Role::User, authority_version: user.authority_version + 1, ..user.clone() };
    save(tx, &Caller::system(), Kind::UserRoleChanged, &user, after).await
}

/// Tells of up to `limit` grants that have ended. They count for nothing since they did. Gives how many.
///
/// # Errors
/// Of the database.
pub async fn sweep(tx: &mut Tx, limit: i64) -> Result<usize> {
    let ended = store::ended(tx, limit).await?;
    for (id, role) in &ended {
        let Some(user) = super::lock(tx, *id).await? else {
            store::take(tx, *id, role).await?;
            continue;
        };
        if store::take(tx, *id, role).await? && Role::parse(role).is_none() {
            changed(tx, &Caller::system(), user, "taken", role).await?;
        }
    }
    Ok(ended.len())
}

fn must_come(tx: &Tx, until: Option<Time>) -> Result<()> {
    if until.is_none_or(|until| until > tx.now()) {
        return Ok(());
    }
    Err(Error::invalid("expires_at", "past", "This must lie ahead."))
}
