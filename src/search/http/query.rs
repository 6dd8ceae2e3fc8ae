//! What `GET /users/search` takes.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::{
    access::Role,
    body,
    clock::Time,
    error::{Error, Fault, Result},
    http::{Input, Int, Line, Paging, Rule, input::text},
    search::{Count, Cursor, Direction, Emails, Field, Filter, Flag, How, Moment, Order, Search},
};

/// Most words of `query`.
const WORDS: usize = 8;

body! {
    /// Filters, all of which must hold; the order; and which part of the list.
    pub(crate) struct Query {
        /// Words, each of which is in a name, the username, the title, the location or the e-mail address.
        #[example("ann lisbon")]
        query: Option<Line<1, 255>>,
        /// Is in the e-mail address; of one or two characters, begins it. Case does not matter.
        #[example("@example.com")]
        email: Option<Line<1, 255>>,
        /// Begins the e-mail address.
        #[example("ann")]
        email_starts: Option<Line<1, 255>>,
        /// Ends the e-mail address.
        #[example("@example.com")]
        email_ends: Option<Line<1, 255>>,
        /// Is the whole e-mail address.
        #[example("ann@example.com")]
        email_exact: Option<Line<1, 255>>,
        /// Is in the username; of one or two characters, begins it. Case does not matter.
        #[example("ann")]
        username: Option<Line<1, 255>>,
        /// Begins the username.
        #[example("ann")]
        username_starts: Option<Line<1, 255>>,
        /// Ends the username.
        #[example("lee")]
        username_ends: Option<Line<1, 255>>,
        /// Is the whole username.
        #[example("ann.lee")]
        username_exact: Option<Line<1, 255>>,
        /// Is in the first name; of one or two characters, begins it. Case does not matter.
        #[example("Ann")]
        first_name: Option<Line<1, 255>>,
        /// Begins the first name.
        #[example("Ann")]
        first_name_starts: Option<Line<1, 255>>,
        /// Ends the first name.
        #[example("Ann")]
        first_name_ends: Option<Line<1, 255>>,
        /// Is the whole first name.
        #[example("Ann")]
        first_name_exact: Option<Line<1, 255>>,
        /// Is in the last name; of one or two characters, begins it. Case does not matter.
        #[example("Lee")]
        last_name: Option<Line<1, 255>>,
        /// Begins the last name.
        #[example("Lee")]
        last_name_starts: Option<Line<1, 255>>,
        /// Ends the last name.
        #[example("Lee")]
        last_name_ends: Option<Line<1, 255>>,
        /// Is the whole last name.
        #[example("Lee")]
        last_name_exact: Option<Line<1, 255>>,
        /// Is in the whole name; of one or two characters, begins it. Case does not matter.
        #[example("Ann")]
        full_name: Option<Line<1, 255>>,
        /// Begins the whole name.
        #[example("Ann")]
        full_name_starts: Option<Line<1, 255>>,
        /// Ends the whole name.
        #[example("Lee")]
        full_name_ends: Option<Line<1, 255>>,
        /// Is the whole name, from end to end.
        #[example("Ann Lee")]
        full_name_exact: Option<Line<1, 255>>,
        /// Is in the location; of one or two characters, begins it. Case does not matter.
        #[example("Lis")]
        location: Option<Line<1, 255>>,
        /// Begins the location.
        #[example("Lis")]
        location_starts: Option<Line<1, 255>>,
        /// Ends the location.
        #[example("bon")]
        location_ends: Option<Line<1, 255>>,
        /// Is the whole location.
        #[example("Lisbon")]
        location_exact: Option<Line<1, 255>>,
        /// Is in the current title; of one or two characters, begins it. Case does not matter.
        #[example("Car")]
        current_title: Option<Line<1, 255>>,
        /// Begins the current title.
        #[example("Car")]
        current_title_starts: Option<Line<1, 255>>,
        /// Ends the current title.
        #[example("her")]
        current_title_ends: Option<Line<1, 255>>,
        /// Is the whole current title.
        #[example("Cartographer")]
        current_title_exact: Option<Line<1, 255>>,
        /// The gender, as told.
        #[example("female")]
        gender: Option<Line<1, 255>>,
        /// The address that the person came from.
        #[example("192.0.2.7")]
        ip_address: Option<IpAddr>,
        /// The built-in role.
        role: Option<Role>,
        /// The plan.
        #[example("premium")]
        subscription_tier: Option<Line<1, 50>>,
        /// The id in the system the person came from.
        #[example("4711")]
        external_id: Option<Line<1, 255>>,
        /// Whether the account may sign in.
        is_active: Option<bool>,
        /// Whether the e-mail address is proved.
        is_verified: Option<bool>,
        /// Whether there is a premium plan.
        is_premium: Option<bool>,
        /// Whether a second factor is asked for.
        mfa_enabled: Option<bool>,
        /// Whether the account is in Keycloak too.
        synced: Option<YesNo>,
        /// Created at this time or later.
        created_after: Option<Time>,
        /// Created before this time.
        created_before: Option<Time>,
        /// Last signed in at this time or later.
        last_login_after: Option<Time>,
        /// Last signed in before this time.
        last_login_before: Option<Time>,
        /// Whether there was no sign-in yet.
        never_logged_in: Option<bool>,
        /// `created_at` by default.
        sort_by: Option<Order>,
        /// `asc` or `desc`, which is the default.
        sort_order: Option<Direction>,
        /// The number of the page, from 1.
        page: Option<Int<1, { i64::MAX }>>,
        /// People on a page.
        size: Option<Int<1, 100>>,
        /// As `size`; the answer then has the other names.
        page_size: Option<Int<1, 100>>,
        /// Where the page before ended: its `next_cursor`.
        #[example("MSBjcmVhdGVkX2F0IGRlc2MgNyA3")]
        cursor: Option<String>,
        /// `exact` waits for the exact total, `none` leaves it out.
        total: Option<Count>,
    }
}

