//! No filter, and no pair of filters, reads the log from end to end.

use std::net::IpAddr;

use denizen::{
    access::Caller,
    db::Engine,
    event::{
        Kind, Outcome,
        trail::{self, Filter, MOST, Who},
    },
    id::{SessionId, UserId},
};
use uuid::Uuid;

use crate::{each_engine, kit::TestApp};

/// More than one page looks at, twice over: of two people, one of whom only signs in and the other only changes.
const ROWS: usize = 2 * MOST + 5_000;

async fn fill(app: &TestApp) {
    let columns = "insert into events (seq, id, at, kind, outcome, actor_kind, actor, user_id, session_id, \
                   schema_version, ip, data, salt, digest, seal, key_id)";
    let kind = "case n % 2 when 0 then 'login.succeeded' else 'user.updated' end";
    let text = match app.database.engine() {
        Engine::Postgres => format!(
            "{columns} select 1000000 + n, gen_random_uuid(), to_timestamp(1700000000 + n), {kind},
                 case n % 100 when 0 then 'refused' else 'success' end, 'user', lpad(to_hex(n % 2), 32, '0')::uuid,
                 lpad(to_hex(n % 2), 32, '0')::uuid, lpad(to_hex(n / 4), 32, '0')::uuid, 1, '192.0.2.' || (n % 7),
                 '{{}}', ''::bytea, ''::bytea, ''::bytea, '' from generate_series(1, {ROWS}) n; analyze events"
        ),
        Engine::Sqlite => format!(
            "with recursive n (n) as (select 1 union all select n + 1 from n where n < {ROWS})
             {columns} select 1000000 + n, randomblob(16), (1700000000 + n) * 1000000, {kind},
                 case n % 100 when 0 then 'refused' else 'success' end, 'user', unhex(printf('%032x', n % 2)),
                 unhex(printf('%032x', n % 2)), unhex(printf('%032x', n / 4)), 1, '192.0.2.' || (n % 7), '{{}}', x'',
                 x'', x'', '' from n"
        ),
    };
    app.database.execute(&text).await;
}

/// Each filter, and the index that answers it alone.
fn filters() -> Vec<(&'static str, Filter)> {
    let id = UserId::from_uuid(Uuid::from_u128(1));
    let any = Filter::default;
    vec![
        ("events_kind", Filter { kind: Some(Kind::UserUpdated), ..any() }),
        ("events_actor", Filter { actor: Some(Who::Person(id)), ..any() }),
        ("events_actor_kind", Filter { actor: Some(Who::Nobody("operator")), ..any() }),
        ("events_user_id", Filter { user: Some(id), ..any() }),
        ("events_ip", Filter { ip: Some(IpAddr::from([192, 0, 2, 3])), ..any() }),
        ("events_session_id", Filter { session: Some(SessionId::from_uuid(id.uuid())), ..any() }),
        ("events_outcome", Filter { outcome: Some(Outcome::Refused), ..any() }),
        ("events_outcome", Filter { after: Some(denizen::clock::Time::from_micros(1_700_000_000_000_000)), ..any() }),
        ("events_outcome", Filter { before: Some(denizen::clock::Time::from_micros(1_700_000_900_000_000)), ..any() }),
        ("events_outcome", any()),
    ]
}

fn both(one: &Filter, other: &Filter) -> Filter {
    Filter {
        kind: one.kind.or(other.kind),
        actor: one.actor.or(other.actor),
        user: one.user.or(other.user),
        ip: one.ip.or(other.ip),
        session: one.session.or(other.session),
        outcome: one.outcome.or(other.outcome),
        after: one.after.or(other.after),
        before: one.before.or(other.before),
    }
}

async fn plan(app: &TestApp, filter: &Filter) -> Vec<String> {
    app.app.db.write(async |tx| trail::explain(tx, filter).await).await.unwrap()
}

/// Lines that tell of a log read from end to end, or sorted.
fn is_costly(line: &str) -> bool {
    let scans = ["SCAN events", "Seq Scan on events", "TEMP B-TREE", "AUTOMATIC"];
    scans.iter().any(|scan| line.contains(scan)) || line.trim_start().starts_with("Sort")
}

each_engine! {
    async fn no_filter_and_no_pair_reads_the_log_from_end_to_end(app) {
        app.database.make_calm().await;
        fill(&app).await;
        let filters = filters();
        for (index, filter) in &filters {
            let lines = plan(&app, filter).await;
            let what = || format!("{filter:?}:\n{}", lines.join("\n"));
            assert!(!lines.iter().any(|line| is_costly(line)), "{}", what());
            let named = |line: &String| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *index);
            let walks: Vec<_> = lines.iter().filter(|line| line.contains("events_")).collect();
            assert!(!walks.is_empty() && walks.into_iter().all(named), "not by {index}: {}", what());
            for (_, other) in &filters {
                let lines = plan(&app, &both(filter, other)).await;
                assert!(!lines.iter().any(|line| is_costly(line)), "{filter:?} {other:?}:\n{}", lines.join("\n"));
            }
        }
    }

    async fn a_walk_that_hardly_anything_passes_stops_and_goes_on(app) {
        app.database.make_calm().await;
        fill(&app).await;
        let caller = Caller::operator();
        let list = async |filter: &Filter, behind| {
            trail::list(&caller, &mut app.app.db.read(), filter, behind, 50).await.unwrap()
        };
        // Both are many, and nobody is in both: so much is looked at, and no more.
        let odd = UserId::from_uuid(Uuid::from_u128(1));
        let none = Filter { user: Some(odd), kind: Some(Kind::LoginSucceeded), ..Filter::default() };
        let first = list(&none, None).await;
        assert!(first.events.is_empty() && first.next.is_some());
        let mut next = first.next;
        for _ in 0..9 {
            let Some(place) = next else { break };
            let part = list(&none, Some(place)).await;
            assert!(part.events.is_empty() && part.next.is_none_or(|next| next < place));
            next = part.next;
        }
        assert_eq!(next, None);
        // The rarer of two is walked along, whichever it is.
        let few = Filter { session: Some(SessionId::from_uuid(Uuid::from_u128(5_000))), kind: none.kind, ..Filter::default() };
        assert_eq!(list(&few, None).await.events.len(), 2);
        let even = Filter { user: Some(UserId::from_uuid(Uuid::nil())), outcome: Some(Outcome::Refused), ..Filter::default() };
        let part = list(&even, None).await;
        assert!(part.events.len() == 50 && part.next == part.events.last().map(|event| event.place));
    }
}
