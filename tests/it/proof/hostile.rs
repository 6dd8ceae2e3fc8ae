//! Links in the wrong hands, too late, or not links at all: one answer to all of them, and nothing happens.

use std::time::Duration;

use serde_json::json;

use super::{CONFIRM, NEW, confirm, desk, link, of, plain};
use crate::{
    each_engine,
    kit::client::{PASSWORD, Person},
};

/// What is done to an account after a link was sent.
const CHANGES: [&str; 8] = [
    "changed by himself",
    "changed for him",
    "moved",
    "moved and back",
    "deactivated",
    "deactivated and back",
    "deleted",
    "deleted and back",
];

each_engine! {
    async fn nothing_brings_a_link_back_after_what_it_opens_has_changed(app) {
        let desk = desk(&app).await;
        let unknown = plain(&confirm(&app, "dzp_unknown", NEW).await);
        assert_eq!((unknown.0, &unknown.1["code"]), (400, &json!("invalid_token")));
        for (n, change) in CHANGES.into_iter().enumerate() {
            let ann = app.register(&format!("ann{n}")).await;
            let token = link(&app, &desk, &ann).await;
            let path = of(&ann);
            let activate = async |is_active: bool| {
                desk.put(&format!("{path}/status"), json!({"is_active": is_active})).await.expect(200)
            };
            match change {
                "changed by himself" => {
                    let body = json!({"current_password": PASSWORD, "new_password": "Third-Horse-9-Battery"});
                    app.bearer(&ann.access).post("/api/v1/auth/change-password", body).await.expect(200);
                }
                "changed for him" => {
                    desk.post(&format!("{path}/password"), json!({"password": "Third-Horse-9-Battery"})).await.expect(200);
                }
                "moved" => {
                    desk.patch(&path, json!({"email": "elsewhere@example.com"})).await.expect(200);
                }
                "moved and back" => {
                    desk.patch(&path, json!({"email": "nowhere@example.com"})).await.expect(200);
                    desk.patch(&path, json!({"email": ann.email, "is_verified": true})).await.expect(200);
                }
                "deactivated" => {
                    activate(false).await;
                }
                "deactivated and back" => {
                    activate(false).await;
                    activate(true).await;
                }
                "deleted" => {
                    desk.delete(&path).await.expect(200);
                }
                _ => {
                    desk.delete(&path).await.expect(200);
                    desk.send("POST", &format!("{path}/restore"), None).await.expect(200);
                }
            }
            assert_eq!(plain(&confirm(&app, &token, NEW).await), unknown, "{change}");
            app.login_with(&ann.email, NEW).await.expect(401);
        }
        // What is no change leaves it good.
        let bob = app.register("bob").await;
        let token = link(&app, &desk, &bob).await;
        desk.patch(&of(&bob), json!({"bio": "x", "email": bob.email})).await.expect(200);
        app.login(&bob.email).await.expect(200);
        confirm(&app, &token, NEW).await.expect(200);
    }

    async fn every_token_that_opens_nothing_gets_one_answer(app) {
        let desk = desk(&app).await;
        let people: Vec<Person> = [app.register("ann").await, app.register("bob").await, app.register("cid").await].into();
        let used = link(&app, &desk, &people[0]).await;
        confirm(&app, &used, NEW).await.expect(200);
        let other = link(&app, &desk, &people[1]).await;
        app.database.execute("update proofs set kind = 'magic_link'").await;
        let made = desk.post("/api/v1/keys", json!({"name": "k", "permissions": ["users.read"]})).await.expect(201).json();
        desk.send("POST", &format!("{}/force-password-change", of(&people[1])), None).await.expect(200);
        let refused = app.login(&people[1].email).await.expect(403).json();
        let refresh = app.login_with(&people[0].email, NEW).await.expect(200).person();
        app.letters().await;
        let good = link(&app, &desk, &people[2]).await;
        let unknown = plain(&confirm(&app, "dzp_unknown", NEW).await);
        assert_eq!((unknown.0, &unknown.1["code"]), (400, &json!("invalid_token")));
        for token in [
            used.as_str(),
            &other,
            &refresh.refresh,
            &refresh.access,
            made["key"].as_str().unwrap(),
            refused["password_change_token"].as_str().unwrap(),
            &people[2].id,
            "",
            " ",
            &format!(" {good}"),
            &good[..good.len() - 1],
            &good.to_lowercase(),
            &good[4..],
            "' or 1=1 --",
            "\u{202e}\u{1f600}",
            &"x".repeat(60_000),
            &"\u{1f600}".repeat(15_000),
        ] {
            assert_eq!(plain(&confirm(&app, token, NEW).await), unknown, "{token:.80}");
        }
        confirm(&app, &"x".repeat(100_000), NEW).await.expect(413);
        for nul in ["\0".to_owned(), format!("{good}\0"), format!("\0{good}")] {
            assert_eq!(confirm(&app, &nul, NEW).await.expect(400).code(), "malformed_json");
        }
        for (token, fault) in [(json!(1), "token:wrong_type"), (json!(null), "token:required"), (json!([good]), "token:wrong_type")] {
            let reply = app.post(CONFIRM, json!({"token": token, "new_password": NEW})).await.expect(422);
            assert_eq!(reply.faults(), [fault]);
        }
        // Whoever holds a token of a session learns no more by it, and an expired link is as good as none.
        assert_eq!(plain(&confirm(&app.bearer(&refresh.access), "dzp_unknown", NEW).await), unknown);
        app.app.db.clock().advance(Duration::from_secs(86_400 + 1));
        assert_eq!(plain(&confirm(&app, &good, NEW).await), unknown);
        app.login(&people[2].email).await.expect(200);
        // All of them left a trace, summed up.
        app.app.db.clock().advance(Duration::from_secs(61));
        denizen::login::job::tally(&app.app).await.unwrap();
        app.numbered().await;
        let told = "select count(*) from events where kind = 'login.failed' and actor_kind = 'anonymous' and user_id is null";
        assert!(app.database.number(told).await >= 1);
    }
}
