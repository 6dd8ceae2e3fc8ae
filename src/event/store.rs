//! The log's SQL.

use super::{Event, Kind, SCHEMA_VERSION, seal::Salted};
use crate::{
    access::Actor,
    clock::Time,
    db::{Conn, Record, Sql, Tx, Value, load, sql},
    error::{Error, Result},
    id::{EventId, SessionId, UserId},
    record, sql,
};

record! {
    /// A committed event that has no number yet.
    #[derive(Clone, Debug)]
    pub(super) struct Pending {
        pub id: EventId,
        pub at: Time,
        pub kind: String,
        pub outcome: String,
        pub actor_kind: String,
        pub actor: Option<UserId>,
        pub user_id: Option<UserId>,
        pub user_version: Option<i64>,
        pub session_id: Option<SessionId>,
        pub schema_version: i64,
        pub data: String,
    }
}

record! {
    /// A numbered and sealed event.
    #[derive(Clone, Debug)]
    pub(super) struct Sealed {
        pub seq: i64,
        pub id: EventId,
        pub at: Time,
        pub kind: String,
        pub outcome: String,
        pub actor_kind: String,
        pub actor: Option<UserId>,
        pub user_id: Option<UserId>,
        pub user_version: Option<i64>,
        pub session_id: Option<SessionId>,
        pub schema_version: i64,
        pub ip: Option<String>,
        pub data: Option<String>,
        pub salt: Option<Vec<u8>>,
        pub digest: Vec<u8>,
        pub seal: Vec<u8>,
        pub key_id: String,
    }
}

record! {
    /// Where the log ends, and under whose numbering.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Head {
        pub epoch: i64,
        pub beat: i64,
        pub head: i64,
        pub seal: [u8; 32],
    }
}

record! {
    /// What other nodes must hear of.
    #[derive(Clone, Debug)]
    pub(super) struct Heard {
        pub kind: String,
        pub user_id: Option<UserId>,
        pub session_id: Option<SessionId>,
    }
}

pub(super) async fn insert(tx: &mut Tx, event: Event) -> Result<()> {
    let words = words(&event)?;
    let values = pending_as(tx, &event, words)?.values();
    sql!("insert into events_pending (", Pending::COLUMNS, ") values").rows([values]).send(tx).await
}

/// Writes many that wait for their numbers.
pub(super) async fn insert_all(tx: &mut Tx, events: Vec<(Pending, Salted)>) -> Result<()> {
    load("events_pending", Pending::COLUMNS, events.into_iter().map(|(event, _)| event.values()).collect())
        .execute(tx)
        .await
}

/// An event's data as it is stored.
pub(super) fn words(event: &Event) -> Result<String> {
    serde_json::to_string(&event.data).map_err(Error::internal)
}

/// An event of this transaction, its data in words.
pub(super) fn pending_as(tx: &Tx, event: &Event, data: String) -> Result<Pending> {
    let actor = match event.actor {
        Actor::User(user, _) | Actor::Key(user, _) => Some(user),
        Actor::Anonymous | Actor::System | Actor::Operator => None,
    };
    Ok(Pending {
        id: tx.new_id::<crate::id::kind::Event>()?,
        at: tx.now(),
        kind: event.kind.as_str().into(),
        outcome: event.outcome.as_str().into(),
        actor_kind: event.actor.kind().into(),
        actor,
        user_id: event.user,
        user_version: event.user_version,
        session_id: event.session,
        schema_version: SCHEMA_VERSION,
        data,
    })
}

impl Pending {
    fn values(self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.at.into(),
            self.kind.into(),
            self.outcome.into(),
            self.actor_kind.into(),
            self.actor.into(),
            self.user_id.into(),
            self.user_version.into(),
            self.session_id.into(),
            self.schema_version.into(),
            self.data.into(),
        ]
    }
}

