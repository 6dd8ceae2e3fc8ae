//! Who may do what: permissions, roles, and the caller of a verb.
//!
//! The invariant: deny by default. A verb begins with [`Caller::must`]; the command line, the HTTP edge and
//! background work all enter at the verb, so a permission is checked in one place. Begin with [`Caller`].

mod permission;
mod role;

use std::net::IpAddr;

pub use permission::{Permission, Permissions};
pub use role::Role;

use crate::{
    error::{Code, Error, Result},
    id::{SessionId, UserId},
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
    role: Role,
    permissions: Permissions,
}

/// As whom somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// The program itself.
    System,
    /// Whoever may use the command line here.
    Operator,
    /// A person, in a session.
    User(UserId, SessionId),
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
        }
    }
}

impl Caller {
    /// Somebody who has not signed in.
    #[must_use]
    pub fn anonymous(origin: Origin) -> Self {
        Self { actor: Actor::Anonymous, origin, role: Role::User, permissions: Permissions::default() }
    }

    /// A person with his role, in a session.
    #[must_use]
    pub fn user(user: UserId, session: SessionId, role: Role, origin: Origin) -> Self {
        Self { actor: Actor::User(user, session), origin, role, permissions: role.permissions() }
    }

    /// Whoever may use the command line.
    #[must_use]
    pub fn operator() -> Self {
        let permissions = Permissions::of(Permission::ALL);
        Self { actor: Actor::Operator, origin: Origin::default(), role: Role::Superadmin, permissions }
    }

    /// The program itself.
    #[must_use]
    pub fn system() -> Self {
        Self { actor: Actor::System, ..Self::operator() }
    }

    /// The person who acts.
    ///
    /// # Errors
    /// `not_signed_in` when it is no person.
    pub fn signed_in(&self) -> Result<(UserId, SessionId)> {
        match self.actor {
            Actor::User(user, session) => Ok((user, session)),
            _ => Err(Error::new(Code::NotSignedIn)),
        }
    }

    /// Goes on only with this permission.
    ///
    /// # Errors
    /// `not_signed_in` or `forbidden`.
    pub fn must(&self, permission: Permission) -> Result<()> {
        match self.actor {
            _ if self.permissions.contains(permission) => Ok(()),
            Actor::Anonymous => Err(Error::new(Code::NotSignedIn)),
            _ => Err(Error::new(Code::Forbidden).because(permission.as_str())),
        }
    }

    /// Goes on only above this rank: nobody acts on his own rank or above, except a superadmin.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn must_outrank(&self, role: Role) -> Result<()> {
        if self.role > role || self.role == Role::Superadmin { Ok(()) } else { Err(Error::new(Code::Forbidden)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_on_his_own_rank_or_above() {
        let of = |role| Caller { role, ..Caller::operator() };
        assert!(of(Role::Admin).must_outrank(Role::User).is_ok());
        assert!(of(Role::Admin).must_outrank(Role::Admin).is_err());
        assert!(of(Role::Admin).must_outrank(Role::Superadmin).is_err());
        assert!(of(Role::Superadmin).must_outrank(Role::Superadmin).is_ok());
        assert!(Caller::anonymous(Origin::default()).must(Permission::UsersList).is_err());
    }
}
