//! Every route that writes asks for the key, or says why not.

use denizen::{access::Role, router};
use serde_json::json;

use crate::{each_engine, kit::client::PASSWORD, people::person};

/// `POST` and `PUT` routes that ask for no key, and why. `docs/api.md` says the same to clients.
const WITHOUT: &[(&str, &str)] = &[
    ("POST /api/v1/auth/register", "nobody is signed in whose key it could be; an address registers once"),
    ("POST /api/v1/auth/sign-up", "nobody is signed in whose key it could be; an address registers once"),
    ("POST /api/v1/auth/login", "nobody is signed in, and the answer holds tokens; an unheard session ends by itself"),
    ("POST /api/v1/auth/token", "as /auth/login; OAuth knows no such header"),
    ("POST /api/v1/auth/refresh", "nobody is signed in; a repetition within a minute gives the same pair by itself"),
    ("POST /api/v1/auth/logout", "a repetition ends nothing, and is answered alike by itself"),
    (
        "POST /api/v1/auth/password-reset-confirm",
        "nobody is signed in; a link works once, so a repetition changes nothing",
    ),
    ("POST /api/v1/users/import", "its body is not held in memory; it resumes by itself, who is here is skipped"),
];

/// Every `POST` and `PUT`: its name, its path, and whether it says that it takes the key.
fn writing() -> Vec<(String, String, bool)> {
    let document = router::document("denizen");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in
            item.as_object().unwrap().iter().filter(|(method, _)| *method == "post" || *method == "put")
        {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let takes = parameters.into_iter().any(|parameter| parameter["name"] == "Idempotency-Key");
            found.push((format!("{} {path}", method.to_uppercase()), path.clone(), takes));
        }
    }
    found
}

each_engine! {
    async fn every_post_and_put_asks_for_the_key_or_says_why_not(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let told = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
        let (mut broken, routes) = (Vec::new(), writing());
        assert!(routes.len() > 25, "{}", routes.len());
        for (name, path, takes) in &routes {
            let without = WITHOUT.iter().any(|(known, _)| known == name);
            if *takes == without {
                broken.push(format!("{name} takes a key: {takes}; is listed as one that takes none: {without}"));
            }
            if without {
                assert!(told.contains(path.trim_start_matches("/api/v1")), "docs/api.md does not name {path}");
                continue;
            }
            // It is read before anything is done: one that cannot be a key is refused.
            let (verb, path) = name.split_once(' ').unwrap();
            let path = path.replace("{id}", &root.id).replace("{tier}", "premium").replace("{name}", "none");
            let client = app.bearer(&root.access).with("idempotency-key", "no key");
            let reply = client.send(verb, &path, Some(("application/json", b"{}".to_vec()))).await;
            if (reply.status, reply.code().as_str()) != (400, "malformed") {
                broken.push(format!("{name} answers {} to a key that is none: {}", reply.status, reply.text));
            }
        }
        for (name, _) in WITHOUT {
            assert!(routes.iter().any(|(known, ..)| known == name), "{name} is no route");
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    async fn leaving_everywhere_is_answered_again_to_whoever_has_left(app) {
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        let path = "/api/v1/auth/logout-all";
        let client = app.bearer(&ann.access).with("idempotency-key", "k");
        let first = client.send("POST", path, None).await.expect(200);
        app.me(&ann.access).await.expect(401);
        // A session that began since is not ended by the repetition.
        let again = app.login(&ann.email).await.expect(200).person();
        assert_eq!(client.send("POST", path, None).await.expect(200).text, first.text);
        app.me(&again.access).await.expect(200);
        // That, and nothing else: not another key, body, caller or route, and no token that is none.
        app.bearer(&ann.access).send("POST", path, None).await.expect(401);
        app.bearer(&ann.access).with("idempotency-key", "l").send("POST", path, None).await.expect(401);
        let forged = format!("{}x", ann.access);
        app.bearer(&forged).with("idempotency-key", "k").send("POST", path, None).await.expect(401);
        app.bearer(&ann.access).with("idempotency-key", "k").send("POST", "/api/v1/users/me/upgrade", None).await.expect(401);
        app.bearer(&bob.access).with("idempotency-key", "k").send("POST", path, None).await.expect(200);
        app.numbered().await;
        let ended = "select count(*) from events where kind = 'session.revoked'";
        assert_eq!(app.database.number(ended).await, 2);
    }

    async fn a_password_changes_once_however_often_it_is_asked(app) {
        let ann = app.register("ann").await;
        let path = "/api/v1/auth/change-password";
        let body = json!({"current_password": PASSWORD, "new_password": "Another-Horse-8-Battery"});
        let client = app.bearer(&ann.access).with("idempotency-key", "k");
        let first = client.post(path, body.clone()).await.expect(200);
        for _ in 0..8 {
            assert_eq!(client.post(path, body.clone()).await.expect(200).text, first.text);
        }
        app.bearer(&ann.access).post(path, body.clone()).await.expect(400);
        app.numbered().await;
        assert_eq!(app.database.number("select count(*) from events where kind = 'password.changed'").await, 2);
        // One that must be changed: its answer holds tokens, so a repetition is told only that it was done.
        let id = ann.id.parse().unwrap();
        app.app.db.write(async |tx| denizen::account::oversight::force_password_change(tx, &denizen::access::Caller::operator(), id).await).await.unwrap();
        let token = app.login_with(&ann.email, "Another-Horse-8-Battery").await.expect(403).json()["password_change_token"].as_str().unwrap().to_owned();
        let client = app.bearer(&token).with("idempotency-key", "r");
        let new = |password: &str| json!({"new_password": password});
        client.post(path, new("Third-Horse-9-Battery")).await.expect(200).person();
        // Not by the right password either: a spent token would tell it.
        for password in ["Third-Horse-9-Battery", "Fourth-Horse-1-Battery"] {
            assert_eq!(client.post(path, new(password)).await.expect(409).code(), "idempotency_done");
            assert_eq!(app.bearer(&token).post(path, new(password)).await.expect(401).code(), "token_refused");
        }
        app.login_with(&ann.email, "Third-Horse-9-Battery").await.expect(200);
    }

    // A known key with another body tells that the password in it is not the one from before.
    async fn a_key_is_no_way_to_guess_a_password_uncounted(app) {
        let ann = app.register("ann").await;
        let path = "/api/v1/auth/reauthenticate";
        let client = app.bearer(&ann.access).with("idempotency-key", "k");
        let first = client.post(path, json!({"password": PASSWORD})).await.expect(200);
        assert_eq!(client.post(path, json!({"password": PASSWORD})).await.expect(200).text, first.text);
        app.numbered().await;
        assert_eq!(app.database.number("select count(*) from events where kind = 'session.proved'").await, 1);
        let mut told = Vec::new();
        for n in 0..7 {
            told.push(client.post(path, json!({"password": format!("Guess-{n}-Horse")})).await.code());
        }
        assert_eq!(told[0], "idempotency_mismatch");
        assert_eq!(told[6], "too_many_attempts");
        assert_eq!(client.post(path, json!({"password": PASSWORD})).await.expect(429).code(), "too_many_attempts");
    }
}
