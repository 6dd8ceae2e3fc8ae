//! Pages of users, in one of several orders.
//!
//! Each order is a total one: the id decides between equals. Those without a value come last, whichever way the rest
//! goes, so one index serves both ways on both engines. A [`Place`] is where a page ended: the next one begins behind
//! it, however many come or go meanwhile.

mod store;

use super::{Email, User, Username};
use crate::{
    access::{Caller, Permission},
    db::{Conn, Value},
    error::{Code, Error, Result},
    id::UserId,
};

/// What users are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// When the account was made.
    CreatedAt,
    /// When its data last changed.
    UpdatedAt,
    /// When its person last signed in.
    LastLogin,
    /// Its address.
    Email,
    /// Its username.
    Username,
    /// Its person's last name.
    LastName,
    /// Its person's first name.
    FirstName,
    /// Its role.
    Role,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// An order of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub column: Column,
    /// Which way.
    pub direction: Direction,
}

/// Where a page ended: the value that its last user is sorted by, and his id.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The value; nothing for those who have none.
    pub value: Option<Value>,
    /// The id.
    pub id: UserId,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// After so many.
    Skip(i64),
    /// Behind a place.
    After(Place),
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::LastLogin,
        Self::Email,
        Self::Username,
        Self::LastName,
        Self::FirstName,
        Self::Role,
    ];

    /// The field's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::LastLogin => "last_login",
            Self::Email => "email",
            Self::Username => "username",
            Self::LastName => "last_name",
            Self::FirstName => "first_name",
            Self::Role => "role",
        }
    }

    /// Whether its values are times; otherwise they are texts.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt | Self::LastLogin)
    }

    const fn may_be_absent(self) -> bool {
        !matches!(self, Self::CreatedAt | Self::UpdatedAt | Self::Role)
    }

    /// What a user is sorted by.
    fn value(self, user: &User) -> Option<Value> {
        match self {
            Self::CreatedAt => Some(user.created_at.into()),
            Self::UpdatedAt => Some(user.updated_at.into()),
            Self::LastLogin => user.last_login.map(Into::into),
            Self::Email => Email::parse(&user.email).ok().map(|email| email.key().into()),
            Self::Username => Username::parse(user.username.as_deref()?).ok().map(|name| name.key().into()),
            Self::LastName => user.last_name.clone().map(Into::into),
            Self::FirstName => user.first_name.clone().map(Into::into),
            Self::Role => Some(user.role.into()),
        }
    }
}

/// Whether the e-mail addresses of others are shown to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// They are.
    Open,
    /// Each decides for himself.
    Private,
}

/// One page, and where it ended when there is more.
///
/// # Errors
/// `forbidden`; `field_not_visible` when the order would tell what the caller may not see in others.
pub async fn list(
    caller: &Caller,
    conn: &mut Conn,
    addresses: Addresses,
    order: Order,
    start: &Start,
    limit: i64,
) -> Result<(Vec<User>, Option<Place>)> {
    caller.must(Permission::UsersList)?;
    must_see(caller, addresses, order.column)?;
    let mut rows = store::page(conn, order, start, limit + 1).await?;
    let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    let last = rows.last().filter(|_| more).map(|user| Place { value: order.column.value(user), id: user.id });
    Ok((rows, last))
}

/// How many accounts there are.
///
/// # Errors
/// Of the database.
pub async fn count(conn: &mut Conn) -> Result<u64> {
    Ok(u64::try_from(store::count(conn).await?).unwrap_or(0))
}

fn must_see(caller: &Caller, addresses: Addresses, column: Column) -> Result<()> {
    let is_hidden = match column {
        Column::Email => addresses == Addresses::Private,
        column => super::view::HIDDEN.contains(&column.as_str()),
    };
    if !is_hidden || caller.sees_everything() {
        return Ok(());
    }
    let text = format!("You do not see '{}' in others, so you cannot sort by it.", column.as_str());
    Err(Error::new(Code::FieldNotVisible).detail(text))
}
