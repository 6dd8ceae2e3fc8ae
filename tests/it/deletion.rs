//! Leaving: the account is gone at once, and in the end every trace of its person.

use std::time::Duration;

use denizen::{
    access::{Caller, Origin},
    account::{self, Email, Names},
    event::{
        counters::{self, Counters},
        sequencer, verify,
    },
    login::register::{self, Applicant},
    password::Password,
};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{TestApp, client::PASSWORD, database::Database, open},
};

const ME: &str = "/api/v1/users/me";
const DAY: Duration = Duration::from_secs(86_400);

/// What no table may hold once the person is erased.
const PERSONAL: [&str; 10] = [
    "canary.mail",
    "CanaryName",
    "Canary First",
    "CanaryLast",
    "Canary Phone",
    "CanaryGender",
    "CanaryBio",
    "CanaryMeta",
    "CanaryAgent",
    "198.51.100.77",
];

/// Somebody who leaves traces wherever one can.
async fn busy_person(app: &TestApp) -> String {
    let client = app.with("user-agent", "CanaryAgent/1");
    let body = json!({"email": "canary.mail@example.com", "password": PASSWORD, "username": "CanaryName",
        "first_name": "Canary First", "last_name": "CanaryLast", "phone": "Canary Phone", "gender": "CanaryGender",
        "ip_address": "198.51.100.77"});
    client.post("/api/v1/auth/sign-up", body).await.expect(201);
    client.login_with("canary.mail@example.com", "Wrong-Horse-7").await.expect(401);
    let first = client.login("CanaryName").await.expect(200).person();
    let second = client.login("canary.mail@example.com").await.expect(200).person();
    let signed_in = client.bearer(&first.access);
    signed_in.patch(ME, json!({"bio": "CanaryBio", "user_metadata": {"CanaryMeta": "CanaryMeta"}})).await.expect(200);
    signed_in.patch(ME, json!({"bio": null})).await.expect(200);
    client.refresh(&second.refresh).await.expect(200);
    signed_in.post("/api/v1/auth/reauthenticate", json!({"password": PASSWORD})).await.expect(200);
    let new = "Another-Horse-8-Battery";
    let change = json!({"current_password": PASSWORD, "new_password": new});
    signed_in.post("/api/v1/auth/change-password", change).await.expect(200);
    let delete = json!({"password": new}).to_string().into_bytes();
    signed_in.send("DELETE", ME, Some(("application/json", delete))).await.expect(200);
    client.login_with("canary.mail@example.com", new).await.expect(401);
    first.id
}

async fn found(app: &TestApp) -> Vec<&'static str> {
    let texts = app.database.texts().await;
    PERSONAL.into_iter().filter(|canary| texts.iter().any(|text| text.contains(canary))).collect()
}

async fn assert_sound(app: &TestApp) -> verify::Report {
    sequencer::drain(&app.app.db, &app.app.keys).await.unwrap();
    let report = verify::verify(&app.app.db, &app.app.keys, |_, _| {}).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.faults);
    report
}

