//! What every answer carries, who may read it from a browser, and the routes for operators.

use std::time::Duration;

use denizen::access::Role;
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{PASSWORD, Reply},
    },
};

const ME: &str = "/api/v1/users/me";
const LOGIN: &str = "/api/v1/auth/login";

/// Answers of every sort: 2xx, 4xx, of routes, the router and the shell.
async fn all_sorts(app: &TestApp) -> Vec<Reply> {
    let ann = app.register("ann").await;
    let client = app.bearer(&ann.access);
    let form = format!("username=ann@example.com&password={PASSWORD}");
    let mut replies = vec![
        client.get(ME).await,
        client.get("/api/v1/auth/me").await,
        client.get("/api/v1/auth/sessions").await,
        client.send("HEAD", ME, None).await,
        client.patch(ME, json!({"bio": "x"})).await,
        client.patch(ME, json!({"role": "x"})).await,
        client.with("if-match", "\"x\"").put(ME, json!({})).await,
        app.login(&ann.email).await,
        app.login_with(&ann.email, "x").await,
        app.refresh(&ann.refresh).await,
        app.refresh("x").await,
        app.form("/api/v1/auth/token", &form).await,
        app.form("/api/v1/auth/token", "x=y").await,
        app.get(ME).await,
        app.bearer("x").get(ME).await,
        app.get("/nowhere").await,
        app.delete(LOGIN).await,
        app.send("OPTIONS", LOGIN, None).await,
        app.send("POST", LOGIN, Some(("text/x", vec![]))).await,
        app.send("POST", LOGIN, Some(("application/json", vec![b' '; 70_000]))).await,
        app.post("/api/v1/auth/logout", json!({"refresh_token": "x"})).await,
    ];
    for path in ["/", "/health", "/health/live", "/health/ready", "/metrics", "/db/status", "/.well-known/jwks.json"] {
        replies.push(app.get(path).await);
    }
    replies
}

/// The value of one line of the Prometheus text.
fn gauge(text: &str, name: &str) -> i64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {name} in {text}"));
    line.parse().unwrap()
}

async fn superadmin(app: &TestApp) -> String {
    let root = app.register("root").await;
    app.set_role(&root.id, Role::Superadmin).await;
    root.access
}

