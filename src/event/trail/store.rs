//! The trail's SQL: walks along one index each.

use super::{
    Filter, Place, Told, Who,
    walk::{Drive, Range, drives},
};
use crate::{
    clock::Time,
    db::{Conn, Engine, Record, Sql},
    error::Result,
    id::{SessionId, UserId},
    record, sql,
};

record! {
    /// What a filter asks of an event.
    pub(super) struct Row {
        at: Time,
        seq: i64,
        kind: String,
        outcome: String,
        actor_kind: String,
        actor: Option<UserId>,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
        ip: Option<String>,
    }
}

record! {
    /// A whole event.
    struct Whole {
        at: Time,
        seq: i64,
        kind: String,
        outcome: String,
        actor_kind: String,
        actor: Option<UserId>,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
        ip: Option<String>,
        data: Option<String>,
    }
}

impl Row {
    pub(super) const fn place(&self) -> Place {
        Place { at: self.at, seq: self.seq }
    }

    /// Whether everything holds, but for the times.
    pub(super) fn passes(&self, filter: &Filter) -> bool {
        filter.kind.is_none_or(|kind| kind.as_str() == self.kind)
            && filter.outcome.is_none_or(|outcome| outcome.as_str() == self.outcome)
            && filter.user.is_none_or(|user| self.user_id == Some(user))
            && filter.session.is_none_or(|session| self.session_id == Some(session))
            && filter.ip.is_none_or(|ip| self.ip.as_deref() == Some(ip.to_string().as_str()))
            && filter.actor.is_none_or(|who| match who {
                Who::Person(id) => self.actor == Some(id),
                Who::Nobody(kind) => self.actor.is_none() && self.actor_kind == kind,
            })
    }
}

/// The conditions that one index answers.
fn driven(query: Sql, drive: &Drive, range: Range) -> Sql {
    let query = match drive {
        Drive::Session(id) => query.push("session_id = ").value(id.clone()),
        Drive::User(id) => query.push("user_id = ").value(id.clone()),
        Drive::Actor(id) => query.push("actor = ").value(id.clone()),
        Drive::Nobody(kind) => query.push("actor is null and actor_kind = ").value(kind.clone()),
        Drive::Ip(ip) => query.push("ip = ").value(ip.clone()),
        Drive::Kind(kind, outcome) => {
            query.push("kind = ").value(kind.clone()).push(" and outcome = ").value(outcome.clone())
        }
        Drive::Outcome(outcome) => query.push("seq > 0 and outcome = ").value(outcome.clone()),
    };
    let query = query.push(" and (at, seq) < (").value(range.behind.at).push(", ").value(range.behind.seq);
    query.push(") and at >= ").value(range.since)
}

/// The next `take` rows of a walk.
pub(super) async fn rows(conn: &mut Conn, drive: &Drive, range: Range, take: usize) -> Result<Vec<Row>> {
    walk(drive, range, take).fetch_all(conn).await
}

fn walk(drive: &Drive, range: Range, take: usize) -> Sql {
    let query = driven(sql!("select ", Row::COLUMNS, " from events where "), drive, range);
    query.push(" order by at desc, seq desc limit ").value(i64::try_from(take).unwrap_or(i64::MAX)).long()
}

/// How many events a walk has, counted up to `most`.
pub(super) async fn count(conn: &mut Conn, drive: &Drive, range: Range, most: i64) -> Result<i64> {
    counting(drive, range, most).scalar(conn).await
}

fn counting(drive: &Drive, range: Range, most: i64) -> Sql {
    let query = driven(sql!("select count(*) from (select 1 from events where "), drive, range);
    query.push(" order by at desc, seq desc limit ").value(most).push(") as counted").long()
}

/// The engine's plan for every statement that a filter may lead to.
pub(super) async fn explain(conn: &mut Conn, filter: &Filter) -> Result<Vec<String>> {
    let (engine, range) = (conn.engine(), Range::of(filter, None));
    let mut lines = Vec::new();
    for drive in drives(filter).iter().flatten() {
        for query in [walk(drive, range, 50), counting(drive, range, 50)] {
            let query = query.explained(engine);
            if engine == Engine::Sqlite {
                let steps: Vec<(i64, i64, i64, String)> = query.fetch_all(conn).await?;
                lines.extend(steps.into_iter().map(|step| step.3));
            } else {
                lines.extend(query.fetch_all::<(String,)>(conn).await?.into_iter().map(|line| line.0));
            }
        }
    }
    Ok(lines)
}

/// The events at these places, in their order.
pub(super) async fn told(conn: &mut Conn, places: &[Place]) -> Result<Vec<Told>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = places.iter().map(|place| place.seq.into());
    let query = sql!("select ", Whole::COLUMNS, " from events where seq in ").list(numbers);
    let rows: Vec<Whole> = query.push(" order by at desc, seq desc").long().fetch_all(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Events that concern somebody, or that he caused, behind a place and newest first.
pub(super) async fn own(conn: &mut Conn, user: UserId, behind: Option<Place>, take: usize) -> Result<Vec<Told>> {
    let range = Range::of(&Filter::default(), behind);
    let mut rows: Vec<Whole> = Vec::new();
    for drive in [Drive::User(user.into()), Drive::Actor(user.into())] {
        let query = driven(sql!("select ", Whole::COLUMNS, " from events where "), &drive, range);
        let limit = i64::try_from(take).unwrap_or(i64::MAX);
        let query = query.push(" order by at desc, seq desc limit ").value(limit).long();
        rows.extend(query.fetch_all::<Whole>(conn).await?);
    }
    rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.at, row.seq)));
    rows.dedup_by_key(|row| row.seq);
    rows.truncate(take);
    Ok(rows.into_iter().map(Into::into).collect())
}

pub(super) async fn knows(conn: &mut Conn, user: UserId) -> Result<bool> {
    let one = sql!("select seq from events where user_id = $1 order by at desc, seq desc limit 1").bind(user);
    Ok(one.fetch_optional::<(i64,)>(conn).await?.is_some())
}

impl From<Whole> for Told {
    fn from(row: Whole) -> Self {
        Self {
            place: Place { at: row.at, seq: row.seq },
            kind: row.kind,
            outcome: row.outcome,
            actor_kind: row.actor_kind,
            actor: row.actor,
            user: row.user_id,
            session: row.session_id,
            ip: row.ip,
            data: row.data.and_then(|data| serde_json::from_str(&data).ok()),
        }
    }
}
