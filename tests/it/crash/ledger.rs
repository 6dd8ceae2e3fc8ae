//! Whether the tables and the log tell the same: one event for each change, and none without one.
//!
//! The log is what is numbered and what still waits for a number, so this holds at any instant.

use std::path::Path;

use denizen::{
    db::Engine,
    event::{counters, sequencer, verify::verify},
};

use crate::kit::{self, database::Database, eventually};

/// What is wrong, and how often it is.
const QUESTIONS: &[(&str, &str)] = &[
    (
        "users with other than one user.created",
        "select count(*) from users u left join
        (select user_id, count(*) as n from log where kind = 'user.created' group by user_id) e on e.user_id = u.id
      where coalesce(e.n, 0) <> 1",
    ),
    (
        "users whose events do not lead from version 1 to theirs without a gap",
        "select count(*) from users u left join
        (select user_id, count(*) as n, count(distinct user_version) as d, min(user_version) as low,
                max(user_version) as high from log where user_version is not null group by user_id) e
        on e.user_id = u.id
      where e.n is null or e.n <> u.version or e.d <> u.version or e.low <> 1 or e.high <> u.version",
    ),
    (
        "users with other than one password.changed",
        "select count(*) from users u left join
        (select user_id, count(*) as n from log where kind = 'password.changed' group by user_id) e on e.user_id = u.id
      where coalesce(e.n, 0) <> 1",
    ),
    ("users without a password", "select count(*) from users where id not in (select user_id from credentials)"),
    ("users who never came in", "select count(*) from users where id not in (select user_id from sessions)"),
    (
        "events of users who are not there",
        "select count(*) from log where user_id is not null and user_id not in (select id from users)",
    ),
    (
        "sessions with other than one session.created and one login.succeeded",
        "select count(*) from sessions s left join
        (select session_id, sum(case when kind = 'session.created' then 1 else 0 end) as created,
                sum(case when kind = 'login.succeeded' then 1 else 0 end) as entered
           from log group by session_id) e on e.session_id = s.id
      where coalesce(e.created, 0) <> 1 or coalesce(e.entered, 0) <> 1",
    ),
    (
        "ended sessions with other than one session.revoked, or living ones with any",
        "select count(*) from sessions s
      left join (select session_id, count(*) as n from log where kind = 'session.revoked' group by session_id) e
        on e.session_id = s.id
      where coalesce(e.n, 0) <> case when s.ended_at is null then 0 else 1 end",
    ),
    (
        "sessions with other than one session.refreshed for each used token",
        "select count(*) from sessions s left join
        (select session_id, count(*) as n from log where kind = 'session.refreshed' and outcome = 'success'
          group by session_id) e
        on e.session_id = s.id left join
        (select session_id, count(*) as n from refresh_tokens where used_at is not null group by session_id) t
        on t.session_id = s.id
      where coalesce(e.n, 0) <> coalesce(t.n, 0)",
    ),
    (
        "sessions with other than one unused token",
        "select count(*) from sessions s left join
        (select session_id, count(*) as n from refresh_tokens where used_at is null group by session_id) t
        on t.session_id = s.id
      where coalesce(t.n, 0) <> 1",
    ),
    (
        "events of sessions that are not there",
        "select count(*) from log where session_id is not null and session_id not in (select id from sessions)",
    ),
    ("events told twice", "select count(*) - count(distinct id) from log"),
    (
        "signing keys more or less than signing_key.rotated",
        "select abs((select count(*) from signing_keys)
        - (select count(*) from log where kind = 'signing_key.rotated'))",
    ),
    (
        "events of another kind than what was done",
        "select count(*) from log where kind not in ('user.created',
        'user.updated', 'password.changed', 'session.created', 'login.succeeded', 'session.revoked',
        'session.refreshed', 'signing_key.rotated') and not (kind = 'login.failed' and user_id is null)",
    ),
];

/// The log, numbered or not.
const LOG: &str = "with log as (
    select id, kind, outcome, user_id, user_version, session_id from events union all
    select id, kind, outcome, user_id, user_version, session_id from events_pending) ";

/// Compares the tables with the log.
pub async fn compare(database: &Database) {
    let queries: Vec<String> = QUESTIONS.iter().map(|(_, question)| format!("{LOG}{question}")).collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let counts = database.numbers(&queries).await;
    let wrong: Vec<_> = QUESTIONS.iter().zip(counts).filter(|(_, count)| *count != 0).collect();
    let wrong: Vec<_> = wrong.iter().map(|((what, _), count)| format!("{count} {what}")).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("; "));
}

/// Reads the files, the log and its seals while no process works on them. Gives the number of events.
pub async fn audit(database: &Database) -> i64 {
    // A crash may have come before the tables were there.
    let app = kit::open(database, &[]).await;
    must_be_whole(database).await;
    compare(database).await;
    let head = sequencer::drain(&app.db, &app.keys).await.unwrap();
    compare(database).await;
    let report = verify(&app.db, &app.keys, |_, _| {}).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.faults);
    let figures = [
        "select count(*) from events",
        "select coalesce(max(seq), 0) from events",
        "select count(*) from events_pending",
        "select count(*) from users where deleted_at is null",
        "select count(*) from sessions where ended_at is null",
    ];
    let sums = counters::read(&mut app.db.read()).await.unwrap();
    let expected = [head, head, 0, sums.total_users, sums.active_sessions];
    assert_eq!(database.numbers(&figures).await, expected, "numbered events, newest, pending; users, sessions");
    assert_eq!(report.events, head);
    drop(app);
    closed(&database.root()).await;
    head
}

/// Has the engine read all of its pages.
async fn must_be_whole(database: &Database) {
    match database.engine() {
        Engine::Sqlite => {
            let conn = database.sqlite();
            let verdict: String = conn.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(verdict, "ok");
            assert_eq!(
                database.number("select count(*) from pragma_foreign_key_check").await,
                0,
                "rows that lead nowhere"
            );
        }
        Engine::Postgres => {
            database.execute("create extension if not exists amcheck schema pg_catalog").await;
            let own = |kind| {
                format!(
                    "(select c.oid from pg_class c join pg_am a on a.oid = c.relam
                      where c.relnamespace = current_schema()::regnamespace and a.amname = '{kind}') own"
                )
            };
            let damaged = format!("select count(*) from {}, lateral verify_heapam(own.oid)", own("heap"));
            assert_eq!(database.number(&damaged).await, 0, "damaged rows");
            // It fails where an index and its table do not tell the same.
            let indexes = format!("select count(*) from {}, lateral bt_index_check(own.oid, true)", own("btree"));
            assert!(database.number(&indexes).await > 0);
        }
    }
}

/// Waits until this process has no file open there: the engine's threads end in their own time.
async fn closed(root: &Path) {
    let is_open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap();
        files.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|path| path.starts_with(root)))
    };
    eventually("the audit keeps a file open", async || !is_open()).await;
}
