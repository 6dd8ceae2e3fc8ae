//! Signing in: by either name, for as long as asked, by the OAuth form, and with hashes made elsewhere.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{TestApp, client::PASSWORD, eventually, program::Program},
};

const LOGIN: &str = "/api/v1/auth/login";
const TOKEN: &str = "/api/v1/auth/token";
const DAY: Duration = Duration::from_secs(86_400);

/// Hashes of "Très-Sûr 42" by passlib, Django, bcrypt for Python and Firebase.
const FOREIGN: [(&str, &str); 7] = [
    ("bcrypt", "$2b$05$ZtTq7bPjNTa2MyQ2WSEVZefI4xNl5yRbtMiUecAhYU9o6sysp.6Z."),
    ("pbkdf2", "pbkdf2_sha256$1000$e55n9mj4mr4d$EZC3U3WUnwV+q0W77dSBXGG5pK6RdsVQWnTejAqc7ZU="),
    ("pbkdf2", "$pbkdf2-sha256$1000$.//.IHNhbHQgYnl0ZXMh$jhBqd6m.r5KuZXt2TOU2NnhEUU5vWTriavSt3QaMJWw"),
    ("scrypt", "$scrypt$ln=10,r=8,p=2$TEnpPSeklBKiNIbQ2rsXwg$ljBJq1t+ATydLD1J8s32GLDDNupelY+NMHKmm68TMd8"),
    ("sha_crypt", "$5$rounds=1000$A4Qhg9IQ3TZjJr0u$kmXi1Ye5v0iGUKaXPtT3bW4Wh.lI2ur1QutJOdGZQG0"),
    (
        "sha_crypt",
        "$6$rounds=1234$uMonKqKDzEBeQu9e$8Kjp9VQcs.3dM2B6pzA0DOeO9bHvdr8/gDVoAnm4k2wHi.1sPjkJ8DQKW4AH25oynXRe2DkPG5.U6JQF8RVix0",
    ),
    (
        "firebase_scrypt",
        "$firebase-scrypt$ln=10,r=8,sep=Bw,key=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA$c2FsdHNhbHRzYWx0$k/mYBYibuUsIr4cW9t2yx+pSb82anphD0++iTk+z9lRtHfzVW9tjOU7w2h8zoi+NLvYWIeC1LO83svwoCMSE5Q",
    ),
];

/// Refreshes every `step` until it is refused; gives for how many days it went on.
async fn lasts(app: &TestApp, mut token: String, step: u32) -> u32 {
    let mut days = 0;
    loop {
        app.app.db.clock().advance(DAY * step);
        let reply = app.refresh(&token).await;
        if reply.status != 200 {
            assert_eq!((reply.status, reply.code().as_str()), (401, "refresh_expired"));
            return days;
        }
        token = reply.person().refresh;
        days += step;
    }
}

async fn remembered(app: &TestApp, email: &str, remember_me: Value) -> String {
    let body = json!({"email": email, "password": PASSWORD, "remember_me": remember_me});
    app.post(LOGIN, body).await.expect(200).person().refresh
}

