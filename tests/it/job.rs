//! Jobs: at least once, with pauses that grow, parked in the end; and the sweeps that come back.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use denizen::{
    app::App,
    db::Engine,
    job::{self, Job, Schedule, Verdict, Work, Worker},
    session,
};
use serde_json::{Map, json};

use crate::{
    each_engine,
    kit::{self, database::Database, eventually},
};

/// The jobs that a worker ran, with what it says of each.
type Runs = Arc<Mutex<Vec<Job>>>;

const ONCE: &[&str] = &["greet", "fail", "never"];

fn work(app: &App, schedules: &'static [Schedule], verdict: fn(&Job) -> Verdict) -> (Worker, Runs) {
    let runs = Runs::default();
    let seen = Arc::clone(&runs);
    let run = move |job: Job| {
        let verdict = verdict(&job);
        seen.lock().unwrap().push(job);
        async move { verdict }
    };
    (Worker::start(&app.db, Work { schedules, once: ONCE }, run), runs)
}

/// Without a server, and so without jobs of its own.
async fn opened(database: &Database) -> App {
    let app = kit::open(database, &[]).await;
    database.make_hostile().await;
    app
}

async fn enqueue(app: &App, kind: &str) {
    let payload: Map<_, _> = json!({"of": kind}).as_object().unwrap().clone();
    app.db.write(async |tx| job::enqueue(tx, kind, payload.clone()).await).await.unwrap();
}

/// Whether the verdicts of all that ran are written down. A clock that is put on before has the pause begin behind it.
async fn rests(database: &Database) -> bool {
    database.number("select count(*) from jobs where locked_until is not null").await == 0
}

/// Waits until `done` says so, for at most a minute.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..1_200 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not happen within a minute");
}

macro_rules! on_both {
    ($($name:ident)+) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(denizen::db::Engine::Sqlite).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(denizen::db::Engine::Postgres).await;
            }
        }
    )+};
}

on_both! { a_job_is_done_once_and_gone a_failing_job_waits_longer_each_time_and_is_parked
a_job_whose_worker_died_is_taken_again a_job_of_a_rolled_back_transaction_does_not_exist
a_scheduled_job_comes_back }

async fn a_job_is_done_once_and_gone(engine: Engine) {
    let database = Database::new(engine);
    let app = opened(&database).await;
    for _ in 0..20 {
        enqueue(&app, "greet").await;
    }
    let (_worker, runs) = work(&app, &[], |_| Verdict::Done);
    until(async || database.number("select count(*) from jobs").await == 0).await;
    let mut ids: Vec<_> = runs.lock().unwrap().iter().map(|job| job.id).collect();
    assert_eq!(runs.lock().unwrap()[0].payload["of"], "greet");
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), runs.lock().unwrap().len()), (20, 20));
}

async fn a_failing_job_waits_longer_each_time_and_is_parked(engine: Engine) {
    let database = Database::new(engine);
    let app = opened(&database).await;
    enqueue(&app, "fail").await;
    enqueue(&app, "never").await;
    let (_worker, runs) = work(&app, &[], |job| match job.kind.as_str() {
        "never" => Verdict::GiveUp("it cannot be".into()),
        _ => Verdict::Retry("not yet".into()),
    });
    until(async || runs.lock().unwrap().len() >= 2).await;
    // Nothing is due again before its pause has passed, and then it is.
    for tries in 2..=20 {
        assert_eq!(job::count(&mut app.db.read(), &[]).await.unwrap().0, 2);
        until(async || rests(&database).await).await;
        app.db.clock().advance(Duration::from_secs(2 * 3_600));
        until(async || runs.lock().unwrap().iter().filter(|job| job.kind == "fail").count() >= tries).await;
    }
    until(async || job::count(&mut app.db.read(), &[]).await.unwrap() == (2, 2)).await;
    assert_eq!(runs.lock().unwrap().iter().filter(|job| job.kind == "never").count(), 1);
    assert_eq!(runs.lock().unwrap().iter().filter(|job| job.kind == "fail").count(), 20);
}

async fn a_job_whose_worker_died_is_taken_again(engine: Engine) {
    let database = Database::new(engine);
    let app = opened(&database).await;
    enqueue(&app, "greet").await;
    let dying = Worker::start(&app.db, Work { schedules: &[], once: ONCE }, |_| std::future::pending());
    until(async || database.number("select count(*) from jobs where locked_until is not null").await == 1).await;
    drop(dying);
    let (_worker, runs) = work(&app, &[], |_| Verdict::Done);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(runs.lock().unwrap().is_empty(), "the lease still runs");
    app.db.clock().advance(Duration::from_secs(301));
    until(async || database.number("select count(*) from jobs").await == 0).await;
    assert_eq!(runs.lock().unwrap()[0].attempts, 2);
}

async fn a_job_of_a_rolled_back_transaction_does_not_exist(engine: Engine) {
    let database = Database::new(engine);
    let app = opened(&database).await;
    let refused: Result<(), _> = app
        .db
        .write(async |tx| {
            job::enqueue(tx, "greet", Map::new()).await?;
            Err(denizen::error::Error::not_found())
        })
        .await;
    refused.unwrap_err();
    assert_eq!(database.number("select count(*) from jobs").await, 0);
}

async fn a_scheduled_job_comes_back(engine: Engine) {
    const DAILY: &[Schedule] = &[Schedule { kind: "daily", every: Duration::from_secs(86_400) }];
    let database = Database::new(engine);
    let app = opened(&database).await;
    for _ in 0..2 {
        app.db.write(async |tx| job::schedule(tx, DAILY[0]).await).await.unwrap();
    }
    let (_worker, runs) = work(&app, DAILY, |_| Verdict::Done);
    until(async || runs.lock().unwrap().len() == 1).await;
    until(async || rests(&database).await).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(runs.lock().unwrap().len(), 1, "it rests for a day");
    app.db.clock().advance(Duration::from_secs(86_401));
    until(async || runs.lock().unwrap().len() == 2).await;
    assert_eq!(database.number("select count(*) from jobs").await, 1);
}

