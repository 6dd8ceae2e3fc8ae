//! Hidden fields: what a caller may not see in others he cannot ask for, or sort by, either.

use super::{Facet, Field, Flag, Moment, Order, Search, Test};
use crate::{
    access::Caller,
    error::{Code, Error, Result},
};

/// Whether those who do not see everything see the e-mail addresses of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emails {
    /// They do.
    Shown,
    /// They do not.
    Hidden,
}

/// Goes on only when the caller sees what the search asks for.
pub(super) fn must_see(caller: &Caller, search: &Search, emails: Emails) -> Result<()> {
    if caller.sees_everything() {
        return Ok(());
    }
    let order = match search.order {
        Order::Email if emails == Emails::Hidden => Some("sort_by"),
        Order::LastLogin => Some("sort_by"),
        _ => None,
    };
    match search.filter.tests().iter().find_map(|test| hidden(test, emails)).or(order) {
        Some(field) => Err(Error::new(Code::FieldNotVisible).field(field)),
        None => Ok(()),
    }
}

/// The field of a condition that is hidden.
fn hidden(test: &Test, emails: Emails) -> Option<&'static str> {
    match test {
        Test::Text { field: Field::IpAddress, .. } => Some("ip_address"),
        Test::Text { field: Field::Email, .. } if emails == Emails::Hidden => Some("email"),
        Test::Word { fields, .. } if emails == Emails::Hidden && fields.contains(&Field::Email) => Some("query"),
        Test::Range { moment: Moment::LastLogin, .. } => Some("last_login"),
        Test::Facet(facet) if facet.mask == Facet::flag(Flag::Mfa, true).mask => Some("mfa_enabled"),
        Test::Facet(facet) if facet.mask == Facet::flag(Flag::Synced, true).mask => Some("synced"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::{Origin, Role},
        clock::Time,
        id::Id,
        search::{Count, Direction, Filter, How},
    };

    fn verdict(filter: Filter, order: Order, role: Role, emails: Emails) -> Option<String> {
        let caller =
            Caller::user(Id::from_uuid(uuid::Uuid::nil()), Id::from_uuid(uuid::Uuid::nil()), role, Origin::default());
        let (direction, count) = (Direction::Ascending, Count::Quick);
        let search = Search { filter, order, direction, cursor: None, limit: 1, offset: 0, count };
        let error = must_see(&caller, &search, emails).err()?;
        assert_eq!(error.code(), Code::FieldNotVisible);
        Some(error.broken()[0].field.to_string())
    }

    #[test]
    fn what_is_hidden_is_not_asked_for() {
        let any = Filter::default;
        let time = Time::from_micros(7);
        let hidden = [
            (any().text(Field::IpAddress, How::Exact, "::1"), Order::CreatedAt, "ip_address"),
            (any().flag(Flag::Mfa, false), Order::CreatedAt, "mfa_enabled"),
            (any().role(Role::User).flag(Flag::Synced, true), Order::CreatedAt, "synced"),
            (any().after(Moment::LastLogin, time), Order::CreatedAt, "last_login"),
            (any().before(Moment::LastLogin, time), Order::CreatedAt, "last_login"),
            (any().never_logged_in(true), Order::CreatedAt, "last_login"),
            (any(), Order::LastLogin, "sort_by"),
        ];
        for (filter, order, field) in hidden {
            let told = verdict(filter.clone(), order, Role::User, Emails::Shown);
            assert_eq!(told.as_deref(), Some(field), "{filter:?}");
            assert_eq!(verdict(filter, order, Role::Admin, Emails::Hidden), None);
        }
        let addresses = [
            (any().text(Field::Email, How::Ends, "@example.com"), Order::CreatedAt, "email"),
            (any().words(&Field::WORDS, "ann"), Order::CreatedAt, "query"),
            (any(), Order::Email, "sort_by"),
        ];
        for (filter, order, field) in addresses {
            let told = verdict(filter.clone(), order, Role::User, Emails::Hidden);
            assert_eq!(told.as_deref(), Some(field), "{filter:?}");
            assert_eq!(verdict(filter, order, Role::User, Emails::Shown), None);
        }
        let open = any().words(&Field::NAMES, "ann").flag(Flag::Active, true).before(Moment::CreatedAt, time);
        assert_eq!(verdict(open, Order::LastName, Role::User, Emails::Hidden), None);
    }
}