each_engine! {
    async fn a_closed_door_registers_nobody(app) {
        let closed = app.with_settings(&[("REGISTRATION", "closed")]).await;
        let applicant = || json!({"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann Lee"});
        for path in ["/api/v1/auth/register", "/api/v1/auth/sign-up"] {
            assert_eq!(closed.post(path, applicant()).await.expect(403).code(), "registration_closed", "{path}");
        }
        assert_eq!(closed.database.number("select count(*) from users").await, 0);
        // Whoever may create users still does.
        let root = ["user", "create", "--email", "root@example.com", "--name", "Root", "--role", "superadmin", "--password-stdin"];
        Program::on(&closed.database).run_with(&root, PASSWORD).expect(0);
        let root = closed.login("root@example.com").await.expect(200).person();
        closed.bearer(&root.access).post("/api/v1/users", applicant()).await.expect(201);
    }

    async fn either_name_in_either_field_signs_in(app) {
        let ann = app.register("ann").await;
        app.bearer(&ann.access).patch("/api/v1/users/me", json!({"username": "Ann_Lee"})).await.expect(200);
        for (field, name) in [
            ("email", "ann@example.com"),
            ("email", " ANN@Example.COM "),
            ("username", "ann_lee"),
            ("username", "ANN_LEE"),
            ("email", "Ann_Lee"),
            ("username", "ann@example.com"),
        ] {
            let reply = app.post(LOGIN, json!({field: name, "password": PASSWORD})).await.expect(200);
            assert_eq!(reply.person().id, ann.id);
            assert_eq!((&reply.json()["token_type"], &reply.json()["expires_in"]), (&json!("Bearer"), &json!(1_800)));
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
        for (body, fault) in [
            (json!({"password": PASSWORD}), "email:required"),
            (json!({"email": "", "password": PASSWORD}), "email:too_short"),
            (json!({"email": "ann@example.com"}), "password:required"),
            (json!({"email": "ann@example.com", "password": "", "remember_me": false}), "password:required"),
            (json!({"email": "ann@example.com", "password": PASSWORD, "remember_me": "yes"}), "remember_me:wrong_type"),
            (json!({"email": "x".repeat(321), "password": PASSWORD}), "email:too_long"),
            (json!({"email": "ann@example.com", "password": PASSWORD, "otp": "1"}), "otp:unknown_field"),
        ] {
            assert_eq!(app.post(LOGIN, body).await.expect(422).faults(), [fault]);
        }
        assert_eq!(app.database.number("select count(*) from failures").await, 0);
    }

    async fn a_session_lasts_as_long_as_was_asked(app) {
        let ann = app.register("ann").await;
        let token = async |remember: Value| remembered(&app, &ann.email, remember).await;
        assert_eq!(lasts(&app, token(json!(false)).await, 8).await, 0, "7 days idle");
        assert_eq!(lasts(&app, token(Value::Null).await, 6).await, 24, "30 days in all");
        assert_eq!(lasts(&app, token(json!(true)).await, 31).await, 0, "30 days idle when remembered");
        assert_eq!(lasts(&app, token(json!(true)).await, 29).await, 87, "90 days in all when remembered");
    }

    async fn to_be_remembered_never_shortens_a_session(app) {
        let app = app.with_settings(&[("REFRESH_TOKEN_EXPIRE_DAYS", "60")]).await;
        let ann = app.register("ann").await;
        assert_eq!(lasts(&app, remembered(&app, &ann.email, json!(false)).await, 59).await, 59);
        assert_eq!(lasts(&app, remembered(&app, &ann.email, json!(true)).await, 59).await, 59);
    }

    async fn the_oauth_form_signs_in(app) {
        let ann = app.register("ann").await;
        let form = format!(
            "grant_type=password&username=ann%40example.com&password={PASSWORD}&scope=&client_id=&client_secret="
        );
        // What the Authorize button of Swagger UI sends: an empty client as Basic.
        for client in [app.clone_client(), app.with("authorization", "Basic Og=="), app.with("authorization", "Basic ")]
        {
            let reply = client.form(TOKEN, &form).await.expect(200);
            let body = reply.json();
            assert_eq!((reply.person().id, &body["token_type"]), (ann.id.clone(), &json!("Bearer")));
            assert_eq!(
                (reply.header("cache-control"), reply.header("content-type")),
                (Some("no-store"), Some("application/json"))
            );
            app.me(body["access_token"].as_str().unwrap()).await.expect(200);
        }
        app.form(TOKEN, &format!("username=ann@example.com&password={PASSWORD}&unknown=1")).await.expect(200);
        for (body, error) in [
            ("username=ann%40example.com&password=Wrong-7-Horse", "invalid_grant"),
            ("username=nobody%40example.com&password=Wrong-7-Horse", "invalid_grant"),
            ("", "invalid_request"),
            ("username=ann%40example.com", "invalid_request"),
            ("username=ann%40example.com&password=", "invalid_request"),
            ("username=a&username=b&password=c", "invalid_request"),
            ("username=%ff&password=c", "invalid_request"),
            ("grant_type=client_credentials", "unsupported_grant_type"),
            ("grant_type=refresh_token&refresh_token=x", "unsupported_grant_type"),
            ("grant_type=PASSWORD&username=ann%40example.com&password=x", "unsupported_grant_type"),
        ] {
            let reply = app.form(TOKEN, body).await.expect(400);
            let told = reply.json();
            assert_eq!(told["error"], error, "{body}");
            assert!(told["error_description"].as_str() > Some("") && told.as_object().unwrap().len() == 2, "{told}");
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
        let reply = app.post(TOKEN, json!({"username": "ann@example.com", "password": PASSWORD})).await.expect(400);
        assert_eq!(reply.json()["error"], "invalid_request");
    }

    async fn the_oauth_form_names_the_next_step_of_a_forced_change(app) {
        app.register("ann").await;
        app.database.execute("update users set must_change_password = true").await;
        let reply = app.form(TOKEN, &format!("username=ann@example.com&password={PASSWORD}")).await.expect(400);
        assert_eq!(reply.json()["error"], "invalid_grant");
        assert!(reply.json()["error_description"].as_str().unwrap().contains("/api/v1/auth/login"));
    }

    async fn a_hash_made_elsewhere_signs_in_and_is_renewed(app) {
        let ann = app.register("ann").await;
        let renewed = "select count(*) from credentials where secret like '$argon2id$%' and format like '$argon2id$%'";
        for (format, hash) in FOREIGN {
            let set = format!("update credentials set secret = '{hash}', format = '{format}'");
            app.database.execute(&set).await;
            app.login_with(&ann.email, "Tr\u{e8}s-S\u{fb}r 43").await.expect(401);
            assert_eq!(app.database.number(renewed).await, 0, "{format}: a wrong password renews nothing");
            // The same text in another composition is the same password.
            app.login_with(&ann.email, "Tre\u{300}s-Su\u{302}r 42").await.expect(200);
            eventually(&format!("{format} is not renewed"), async || app.database.number(renewed).await == 1).await;
            app.login_with(&ann.email, "Tr\u{e8}s-S\u{fb}r 43").await.expect(401);
            app.login_with(&ann.email, "Tr\u{e8}s-S\u{fb}r 42").await.expect(200);
        }
        app.numbered().await;
        let events = "select count(*) from events where kind = 'password.upgraded'";
        assert_eq!(app.database.number(events).await, i64::try_from(FOREIGN.len()).unwrap());
        app.me(&ann.access).await.expect(200);
    }

    async fn a_full_queue_answers_503_and_counts_nothing(app) {
        let ann = app.register("ann").await;
        let mut tickets = Vec::new();
        while let Ok(ticket) = app.app.pool.admit() {
            tickets.push(ticket);
        }
        let computed = app.app.pool.computed();
        for password in [PASSWORD, "Wrong-Horse-7"] {
            for _ in 0..10 {
                let reply = app.login_with(&ann.email, password).await.expect(503);
                assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("busy", Some("2")));
            }
        }
        let body = json!({"email": "bob@example.com", "password": PASSWORD, "full_name": "Bob Roe"});
        assert_eq!(app.post("/api/v1/auth/register", body).await.expect(503).code(), "busy");
        let reply = app.form(TOKEN, &format!("username=ann@example.com&password={PASSWORD}")).await.expect(503);
        assert_eq!(reply.json()["error"], "temporarily_unavailable");
        assert_eq!(reply.header("retry-after"), Some("2"));
        let client = app.bearer(&ann.access);
        for (path, body) in [
            ("reauthenticate", json!({"password": "Wrong-Horse-7"})),
            ("change-password", json!({"current_password": "Wrong-Horse-7", "new_password": "Another-Horse-8"})),
        ] {
            assert_eq!(client.post(&format!("/api/v1/auth/{path}"), body).await.expect(503).code(), "busy");
        }
        app.me(&ann.access).await.expect(200);
        app.refresh(&ann.refresh).await.expect(200);
        assert_eq!(app.database.number("select count(*) from failures").await, 0);
        assert_eq!(app.app.pool.computed(), computed);
        drop(tickets);
        app.login(&ann.email).await.expect(200);
    }

    async fn no_secret_is_stored_as_it_is(app) {
        let ann = app.with("user-agent", "test/1").register("ann").await;
        let reply = app.login(&ann.email).await.expect(200);
        let cookie = reply.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
        assert!(reply.header("set-cookie").unwrap().contains("; HttpOnly; SameSite=Lax"));
        app.numbered().await;
        let texts = app.database.texts().await;
        for secret in [PASSWORD, &ann.access, &ann.refresh, &reply.person().access, &reply.person().refresh, &cookie] {
            assert!(!texts.iter().any(|text| text.contains(secret)), "{secret} is stored");
        }
    }
}