each_engine! {
    async fn what_is_over_is_swept_away(app) {
        let ann = app.register("ann").await;
        let bob = app.register("bob").await;
        let child = app.refresh(&ann.refresh).await.expect(200).person();
        app.app.db.clock().advance(Duration::from_secs(8 * 86_400));
        app.refresh(&child.refresh).await.expect(401);
        session::job::sweep(&app.app).await.unwrap();
        let tokens = "select count(*) from refresh_tokens";
        assert_eq!(app.database.number(tokens).await, 0, "a token lies unused for 7 days at most");
        assert_eq!(app.database.number("select count(*) from sessions").await, 0, "and its session with it");
        let told = "select (select count(*) from events where kind = 'session.expired')
                         + (select count(*) from events_pending where kind = 'session.expired')";
        until(async || app.database.number(told).await == 2).await;
        app.me(&bob.access).await.expect(401);
        // One that goes on lasts 30 days. One that was ended is told of until then, and does not expire.
        let mut ann = app.login(&ann.email).await.expect(200).person();
        app.post("/api/v1/auth/logout", json!({"refresh_token": app.login(&bob.email).await.expect(200).person().refresh})).await.expect(200);
        for _ in 0..5 {
            app.app.db.clock().advance(Duration::from_secs(5 * 86_400 + 1));
            ann = app.refresh(&ann.refresh).await.expect(200).person();
            session::job::sweep(&app.app).await.unwrap();
            assert_eq!(app.database.number("select count(*) from sessions").await, 2);
        }
        app.app.db.clock().advance(Duration::from_secs(5 * 86_400));
        app.refresh(&ann.refresh).await.expect(401);
        session::job::sweep(&app.app).await.unwrap();
        assert_eq!(app.database.numbers(&[tokens, "select count(*) from sessions"]).await, [0, 0]);
        until(async || app.database.number(told).await == 3).await;
    }

    async fn failures_devices_and_kept_answers_are_forgotten(app) {
        let ann = app.register("ann").await;
        app.login_with(&ann.email, "wrong").await.expect(401);
        app.login_with("nobody@example.com", "wrong").await.expect(401);
        app.bearer(&ann.access).with("idempotency-key", "k").put("/api/v1/users/me", json!({"bio": "x"})).await.expect(200);
        let kept = async || {
            let of = |table| format!("select count(*) from {table}");
            let all = ["failures", "known_devices", "idempotency_keys"].map(of);
            app.database.numbers(&all.each_ref().map(String::as_str)).await
        };
        assert_eq!(kept().await, [2, 1, 1]);
        app.app.db.clock().advance(Duration::from_secs(401 * 86_400));
        denizen::login::job::sweep(&app.app).await.unwrap();
        assert_eq!(kept().await, [0, 0, 1]);
        denizen::once::job::sweep(&app.app).await.unwrap();
        assert_eq!(kept().await, [0, 0, 0]);
    }

    async fn many_are_swept_away_a_few_at_a_time(app) {
        let ann = app.register("ann").await;
        app.bearer(&ann.access).with("idempotency-key", "k").put("/api/v1/users/me", json!({"bio": "x"})).await.expect(200);
        // Each letter doubles them.
        let more = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map(|letter| format!(
            "insert into idempotency_keys select caller, route, key || '{letter}', body_mac, status, answer, created_at, expires_at
             from idempotency_keys;"
        ));
        app.database.execute(&more.concat()).await;
        let left = "select count(*) from idempotency_keys";
        let all = app.database.number(left).await;
        assert_eq!(all, 2_048);
        app.app.db.clock().advance(Duration::from_secs(2 * 86_400));
        let node = app.app.clone();
        let sweeping = tokio::spawn(async move { denizen::once::job::sweep(&node).await });
        // Each batch is a commit of its own, so whoever looks on sees some of them.
        let mut is_between = false;
        while !sweeping.is_finished() {
            is_between |= (1..all).contains(&app.database.number(left).await);
        }
        sweeping.await.unwrap().unwrap();
        assert!(is_between, "they went all at once");
        assert_eq!(app.database.number(left).await, 0);
    }

    async fn every_sweep_comes_back_by_itself(app) {
        let kinds = [
            "session.sweep", "login.sweep", "login.tally", "account.erase", "account.grants", "once.sweep",
            "search.index", "proof.sweep", "mail.sweep",
        ];
        for kind in kinds {
            let rests = format!("select count(*) from jobs where kind = '{kind}' and unique_key = kind and locked_until is null
                                 and run_at > created_at and attempts = 0");
            eventually(kind, async || app.database.number(&rests).await == 1).await;
        }
        assert_eq!(app.database.number("select count(*) from jobs").await, i64::try_from(kinds.len()).unwrap());
    }

    async fn refused_strangers_are_told_of_once_a_minute(app) {
        for _ in 0..4 {
            app.login_with("nobody@example.com", "wrong").await.expect(401);
            app.login_with("noone@example.com", "wrong").await.expect(401);
        }
        app.app.db.clock().advance(Duration::from_secs(61));
        denizen::login::job::tally(&app.app).await.unwrap();
        let told = "select count(*) from events where kind = 'login.failed'";
        until(async || app.database.number(told).await >= 1).await;
        let all = "select count(*) from events where kind = 'login.failed' and data like '%\"count\":8%'";
        assert!(app.database.number(all).await == 1 || app.database.number(told).await == 2);
    }
}
