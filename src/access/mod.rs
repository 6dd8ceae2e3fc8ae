//! Who may do what: permissions, roles, and the caller of a verb.
//!
//! The invariant: deny by default. A verb begins with [`Caller::must`]; the command line, the HTTP edge and
//! background work all enter at the verb, so a permission is checked in one place. Begin with [`Caller`].

mod authority;
mod permission;
mod plan;
mod role;

use std::net::IpAddr;

pub use authority::{Authority, Basis, Grant};
pub use permission::{Permission, Permissions};
pub use plan::Plan;
pub use role::{Rank, Role};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Code, Error, Result},
    id::{KeyId, SessionId, UserId},
};

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as far as it can be trusted.
    pub ip: Option<IpAddr>,
    /// What the client calls itself; at most 512 characters.
    pub user_agent: Option<String>,
}

/// Who acts.
#[derive(Clone, Debug)]
pub struct Caller {
    /// As whom.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    authority: Authority,
}

/// As whom somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// The program itself.
    System,
    /// Whoever may use the command line here.
    Operator,
    /// A person, in a session.
    User(UserId, SessionId),
    /// A program, by an API key of this person.
    Key(UserId, KeyId),
}

impl Actor {
    /// The kind of actor, as the log names it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::System => "system",
            Self::Operator => "operator",
            Self::User(..) => "user",
            Self::Key(..) => "key",
        }
    }
}

impl Caller {
    /// Somebody who has not signed in.
    #[must_use]
    pub fn anonymous(origin: Origin) -> Self {
        Self::new(Actor::Anonymous, Authority::of_role(Role::User), origin)
    }

    /// Somebody with what he may do.
    #[must_use]
    pub const fn new(actor: Actor, authority: Authority, origin: Origin) -> Self {
        Self { actor, origin, authority }
    }

    /// A person with nothing but his role, in a session.
    #[must_use]
    pub fn user(user: UserId, session: SessionId, role: Role, origin: Origin) -> Self {
        Self::new(Actor::User(user, session), Authority::of_role(role), origin)
    }

    /// Whoever may use the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self::new(Actor::Operator, Authority::of_role(Role::Superadmin), Origin::default())
    }

    /// The program itself.
    #[must_use]
    pub fn system() -> Self {
        Self { actor: Actor::System, ..Self::operator() }
    }

    /// What he may do.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The person who acts, in a session of his.
    ///
    /// # Errors
    /// `not_signed_in` when it is no person; `forbidden` to an API key, which never acts on its maker's own account.
    pub fn signed_in(&self) -> Result<(UserId, SessionId)> {
        match self.actor {
            Actor::User(user, session) => Ok((user, session)),
            Actor::Key(..) => {
                Err(Error::new(Code::Forbidden).detail("This needs the person himself: an API key does not do it."))
            }
            _ => Err(Error::new(Code::NotSignedIn)),
        }
    }

    /// The person who acts, or for whom a program does.
    #[must_use]
    pub const fn person(&self) -> Option<UserId> {
        match self.actor {
            Actor::User(user, _) | Actor::Key(user, _) => Some(user),
            Actor::Anonymous | Actor::System | Actor::Operator => None,
        }
    }

    /// Whether he has this permission.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.authority.permissions.contains(permission)
    }

    /// Whether he sees all of other users: whoever may change their data does.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        self.may(Permission::UsersUpdate)
    }

    /// Goes on only when he holds all of these himself: nobody hands on what he lacks.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn must_hold(&self, permissions: Permissions) -> Result<()> {
        if self.authority.permissions.covers(permissions) {
            return Ok(());
        }
        Err(Error::new(Code::Forbidden).detail("Nobody grants a permission that he does not hold."))
    }

    /// Goes on only when he may give somebody this role: it is below his rank, and holds nothing that he lacks. A key
    /// has the rank of its maker, and seldom all that he holds.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn must_give(&self, role: Role) -> Result<()> {
        self.must_outrank(role)?;
        self.must_hold(role.permissions())
    }

    /// Goes on only with this permission.
    ///
    /// # Errors
    /// `not_signed_in` or `forbidden`.
    pub fn must(&self, permission: Permission) -> Result<()> {
        match self.actor {
            _ if self.may(permission) => Ok(()),
            Actor::Anonymous => Err(Error::new(Code::NotSignedIn)),
            _ => Err(Error::new(Code::Forbidden).because(permission.as_str())),
        }
    }

    /// Goes on only above this rank: nobody acts on his own rank or above, except a superadmin.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn must_outrank(&self, rank: impl Into<Rank>) -> Result<()> {
        let own = self.authority.rank();
        if own > rank.into() || own == Rank::Superadmin { Ok(()) } else { Err(Error::new(Code::Forbidden)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_key_of_a_superadmin_gives_no_role_but_the_least() {
        let mut authority = Authority::of_role(Role::Superadmin);
        authority.permissions = Permissions::of(&[Permission::UsersGrant, Permission::UsersCreate]);
        let key = Caller { authority, ..Caller::operator() };
        assert!(key.must_give(Role::User).is_ok());
        assert!(key.must_give(Role::Admin).is_err() && key.must_give(Role::Superadmin).is_err());
        assert!(Caller::operator().must_give(Role::Superadmin).is_ok());
    }

    #[test]
    fn nobody_acts_on_his_own_rank_or_above() {
        let of = |role| Caller { authority: Authority::of_role(role), ..Caller::operator() };
        assert!(of(Role::Admin).must_outrank(Role::User).is_ok());
        assert!(of(Role::Admin).must_outrank(Role::Admin).is_err());
        assert!(of(Role::Admin).must_outrank(Role::Superadmin).is_err());
        assert!(of(Role::Superadmin).must_outrank(Role::Superadmin).is_ok());
        assert!(Caller::anonymous(Origin::default()).must(Permission::UsersList).is_err());
    }
}
