//! Who may act on whom.

use super::{User, grant, store};
use crate::{
    access::{Actor, Caller, Permission, Rank, Role},
    db::Tx,
    error::{Code, Error, Result},
    id::UserId,
};

/// One's own account, or with the permission and above its rank.
pub(super) async fn must_act_on(tx: &mut Tx, caller: &Caller, user: &User, permission: Permission) -> Result<()> {
    if is_self(caller, user.id) { Ok(()) } else { must_act_on_other(tx, caller, user, permission).await }
}

/// With the permission, above its rank, and holding all that it holds; one's own account too, but never that of the
/// maker by a key of his.
///
/// # Errors
/// `forbidden`, `not_signed_in`.
pub async fn must_act_on_other(tx: &mut Tx, caller: &Caller, user: &User, permission: Permission) -> Result<()> {
    caller.must(permission)?;
    if matches!(caller.actor, Actor::Key(maker, _) if maker == user.id) {
        return Err(Error::new(Code::Forbidden).detail("An API key never acts on the account of its maker."));
    }
    caller.must_outrank(user.role)?;
    // Whoever stands above all plain users by custom roles alone does not stand above his like.
    if caller.authority().rank() == Rank::Staff && grant::is_staff(tx, user.id).await? {
        return Err(Error::new(Code::Forbidden));
    }
    // Whoever changes an account can get into it, and would do there what he may not.
    let own = caller.authority().permissions;
    if own.covers(Role::Superadmin.permissions()) || own.covers(grant::holds(tx, user).await?) {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden).detail("The user holds a permission that you lack."))
}

/// As [`must_act_on_other`] for what concerns somebody's password, and never of oneself, nor by a key of his: whoever
/// got hold of a session or a key could otherwise set a password without knowing the old one.
///
/// # Errors
/// `forbidden`, `not_signed_in`.
pub async fn must_support(tx: &mut Tx, caller: &Caller, user: &User) -> Result<()> {
    if matches!(caller.actor, Actor::User(id, _) | Actor::Key(id, _) if id == user.id) {
        let text = "Nobody does this to himself: change your own password at /api/v1/auth/change-password.";
        return Err(Error::new(Code::Forbidden).detail(text));
    }
    must_act_on_other(tx, caller, user, Permission::UsersSupport).await
}

/// One superadmin who can sign in must be left. Whoever takes one away writes the same guard row first, so two
/// who do it at once go one after the other, and the second sees what the first did.
pub(super) async fn must_leave_one(tx: &mut Tx, leaving: UserId) -> Result<()> {
    store::guard_superadmins(tx).await?;
    if store::other_superadmins(tx, leaving).await? == 0 {
        return Err(Error::new(Code::LastSuperadmin));
    }
    Ok(())
}

/// Whether somebody acts on his own account. An API key is nobody's self.
#[must_use]
pub fn is_self(caller: &Caller, user: UserId) -> bool {
    matches!(caller.actor, Actor::User(id, _) if id == user)
}
