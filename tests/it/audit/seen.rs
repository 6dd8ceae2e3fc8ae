//! Who sees what of the audit trail.

use denizen::{
    access::{Caller, Role},
    account,
};
use serde_json::{Value, json};

use super::{EVENTS, walk};
use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD, Person},
    },
    people::person,
};

/// Somebody who may read the trail and nothing else, and a program that may.
async fn auditors(app: &TestApp, root: &Person) -> [Client; 2] {
    let client = app.bearer(&root.access);
    let role = json!({"name": "auditor", "permissions": ["events.read"]});
    client.post("/api/v1/roles", role).await.expect(201);
    let auditor = app.register("auditor").await;
    client.post(&format!("/api/v1/users/{}/roles", auditor.id), json!({"role": "auditor"})).await.expect(200);
    let key = client.post("/api/v1/keys", json!({"name": "siem", "permissions": ["events.read"]})).await.expect(201);
    [app.bearer(&auditor.access), app.bearer(key.json()["key"].as_str().unwrap())]
}

/// What must not be told of others to whoever does not see all of them.
const HIDDEN: [&str; 8] =
    ["ann@example.com", "198.51.100.7", "+351 21", "secret-note", "CanaryAgent", "127.0.0.1", "user_agent", "linkedin"];

async fn leave_traces(app: &TestApp) -> Person {
    let ann = app.with("user-agent", "CanaryAgent/1").register("ann").await;
    let client = app.with("user-agent", "CanaryAgent/1").bearer(&ann.access);
    client
        .patch(
            "/api/v1/users/me",
            json!({"phone": "+351 21 555", "bio": "seen", "user_metadata": {"note": "secret-note"}}),
        )
        .await
        .expect(200);
    client.patch("/api/v1/users/me", json!({"phone": null, "user_metadata": null})).await.expect(200);
    client.put("/api/v1/users/me/profile", json!({"linkedin_url": "https://linkedin.example/ann"})).await.expect(200);
    client.put("/api/v1/users/me/profile", json!({"linkedin_url": null})).await.expect(200);
    ann
}

each_engine! {
    async fn the_trail_tells_nobody_what_he_does_not_see_elsewhere(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = leave_traces(&app).await;
        let auditors = auditors(&app, &root).await;
        app.bearer(&admin.access).patch(&format!("/api/v1/users/{}", ann.id), json!({"ip_address": "198.51.100.7"})).await.expect(200);
        app.numbered().await;
        for path in [EVENTS.to_owned(), format!("/api/v1/users/{}/events", ann.id)] {
            app.get(&path).await.expect(401);
            app.bearer(&ann.access).get(&path).await.expect(403);
            // Whoever may change others sees all of them.
            let whole = Value::from(walk(&app.bearer(&admin.access), &path, "").await).to_string();
            for told in HIDDEN {
                assert!(whole.contains(told), "{told} is not told to an admin");
            }
            for auditor in &auditors {
                let query = if path == EVENTS { format!("user={}", ann.id) } else { "outcome=success".to_owned() };
                let events = walk(auditor, &path, &query).await;
                assert!(!events.is_empty());
                let told = Value::from(events.clone()).to_string();
                for hidden in HIDDEN {
                    assert!(!told.contains(hidden), "{hidden} is told: {told}");
                }
                let changed = events.iter().find(|event| event["data"]["before"]["bio"].is_null() && event["kind"] == "user.updated").unwrap();
                assert_eq!((&changed["data"]["user"]["bio"], &changed["data"]["user"]["full_name"]), (&json!("seen"), &json!("ann Example")));
                assert_eq!(auditor.get(&format!("{path}?ip=127.0.0.1")).await.expect(403).code(), "field_not_visible");
            }
        }
        // What he did himself he sees: where from, and with what.
        let own = walk(&auditors[0], EVENTS, "kind=session.created").await;
        assert_eq!(own.iter().filter(|event| event["ip"] == "127.0.0.1").count(), 1);
    }

    async fn no_secret_is_in_the_trail(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        let key = client.post("/api/v1/keys", json!({"name": "crm", "permissions": ["users.read"]})).await.expect(201).json();
        let again = app.refresh(&app.login(&root.email).await.expect(200).person().refresh).await.expect(200).person();
        let change = json!({"current_password": PASSWORD, "new_password": "Another-Horse-8-Battery"});
        client.post("/api/v1/auth/change-password", change).await.expect(200);
        app.numbered().await;
        let told = Value::from(walk(&client, EVENTS, "").await).to_string();
        for secret in [PASSWORD, "Another-Horse", key["key"].as_str().unwrap(), &again.refresh, &again.access, "argon2", "dzr_"] {
            assert!(!told.contains(secret), "{secret} is in the trail");
        }
    }

    async fn of_the_erased_the_trail_tells_what_the_erasure_leaves(app) {
        let app = app.with_settings(&[("DELETE_GRACE_DAYS", "0")]).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = leave_traces(&app).await;
        let id = ann.id.parse().unwrap();
        app.app.db.write(async |tx| account::delete(tx, &Caller::operator(), id, std::time::Duration::ZERO, |_| Ok(())).await).await.unwrap();
        app.numbered().await;
        let client = app.bearer(&admin.access);
        let path = format!("/api/v1/users/{}/events", ann.id);
        let before = walk(&client, &path, "").await;
        assert!(before.iter().any(|event| event["ip"] == "127.0.0.1"));
        account::job::erase(&app.app).await.unwrap();
        app.numbered().await;
        app.bearer(&admin.access).get(&format!("/api/v1/users/{}", ann.id)).await.expect(404);
        let after = walk(&client, &path, "").await;
        assert_eq!((after.len(), &after[0]["kind"]), (before.len() + 1, &json!("user.erased")));
        for (event, was) in after[1..].iter().zip(&before) {
            assert_eq!((&event["data"], &event["ip"]), (&Value::Null, &Value::Null));
            for field in ["cursor", "at", "kind", "outcome", "actor", "user", "session"] {
                assert_eq!(event[field], was[field]);
            }
        }
        assert_eq!(walk(&client, &path, "ip=127.0.0.1").await, Vec::<Value>::new());
        client.get("/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/events").await.expect(404);
    }
}