each_engine! {
    async fn every_answer_has_the_security_headers_and_an_id(app) {
        for reply in all_sorts(&app).await {
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(reply.header(name), Some(value), "{reply:?}");
            }
            assert!(reply.header("permissions-policy").is_some() && reply.header("x-request-id").is_some());
            let public = reply.text.contains(r#""keys":[{"#);
            assert_eq!(
                reply.header("cache-control"),
                Some(if public { "public, max-age=300" } else { "no-store" }),
                "{reply:?}"
            );
            for absent in
                ["server", "x-powered-by", "access-control-allow-origin", "strict-transport-security", "location"]
            {
                assert_eq!(reply.header(absent), None, "{reply:?}");
            }
            if reply.status >= 400
                && reply.header("content-type") == Some("application/problem+json")
                && !reply.text.is_empty()
            {
                let problem = reply.json();
                assert_eq!(problem["status"], reply.status);
                assert_eq!(problem["type"], format!("/problems/{}", reply.code()));
                for name in ["title", "detail", "code", "request_id"] {
                    assert!(problem[name].as_str() > Some(""), "{name}: {problem}");
                }
            }
            assert_eq!(reply.status == 401, reply.header("www-authenticate").is_some(), "RFC 9110, 15.5.2: {reply:?}");
        }
        let https = app.with_settings(&[("PUBLIC_URL", "https://id.example.com")]).await;
        for path in ["/", "/nowhere", ME] {
            assert_eq!(
                https.get(path).await.header("strict-transport-security"),
                Some("max-age=31536000; includeSubDomains")
            );
        }
        https.register("ann").await;
        assert!(https.login("ann@example.com").await.header("set-cookie").unwrap().ends_with("; Secure"));
    }

    async fn a_callers_request_id_is_echoed_when_it_is_harmless(app) {
        for path in ["/health", "/nowhere", ME] {
            let reply = app.with("x-request-id", "Job-7.retry_2").get(path).await;
            assert_eq!(reply.header("x-request-id"), Some("Job-7.retry_2"));
            assert!(reply.status < 400 || reply.json()["request_id"] == "Job-7.retry_2");
            for bad in ["a b", "<script>", "a\"b", &"x".repeat(65), ""] {
                let given = app.with("x-request-id", bad).get(path).await.header("x-request-id").unwrap().to_owned();
                assert!(given.parse::<uuid::Uuid>().is_ok(), "{bad:?} gave {given}");
            }
        }
    }

    async fn only_listed_origins_may_read(app) {
        let app = app.with_settings(&[("ALLOWED_ORIGINS", "https://app.example.com,http://localhost:3000")]).await;
        let ann = app.register("ann").await;
        for (origin, allowed) in [
            ("https://app.example.com", true),
            ("http://localhost:3000", true),
            ("https://app.example.com.evil.example", false),
            ("https://evil.example", false),
            ("http://app.example.com", false),
            ("https://app.example.com:444", false),
            ("null", false),
            ("https://APP.example.com.", false),
            ("http://localhost:3001", false),
            ("", false),
        ] {
            let client = app.with("origin", origin);
            let preflight = client
                .with("access-control-request-method", "PATCH")
                .with("access-control-request-headers", "authorization,content-type,if-match");
            for reply in [
                client.bearer(&ann.access).get(ME).await,
                client.get(ME).await,
                client.get("/nowhere").await,
                preflight.send("OPTIONS", ME, None).await,
            ] {
                assert_eq!(
                    reply.header("access-control-allow-origin"),
                    allowed.then_some(origin),
                    "{origin} {reply:?}"
                );
                assert!(reply.header("vary").unwrap().to_lowercase().contains("origin"));
                assert_eq!(reply.header("x-frame-options"), Some("DENY"));
                assert_ne!(reply.header("access-control-allow-headers"), Some("*"));
            }
            let reply = preflight.send("OPTIONS", ME, None).await;
            assert!(reply.status < 300 && reply.text.is_empty());
            if allowed {
                assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
                assert!(reply.header("access-control-allow-methods").unwrap().contains("PATCH"));
                assert!(reply.header("access-control-allow-headers").unwrap().contains("if-match"));
            }
        }
        app.get("/health").await.expect(200);
    }

    async fn any_origin_may_read_only_without_credentials(app) {
        let app = app.with_settings(&[("ALLOWED_ORIGINS", "*")]).await;
        let client = app.with("origin", "https://evil.example");
        for reply in [
            client.get("/health").await,
            client.get(ME).await,
            client.with("access-control-request-method", "GET").send("OPTIONS", ME, None).await,
        ] {
            assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
            assert_eq!(reply.header("access-control-allow-credentials"), None);
        }
    }

    async fn only_listed_proxies_are_believed(app) {
        let address = |reply: Reply| reply.json()["user"]["ip_address"].clone();
        let applicant =
            |n: u8| json!({"email": format!("a{n}@example.com"), "password": PASSWORD, "full_name": "Ann Lee"});
        let forged = app
            .with("x-forwarded-for", "198.51.100.7")
            .with("x-real-ip", "198.51.100.8")
            .with("forwarded", "for=198.51.100.9")
            .with("x-forwarded-host", "evil.example")
            .with("x-forwarded-proto", "https");
        let reply = forged.post("/api/v1/auth/register", applicant(0)).await.expect(201);
        assert!(!reply.text.contains("evil.example"));
        assert_eq!(address(reply), "127.0.0.1");
        // Another claimed address is not another client.
        for n in 0..5 {
            let client = app.with("x-forwarded-for", &format!("198.51.100.{n}"));
            client.login_with("a0@example.com", "Wrong-Horse-7").await.expect(401);
        }
        app.with("x-forwarded-for", "198.51.100.99").login("a0@example.com").await.expect(429);
        app.numbered().await;
        assert!(!app.database.texts().await.iter().any(|text| text.contains("198.51.100")));
        let behind = app.with_settings(&[("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")]).await;
        for (n, (line, expected)) in [
            ("198.51.100.7", "198.51.100.7"),
            ("1.1.1.1, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
            ("nonsense", "127.0.0.1"),
            ("198.51.100.7, nonsense", "127.0.0.1"),
            ("", "127.0.0.1"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ]
        .into_iter()
        .enumerate()
        {
            let client = behind.with("x-forwarded-for", line);
            let reply = client.post("/api/v1/auth/register", applicant(u8::try_from(n).unwrap())).await.expect(201);
            assert_eq!(address(reply), expected, "{line}");
        }
    }

    async fn the_root_and_the_health_routes_tell_who_answers(app) {
        let engine = if app.database.engine() == denizen::db::Engine::Sqlite { "sqlite" } else { "postgresql" };
        let root = app.get("/").await.expect(200).json();
        for name in ["message", "service", "version", "status"] {
            assert!(root[name].as_str() > Some(""), "{name}: {root}");
        }
        assert!(root["uptime"].is_u64() && root["endpoints"].is_object() && root["features"].is_array());
        for feature in ["search", "import", "roles", "api_keys", "audit", "idempotency"] {
            assert!(root["features"].as_array().unwrap().contains(&json!(feature)), "{feature}: {root}");
        }
        let health = app.get("/health").await.expect(200).json();
        assert_eq!(
            (&health["status"], &health["service"], &health["version"]),
            (&json!("healthy"), &json!("denizen"), &root["version"])
        );
        assert_eq!(health["database"], json!({"status": "connected", "engine": engine}));
        assert!(
            health["uptime"].is_u64() && health["keycloak_connected"].is_boolean() && health.get("realm").is_some()
        );
        app.get("/health/live").await.expect(200);
        app.get("/health/ready").await.expect(200);
        for endpoint in root["endpoints"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_str)
            .filter(|path| !path.starts_with("/api"))
        {
            app.get(endpoint).await.expect(200);
        }
        let named = app.with_settings(&[("APP_NAME", "Guild Hall")]).await;
        assert_eq!(named.get("/").await.json()["service"], "Guild Hall");
        assert_eq!(named.get("/health").await.json()["service"], "Guild Hall");
    }

    async fn the_databases_figures_are_for_those_who_may_see_the_system(app) {
        let (ann, root) = (app.register("ann").await, superadmin(&app).await);
        app.set_role(&app.register("admin").await.id, Role::Admin).await;
        let admin = app.login("admin@example.com").await.person();
        for client in [app.clone_client(), app.bearer("nonsense"), app.bearer(&ann.access), app.bearer(&admin.access)] {
            assert_eq!(client.get("/db/status").await.expect(200).json(), json!({"database": {"status": "connected"}}));
        }
        let status = app.bearer(&root).get("/db/status").await.expect(200).json();
        assert_eq!(
            (&status["database"]["status"], &status["database"]["connection"]),
            (&json!("connected"), &json!(true))
        );
        assert!(status["database"]["pool_stats"].is_object());
    }

    async fn metrics_follow_the_log(app) {
        let counts = async || {
            app.numbered().await;
            let reply = app.with("accept", "application/json").get("/metrics").await.expect(200);
            let body = reply.json();
            assert!(
                body["uptime"].is_u64() && denizen::clock::Time::parse(body["timestamp"].as_str().unwrap()).is_some()
            );
            let text = app.get("/metrics").await.expect(200);
            assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
            let names = [
                ("total_users", "denizen_users"),
                ("active_users", "denizen_users_active"),
                ("premium_users", "denizen_users_premium"),
                ("verified_users", "denizen_users_verified"),
                ("active_sessions", "denizen_sessions_active"),
                ("active_refresh_tokens", "denizen_refresh_tokens_active"),
            ];
            let values = names.map(|(json, prometheus)| {
                let value = body["metrics"][json].as_i64().unwrap();
                assert_eq!(gauge(&text.text, prometheus), value, "{json}");
                value
            });
            assert_eq!(body["metrics"].as_object().unwrap().len(), names.len());
            (values[0], values[1], values[2], values[3], values[4], values[5])
        };
        assert_eq!(counts().await, (0, 0, 0, 0, 0, 0));
        let ann = app.register("ann").await;
        let bob = app.register("bob").await;
        app.post(
            "/api/v1/auth/sign-up",
            json!({"email": "c@example.com", "password": PASSWORD, "full_name": "Cy Roe"}),
        )
        .await
        .expect(201);
        assert_eq!(counts().await, (3, 3, 0, 0, 2, 2));
        app.login(&ann.email).await.expect(200);
        app.login_with(&ann.email, "Wrong-Horse-7").await.expect(401);
        app.refresh(&ann.refresh).await.expect(200);
        assert_eq!(counts().await, (3, 3, 0, 0, 3, 3));
        let id = ann.id.parse().unwrap();
        app.app
            .db
            .write(async |tx| denizen::account::verify(tx, &denizen::access::Caller::operator(), id).await)
            .await
            .unwrap();
        app.bearer(&ann.access).post("/api/v1/auth/logout", json!({})).await.expect(200);
        assert_eq!(counts().await, (3, 3, 0, 1, 2, 2));
        app.deactivate(&ann.id).await;
        assert_eq!(counts().await, (3, 2, 0, 1, 1, 1));
        app.bearer(&bob.access).delete(ME).await.expect(200);
        assert_eq!(counts().await, (2, 1, 0, 1, 0, 0));
        app.login("c@example.com").await.expect(200);
        assert_eq!(counts().await, (2, 1, 0, 1, 1, 1));
        app.app.db.clock().advance(Duration::from_secs(31 * 86_400));
        denizen::session::job::sweep(&app.app).await.unwrap();
        denizen::account::job::erase(&app.app).await.unwrap();
        assert_eq!(counts().await, (2, 1, 0, 1, 0, 0));
        let app = TestApp::on(app.stop().await, &[]).await;
        assert_eq!(gauge(&app.get("/metrics").await.text, "denizen_users"), 2, "the sums are stored");
    }

    async fn metrics_can_need_a_token_or_be_off(app) {
        let off = app.with_settings(&[("METRICS", "off")]).await;
        assert_eq!(off.get("/metrics").await.expect(404).code(), "not_found");
        let app = app.with_settings(&[("METRICS", "token")]).await;
        let (ann, root) = (app.register("ann").await, superadmin(&app).await);
        assert_eq!(app.get("/metrics").await.expect(401).code(), "not_signed_in");
        assert_eq!(app.bearer("nonsense").get("/metrics").await.expect(401).code(), "token_refused");
        assert_eq!(app.bearer(&ann.access).get("/metrics").await.expect(403).code(), "forbidden");
        app.bearer(&root).get("/metrics").await.expect(200);
    }
}
