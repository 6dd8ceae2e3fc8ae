//! One-time links: a person chooses his password by one, once, and by nothing else.

mod hostile;
mod support;

use denizen::access::Role;
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD, Person, Reply},
    },
    people::person,
};

const USERS: &str = "/api/v1/users";
const CONFIRM: &str = "/api/v1/auth/password-reset-confirm";
const NEW: &str = "Better-Horse-8-Battery";

/// Uses a link. On a slow machine the queue for hashes may be full.
async fn confirm(client: &Client, token: &str, password: &str) -> Reply {
    loop {
        let body = json!({"token": token, "new_password": password, "confirm_password": password});
        let reply = client.post(CONFIRM, body).await;
        if reply.status != 503 {
            return reply;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// An answer without what makes each of them one of its own.
fn plain(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body.as_object_mut().unwrap().remove("request_id");
    (reply.status, body)
}

/// A support desk that may help anybody below it.
async fn desk(app: &TestApp) -> Client {
    let desk = person(app, "desk", Role::Superadmin).await;
    app.bearer(&desk.access)
}

fn of(person: &Person) -> String {
    format!("{USERS}/{}", person.id)
}

/// Sends somebody a link, and gives its token.
async fn link(app: &TestApp, desk: &Client, person: &Person) -> String {
    desk.send("POST", &format!("{}/password", of(person)), None).await.expect(200);
    app.mailed_token().await
}

each_engine! {
    async fn who_was_made_without_a_password_chooses_it_by_the_link(app) {
        let app = app.with_settings(&[("PUBLIC_URL", "https://users.example.org/app")]).await;
        // Whatever host a request names, no link leads there.
        let desk = desk(&app).await.with("host", "evil.example.com").with("x-forwarded-host", "evil.example.com");
        let body = json!({"email": "ann@example.com", "full_name": "Ann Lee", "password": null, "external_id": "7"});
        let made = desk.post(USERS, body).await.expect(201).json();
        assert_eq!((&made["is_verified"], &made["external_id"], &made["role"]), (&json!(false), &json!("7"), &json!("user")));
        for password in [PASSWORD, "x"] {
            app.login_with("ann@example.com", password).await.expect(401);
        }
        let letters = app.letters().await;
        assert_eq!((letters.len(), letters[0].to.as_str()), (1, made["id"].as_str().unwrap()));
        let url = letters[0].url.clone().unwrap();
        assert!(url.starts_with("https://users.example.org/app/reset-password#token=dzp_"), "{url}");
        let done = confirm(&app, &letters[0].token(), NEW).await.expect(200);
        // It signs nobody in.
        assert_eq!((done.header("set-cookie"), done.json().get("access_token")), (None, None));
        assert_eq!(app.database.number("select count(*) from sessions where user_id not in (select id from users where role <> 'user')").await, 0);
        let ann = app.login_with("ann@example.com", NEW).await.expect(200).json();
        assert_eq!(ann["user"]["is_verified"], true);
        let again = confirm(&app, &letters[0].token(), PASSWORD).await.expect(400);
        assert_eq!(again.code(), "invalid_token");
        app.login_with("ann@example.com", NEW).await.expect(200);
        app.numbered().await;
        for (kind, count) in [("password.link_sent", 1), ("password.changed", 1), ("user.verified", 1)] {
            let told = format!("select count(*) from events where kind = '{kind}' and user_id = (select id from users where email_key = 'ann@example.com')");
            assert_eq!(app.database.number(&told).await, count, "{kind}");
        }
    }

    async fn of_fifty_parallel_uses_one_sets_its_password(app) {
        let (desk, ann) = (desk(&app).await, app.register("ann").await);
        let token = link(&app, &desk, &ann).await;
        let tries = (0..50).map(|n| {
            let (client, token) = (app.clone_client(), token.clone());
            tokio::spawn(async move { confirm(&client, &token, &format!("Horse-number-{n}-of-many")).await })
        });
        let mut set = Vec::new();
        for (n, one) in tries.collect::<Vec<_>>().into_iter().enumerate() {
            let reply = one.await.unwrap();
            if reply.status == 200 {
                set.push(n);
            } else {
                assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_token"), "{}", reply.text);
            }
        }
        assert_eq!(set.len(), 1, "{set:?}");
        app.login_with(&ann.email, &format!("Horse-number-{}-of-many", set[0])).await.expect(200);
        app.numbered().await;
        let told = "select count(*) from events where kind = 'password.changed'";
        // Two registered, one chose another.
        assert_eq!(app.database.number(told).await, 3);
    }

    async fn what_is_used_stays_used_and_what_is_not_stays_good(app) {
        let (desk, ann, bob) = (desk(&app).await, app.register("ann").await, app.register("bob").await);
        let (used, good) = (link(&app, &desk, &ann).await, link(&app, &desk, &bob).await);
        confirm(&app, &used, NEW).await.expect(200);
        let app = TestApp::on(app.stop().await, &[]).await;
        confirm(&app, &used, PASSWORD).await.expect(400);
        confirm(&app, &good, NEW).await.expect(200);
        app.login_with(&ann.email, NEW).await.expect(200);
        app.login_with(&bob.email, NEW).await.expect(200);
    }

    async fn every_session_ends_and_tries_are_forgiven(app) {
        let (desk, ann) = (desk(&app).await, app.register("ann").await);
        let token = link(&app, &desk, &ann).await;
        // Until it is used, nothing has changed.
        app.me(&ann.access).await.expect(200);
        for _ in 0..6 {
            app.login_with(&ann.email, "wrong").await;
        }
        app.login(&ann.email).await.expect(429);
        confirm(&app, &token, NEW).await.expect(200);
        app.me(&ann.access).await.expect(401);
        app.refresh(&ann.refresh).await.expect(401);
        app.login(&ann.email).await.expect(401);
        app.login_with(&ann.email, NEW).await.expect(200);
    }

    async fn a_refused_password_leaves_the_link_as_it_was(app) {
        let (desk, ann) = (desk(&app).await, app.register("ann").await);
        let token = link(&app, &desk, &ann).await;
        for (password, fault) in [
            ("short", "new_password:too_short"),
            ("Password1", "new_password:too_common"),
            (&ann.email, "new_password:no_upper_case"),
            ("Ann@example.com1", "new_password:contains_identity"),
            ("", "new_password:required"),
        ] {
            assert_eq!(confirm(&app, &token, password).await.expect(422).faults(), [fault], "{password}");
        }
        // No text of a body holds U+0000.
        assert_eq!(confirm(&app, &token, "a\0B3456789").await.expect(400).code(), "malformed_json");
        let differ = json!({"token": token, "new_password": NEW, "confirm_password": PASSWORD});
        assert_eq!(app.post(CONFIRM, differ).await.expect(422).faults(), ["confirm_password:mismatch"]);
        // A change that is required is a change.
        desk.send("POST", &format!("{}/force-password-change", of(&ann)), None).await.expect(200);
        assert_eq!(confirm(&app, &token, PASSWORD).await.expect(422).faults(), ["new_password:unchanged"]);
        confirm(&app, &token, NEW).await.expect(200);
        app.login_with(&ann.email, NEW).await.expect(200);
    }

    async fn the_next_link_takes_the_place_of_the_one_before(app) {
        let (desk, ann) = (desk(&app).await, app.register("ann").await);
        let (first, second) = (link(&app, &desk, &ann).await, link(&app, &desk, &ann).await);
        assert_ne!(first, second);
        confirm(&app, &first, NEW).await.expect(400);
        confirm(&app, &second, NEW).await.expect(200);
        assert_eq!(app.database.number("select count(*) from proofs").await, 0);
    }
}
