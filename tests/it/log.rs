//! The log: numbered without gaps, in an order that no reader can miss, and sealed.

mod lead;
mod refused;
mod takeover;
mod tamper;

use std::time::{Duration, Instant};

use denizen::{
    access::{Caller, Role},
    account::{self, Changes, Email, Names, New, Verification},
    app::App,
    db::{Db, Engine, Tx, sql},
    error::{Code, Result},
    event::{self, Event, Kind, counters, sequencer, verify::verify},
    id::UserId,
    patch::Patch,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::{
    each_engine,
    kit::{self, TestApp, database::Database, eventually, random::Random},
};

/// Users whose events do not go from one version to the next.
const LEAPS: &str =
    "select count(*) from (select user_version, lag(user_version) over (partition by user_id order by seq)
    as previous from events where user_version is not null) e where user_version <> coalesce(previous, 0) + 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_transactions_committed_in_any_order_are_all_read_once() {
    const ROUNDS: usize = 8;
    let app = TestApp::start_with(Engine::Postgres, &[("DB_POOL_SIZE", "20")]).await;
    let reader = tokio::spawn(read(app.app.db.clone(), ROUNDS * 16));
    let mut random = Random::new(16);
    for round in 0..ROUNDS {
        let (written, mut all_written) = mpsc::unbounded_channel();
        let mut held: Vec<_> = (0..16).map(|n| hold(app.app.db.clone(), round * 16 + n, written.clone())).collect();
        for _ in 0..16 {
            all_written.recv().await.unwrap();
        }
        random.shuffle(&mut held);
        for (release, committed) in held {
            release.send_replace(true);
            committed.await.unwrap();
            // Time for the sequencer to number what is there.
            tokio::time::sleep(Duration::from_micros(random.next() % 20_000)).await;
        }
    }
    let mut seen = tokio::time::timeout(Duration::from_secs(10), reader).await.expect("events are skipped").unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..ROUNDS * 16).collect::<Vec<_>>());
    let gaps = "select max(seq) - count(*) + (select head - max(seq) from log_head) from events";
    assert_eq!(app.database.number(gaps).await, 0);
    assert!(verify(&app.app.db, &app.app.keys, |_, _| {}).await.unwrap().is_sound());
}

/// Writes an event and keeps its transaction open until released.
fn hold(db: Db, n: usize, written: mpsc::UnboundedSender<()>) -> (watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let (release, released) = watch::channel(false);
    let work = tokio::spawn(async move {
        let (written, released) = (&written, &released);
        db.write(async |tx: &mut Tx| {
            event::record(tx, Event::new(Kind::SetupCompleted, &Caller::system()).with("n", n)).await?;
            let _ = written.send(());
            let _ = released.clone().wait_for(|released| *released).await;
            Ok(())
        })
        .await
        .unwrap();
    });
    (release, work)
}

