//! Guessing passwords: it costs the guesser time, the service little, and the owner nothing.

use std::time::{Duration, Instant};

use denizen::{access::Caller, login::change_password, password::Password};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{PASSWORD, Reply},
        database::variable,
    },
};

const LOGIN: &str = "/api/v1/auth/login";

async fn guess(app: &TestApp, name: &str) -> Reply {
    app.login_with(name, "Wrong-Horse-7").await
}

/// Five wrong guesses: the sixth must wait.
async fn lock(app: &TestApp, name: &str) {
    for _ in 0..5 {
        assert_eq!(guess(app, name).await.expect(401).code(), "invalid_credentials");
    }
}

fn wait(reply: &Reply) -> u64 {
    reply.header("retry-after").unwrap().parse().unwrap()
}

/// Everything of an answer that could tell one from another.
fn told(reply: &Reply) -> (u16, Vec<(String, String)>, Value) {
    let mut body = reply.json();
    assert_eq!(body["request_id"].as_str(), reply.header("x-request-id"));
    body["request_id"] = Value::Null;
    let mut headers: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (reply.status, headers, body)
}

each_engine! {
    async fn two_hundred_parallel_guesses_cost_at_most_five_hashes(app) {
        let ann = app.register("ann").await;
        let (computed, begun) = (app.app.pool.computed(), Instant::now());
        let guesses: Vec<_> = (0..200).map(|n| {
            let client = app.clone_client();
            let email = ann.email.clone();
            tokio::spawn(async move { client.login_with(&email, &format!("Wrong-Horse-{n}")).await })
        }).collect();
        let mut wrong = 0;
        for reply in guesses {
            let reply = reply.await.unwrap();
            match reply.status {
                401 => wrong += 1,
                429 => assert!(wait(&reply) >= 1 && reply.code() == "too_many_attempts"),
                // A database that refuses transactions at random may refuse one as often as it is tried.
                503 if variable("TEST_PROFILE").is_some() && reply.code() == "database_unavailable" => {}
                503 => assert_eq!(reply.code(), "busy"),
                status => panic!("{status} {}", reply.text),
            }
        }
        // Should the storm last longer than the first wait, of 1 s, a sixth guess is due, and so on.
        let due = 5 + u64::from((begun.elapsed().as_secs() + 1).ilog2());
        let hashes = app.app.pool.computed() - computed;
        assert!(hashes <= due && wrong <= due, "{hashes} hashes, {wrong} answers, {due} due");
        app.login(&ann.email).await.expect(429);
    }

    async fn one_counter_stands_behind_every_name_and_door(app) {
        let ann = app.register("ann").await;
        app.bearer(&ann.access).patch("/api/v1/users/me", json!({"username": "ann"})).await.expect(200);
        guess(&app, "ann@example.com").await.expect(401);
        guess(&app, "ANN@example.com").await.expect(401);
        guess(&app, "ann").await.expect(401);
        for name in ["ann", "ann%40example.com"] {
            let form = format!("username={name}&password=Wrong-Horse-7");
            assert_eq!(app.form("/api/v1/auth/token", &form).await.expect(400).json()["error"], "invalid_grant");
        }
        let computed = app.app.pool.computed();
        for name in ["ann", "ANN", "ann@example.com"] {
            app.login(name).await.expect(429);
        }
        let reply = app.form("/api/v1/auth/token", &format!("username=ann&password={PASSWORD}")).await.expect(429);
        assert_eq!((reply.json()["error"].as_str(), wait(&reply)), (Some("invalid_grant"), 1));
        assert_eq!(app.app.pool.computed(), computed);
    }

    async fn the_owner_gets_in_from_a_device_he_used_before(app) {
        let browser = app.with("user-agent", "Firefox/140");
        browser.register("ann").await;
        let first = app.login("ann@example.com").await.expect(200);
        let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        app.register("bob").await;
        let bobs = app.login("bob@example.com").await.expect(200);
        let bobs = bobs.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        lock(&app, "ann@example.com").await;
        app.login("ann@example.com").await.expect(429);
        app.with("user-agent", "Chrome/140").login("ann@example.com").await.expect(429);
        app.with("cookie", &bobs).login("ann@example.com").await.expect(429);
        app.with("cookie", "denizen_device=00000000000000000000000000000000").login("ann@example.com").await.expect(429);
        let known = app.with("cookie", &format!("a=b; {cookie}; c=d"));
        known.login("ann@example.com").await.expect(200);
        browser.login("ann@example.com").await.expect(200);
        // The owner's typing errors are counted there, and lock nobody else out.
        for _ in 0..5 {
            known.login_with("ann@example.com", "Wrong-Horse-7").await.expect(401);
        }
        known.login("ann@example.com").await.expect(429);
        browser.login("ann@example.com").await.expect(200);
    }

    async fn success_on_one_device_forgives_strangers_nothing(app) {
        let browser = app.with("user-agent", "Firefox/140");
        browser.register("ann").await;
        lock(&app, "ann@example.com").await;
        browser.login("ann@example.com").await.expect(200);
        app.login("ann@example.com").await.expect(429);
    }

    async fn waits_double_up_to_an_hour(app) {
        let ann = app.register("ann").await;
        lock(&app, &ann.email).await;
        for wanted in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600, 3_600] {
            for _ in 0..2 {
                let waits = wait(&app.login(&ann.email).await.expect(429));
                assert!((wanted - 1..=wanted).contains(&waits), "{waits} instead of {wanted}");
            }
            app.app.db.clock().advance(Duration::from_secs(wanted));
            guess(&app, &ann.email).await.expect(401);
        }
        app.app.db.clock().advance(Duration::from_secs(3_600));
        app.login(&ann.email).await.expect(200);
        lock(&app, &ann.email).await;
    }

    async fn a_try_counts_though_what_follows_it_fails(app) {
        let ann = app.register("ann").await;
        let tries = "select cast(coalesce(sum(count), 0) as bigint) from failures";
        app.numbered().await;
        // What is behind the hash writes an event, and is rolled back: a refusal as well as a sign-in.
        app.database.forbid("events_pending").await;
        for n in 1..=5 {
            let password = if n == 3 { PASSWORD } else { "Wrong-Horse-7" };
            assert_eq!(app.login_with(&ann.email, password).await.status, 500);
            assert_eq!(app.database.number(tries).await, n);
        }
        app.database.allow("events_pending").await;
        assert_eq!(app.login_with(&ann.email, PASSWORD).await.expect(429).code(), "too_many_attempts");
        app.numbered().await;
        assert_eq!(app.database.number("select count(*) from events where kind like 'login.%' and outcome = 'refused'").await, 0);
    }

    async fn waits_survive_a_restart(app) {
        let ann = app.register("ann").await;
        lock(&app, "nobody@example.com").await;
        app.app.db.clock().advance(Duration::from_secs(3_600));
        guess(&app, "nobody@example.com").await.expect(401);
        lock(&app, &ann.email).await;
        for _ in 0..8 {
            app.app.db.clock().advance(Duration::from_secs(3_600));
            guess(&app, &ann.email).await.expect(401);
        }
        let app = TestApp::on(app.stop().await, &[]).await;
        let computed = app.app.pool.computed();
        assert!(wait(&app.login(&ann.email).await.expect(429)) <= 3_600);
        app.app.db.clock().advance(Duration::from_secs(3_601));
        app.login(&ann.email).await.expect(200);
        assert_eq!(app.app.pool.computed(), computed + 1);
    }

    async fn unknown_names_lock_in_the_same_way(app) {
        let ann = app.register("ann").await;
        for name in ["nobody@example.com", "nobody", "no such name", "\u{ff41}nn@example.com"] {
            let known = format!("ann{}@example.com", name.len());
            let body = json!({"email": known, "password": PASSWORD, "full_name": "Ann Lee"});
            app.post("/api/v1/auth/sign-up", body).await.expect(201);
            for n in 0..8 {
                let (one, other) = (guess(&app, &known).await, guess(&app, name).await);
                assert_eq!(told(&one), told(&other), "{name} {n}");
            }
            app.app.db.clock().advance(Duration::from_secs(1));
            assert_eq!((guess(&app, &known).await.status, guess(&app, name).await.status), (401, 401));
            assert_eq!(wait(&guess(&app, name).await.expect(429)), wait(&guess(&app, &known).await.expect(429)));
        }
        app.login(&ann.email).await.expect(200);
    }

    async fn refusals_tell_nothing(app) {
        app.register("ann").await;
        let off = app.register("off").await;
        app.deactivate(&off.id).await;
        let gone = app.register("gone").await;
        app.bearer(&gone.access).delete("/api/v1/users/me").await.expect(200);
        app.register("bare").await;
        app.database.execute("delete from credentials where user_id = (select id from users where email_key like 'bare%')").await;
        let computed = app.app.pool.computed();
        let wrong = told(&guess(&app, "ann@example.com").await.expect(401));
        let names = ["nobody@example.com", "nobody", "off@example.com", "gone@example.com", "bare@example.com", "?"];
        for name in names {
            assert_eq!(told(&app.login(name).await.expect(401)), wrong, "{name}");
        }
        assert_eq!(app.app.pool.computed() - computed, 1 + names.len() as u64, "each costs one hash");
        let form = async |name: &str| {
            let reply = app.form("/api/v1/auth/token", &format!("username={name}&password={PASSWORD}-")).await.expect(400);
            (reply.json(), reply.header("set-cookie").map(ToOwned::to_owned))
        };
        let wrong = form("ann@example.com").await;
        for name in ["nobody@example.com", "off@example.com", "gone@example.com", "bare@example.com"] {
            assert_eq!(form(name).await, wrong, "{name}");
        }
    }

    async fn an_operators_new_password_frees_at_once(app) {
        let ann = app.register("ann").await;
        lock(&app, &ann.email).await;
        app.login(&ann.email).await.expect(429);
        let new = Password::parse("Another-Horse-8-Battery").unwrap();
        change_password::by_operator(&app.app, &Caller::operator(), ann.id.parse().unwrap(), &new).await.unwrap();
        app.login_with(&ann.email, new.expose()).await.expect(200);
    }

    async fn success_forgives_and_refused_bodies_are_not_tries(app) {
        let ann = app.register("ann").await;
        for _ in 0..3 {
            for _ in 0..4 {
                guess(&app, &ann.email).await.expect(401);
            }
            for _ in 0..3 {
                app.post(LOGIN, json!({"email": ann.email, "password": "x".repeat(1_025)})).await.expect(422);
            }
            app.login(&ann.email).await.expect(200);
        }
    }

    async fn refusals_of_strangers_become_one_event_a_minute(app) {
        for n in 0..20 {
            guess(&app, &format!("nobody{n}@example.com")).await.expect(401);
        }
        app.app.db.clock().advance(Duration::from_secs(61));
        denizen::login::job::tally(&app.app).await.unwrap();
        app.numbered().await;
        let told = app.database.number("select count(*) from events where kind = 'login.failed'").await;
        assert!((1..=2).contains(&told), "{told}");
        assert!(!app.database.texts().await.iter().any(|text| text.contains("nobody1")));
    }
}