impl Query {
    /// Refuses what tells which part of the list is wanted, or how many there are.
    pub(super) fn must_be_whole(&self) -> Result<()> {
        let parts = [
            ("page", self.page.is_some()),
            ("size", self.size.is_some()),
            ("page_size", self.page_size.is_some()),
            ("cursor", self.cursor.is_some()),
            ("total", self.total.is_some()),
        ];
        let fault = |(field, _): (&'static str, bool)| {
            Rule::new("unknown_field", "All whom a search finds are given: this has no place here.").of(field)
        };
        let faults: Vec<_> = parts.into_iter().filter(|(_, is_given)| *is_given).map(fault).collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::faults(faults)) }
    }

    /// What is asked for. The names of filters that are hidden are those of their fields.
    pub(super) fn search(self, shown: Emails) -> Result<(Search, Paging)> {
        let paging = Paging::new(self.page, self.size, self.page_size, self.cursor)?;
        let order = self.sort_by.unwrap_or(Order::CreatedAt);
        let direction = self.sort_order.unwrap_or(Direction::Descending);
        let cursor = paging.cursor().map(|cursor| Cursor::parse(cursor, order, direction)).transpose();
        let cursor = cursor.map_err(|rule| Error::faults(vec![rule.of("cursor")]))?;
        let mut filter = Filter::default();
        if let Some(query) = self.query {
            if query.split_whitespace().count() > WORDS {
                let message = format!("This takes at most {WORDS} words.");
                let fault = Fault { field: "query".into(), code: "too_many_words", message: message.into() };
                return Err(Error::faults(vec![fault]));
            }
            let fields = if shown == Emails::Shown { &Field::WORDS[..] } else { &Field::NAMES };
            filter = filter.words(fields, &query);
        }
        let texts = [
            (Field::Email, How::Contains, self.email),
            (Field::Email, How::Starts, self.email_starts),
            (Field::Email, How::Ends, self.email_ends),
            (Field::Email, How::Exact, self.email_exact),
            (Field::Username, How::Contains, self.username),
            (Field::Username, How::Starts, self.username_starts),
            (Field::Username, How::Ends, self.username_ends),
            (Field::Username, How::Exact, self.username_exact),
            (Field::FirstName, How::Contains, self.first_name),
            (Field::FirstName, How::Starts, self.first_name_starts),
            (Field::FirstName, How::Ends, self.first_name_ends),
            (Field::FirstName, How::Exact, self.first_name_exact),
            (Field::LastName, How::Contains, self.last_name),
            (Field::LastName, How::Starts, self.last_name_starts),
            (Field::LastName, How::Ends, self.last_name_ends),
            (Field::LastName, How::Exact, self.last_name_exact),
            (Field::FullName, How::Contains, self.full_name),
            (Field::FullName, How::Starts, self.full_name_starts),
            (Field::FullName, How::Ends, self.full_name_ends),
            (Field::FullName, How::Exact, self.full_name_exact),
            (Field::Location, How::Contains, self.location),
            (Field::Location, How::Starts, self.location_starts),
            (Field::Location, How::Ends, self.location_ends),
            (Field::Location, How::Exact, self.location_exact),
            (Field::CurrentTitle, How::Contains, self.current_title),
            (Field::CurrentTitle, How::Starts, self.current_title_starts),
            (Field::CurrentTitle, How::Ends, self.current_title_ends),
            (Field::CurrentTitle, How::Exact, self.current_title_exact),
            (Field::Gender, How::Exact, self.gender),
            (Field::ExternalId, How::Exact, self.external_id),
        ];
        for (field, how, text) in texts {
            filter = match text {
                Some(text) => filter.text(field, how, &text),
                None => filter,
            };
        }
        if let Some(ip) = self.ip_address {
            filter = filter.text(Field::IpAddress, How::Exact, &ip.to_string());
        }
        let flags = [
            (Flag::Active, self.is_active),
            (Flag::Verified, self.is_verified),
            (Flag::Premium, self.is_premium),
            (Flag::Mfa, self.mfa_enabled),
            (Flag::Synced, self.synced.map(|YesNo(is)| is)),
        ];
        for (flag, is) in flags {
            filter = is.map_or(filter.clone(), |is| filter.flag(flag, is));
        }
        filter = self.role.map_or(filter.clone(), |role| filter.role(role));
        filter = self.subscription_tier.map_or(filter.clone(), |tier| filter.tier(&tier));
        filter = self.created_after.map_or(filter.clone(), |time| filter.after(Moment::CreatedAt, time));
        filter = self.created_before.map_or(filter.clone(), |time| filter.before(Moment::CreatedAt, time));
        filter = self.last_login_after.map_or(filter.clone(), |time| filter.after(Moment::LastLogin, time));
        filter = self.last_login_before.map_or(filter.clone(), |time| filter.before(Moment::LastLogin, time));
        filter = self.never_logged_in.map_or(filter.clone(), |never| filter.never_logged_in(never));
        let count = self.total.unwrap_or(Count::Quick);
        let (limit, offset) = (paging.limit(), paging.offset());
        Ok((Search { filter, order, direction, cursor, limit, offset, count }, paging))
    }
}

