//! What is revoked ends at once here, within a second on every other node, and never lives on in a memory.

use std::time::{Duration, Instant};

use denizen::{
    access::{Caller, Role},
    account,
    app::App,
    db::Engine,
    login::change_password,
    password::Password,
    session::{self, Reason},
};
use serde_json::json;

use crate::{
    each_engine,
    kit::{
        self, TestApp,
        client::{PASSWORD, Person, Reply},
        database::Database,
        open,
        proxy::{Proxy, Wire},
    },
};

/// What ends every access token of a person.
#[derive(Clone, Copy, Debug)]
enum End {
    Deactivated,
    Revoked,
    PasswordChanged,
    Deleted,
}

const ENDS: [End; 4] = [End::Deactivated, End::Revoked, End::PasswordChanged, End::Deleted];

/// Ends it, at this node, as an operator.
async fn end(app: &App, person: &Person, how: End) {
    let (id, caller) = (person.id.parse().unwrap(), &Caller::operator());
    match how {
        End::Deactivated => kit::deactivate(app, &person.id).await,
        End::Revoked => {
            let ended = app.db.write(async |tx| session::revoke_all(tx, caller, id, None, Reason::Revoked).await).await;
            assert!(ended.unwrap() > 0);
        }
        End::PasswordChanged => {
            let new = Password::parse("Another-Horse-8-Battery").unwrap();
            change_password::by_operator(app, caller, id, &new).await.unwrap();
        }
        End::Deleted => {
            let grace = Duration::from_secs(60);
            app.db.write(async |tx| account::delete(tx, caller, id, grace, |_| Ok(())).await).await.unwrap();
        }
    }
}

