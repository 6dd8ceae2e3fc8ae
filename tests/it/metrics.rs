//! Metrics: what is counted, that strangers cannot make series, and that what reads them names what exists.

mod deploy;

use std::collections::BTreeSet;

use denizen::{
    access::{Caller, Role},
    db::Engine,
    metrics::Family,
};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        database::Database,
        eventually,
        exposition::Page,
        proxy::{Proxy, Wire},
    },
};

const LOGIN: &str = "/api/v1/auth/login";

async fn page(app: &TestApp) -> Page {
    Page::read(&app.get("/metrics").await.expect(200).text)
}

/// Whether a number is this one.
#[track_caller]
fn is(found: f64, expected: u32) {
    assert!((found - f64::from(expected)).abs() < 1e-9, "{found} is not {expected}");
}

each_engine! {
    async fn a_scrape_is_well_formed_and_tells_all_there_is(app) {
        let ann = app.register("ann").await;
        app.me(&ann.access).await.expect(200);
        app.numbered().await;
        eventually("no job was run", async || page(&app).await.sum("denizen_jobs_total", &[]) > 0.0).await;
        let page = page(&app).await;
        let foreign = match app.database.engine() {
            Engine::Sqlite => ["denizen_db_pool_connections", "denizen_db_pool_waiting"].to_vec(),
            Engine::Postgres => {
                ["denizen_db_commits_total", "denizen_db_commit_batch_transactions", "denizen_db_size_bytes",
                 "denizen_db_wal_bytes", "denizen_db_reserve_bytes", "denizen_db_writer_waiting"].to_vec()
            }
        };
        for family in Family::ALL {
            let is_absent = foreign.contains(&family.name()) || *family == Family::Spans;
            let found = page.types.get(family.name());
            assert_eq!(found.map(String::as_str), (!is_absent).then_some(family.kind().as_str()), "{}", family.name());
        }
        for sample in &page.samples {
            let family = sample.name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
            let family = Family::ALL.iter().find(|own| own.name() == family).unwrap();
            let mut labels: BTreeSet<_> = family.labels().iter().copied().collect();
            labels.extend(sample.name.ends_with("_bucket").then_some("le"));
            assert_eq!(sample.labels.keys().map(String::as_str).collect::<BTreeSet<_>>(), labels, "{sample:?}");
        }
        for (name, least) in [
            ("process_resident_memory_bytes", 4e6),
            ("process_cpu_seconds_total", 0.01),
            ("process_open_fds", 3.0),
            ("process_max_fds", 3.0),
            ("process_start_time_seconds", 1.7e9),
            ("denizen_http_connections", 1.0),
            ("denizen_http_requests_in_flight", 1.0),
            ("denizen_hash_queue_limit", 8.0),
            ("denizen_log_head", 2.0),
        ] {
            assert!(page.sum(name, &[]) >= least, "{name} is {}", page.sum(name, &[]));
        }
        is(page.sum("denizen_users", &[]), 1);
        is(page.sum("denizen_db_up", &[]), 1);
        is(page.sum("denizen_log_pending_events", &[]), 0);
        is(page.sum("denizen_hash_wait_seconds_count", &[]), 1);
        is(page.sum("denizen_hash_duration_seconds_count", &[]), 1);
    }

    async fn outcomes_move_the_right_counters(app) {
        let ann = app.register("ann").await;
        let before = page(&app).await;
        for outcome in ["ok", "invalid_credentials", "locked", "password_change_required", "busy", "error"] {
            is(before.sum("denizen_sign_ins_total", &[("outcome", outcome)]), 0);
        }
        app.login(&ann.email).await.expect(200);
        app.form("/api/v1/auth/token", "username=ann@example.com&password=Wrong-Horse-7").await.expect(400);
        app.login("nobody@example.com").await.expect(401);
        let second = app.refresh(&ann.refresh).await.expect(200).json();
        let third = app.refresh(second["refresh_token"].as_str().unwrap()).await.expect(200).json();
        app.refresh("dzr_unknown").await.expect(401);
        app.refresh(&ann.refresh).await.expect(401);
        app.refresh(third["refresh_token"].as_str().unwrap()).await.expect(401);
        app.database.execute("update users set must_change_password = true").await;
        app.login(&ann.email).await.expect(403);
        for _ in 0..8 {
            app.login_with("x@example.com", "Wrong-Horse-7").await;
        }
        let mut tickets: Vec<_> = std::iter::from_fn(|| app.app.pool.admit().ok()).collect();
        assert_eq!(app.login(&ann.email).await.expect(503).code(), "busy");
        let full = page(&app).await;
        is(full.sum("denizen_hash_queue", &[]), u32::try_from(tickets.len()).unwrap());
        tickets.clear();

        let after = page(&app).await;
        let sign_ins = |outcome| after.sum("denizen_sign_ins_total", &[("outcome", outcome)]);
        is(sign_ins("ok"), 1);
        is(sign_ins("password_change_required"), 1);
        is(sign_ins("busy"), 1);
        let (wrong, locked) = (sign_ins("invalid_credentials"), sign_ins("locked"));
        is(wrong + locked, 10);
        assert!(wrong >= 7.0 && locked >= 1.0, "{wrong} {locked}");
        for (outcome, count) in [("ok", 2), ("expired", 2), ("reused", 1), ("unavailable", 0), ("error", 0)] {
            is(after.sum("denizen_refreshes_total", &[("outcome", outcome)]), count);
        }
        let requests = |status| {
            after.sum("denizen_http_requests_total", &[("method", "POST"), ("route", LOGIN), ("status", status)])
        };
        is(requests("200"), 1);
        is(requests("403"), 1);
        is(requests("503"), 1);
        is(requests("401") + requests("429"), 9);
        is(after.sum("denizen_http_request_duration_seconds_count", &[("method", "POST"), ("route", LOGIN)]), 12);
        // One more by the probe above, which went on until it was refused.
        is(after.sum("denizen_hash_refused_total", &[]), 2);
        let transactions =
            |page: &Page, outcome| page.sum("denizen_db_transactions_total", &[("outcome", outcome)]);
        assert!(transactions(&after, "committed") >= transactions(&before, "committed") + 10.0);
        is(transactions(&after, "unavailable"), 0);
        let refused = app.app.db.write(async |_| Err::<(), _>(denizen::error::Error::not_found())).await;
        assert!(refused.is_err());
        assert!(transactions(&page(&app).await, "rolled_back") >= transactions(&after, "rolled_back") + 1.0);
        if app.database.engine() == Engine::Sqlite {
            let (carried, commits) = ("denizen_db_commit_batch_transactions_count", "denizen_db_commits_total");
            assert!((after.sum(carried, &[]) - after.sum(commits, &[])).abs() < 0.5);
        }
    }

    async fn strangers_cannot_make_series(app) {
        let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW", "PROPFIND", "X-1"];
        let knock = async |n: usize| {
            let path = match n % 4 {
                0 => format!("/canary-{n}"),
                1 => format!("/api/v1/users/canary{n}"),
                2 => format!("/api/v1/auth/sessions/01890a5d-ac96-774b-bcce-{n:012x}"),
                _ => format!("/metrics?canary={n}"),
            };
            app.send(methods[n % methods.len()], &path, None).await;
        };
        for n in 0..200 {
            knock(n).await;
        }
        let few = page(&app).await;
        for n in 200..2_000 {
            knock(n).await;
        }
        let made_up = [format!("Y{}", "Z".repeat(50)), "FROBNICATE".to_owned(), "get".to_owned()];
        for method in &made_up {
            app.send(method, "/health", None).await;
        }
        let text = app.get("/metrics").await.text;
        let many = Page::read(&text);
        let series = |page: &Page| page.samples.iter().filter(|s| s.name.starts_with("denizen_http_")).count();
        // Statuses and methods that the first 200 did not meet.
        assert!(series(&many) <= series(&few) + 40, "{} from {}", series(&many), series(&few));
        assert!(!text.contains("canary") && !text.contains("bcce") && !text.contains("FROB"), "{text}");
        let known: BTreeSet<_> = crate::route::ROUTES.iter().map(|(_, path, _)| *path).collect();
        let labels = |label: &str| {
            many.samples.iter().filter_map(|s| s.labels.get(label)).map(String::as_str).collect::<BTreeSet<_>>()
        };
        for route in labels("route") {
            assert!(known.contains(route) || route.contains('{') || route == "unmatched", "{route}");
        }
        let closed = ["DELETE", "GET", "HEAD", "OPTIONS", "OTHER", "PATCH", "POST", "PUT"];
        assert!(labels("method").is_subset(&closed.into_iter().collect()), "{:?}", labels("method"));
        assert!(many.sum("denizen_http_requests_total", &[("route", "unmatched")]) >= 400.0);
        is(many.sum("denizen_http_requests_in_flight", &[]), 1);
    }

    async fn a_token_opens_the_same_page(app) {
        let app = app.with_settings(&[("METRICS", "token")]).await;
        let root = app.register("root").await;
        app.set_role(&root.id, Role::Superadmin).await;
        app.get("/metrics").await.expect(401);
        let text = app.bearer(&root.access).get("/metrics").await.expect(200).text;
        is(Page::read(&text).sum("denizen_http_requests_total", &[("route", "/metrics"), ("status", "401")]), 1);
    }

    async fn one_node_says_that_it_leads(app) {
        let leads = async |app: &TestApp| page(app).await.sum("denizen_log_leader", &[]) > 0.5;
        eventually("nobody leads", async || leads(&app).await).await;
        if app.database.engine() == Engine::Postgres {
            let other = app.another().await;
            assert!(!leads(&other).await);
            app.stop().await;
            eventually("nobody took over", async || leads(&other).await).await;
        }
    }

    async fn a_backlog_of_events_is_told_with_its_age(app) {
        let mut app = app;
        app.kill();
        // Nothing numbers any more; what is recorded now waits.
        let other = crate::kit::open(&app.database, &[]).await;
        eventually("the numbering goes on", async || {
            let new = json!({"n": 1});
            let before = denizen::event::backlog(&mut other.db.read()).await.unwrap();
            record(&other, &new).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let after = denizen::event::backlog(&mut other.db.read()).await.unwrap();
            after.head == before.head && after.pending > before.pending && after.oldest.is_some()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_answers_while_the_database_is_away() {
    let proxy = Proxy::start().await;
    let url = proxy.url();
    let app = TestApp::on(Database::new(Engine::Postgres), &[("DATABASE_URL", &url)]).await;
    is(page(&app).await.sum("denizen_db_up", &[]), 1);
    proxy.set(Wire::Cut);
    let away = page(&app).await;
    is(away.sum("denizen_db_up", &[]), 0);
    assert!(!away.types.contains_key("denizen_users") && away.types.contains_key("denizen_http_requests_total"));
    app.get("/health").await.expect(503);
    is(page(&app).await.sum("denizen_http_requests_total", &[("route", "/health"), ("status", "503")]), 1);
    proxy.set(Wire::Whole);
    eventually("it does not come back", async || {
        page(&app).await.sum("denizen_users", &[]) == 0.0 && page(&app).await.types.contains_key("denizen_users")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_the_writer_is_counted() {
    let app = TestApp::start(Engine::Sqlite).await;
    let waiting = async || page(&app).await.sum("denizen_db_writer_waiting", &[]);
    let (db, gate) = (&app.app.db, &tokio::sync::Semaphore::new(0));
    // Whoever has the writer keeps it until the others are seen to wait.
    let hold = db.write(async |_| {
        gate.acquire().await.map(tokio::sync::SemaphorePermit::forget).map_err(denizen::error::Error::internal)
    });
    let wait = || db.write(async |_| Ok(()));
    let see = async {
        eventually("nobody waits", async || waiting().await >= 3.0).await;
        gate.add_permits(1);
    };
    let (holder, first, second, third, ()) = tokio::join!(hold, wait(), wait(), wait(), see);
    assert!(holder.and(first).and(second).and(third).is_ok());
    eventually("somebody waits still", async || waiting().await < 0.5).await;
    // One who goes away while he waits is not counted for ever.
    let hold = db.write(async |_| {
        gate.acquire().await.map(tokio::sync::SemaphorePermit::forget).map_err(denizen::error::Error::internal)
    });
    let see = async {
        let gone = tokio::time::timeout(std::time::Duration::from_millis(200), wait()).await;
        assert!(gone.is_err());
        gate.add_permits(1);
    };
    assert!(tokio::join!(hold, see).0.is_ok());
    eventually("who is gone waits still", async || waiting().await < 0.5).await;
}

async fn record(app: &denizen::app::App, data: &Value) {
    use denizen::event::{Event, Kind, record};
    let event = || Event::new(Kind::SetupCompleted, &Caller::operator()).with("test", data.clone());
    app.db.write(async |tx| record(tx, event()).await).await.unwrap();
}