each_engine! {
    async fn deleting_needs_a_fresh_proof(app) {
        let ann = app.register("ann").await;
        let (client, clock) = (app.bearer(&ann.access), app.app.db.clock());
        let delete = async |body: Value| {
            client.send("DELETE", ME, Some(("application/json", body.to_string().into_bytes()))).await
        };
        assert_eq!(delete(json!({"password": "Wrong-Horse-7"})).await.expect(400).code(), "wrong_password");
        assert_eq!(delete(json!({"password": ""})).await.expect(422).faults(), ["password:required"]);
        assert_eq!(delete(json!({"confirm": true})).await.expect(422).faults(), ["confirm:unknown_field"]);
        app.me(&ann.access).await.expect(200);
        clock.advance(Duration::from_secs(601));
        assert_eq!(client.delete(ME).await.expect(403).code(), "reauth_required");
        assert_eq!(delete(json!({})).await.expect(403).code(), "reauth_required");
        assert_eq!(delete(json!({"password": null})).await.expect(403).code(), "reauth_required");
        client.post("/api/v1/auth/reauthenticate", json!({"password": PASSWORD})).await.expect(200);
        clock.advance(Duration::from_secs(590));
        client.delete(ME).await.expect(200);
        app.me(&ann.access).await.expect(401);
        let bob = app.register("bob").await;
        clock.advance(Duration::from_secs(700));
        let body = json!({"password": PASSWORD}).to_string().into_bytes();
        let reply = app.bearer(&bob.access).send("DELETE", ME, Some(("application/json", body))).await.expect(200);
        assert_eq!(reply.json()["success"], true);
    }

    async fn a_deleted_account_is_gone_at_once_and_its_names_are_free(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        client.patch(ME, json!({"username": "ann", "bio": "secret", "user_metadata": {"a": 1}})).await.expect(200);
        let second = app.login("ann").await.expect(200).person();
        let session =
            client.get("/api/v1/auth/sessions").await.json()["sessions"][0]["id"].as_str().unwrap().to_owned();
        client.delete(ME).await.expect(200);
        for access in [&ann.access, &second.access] {
            assert_eq!(app.me(access).await.expect(401).code(), "token_refused");
        }
        for refresh in [&ann.refresh, &second.refresh] {
            assert_eq!(app.refresh(refresh).await.expect(401).code(), "refresh_expired");
        }
        for name in [ann.email.as_str(), "ann"] {
            assert_eq!(app.login(name).await.expect(401).code(), "invalid_credentials");
        }
        let new = app.register("ann").await;
        assert_ne!(new.id, ann.id);
        let client = app.bearer(&new.access);
        client.patch(ME, json!({"username": "ann"})).await.expect(200);
        let me = app.me(&new.access).await.json();
        assert_eq!((&me["bio"], &me["user_metadata"]), (&Value::Null, &json!({})));
        assert_eq!(client.get("/api/v1/auth/sessions").await.json()["total_count"], 1);
        client.delete(&format!("/api/v1/auth/sessions/{session}")).await.expect(404);
        app.me(&ann.access).await.expect(401);
        app.refresh(&ann.refresh).await.expect(401);
        app.me(&new.access).await.expect(200);
    }

    async fn nothing_personal_is_left_after_the_grace(app) {
        let id = busy_person(&app).await;
        let ann = app.register("ann").await;
        app.numbered().await;
        account::job::erase(&app.app).await.unwrap();
        app.app.db.clock().advance(DAY * 29);
        account::job::erase(&app.app).await.unwrap();
        assert_eq!(app.database.number("select count(*) from users").await, 2, "an admin may still restore it");
        assert!(found(&app).await.len() >= 8, "the search finds what is there");
        app.app.db.clock().advance(DAY);
        account::job::erase(&app.app).await.unwrap();
        assert_eq!(found(&app).await, [""; 0]);
        assert!(assert_sound(&app).await.erased > 10);
        assert_eq!(found(&app).await, [""; 0]);
        app.login(&ann.email).await.expect(200);
        let body = json!({"email": "canary.mail@example.com", "password": PASSWORD, "full_name": "Next One"});
        assert_ne!(app.post("/api/v1/auth/register", body).await.expect(201).person().id, id);
    }

    async fn events_on_their_way_into_the_log_are_not_forgotten(app) {
        // A node without a sequencer: its events wait.
        let database = Database::new(app.database.engine());
        let node = open(&database, &[("DELETE_GRACE_DAYS", "0")]).await;
        let (db, stranger) = (&node.db, Caller::anonymous(Origin::default()));
        let applicant = Applicant {
            email: Email::parse("canary.mail@example.com").unwrap(),
            username: None,
            names: Names::default(),
            gender: None,
            phone: None,
            ip_address: None,
            password: Password::parse(PASSWORD).unwrap(),
        };
        let id = register::sign_up(&node, &stranger, applicant).await.unwrap().id;
        db.write(async |tx| account::delete(tx, &Caller::operator(), id, Duration::ZERO, |_| Ok(())).await)
            .await
            .unwrap();
        account::job::erase(&node).await.unwrap();
        sequencer::drain(db, &node.keys).await.unwrap();
        account::job::erase(&node).await.unwrap();
        sequencer::drain(db, &node.keys).await.unwrap();
        let report = verify::verify(db, &node.keys, |_, _| {}).await.unwrap();
        assert_eq!((report.events, report.erased, report.fault_count), (5, 3, 0), "{:?}", report.faults);
        assert_eq!(counters::read(&mut db.read()).await.unwrap(), Counters::default(), "the sums went down again");
    }

    async fn two_erasers_at_once_erase_once(app) {
        busy_person(&app).await;
        app.numbered().await;
        app.app.db.clock().advance(DAY * 31);
        let erasers = (0..6).map(|_| {
            let app = app.app.clone();
            tokio::spawn(async move { account::job::erase(&app).await.unwrap() })
        });
        for eraser in erasers.collect::<Vec<_>>() {
            eraser.await.unwrap();
        }
        app.numbered().await;
        assert_eq!(app.database.number("select count(*) from events where kind = 'user.erased'").await, 1);
        assert_sound(&app).await;
    }
}