/// One of some words.
macro_rules! one_of {
    ($($kind:ty, $list:expr, $parse:expr;)+) => {$(
        impl Input for $kind {
            fn read(value: &Value) -> Result<Self, Rule> {
                let parse: fn(&str) -> Option<Self> = $parse;
                let list: Vec<&str> = $list;
                parse(text(value)?)
                    .ok_or_else(|| Rule::new("unknown_value", format!("This must be one of: {}.", list.join(", "))))
            }
            fn schema() -> Value {
                let list: Vec<&str> = $list;
                json!({"type": "string", "enum": list})
            }
        }
    )+};
}

/// `yes` or `no`, which are the words of the answer, or `true` or `false`.
pub(crate) struct YesNo(bool);

one_of! {
    Order, Self::ALL.iter().map(|order| order.as_str()).collect(), Self::parse;
    YesNo, vec!["yes", "no", "true", "false"], |text| match text {
        "yes" | "true" => Some(Self(true)),
        "no" | "false" => Some(Self(false)),
        _ => None,
    };
    Direction, vec!["asc", "desc"], |text| match text {
        "asc" => Some(Self::Ascending),
        "desc" => Some(Self::Descending),
        _ => None,
    };
    Count, vec!["exact", "none"], |text| match text {
        "exact" => Some(Self::Exact),
        "none" => Some(Self::None),
        _ => None,
    };
}

impl Input for IpAddr {
    fn read(value: &Value) -> Result<Self, Rule> {
        text(value)?.parse().map_err(|_| Rule::new("invalid_ip_address", "This must be an IP address."))
    }
    fn schema() -> Value {
        // The longest has its last 32 bits written as IPv4.
        json!({"type": "string", "minLength": 2, "maxLength": 45})
    }
}
