//! Which index answers a question, and the walk along it.

use super::{Filter, MOST, Place, Who, store};
use crate::{
    clock::Time,
    db::{Conn, Value},
    error::Result,
    event::Outcome,
};

/// Passing events are counted this far, to tell which filter fewest pass.
const COUNTED: i64 = 1_000;
/// Events of the first look and of the later ones, where others are asked of them.
const FIRST: usize = 250;
const LATER: usize = 2_500;

/// An index of the log: the filter that it answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Drive {
    Session(Value),
    User(Value),
    Actor(Value),
    Nobody(Value),
    Ip(Value),
    /// A kind and an outcome.
    Kind(Value, Value),
    Outcome(Value),
}

/// The part of the trail that is asked for: behind a place, and not before a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub behind: Place,
    pub since: Time,
}

/// Later than any event.
const END: Time = Time::from_micros(253_402_300_799_000_000);

impl Range {
    pub(super) fn of(filter: &Filter, behind: Option<Place>) -> Self {
        let before = Place { at: filter.before.unwrap_or(END), seq: 0 };
        let since = filter.after.unwrap_or(Time::from_micros(0));
        Self { behind: behind.map_or(before, |behind| behind.min(before)), since }
    }
}

/// Every way to answer: each is one walk, or two that are merged.
pub(super) fn drives(filter: &Filter) -> Vec<Vec<Drive>> {
    let outcome = filter.outcome.map(|outcome| Value::from(outcome.as_str()));
    let each = |of: &dyn Fn(Value) -> Drive| match &outcome {
        Some(outcome) => vec![of(outcome.clone())],
        None => Outcome::ALL.iter().map(|outcome| of(outcome.as_str().into())).collect(),
    };
    let mut ways = Vec::new();
    ways.extend(filter.session.map(|id| vec![Drive::Session(id.into())]));
    ways.extend(filter.user.map(|id| vec![Drive::User(id.into())]));
    ways.extend(filter.actor.map(|who| match who {
        Who::Person(id) => vec![Drive::Actor(id.into())],
        Who::Nobody(kind) => vec![Drive::Nobody(kind.into())],
    }));
    ways.extend(filter.ip.map(|ip| vec![Drive::Ip(ip.to_string().into())]));
    ways.extend(filter.kind.map(|kind| each(&|outcome| Drive::Kind(kind.as_str().into(), outcome))));
    if ways.is_empty() || outcome.is_some() && filter.kind.is_none() {
        ways.push(each(&Drive::Outcome));
    }
    ways
}

/// The places of up to `limit` events, and behind which to go on.
pub(super) async fn walk(
    conn: &mut Conn,
    filter: &Filter,
    behind: Option<Place>,
    limit: usize,
) -> Result<(Vec<Place>, Option<Place>)> {
    let mut range = Range::of(filter, behind);
    let ways = drives(filter);
    let is_alone = ways.len() == 1;
    let way = choose(conn, ways, range).await?;
    let (mut found, mut looked_at) = (Vec::new(), 0);
    loop {
        let take = match (is_alone, looked_at) {
            (true, _) => limit + 1 - found.len(),
            (false, 0) => FIRST,
            _ => LATER,
        };
        let (rows, is_end) = look(conn, &way, range, take).await?;
        for row in &rows {
            range.behind = row.place();
            if row.passes(filter) {
                found.push(row.place());
            }
            if found.len() > limit {
                found.pop();
                let last = found.last().copied();
                return Ok((found, last));
            }
        }
        looked_at += rows.len();
        if is_end || looked_at >= MOST {
            return Ok((found, (!is_end).then_some(range.behind)));
        }
    }
}

/// The way that fewest events pass. One that is short is as good as the shortest.
async fn choose(conn: &mut Conn, ways: Vec<Vec<Drive>>, range: Range) -> Result<Vec<Drive>> {
    let (mut best, mut least) = (Vec::new(), i64::MAX);
    let is_alone = ways.len() == 1;
    for way in ways {
        let mut count = 0;
        for drive in way.iter().filter(|_| !is_alone) {
            count += store::count(conn, drive, range, COUNTED).await?;
        }
        if count < least {
            (best, least) = (way, count);
        }
    }
    Ok(best)
}

/// The next rows of a way, in order, and whether they are the last. Of two walks that are merged, what lies behind the
/// end of one that goes on is left for the next look.
async fn look(conn: &mut Conn, way: &[Drive], range: Range, take: usize) -> Result<(Vec<store::Row>, bool)> {
    let (mut rows, mut reach) = (Vec::new(), None);
    for drive in way {
        let some = store::rows(conn, drive, range, take).await?;
        if some.len() == take {
            reach = reach.max(some.last().map(store::Row::place));
        }
        rows.extend(some);
    }
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.place()));
    rows.retain(|row| reach.is_none_or(|reach| row.place() >= reach));
    Ok((rows, reach.is_none()))
}
