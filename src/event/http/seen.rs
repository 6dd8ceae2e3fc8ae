//! Events as a caller sees them.
//!
//! Of the user whom an event concerns he sees what he sees of him elsewhere; of its actor, where he came from only if
//! he sees that of others, or was it himself, or a stranger at his own door. What he does not see he cannot ask for either.

use serde_json::{Map, Value, json};

use crate::{
    access::{Actor, Caller},
    account::{rank::is_self, view::Contact},
    error::{Code, Error, Result},
    event::trail::{Filter, Told},
};

/// What of an event's data says nothing that is hidden in others.
const OPEN: &[&str] = &[
    "amr",
    "code",
    "count",
    "erase_at",
    "events",
    "granted",
    "key_id",
    "kid",
    "method",
    "name",
    "permission",
    "permissions",
    "reason",
    "route",
    "source",
    "taken",
];

/// Goes on only when the caller sees what the filter asks for.
pub(super) fn must_see(caller: &Caller, filter: &Filter) -> Result<()> {
    if filter.ip.is_none() || caller.sees_everything() {
        return Ok(());
    }
    Err(Error::new(Code::FieldNotVisible).field("ip"))
}

/// How much of events is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Everything.
    Whole,
    /// Of others what everybody sees of them.
    Open,
    /// Of others nothing.
    Own,
}

/// An event without what this caller may not see.
pub(super) fn view(caller: &Caller, event: Told) -> Map<String, Value> {
    told(caller, event, if caller.sees_everything() { Sight::Whole } else { Sight::Open })
}

/// An event as it concerns the caller himself. What it says of others he does not export as his own, whoever he is.
pub(crate) fn own(caller: &Caller, event: Told) -> Map<String, Value> {
    told(caller, event, Sight::Own)
}

fn told(caller: &Caller, event: Told, sight: Sight) -> Map<String, Value> {
    let whole = sight == Sight::Whole;
    let of_user = whole || event.user.is_some_and(|user| is_self(caller, user));
    // Whoever signs in, or tries to, is nobody yet: from where that was concerns the one whose account it is.
    let is_stranger = event.actor_kind == Actor::Anonymous.kind();
    let of_actor = whole || event.actor.map_or(of_user && is_stranger, |actor| is_self(caller, actor));
    // What a profile held before is as private as the profile.
    let is_open = sight == Sight::Open && event.kind.starts_with("user.");
    // The session is the actor's, or the one that the event is about.
    let has_session = sight != Sight::Own || of_actor || event.kind.starts_with("session.");
    let data = event.data.map(|data| {
        let keep = |(name, value): (String, Value)| match name.as_str() {
            // It stands beside the data.
            "ip" => None,
            "user_agent" | "key" => of_actor.then_some((name, value)),
            _ if of_user || OPEN.contains(&name.as_str()) => Some((name, value)),
            "user" | "before" if is_open => Some((name, open(value)?)),
            _ => None,
        };
        data.into_iter().filter_map(keep).collect::<Map<_, _>>()
    });
    let fields = [
        ("cursor", json!(event.place.seq)),
        ("at", json!(event.place.at)),
        ("kind", json!(event.kind)),
        ("outcome", json!(event.outcome)),
        ("actor", event.actor.map_or_else(|| json!(event.actor_kind), |actor| json!(actor))),
        ("user", json!(event.user)),
        ("session", json!(event.session.filter(|_| has_session))),
        ("ip", json!(event.ip.filter(|_| of_actor))),
        ("data", json!(data)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What everybody may see of a record.
fn open(value: Value) -> Option<Value> {
    let Value::Object(mut record) = value else { return None };
    record.retain(|field, _| !Contact::Hidden.hides(field));
    Some(record.into())
}