/// How many wait for their numbers, counted up to `most`.
pub(super) async fn waiting(conn: &mut Conn, most: i64) -> Result<i64> {
    sql("select count(*) from (select 1 from events_pending limit $1) as waiting").bind(most).scalar(conn).await
}

pub(super) async fn pending(conn: &mut Conn, limit: i64) -> Result<Vec<Pending>> {
    sql!("select ", Pending::COLUMNS, " from events_pending order by id limit $1").bind(limit).fetch_all(conn).await
}

/// How many events wait for a number, counted up to 10 000, and since when.
pub(super) async fn backlog(conn: &mut Conn) -> Result<(i64, Option<Time>)> {
    sql("select count(*), min(at) from (select at from events_pending order by id limit 10000) as counted")
        .fetch_one(conn)
        .await
}

/// Of users with an event up to `last`, the lowest version that comes after it in the order of ids.
pub(super) async fn lowest_after(conn: &mut Conn, last: EventId, limit: i64) -> Result<Vec<(UserId, i64)>> {
    // User by user: joined, all that waits would be read for each of them where a server planned it while nothing did.
    sql("select user_id, lowest from (
             select user_id, (select min(p.user_version) from events_pending p
                              where p.user_id = batch.user_id and p.id > $1) as lowest
             from (select user_id, user_version from events_pending where id <= $1 order by id limit $2) as batch
             where user_version is not null) as users where lowest is not null")
    .bind(last)
    .bind(limit)
    .long()
    .fetch_all(conn)
    .await
}

/// A user's versions that wait for a number, from the lowest.
pub(super) async fn pending_of(conn: &mut Conn, user: UserId, limit: i64) -> Result<Vec<Pending>> {
    sql!(
        "select ",
        Pending::COLUMNS,
        " from events_pending where user_id = $1 and user_version is not null order by user_version limit $2"
    )
    .bind(user)
    .bind(limit)
    .long()
    .fetch_all(conn)
    .await
}

/// Writes numbered events.
pub(super) async fn append(tx: &mut Tx, events: Vec<Sealed>) -> Result<()> {
    load("events", Sealed::COLUMNS, events.into_iter().map(Sealed::values).collect()).execute(tx).await
}

/// Removes those that have their numbers from those that wait.
pub(super) async fn take(tx: &mut Tx, mut ids: Vec<EventId>) -> Result<()> {
    ids.sort_unstable();
    for some in ids.chunks(128) {
        // The ends make it a walk over a piece of the index, even where a server planned it while nothing waited.
        sql("delete from events_pending where id >= $1 and id <= $2 and id in ")
            .bind(some[0])
            .bind(some[some.len() - 1])
            .list(some.iter().map(|id| (*id).into()))
            .send(tx)
            .await?;
    }
    Ok(())
}

impl Sealed {
    fn values(self) -> Vec<Value> {
        vec![
            self.seq.into(),
            self.id.into(),
            self.at.into(),
            self.kind.into(),
            self.outcome.into(),
            self.actor_kind.into(),
            self.actor.into(),
            self.user_id.into(),
            self.user_version.into(),
            self.session_id.into(),
            self.schema_version.into(),
            self.ip.into(),
            self.data.into(),
            self.salt.into(),
            self.digest.into(),
            self.seal.into(),
            self.key_id.into(),
        ]
    }
}

fn select_head() -> Sql {
    sql!("select ", Head::COLUMNS, " from log_head where id = 1")
}

pub(super) async fn head(conn: &mut Conn) -> Result<Option<Head>> {
    select_head().fetch_optional(conn).await
}

/// The same, and nobody else moves it before this transaction ends.
pub(super) async fn head_held(tx: &mut Tx) -> Result<Option<Head>> {
    select_head().for_update().fetch_optional(tx).await
}

pub(super) async fn found(tx: &mut Tx) -> Result<()> {
    sql("insert into log_head (id, epoch, beat, head, seal) values (1, 0, 0, 0, $1) on conflict (id) do nothing")
        .bind([0u8; 32])
        .execute(tx)
        .await?;
    Ok(())
}