/// Reads by cursor, as every reader does, until it has seen this many; numbers must follow one another.
async fn read(db: Db, count: usize) -> Vec<usize> {
    let (mut cursor, mut seen) = (0, Vec::new());
    while seen.len() < count {
        let query = sql("select seq, data from events where seq > $1 order by seq limit 7").bind(cursor);
        for (seq, data) in query.fetch_all::<(i64, String)>(&mut db.read()).await.unwrap() {
            assert_eq!(seq, cursor + 1);
            cursor = seq;
            let data: Value = serde_json::from_str(&data).unwrap();
            seen.extend(data["n"].as_u64().map(|n| usize::try_from(n).unwrap()));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen
}

each_engine! {
    async fn versions_ascend_though_a_clock_lags(app) {
        let (database, ahead, behind) = two_clocks(app).await;
        let ann = create(&behind, "ann").await;
        for node in [&ahead, &behind, &ahead, &behind] {
            rename(node, ann, 1).await;
        }
        sequencer::drain(&behind.db, &behind.keys).await.unwrap();
        assert_eq!(database.number(LEAPS).await, 0);
    }

    // More than are numbered at once, and what comes first in the order of ids is not what happened first.
    async fn versions_ascend_through_a_backlog(app) {
        let (database, ahead, behind) = two_clocks(app).await;
        for (one, other) in [("ann", "bob"), ("cat", "dan")] {
            let (one, other) = (create(&behind, one).await, create(&behind, other).await);
            rename(&ahead, one, 3).await;
            rename(&behind, one, 1).await;
            rename(&ahead, other, 1).await;
            rename(&behind, other, 1_100).await;
            if database.number("select count(*) from events where kind = 'user.updated'").await == 0 {
                sequencer::drain(&behind.db, &behind.keys).await.unwrap();
            }
        }
        sequencer::drain(&behind.db, &behind.keys).await.unwrap();
        assert_eq!(database.number("select count(*) from events where kind = 'user.updated'").await, 2 * 1_105);
        assert_eq!(database.number(LEAPS).await, 0);
        assert!(verify(&ahead.db, &ahead.keys, |_, _| {}).await.unwrap().is_sound());
    }

    async fn two_who_number_at_once_number_each_event_once(app) {
        let (database, one, other) = two_clocks(app).await;
        for round in 0..5 {
            let ann = create(&one, &format!("ann{round}")).await;
            rename(&other, ann, 300).await;
            let numbered = tokio::join!(
                sequencer::drain(&one.db, &one.keys),
                sequencer::drain(&other.db, &other.keys),
                sequencer::drain(&one.db, &one.keys),
            );
            // Whoever lost the row too often gives up; he has numbered nothing.
            assert!(numbered.0.is_ok() || numbered.1.is_ok() || numbered.2.is_ok());
        }
        sequencer::drain(&one.db, &one.keys).await.unwrap();
        let counts = ["select count(*) from events_pending", "select count(*) from events where kind = 'user.updated'", LEAPS];
        assert_eq!(database.numbers(&counts).await, [0, 1_500, 0]);
        let report = verify(&one.db, &one.keys, |_, _| {}).await.unwrap();
        assert!(report.is_sound(), "{:?}", report.faults);
    }

    async fn what_is_rolled_back_leaves_no_event(app) {
        let ann = app.register("ann").await;
        let written = "select (select count(*) from events) + (select count(*) from events_pending)";
        let before = app.database.number(written).await;
        let failed = app.app.db.write(async |tx| -> Result<()> {
            event::record(tx, Event::new(Kind::SetupCompleted, &Caller::system())).await?;
            Err(Code::Conflict.into())
        });
        assert_eq!(failed.await.unwrap_err().code(), Code::Conflict);
        let again = json!({"email": ann.email, "password": kit::client::PASSWORD, "full_name": "Ann Other"});
        assert_eq!(app.post("/api/v1/auth/register", again).await.expect(409).code(), "email_taken");
        let stale = app.bearer(&ann.access).with("if-match", "\"v9\"");
        stale.patch("/api/v1/users/me", serde_json::json!({"full_name": "Other"})).await.expect(412);
        assert_eq!(app.database.number(written).await, before);
        app.numbered().await;
        assert_eq!(app.database.number("select max(seq) from events").await, before);
    }

    async fn a_refusal_leaves_its_trace(app) {
        let ann = app.register("ann").await;
        app.login_with(&ann.email, "Wrong-Guess-1").await.expect(401);
        app.login_with("nobody@example.com", "Wrong-Guess-1").await.expect(401);
        let child = app.refresh(&ann.refresh).await.expect(200).person();
        app.refresh(&child.refresh).await.expect(200);
        app.refresh(&ann.refresh).await.expect(401);
        app.numbered().await;
        let count = async |kind: &str, condition: &str| {
            let query = format!("select count(*) from events e join users u on u.id = e.user_id
                where u.email = 'ann@example.com' and e.kind = '{kind}' and {condition}");
            app.database.number(&query).await
        };
        assert_eq!(count("login.failed", "e.outcome = 'refused'").await, 1);
        assert_eq!(count("session.revoked", "e.data like '%\"reason\":\"refresh_reused\"%'").await, 1);
        assert_eq!(app.database.number("select count(*) from sessions where ended_at is null").await, 0);
        app.refresh(&child.refresh).await.expect(401);
        app.refresh("dzr_unknown").await.expect(401);
        app.refresh("dzr_unknown-too").await.expect(401);
        let told = refused::told(&app).await;
        assert_eq!(told.of("login.failed", None, &[]), 1);
        assert_eq!(told.of("session.refreshed", Some(&ann.id), &["refresh_reused"]), 1);
        assert_eq!(told.of("session.refreshed", Some(&ann.id), &["refresh_expired"]), 1);
        assert_eq!(told.of("session.refreshed", None, &["refresh_expired"]), 2);
    }

    async fn counters_equal_a_recount(app) {
        let mut ids = Vec::new();
        for name in ["ann", "bob", "cat", "dan", "eve", "fay"] {
            let person = app.register(name).await;
            app.login(&person.email).await.expect(200);
            ids.push(person.id.parse::<UserId>().unwrap());
            if name == "ann" {
                app.post("/api/v1/auth/logout", serde_json::json!({"refresh_token": person.refresh})).await.expect(200);
            }
        }
        let (db, operator) = (&app.app.db, &Caller::operator());
        db.write(async |tx| {
            for id in &ids[..5] {
                account::verify(tx, operator, *id).await?;
            }
            for id in &ids[1..4] {
                account::deactivate(tx, operator, *id, |_| Ok(())).await?;
            }
            account::activate(tx, operator, ids[1], |_| Ok(())).await?;
            for id in &ids[3..5] {
                account::delete(tx, operator, *id, Duration::from_secs(60), |_| Ok(())).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
        app.numbered().await;
        compare_counters(&app).await;
        assert_eq!(counters::read(&mut db.read()).await.unwrap().total_users, 4);
        db.clock().advance(Duration::from_secs(31 * 86_400));
        db.write(async |tx| denizen::session::sweep(tx, 100).await).await.unwrap();
        app.numbered().await;
        compare_counters(&app).await;
    }
}

async fn compare_counters(app: &TestApp) {
    let kept = counters::read(&mut app.app.db.read()).await.unwrap();
    let users = |condition: &str| format!("select count(*) from users where deleted_at is null and {condition}");
    let counts = ["true", "is_active", "is_verified", "is_premium"].map(users);
    let mut counts: Vec<&str> = counts.iter().map(String::as_str).collect();
    counts.push("select count(*) from sessions where ended_at is null");
    let sums = [kept.total_users, kept.active_users, kept.verified_users, kept.premium_users, kept.active_sessions];
    assert_eq!(app.database.numbers(&counts).await, sums);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_numbers_within_two_seconds_when_the_first_dies() {
    let mut first = TestApp::start(Engine::Postgres).await;
    first.numbered().await;
    for _ in 0..3 {
        let next = first.another().await;
        let db = next.app.db.clone();
        let load = tokio::spawn(async move {
            loop {
                let event =
                    async |tx: &mut Tx| event::record(tx, Event::new(Kind::SetupCompleted, &Caller::system())).await;
                db.write(event).await.unwrap();
            }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let epoch = "select epoch from log_head";
        let (before, died) = (next.database.number(epoch).await, Instant::now());
        first.kill();
        eventually("nobody takes over", async || next.database.number(epoch).await > before).await;
        let head = next.database.number("select head from log_head").await;
        eventually("nothing is numbered", async || next.database.number("select head from log_head").await > head)
            .await;
        assert!(died.elapsed() < Duration::from_secs(2), "taken over after {:?}", died.elapsed());
        load.abort();
        next.numbered().await;
        assert!(verify(&next.app.db, &next.app.keys, |_, _| {}).await.unwrap().is_sound());
        first = next;
    }
}

/// Two nodes of which none numbers, the first an hour ahead.
async fn two_clocks(app: TestApp) -> (Database, App, App) {
    let database = app.stop().await;
    let (ahead, behind) = (kit::open(&database, &[]).await, kit::open(&database, &[]).await);
    ahead.db.clock().advance(Duration::from_secs(3_600));
    (database, ahead, behind)
}

async fn create(node: &App, name: &str) -> UserId {
    let new = New {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: None,
        names: Names::complete(Some(name.to_owned()), None, None),
        gender: None,
        phone: None,
        ip_address: None,
        role: Role::User,
        verification: Verification::Pending,
    };
    let new = &new;
    node.db.write(async |tx| account::create(tx, &Caller::operator(), new.clone()).await).await.unwrap().id
}

/// Changes somebody's name so many times, ten in a transaction.
async fn rename(node: &App, id: UserId, times: usize) {
    for begin in (0..times).step_by(10) {
        let change = async |tx: &mut Tx| {
            for n in begin..times.min(begin + 10) {
                let changes = Changes { full_name: Patch::Set(format!("Name {n} {}", tx.now())), ..Changes::default() };
                account::update(tx, &Caller::operator(), id, changes, |_| Ok(())).await?;
            }
            Ok(())
        };
        node.db.write(change).await.unwrap();
    }
}
