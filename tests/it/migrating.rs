//! A client of the old kind finds its routes, and every difference is as docs/migrating.md tells.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use denizen::{access::Role, db::Engine};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{PASSWORD, Reply},
        database::Database,
        program::Program,
    },
    people::{person, verify},
};

const SHARED: &str = "q9Zr3fV0y7mW1kTb8XcL5sNdJ2hGpA6eUoRiYtQw4z";

/// A problem document whose `detail` is a text.
#[track_caller]
fn problem(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{}", reply.text);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let body = reply.json();
    for member in ["type", "title", "detail", "request_id"] {
        assert!(body[member].is_string(), "{member} in {}", reply.text);
    }
    assert!(body["errors"].is_array());
}

fn claims(token: &str) -> (Value, Value) {
    let mut parts =
        token.split('.').map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default()));
    (parts.next().unwrap().unwrap(), parts.next().unwrap().unwrap())
}

each_engine! {
    async fn an_old_clients_day_goes_by_without_a_redirect(app) {
        let body = json!({"email": "Ann@Example.com", "password": PASSWORD, "full_name": "Ann Lee", "phone": null});
        let ann = app.post("/api/v1/auth/register/", body).await.expect(201).person();
        // Either name, in either field, with and without the slash.
        for path in ["/api/v1/auth/login", "/api/v1/auth/login/"] {
            for field in ["email", "username"] {
                app.post(path, json!({field: "ann@example.com", "password": PASSWORD})).await.expect(200);
            }
        }
        let form = format!("grant_type=password&username=ann%40example.com&password={PASSWORD}&scope=&client_id=x");
        let tokens = app.form("/api/v1/auth/token", &form).await.expect(200).json();
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(1800)));
        let mine = app.bearer(&ann.access);
        for path in ["/api/v1/auth/me", "/api/v1/users/me", "/api/v1/users/me/"] {
            let me = mine.get(path).await.expect(200).json();
            assert!(me["created_at"].as_str().unwrap().ends_with('Z'), "{me}");
            assert_eq!((me["id"].as_str().unwrap().len(), &me["email"]), (36, &json!("Ann@Example.com")));
            assert!(me.as_object().unwrap().contains_key("external_id"));
        }
        assert_eq!(mine.get("/api/v1/auth/sessions").await.expect(200).json()["total_count"], 6);
        let out = mine.post("/api/v1/auth/logout/", json!({})).await.expect(200).json();
        assert_eq!(out, json!({"success": true, "message": "User logged out successfully"}));
        problem(&mine.get("/api/v1/users/me").await, 401, "token_refused");
    }

    async fn refusals_are_problem_documents(app) {
        let ann = app.register("ann").await;
        let new = |email: &str| json!({"email": email, "password": PASSWORD, "full_name": "Ann Lee"});
        let taken = app.post("/api/v1/auth/register", new("ANN@example.com")).await;
        problem(&taken, 409, "email_taken");
        assert_eq!(taken.faults(), ["email:email_taken"]);
        let mut more = new("bob@example.com");
        more["role"] = json!("admin");
        more["is_superuser"] = json!(true);
        let unknown = app.post("/api/v1/auth/register", more).await;
        problem(&unknown, 422, "invalid");
        let mut faults = unknown.faults();
        faults.sort();
        assert_eq!(faults, ["is_superuser:unknown_field", "role:unknown_field"]);
        let unknown_name = app.login("nobody@example.com").await;
        let wrong = app.login_with(&ann.email, "wrong").await;
        problem(&unknown_name, 401, "invalid_credentials");
        problem(&wrong, 401, "invalid_credentials");
        assert_eq!(unknown_name.json()["detail"], wrong.json()["detail"]);
        let form = format!("username=ann%40example.com&password={PASSWORD}");
        problem(&app.form("/api/v1/auth/login", &form).await, 415, "unsupported_media_type");
        let refused = app.form("/api/v1/auth/token", "username=ann%40example.com&password=wrong").await.expect(400);
        assert_eq!(refused.json()["error"], "invalid_grant");
        problem(&app.get("/api/v1/nothing").await, 404, "not_found");
        problem(&app.delete("/api/v1/auth/login").await, 405, "method_not_allowed");
        let weak = json!({"email": "bob@example.com", "password": "short", "full_name": "Bob Ray"});
        let weak = app.post("/api/v1/auth/register", weak).await;
        problem(&weak, 422, "invalid");
        assert!(weak.text.contains("8 characters"), "{}", weak.text);
        app.deactivate(&ann.id).await;
        problem(&app.login(&ann.email).await, 401, "invalid_credentials");
    }

    async fn null_clears_and_put_leaves_the_rest(app) {
        let ann = app.register("ann").await;
        let mine = app.bearer(&ann.access);
        mine.put("/api/v1/users/me", json!({"bio": "hello", "phone": "1"})).await.expect(200);
        let me = mine.put("/api/v1/users/me", json!({"bio": null})).await.expect(200).json();
        assert_eq!((&me["bio"], &me["phone"], &me["full_name"]), (&Value::Null, &json!("1"), &json!("ann Example")));
        let me = mine.patch("/api/v1/users/me", json!({"phone": "2"})).await.expect(200).json();
        assert_eq!((&me["phone"], &me["full_name"]), (&json!("2"), &json!("ann Example")));
    }

    async fn leaving_takes_a_proof_and_can_be_undone_for_a_while(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        let (root, clock) = (app.bearer(&root.access), app.app.db.clock());
        clock.advance(Duration::from_secs(601));
        let hers = app.bearer(&ann.access);
        problem(&hers.delete("/api/v1/users/me").await, 403, "reauth_required");
        let body = json!({"password": PASSWORD}).to_string().into_bytes();
        hers.send("DELETE", "/api/v1/users/me", Some(("application/json", body))).await.expect(200);
        root.delete(&format!("/api/v1/users/{}", bob.id)).await.expect(200);
        app.register("ann").await;
        problem(&root.post(&format!("/api/v1/users/{}/restore", ann.id), json!({})).await, 409, "email_taken");
        root.post(&format!("/api/v1/users/{}/restore", bob.id), json!({})).await.expect(200);
        app.login(&bob.email).await.expect(200);
    }

    async fn what_is_open_elsewhere_is_closed_here(app) {
        let page = app.with("origin", "https://app.example.com").get("/health").await.expect(200);
        assert_eq!(page.header("access-control-allow-origin"), None);
        let forged = app.with("x-forwarded-for", "198.51.100.7");
        let ann = forged.register("ann").await;
        assert_eq!(app.me(&ann.access).await.json()["ip_address"], "127.0.0.1");
        let other = json!({"email": "jörg@example.com", "password": PASSWORD, "full_name": "Jörg Roe"});
        assert_eq!(app.post("/api/v1/auth/register", other).await.expect(422).faults(), ["email:invalid_email"]);

        app.database.execute("update users set must_change_password = true").await;
        let refused = app.login(&ann.email).await;
        problem(&refused, 403, "password_change_required");
        let token = refused.json()["password_change_token"].as_str().unwrap().to_owned();
        let new = json!({"new_password": "Another-Horse-8-Battery"});
        app.bearer(&token).post("/api/v1/auth/change-password", new).await.expect(200).person();

        let tickets: Vec<_> = std::iter::from_fn(|| app.app.pool.admit().ok()).collect();
        let refused = app.login(&ann.email).await;
        problem(&refused, 503, "busy");
        assert!(refused.header("retry-after").is_some());
        drop(tickets);
    }

    async fn people_of_before_are_found_by_their_ids_and_listed_under_the_names_of_before(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        let csv = "id,email,full_name,plan\n4711,ann@example.com,Ann Lee,premium\n4712,bob@example.com,Bob Roe,gold\n";
        let told = client.send("POST", "/api/v1/users/import", Some(("text/csv", csv.as_bytes().to_vec()))).await.expect(200).json();
        assert_eq!((&told["created"], &told["rejected"]), (&json!(1), &json!(1)));
        let ann = client.get("/api/v1/users/4711").await.expect(200).json();
        assert_eq!((&ann["external_id"], &ann["is_verified"], &ann["subscription_tier"]), (&json!("4711"), &json!(true), &json!("premium")));
        let found = client.get("/api/v1/users/search?external_id=4711&page_size=5").await.expect(200).json();
        assert_eq!((&found["users"][0]["id"], &found["total_count"], &found["page_size"], &found["total_pages"]), (&ann["id"], &json!(1), &json!(5), &json!(1)));
        let listed = client.get("/api/v1/users?size=5").await.expect(200).json();
        assert_eq!((listed["items"].as_array().unwrap().len(), &listed["pages"]), (2, &json!(1)));
        assert_eq!(client.get("/api/v1/users?page=201&size=50").await.expect(422).faults(), ["page:use_cursor"]);
        assert_eq!(client.get("/api/v1/users/search?firstname=ann").await.expect(422).faults(), ["firstname:unknown_field"]);
        // Who registers himself sees nobody before his address is proved, and then no addresses.
        let new = app.register("new").await;
        app.bearer(&new.access).get("/api/v1/users/4711").await.expect(403);
        verify(&app, &new).await;
        assert!(app.bearer(&new.access).get("/api/v1/users/4711").await.expect(200).json().get("email").is_none());
        app.numbered().await;
        let arrival = client.get("/api/v1/users/4711/events?kind=user.created").await.expect(200).json();
        assert_eq!(arrival["items"][0]["data"]["source"], "import");
    }

    async fn tokens_tell_whom_they_are_from_and_for(app) {
        let ann = app.register("ann").await;
        let (header, own) = claims(&ann.access);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
        assert_eq!((&own["sub"], &own["iss"]), (&json!(ann.id), &own["aud"]));

        let app = app.with_settings(&[("SECRET_KEY", SHARED), ("PUBLIC_URL", "https://users.example.com")]).await;
        let ann = app.register("ann").await;
        assert_eq!(claims(&ann.access).0["alg"], "HS256");
        let key = DecodingKey::from_secret(SHARED.as_bytes());
        let mut rules = Validation::new(Algorithm::HS256);
        assert!(decode::<Value>(&ann.access, &key, &rules).is_err(), "a verifier that names no audience is refused");
        rules.set_audience(&["https://users.example.com"]);
        rules.set_issuer(&["https://users.example.com"]);
        assert_eq!(decode::<Value>(&ann.access, &key, &rules).unwrap().claims["sub"], json!(ann.id));

        // A refresh token is opaque, and replaced by each use unless that is off.
        assert!(!ann.refresh.contains('.'));
        let next = app.refresh(&ann.refresh).await.expect(200).person();
        assert_ne!(next.refresh, ann.refresh);
        app.refresh(&next.refresh).await.expect(200);
        assert_eq!(app.refresh(&ann.refresh).await.expect(401).code(), "refresh_reused");
        let app = app.with_settings(&[("REFRESH_ROTATION", "off")]).await;
        let ann = app.register("ann").await;
        for _ in 0..3 {
            assert_eq!(app.refresh(&ann.refresh).await.expect(200).person().refresh, ann.refresh);
        }
    }
}

