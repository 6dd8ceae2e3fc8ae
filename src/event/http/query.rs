//! What the audit trail takes.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::{
    body,
    clock::Time,
    error::{Error, Result},
    event::{
        Kind, Outcome,
        trail::{Filter, Place, Who},
    },
    http::{Input, Int, Paging, Rule, input::text},
    id::{SessionId, UserId},
};

/// What is asked for: what must hold, how much of it, and behind which place.
pub(super) type Asked = (Filter, Paging, Option<Place>);

body! {
    /// Filters, all of which must hold, and which part of the trail.
    pub(crate) struct Query {
        /// What happened.
        kind: Option<Kind>,
        /// Who acted: the id of a user, also where a program acted by his API key; or `anonymous`, `operator`, `system`.
        actor: Option<Who>,
        /// The id of the user whom it concerns; he may be deleted.
        user: Option<UserId>,
        /// From which address.
        #[example("192.0.2.7")]
        ip: Option<IpAddr>,
        /// The id of the session which it concerns, or in which the actor acted.
        session: Option<SessionId>,
        /// Whether it took place.
        outcome: Option<Outcome>,
        /// At this time or later.
        after: Option<Time>,
        /// Before this time.
        before: Option<Time>,
        /// Always 1: go on by `cursor`.
        page: Option<Int<1, { i64::MAX }>>,
        /// Events on a page.
        size: Option<Int<1, 100>>,
        /// Where the page before ended: its `next_cursor`.
        #[example("MTcwMDAwMDAwMDAwMDAwMSA3")]
        cursor: Option<String>,
    }
}

body! {
    /// As of the whole trail, but for whom it concerns.
    pub(crate) struct OfUser {
        /// What happened.
        kind: Option<Kind>,
        /// Who acted: the id of a user, also where a program acted by his API key; or `anonymous`, `operator`, `system`.
        actor: Option<Who>,
        /// From which address.
        #[example("192.0.2.7")]
        ip: Option<IpAddr>,
        /// The id of the session which it concerns, or in which the actor acted.
        session: Option<SessionId>,
        /// Whether it took place.
        outcome: Option<Outcome>,
        /// At this time or later.
        after: Option<Time>,
        /// Before this time.
        before: Option<Time>,
        /// Always 1: go on by `cursor`.
        page: Option<Int<1, { i64::MAX }>>,
        /// Events on a page.
        size: Option<Int<1, 100>>,
        /// Where the page before ended: its `next_cursor`.
        #[example("MTcwMDAwMDAwMDAwMDAwMSA3")]
        cursor: Option<String>,
    }
}

impl Query {
    pub(super) fn asked(self) -> Result<Asked> {
        let Self { kind, actor, user, ip, session, outcome, after, before, page, size, cursor } = self;
        if cursor.is_none() && page.as_ref().is_some_and(|page| page.get() > 1) {
            return Err(Error::invalid("page", "use_cursor", "The trail has no page numbers. Go on with 'cursor'."));
        }
        let paging = Paging::new(page, size, None, cursor)?;
        let behind = paging.cursor().map(Place::parse).transpose()?;
        Ok((Filter { kind, actor, user, ip, session, outcome, after, before }, paging, behind))
    }
}

impl OfUser {
    pub(super) fn asked(self, user: UserId) -> Result<Asked> {
        let Self { kind, actor, ip, session, outcome, after, before, page, size, cursor } = self;
        let user = Some(user);
        Query { kind, actor, user, ip, session, outcome, after, before, page, size, cursor }.asked()
    }
}

impl Place {
    /// As clients carry it. It is not signed: whoever forges one asks for a page that he could have asked for anyway.
    pub(super) fn to_text(self) -> String {
        format!("{}-{}", self.at.micros(), self.seq)
    }

    fn parse(text: &str) -> Result<Self> {
        let number = |text: &str| text.parse().ok().filter(|n| (0..=MOST).contains(n) && text.len() <= DIGITS);
        let place = text.split_once('-').and_then(|(at, seq)| Some((number(at)?, number(seq)?)));
        let refused = || Error::invalid("cursor", "invalid_cursor", "This cursor was not given for this list.");
        place.map(|(at, seq)| Self { at: Time::from_micros(at), seq }).ok_or_else(refused)
    }
}

/// The year 9999: no later time is stored, and not every engine has one.
const MOST: i64 = 253_402_300_799_000_000;
const DIGITS: usize = 18;

impl Input for Kind {
    fn read(value: &Value) -> Result<Self, Rule> {
        let rule =
            || Rule::new("unknown_kind", "See docs/events.md, or the documentation of this route, for what there is.");
        Self::parse(text(value)?).ok_or_else(rule)
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": Self::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>()})
    }
}

impl Input for Outcome {
    fn read(value: &Value) -> Result<Self, Rule> {
        let text = text(value)?;
        let found = Self::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        found.ok_or_else(|| Rule::new("unknown_outcome", "This must be 'success' or 'refused'."))
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}

impl Input for Who {
    fn read(value: &Value) -> Result<Self, Rule> {
        let text = text(value)?;
        let nobody = Self::NOBODY.into_iter().find(|kind| *kind == text).map(Self::Nobody);
        let rule = || Rule::new("invalid_actor", "This must be a UUID, 'anonymous', 'operator' or 'system'.");
        nobody.or_else(|| text.parse().ok().map(Self::Person)).ok_or_else(rule)
    }
    fn schema() -> Value {
        // The longest form of a UUID is a URN.
        json!({"type": "string", "maxLength": 45, "examples": ["01890a5d-ac96-774b-bcce-b302099a8057"]})
    }
}