/// Replaces the head if it still stands where `old` says. False: somebody else numbers now.
pub(super) async fn advance(tx: &mut Tx, old: &Head, new: &Head) -> Result<bool> {
    let moved = sql("update log_head set epoch = $1, beat = $2, head = $3, seal = $4
                     where id = 1 and epoch = $5 and beat = $6 and head = $7")
    .bind(new.epoch)
    .bind(new.beat)
    .bind(new.head)
    .bind(new.seal)
    .bind(old.epoch)
    .bind(old.beat)
    .bind(old.head)
    .execute(tx)
    .await?;
    Ok(moved == 1)
}

/// The greatest number that an event has.
pub(super) async fn last(conn: &mut Conn) -> Result<i64> {
    sql("select coalesce(max(seq), 0) from events").scalar(conn).await
}

/// Up to `limit` events after `cursor`.
pub(super) async fn after(conn: &mut Conn, cursor: i64, limit: i64) -> Result<Vec<Sealed>> {
    sql!("select ", Sealed::COLUMNS, " from events where seq > $1 order by seq limit $2")
        .bind(cursor)
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Blanks what the log holds of a user; gives the number of events blanked.
pub(super) async fn erase(tx: &mut Tx, user: UserId) -> Result<u64> {
    sql("update events set data = null, salt = null, ip = null where user_id = $1 and data is not null")
        .bind(user)
        .execute(tx)
        .await
}

fn authority() -> impl Iterator<Item = Value> {
    Kind::ALL.iter().filter(|kind| kind.changes_authority()).map(|kind| kind.as_str().into())
}

pub(super) async fn heard_pending(conn: &mut Conn) -> Result<Vec<Heard>> {
    let query = sql!("select ", Heard::COLUMNS, " from events_pending where kind in ");
    query.list(authority()).fetch_all(conn).await
}

pub(super) async fn heard_after(conn: &mut Conn, cursor: i64) -> Result<Vec<Heard>> {
    let query = sql!("select ", Heard::COLUMNS, " from events where seq > $1 and kind in ").bind(cursor);
    query.list(authority()).fetch_all(conn).await
}

pub(super) async fn counters(conn: &mut Conn) -> Result<Vec<(String, i64)>> {
    sql("select name, value from counters").fetch_all(conn).await
}

pub(super) async fn count(tx: &mut Tx, name: &str, by: i64) -> Result<()> {
    sql("insert into counters (name, value) values ($1, $2)
         on conflict (name) do update set value = counters.value + excluded.value")
    .bind(name)
    .bind(by)
    .send(tx)
    .await
}

/// The newest instants that the log holds, numbered and not.
pub(super) async fn newest(conn: &mut Conn) -> Result<Option<Time>> {
    let numbered = sql("select at from events order by seq desc limit 1").fetch_optional::<(Time,)>(conn).await?;
    let pending = sql("select at from events_pending order by id desc limit 1").fetch_optional::<(Time,)>(conn).await?;
    Ok(numbered.max(pending).map(|row| row.0))
}

pub(super) async fn tally(tx: &mut Tx, minute: Time, sum: &str, kind: Kind) -> Result<()> {
    sql("insert into refusals (minute, client, kind, count) values ($1, $2, $3, 1)
         on conflict (minute, client, kind) do update set count = refusals.count + 1")
    .bind(minute)
    .bind(sum)
    .bind(kind.as_str())
    .send(tx)
    .await
}

/// Takes up to `limit` sums of minutes before `before`. The column `client` holds what they are of.
pub(super) async fn take_tally(tx: &mut Tx, before: Time, limit: i64) -> Result<Vec<(String, String, i64)>> {
    sql("delete from refusals where (minute, client, kind) in
         (select minute, client, kind from refusals where minute < $1 order by minute limit $2)
         returning client, kind, count")
    .bind(before)
    .bind(limit)
    .fetch_all(tx)
    .await
}