#[test]
fn the_names_of_an_old_env_file_work() {
    let database = Database::new(Engine::Sqlite);
    let env = format!(
        "SECRET_KEY={SHARED}\nSESSION_TOKEN_EXPIRE_DAYS=9\nACCESS_TOKEN_EXPIRE_MINUTES=15\nDB_POOL_SIZE=7\nDB_MAX_OVERFLOW=3\n\
         GUNICORN_WORKERS=2\nGUNICORN_THREADS=3\nGUNICORN_TIMEOUT=40\n\
         GUNICORN_LOG_LEVEL=warning\nENVIRONMENT=production\nMAX_REQUESTS=1\nMAX_REQUESTS_JITTER=1\n\
         GUNICORN_MAX_REQUESTS=1\nGUNICORN_MAX_REQUESTS_JITTER=1\n\
         DATABASE_URL=postgresql+asyncpg://ann:hunter2@db/app\n"
    );
    std::fs::write(database.folder().join(".env"), env).unwrap();
    let shown = Program::on(&database).run(&["config"]).expect(0);
    assert_eq!(shown.err, "", "nothing of it is odd");
    let value = |name: &str| {
        let line = shown.out.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    for (name, expected) in [
        ("JWT_ALGORITHM", "HS256"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "9"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "15"),
        ("DB_POOL_SIZE", "7"),
        ("DB_MAX_OVERFLOW", "3"),
        ("WORKERS", "2"),
        ("THREADS", "3"),
        ("REQUEST_TIMEOUT", "40"),
        ("LOG_LEVEL", "warn"),
        ("DATABASE_URL", "postgresql://ann@db:5432/app"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    assert!(!shown.out.contains(SHARED) && !shown.out.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_service_before_is_not_accepted() {
    let app = TestApp::start_with(Engine::Sqlite, &[("SECRET_KEY", SHARED)]).await;
    let ann = app.register("ann").await;
    let exp = app.app.db.clock().now().seconds() + 600;
    for sub in [ann.id.as_str(), "ann@example.com", "1"] {
        let claims = json!({"sub": sub, "exp": exp, "type": "access"});
        let key = jsonwebtoken::EncodingKey::from_secret(SHARED.as_bytes());
        let old = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        assert_eq!(app.me(&old).await.expect(401).code(), "token_refused");
    }
}