/// Uses a token until it is refused; panics when that takes longer than a second, or when it comes back.
async fn refused_within_a_second(app: &TestApp, access: &str, what: impl std::fmt::Debug) {
    let begun = Instant::now();
    loop {
        match app.me(access).await.status {
            200 => assert!(begun.elapsed() < Duration::from_secs(1), "{what:?}: still accepted"),
            401 => break,
            status => panic!("{what:?}: {status}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..20 {
        assert_eq!(app.me(access).await.status, 401, "{what:?}: it came back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Registers, and sees to it that the node remembers the token.
async fn warm(app: &TestApp, other: &TestApp, name: &str) -> Person {
    let person = app.register(name).await;
    for _ in 0..3 {
        app.me(&person.access).await.expect(200);
        other.me(&person.access).await.expect(200);
    }
    person
}

/// A request that needs nothing of the database but to know who asks: 422 means that he is known.
async fn remembered(app: &TestApp, person: &Person) -> Reply {
    app.bearer(&person.access).patch("/api/v1/users/me", json!({"nonsense": true})).await
}

/// A node whose wire to the database can be cut.
async fn behind_a_wire() -> (Proxy, TestApp) {
    let proxy = Proxy::start().await;
    let url = proxy.url();
    let app = TestApp::on(Database::new(Engine::Postgres), &[("DATABASE_URL", &url)]).await;
    (proxy, app)
}

each_engine! {
    async fn what_is_ended_here_is_refused_at_once(app) {
        for how in ENDS {
            let ann = warm(&app, &app, &format!("ann{how:?}").to_lowercase()).await;
            end(&app.app, &ann, how).await;
            assert_eq!(app.me(&ann.access).await.expect(401).code(), "token_refused", "{how:?}");
            app.bearer(&ann.access).get("/api/v1/auth/sessions").await.expect(401);
            assert_eq!(app.refresh(&ann.refresh).await.expect(401).code(), "refresh_expired", "{how:?}");
        }
    }

    async fn what_is_ended_by_another_process_is_refused_within_a_second(app) {
        let command_line = open(&app.database, &[]).await;
        for how in ENDS {
            let ann = warm(&app, &app, &format!("ann{how:?}").to_lowercase()).await;
            end(&command_line, &ann, how).await;
            refused_within_a_second(&app, &ann.access, how).await;
            app.refresh(&ann.refresh).await.expect(401);
        }
    }

    async fn a_role_taken_away_elsewhere_is_gone_within_a_second(app) {
        let command_line = open(&app.database, &[]).await;
        let ann = app.register("ann").await;
        app.set_role(&ann.id, Role::Superadmin).await;
        app.set_role(&app.register("root").await.id, Role::Superadmin).await;
        let figures = async || {
            let status = app.bearer(&ann.access).get("/db/status").await.expect(200).json();
            !status["database"]["pool_stats"].is_null()
        };
        assert!(figures().await, "a role counts without a new sign-in");
        let (id, caller) = (ann.id.parse().unwrap(), &Caller::operator());
        command_line.db.write(async |tx| account::set_role(tx, caller, id, Role::User).await).await.unwrap();
        let begun = Instant::now();
        while figures().await {
            assert!(begun.elapsed() < Duration::from_secs(1), "still a superadmin");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(app.me(&ann.access).await.expect(200).json()["role"], "user");
    }

    async fn a_reactivated_person_signs_in_anew(app) {
        let ann = warm(&app, &app, "ann").await;
        app.deactivate(&ann.id).await;
        app.login(&ann.email).await.expect(401);
        let (id, caller) = (ann.id.parse().unwrap(), &Caller::operator());
        app.app.db.write(async |tx| account::activate(tx, caller, id, |_| Ok(())).await).await.unwrap();
        app.me(&ann.access).await.expect(401);
        app.refresh(&ann.refresh).await.expect(401);
        app.login(&ann.email).await.expect(200);
    }

    async fn what_was_revoked_stays_so_after_a_restart(app) {
        let mut people = Vec::new();
        for how in ENDS {
            let ann = warm(&app, &app, &format!("ann{how:?}").to_lowercase()).await;
            end(&app.app, &ann, how).await;
            people.push(ann);
        }
        let bob = app.register("bob").await;
        let app = TestApp::on(app.stop().await, &[]).await;
        for ann in people {
            app.me(&ann.access).await.expect(401);
            app.refresh(&ann.refresh).await.expect(401);
        }
        app.me(&bob.access).await.expect(200);
        app.refresh(&bob.refresh).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_refuses_within_a_second_what_it_remembers() {
    let one = TestApp::start(Engine::Postgres).await;
    let other = one.another().await;
    for how in ENDS {
        for (here, there) in [(&one, &other), (&other, &one)] {
            let ann = warm(here, there, &format!("ann-{how:?}-{}", here.address.port()).to_lowercase()).await;
            end(&here.app, &ann, how).await;
            assert_eq!(here.me(&ann.access).await.status, 401, "{how:?}");
            refused_within_a_second(there, &ann.access, how).await;
        }
    }
    let ann = warm(&one, &other, "ann").await;
    one.bearer(&ann.access).post("/api/v1/auth/logout", json!({})).await.expect(200);
    refused_within_a_second(&other, &ann.access, "logout").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_died_delays_no_revocation() {
    let mut leader = TestApp::start(Engine::Postgres).await;
    let (one, other) = (leader.another().await, leader.another().await);
    let ann = warm(&one, &other, "ann").await;
    // Whoever numbers the log is gone: what was not numbered must be heard all the same.
    leader.kill();
    end(&one.app, &ann, End::Revoked).await;
    refused_within_a_second(&other, &ann.access, "without a sequencer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_node_answers_nothing_from_memory() {
    let (proxy, app) = behind_a_wire().await;
    let other = app.another().await;
    let (ann, bob) = (warm(&app, &other, "ann").await, warm(&app, &other, "bob").await);
    for round in 0..3 {
        proxy.set(Wire::Cut);
        let cut = Instant::now();
        if round == 0 {
            end(&other.app, &ann, End::Revoked).await;
        }
        loop {
            let reply = remembered(&app, &bob).await;
            if reply.status == 503 {
                assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("database_unavailable", Some("2")));
                break;
            }
            assert!(reply.status == 422 && cut.elapsed() < Duration::from_secs(1), "{}", reply.text);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for person in [&ann, &bob] {
            assert_eq!(remembered(&app, person).await.status, 503);
            assert_eq!(app.me(&person.access).await.status, 503);
        }
        let begun = Instant::now();
        for reply in [
            app.login(&bob.email).await,
            app.refresh(&bob.refresh).await,
            app.me("nonsense").await,
            app.post(
                "/api/v1/auth/sign-up",
                json!({"email": "x@example.com", "password": PASSWORD, "full_name": "X Y"}),
            )
            .await,
            app.bearer(&bob.access).patch("/api/v1/users/me", json!({"bio": "x"})).await,
        ] {
            assert!([503, 401].contains(&reply.status), "{}", reply.text);
            assert!(reply.status == 401 || reply.header("retry-after").is_some(), "{}", reply.text);
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "a refusal takes {:?}", begun.elapsed());
        let health = app.get("/health").await.expect(503);
        assert_eq!(health.json()["status"], "unhealthy");
        assert!(health.header("retry-after").is_some());
        app.get("/health/ready").await.expect(503);
        app.get("/health/live").await.expect(200);
        assert_eq!(app.get("/db/status").await.expect(200).json()["database"]["status"], "disconnected");
        proxy.set(Wire::Whole);
        let healed = Instant::now();
        while app.me(&bob.access).await.status != 200 || app.login(&bob.email).await.status != 200 {
            assert!(healed.elapsed() < Duration::from_secs(3), "it does not heal");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        refused_within_a_second(&app, &ann.access, "revoked while the wire was cut").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_gives_no_access_either() {
    let (proxy, app) = behind_a_wire().await;
    let other = app.another().await;
    let ann = warm(&app, &other, "ann").await;
    proxy.set(Wire::Hung);
    end(&other.app, &ann, End::Revoked).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let (kept, read, write) = tokio::join!(remembered(&app, &ann), app.me(&ann.access), app.login(&ann.email));
    assert_eq!((kept.status, read.status, write.status), (503, 503, 503), "{} {}", read.text, write.text);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    proxy.set(Wire::Whole);
    let healed = Instant::now();
    while app.me(&ann.access).await.status != 401 || app.login(&ann.email).await.status != 200 {
        assert!(healed.elapsed() < Duration::from_secs(3), "it does not heal");
    }
}
