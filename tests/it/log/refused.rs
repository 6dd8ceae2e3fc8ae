//! Refusals, one by one or summed up: who was refused what.

use std::time::Duration;

use denizen::{
    access::Caller,
    account::{Email, Names},
    db::sql,
    error::Code,
    event::verify::verify,
    id::{SessionId, UserId},
    password::Password,
    secret::Token,
    setup::{self, Founder},
};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{TestApp, client::PASSWORD},
};

/// The refusals that the log tells of.
pub struct Refusals(Vec<Value>);

impl Refusals {
    /// How many there are of this kind that concern this user, or nobody, and of which all of this is said.
    pub fn of(&self, kind: &str, user: Option<&str>, facts: &[&str]) -> u64 {
        let is_of = |event: &&Value| {
            let text = event.to_string();
            event["kind"] == kind && event["user"].as_str() == user && facts.iter().all(|fact| text.contains(fact))
        };
        self.0.iter().filter(is_of).map(|event| event["data"]["count"].as_u64().unwrap_or(1)).sum()
    }
}

/// The kind, whose doing, of whom, in which session, and the rest.
type Row = (String, String, Option<UserId>, Option<SessionId>, String);

/// What is told once the minute is over.
pub async fn told(app: &TestApp) -> Refusals {
    app.app.db.clock().advance(Duration::from_secs(60));
    denizen::login::job::tally(&app.app).await.unwrap();
    app.numbered().await;
    let query = sql("select kind, actor_kind, user_id, session_id, data from events where outcome = 'refused'");
    let rows = query.fetch_all::<Row>(&mut app.app.db.read()).await.unwrap();
    let told = rows.into_iter().map(|(kind, actor_kind, user, session, data)| {
        let data: Value = serde_json::from_str(&data).unwrap();
        json!({"kind": kind, "actor_kind": actor_kind, "user": user, "session": session, "data": data})
    });
    Refusals(told.collect())
}

each_engine! {
    // Whoever has a stolen token guesses at the password, or looks what it opens.
    async fn what_is_refused_in_a_session_leaves_its_trace(app) {
        let ann = app.register("ann").await;
        let own = app.bearer(&ann.access);
        let change = json!({"current_password": "Wrong-Guess-1", "new_password": "Another-Horse-8-Battery"});
        let guess = json!({"password": "Wrong-Guess-1"});
        own.post("/api/v1/auth/change-password", change).await.expect(400);
        own.post("/api/v1/auth/reauthenticate", guess.clone()).await.expect(400);
        let leave = ("application/json", guess.to_string().into_bytes());
        own.send("DELETE", "/api/v1/users/me", Some(leave)).await.expect(400);
        let (mut wrong, mut locked) = (3, 0);
        while locked < 2 {
            match own.post("/api/v1/auth/reauthenticate", guess.clone()).await.status {
                400 => wrong += 1,
                429 => locked += 1,
                status => panic!("{status}"),
            }
        }
        let mut strangers = 0;
        for name in [ann.email.as_str(), "nobody@example.com"] {
            while app.login_with(name, "Wrong-Guess-1").await.status == 401 {
                strangers += u64::from(name != ann.email);
            }
        }
        for _ in 0..3 {
            own.get("/api/v1/events").await.expect(403);
        }
        own.get(&format!("/api/v1/users/{}/sessions", ann.id)).await.expect(403);
        app.get("/api/v1/events").await.expect(401);
        let told = told(&app).await;
        let session = format!("\"session\":{}", own.get("/api/v1/auth/sessions").await.json()["sessions"][0]["id"]);
        let by_ann = [session.as_str(), "\"actor_kind\":\"user\"", "127.0.0.1"];
        let of_ann = |kind: &str, facts: &[&str]| told.of(kind, Some(&ann.id), &[&by_ann[..], facts].concat());
        assert_eq!(of_ann("login.failed", &[]), wrong + 2);
        assert_eq!(of_ann("login.failed", &["too_many_attempts"]), 2);
        assert_eq!(told.of("login.failed", Some(&ann.id), &["\"actor_kind\":\"anonymous\"", "too_many_attempts"]), 1);
        assert_eq!(told.of("login.failed", None, &["too_many_attempts"]), 1);
        assert_eq!(told.of("login.failed", None, &[]), strangers + 1);
        assert_eq!(of_ann("access.refused", &["GET /api/v1/events\"", "\"permission\":\"events.read\""]), 3);
        assert_eq!(of_ann("access.refused", &["GET /api/v1/users/{id}/sessions", "users.sessions"]), 1);
        assert_eq!(told.of("access.refused", None, &[]), 0);
        assert!(told.0.iter().filter(|event| event["kind"] == "access.refused").count() < 5, "each 403 fills the disk");
        assert!(verify(&app.app.db, &app.app.keys, |_, _| {}).await.unwrap().is_sound());
    }

    async fn a_setup_code_that_is_refused_leaves_its_trace(app) {
        let founder = || Founder {
            email: Email::parse("founder@example.com").unwrap(),
            names: Names::default(),
            password: Password::parse(PASSWORD).unwrap(),
        };
        let code = setup::offer(&app.app).await.unwrap().unwrap();
        let mut ends = Vec::new();
        for code in [&Token::received("dzs_guess"), &code, &code] {
            ends.push(setup::complete(&app.app, &Caller::operator(), code, founder()).await.map_err(|e| e.code()).err());
        }
        assert_eq!(ends, [Some(Code::InvalidToken), None, Some(Code::Conflict)]);
        let told = told(&app).await;
        assert_eq!(told.of("setup.completed", None, &["invalid_token", "\"actor_kind\":\"operator\""]), 1);
        assert_eq!(told.of("setup.completed", None, &["conflict"]), 1);
    }
}
