//! Hostile requests: refused before work is done, never a 5xx, and without effect.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    each_engine,
    kit::{TestApp, client::PASSWORD},
    route::{ROUTES, problem},
};

const ME: &str = "/api/v1/users/me";
const REGISTER: &str = "/api/v1/auth/register";
const SIGN_UP: &str = "/api/v1/auth/sign-up";
const JSON: &str = "application/json";

fn deep(depth: usize) -> Vec<u8> {
    format!(r#"{{"user_metadata":{}1{}}}"#, r#"{"a":"#.repeat(depth - 1), "}".repeat(depth - 1)).into_bytes()
}

/// Bodies that no route may choke on.
fn hostile_bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = vec![
        b"\xff\xfe".to_vec(),
        b"{\"email\":\"\xc3\x28\"}".to_vec(),
        b"\0".to_vec(),
        br#"{"email":"a\u0000b"}"#.to_vec(),
        br#"{"email":"\ud800","password":"\udfff"}"#.to_vec(),
        br#"{"a":1,"a":2}"#.to_vec(),
        br#"{"password":"a","pass\u0077ord":"b"}"#.to_vec(),
        b"{\"a\":1e999}".to_vec(),
        b"{\"experience_years\":123456789012345678901234567890}".to_vec(),
        b"{\"a\":-0.0}".to_vec(),
        b"NaN".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"\"x\"".to_vec(),
        b"1".to_vec(),
        b"true".to_vec(),
        b"{".to_vec(),
        b"}".to_vec(),
        b"{}{}".to_vec(),
        b"{,}".to_vec(),
        b"{\"a\":}".to_vec(),
        b"/* */{}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b" ".repeat(1_000),
        b"[".repeat(60_000),
        b"{\"a\":".repeat(12_000),
        b"{\"__proto__\":{\"role\":\"admin\"},\"constructor\":1}".to_vec(),
        b"email=a&email=b".to_vec(),
        b"%".to_vec(),
        b"a=%zz&=&&&;".to_vec(),
        b"username[]=a&username[$ne]=b".to_vec(),
        deep(33),
        deep(40),
        format!("{{{}}}", (0..5_000).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",")).into_bytes(),
    ];
    // Each field any route knows, with a value of each wrong type.
    for value in [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e400",
        "[]",
        "{}",
        r#""""#,
        r#"" ""#,
        r#""\n""#,
        r#""' or 1=1 --""#,
        "[[[]]]",
        r#"{"a":{}}"#,
        r#""\ud83d\ude00""#,
        "\"\u{202e}\u{200b}\u{feff}\"",
    ] {
        for fields in [
            "email password full_name",
            "username password remember_me",
            "first_name last_name phone gender",
            "refresh_token",
            "current_password new_password confirm_password",
            "ip_address role",
            "user_metadata avatar_url bio experience_years",
            "current_title education_level current_role_level location timezone",
        ] {
            let members: Vec<_> = fields.split(' ').map(|field| format!("\"{field}\":{value}")).collect();
            bodies.push(format!("{{{}}}", members.join(",")).into_bytes());
        }
    }
    bodies
}

/// Sends bytes as they are; gives the status of the first answer, or 0 when the connection just closes.
async fn raw(app: &TestApp, parts: &[&[u8]]) -> (u16, String) {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    for part in parts {
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), text)
}

each_engine! {
    async fn no_body_makes_any_route_fail(app) {
        let bodies = hostile_bodies();
        app.register("ann").await;
        for (verb, path, _) in ROUTES {
            let ann = app.login("ann@example.com").await.expect(200).person();
            for client in [app.clone_client(), app.bearer(&ann.access)] {
                // A route that reads no body is asked less, and so is one that does not read this kind.
                let step = if *verb == "GET" { 25 } else { 1 };
                for (kind, step) in [
                    (JSON, step),
                    ("application/x-www-form-urlencoded", if path.ends_with("/token") { 1 } else { step * 7 }),
                    ("text/plain; charset=utf-16", step * 7),
                ] {
                    for body in bodies.iter().step_by(step) {
                        let reply = client.send(verb, path, Some((kind, body.clone()))).await;
                        let body = String::from_utf8_lossy(body).chars().take(80).collect::<String>();
                        let told = format!("{verb} {path} {kind} {body:?}: {}", reply.text);
                        assert!(matches!(reply.status, 200..300 | 400..500), "{} {told}", reply.status);
                        // What documents the service may name an engine; a refusal may not.
                        let is_refused = reply.status >= 400;
                        assert!(!is_refused || !["src/", "SQL"].iter().any(|inner| reply.text.contains(inner)), "{told}");
                    }
                }
            }
        }
        assert_eq!(app.database.number("select count(*) from users where role <> 'user'").await, 0);
        let body = json!({"email": "bob@example.com", "password": PASSWORD, "full_name": "Bob Roe"});
        app.post(SIGN_UP, body).await.expect(201);
    }

    async fn bodies_over_64_kib_are_refused_unread(app) {
        let ann = app.register("ann").await;
        let fits = format!("{{\"refresh_token\":\"{}\"}}", "x".repeat(65_536 - 20));
        assert_eq!(fits.len(), 65_536);
        app.send("POST", "/api/v1/auth/refresh", Some((JSON, fits.into_bytes()))).await.expect(401);
        for (verb, path) in [
            ("POST", REGISTER),
            ("POST", SIGN_UP),
            ("POST", "/api/v1/auth/login"),
            ("POST", "/api/v1/auth/refresh"),
            ("POST", "/api/v1/auth/reauthenticate"),
            ("POST", "/api/v1/auth/change-password"),
            ("PUT", ME),
            ("PATCH", ME),
            ("DELETE", ME),
        ] {
            let reply = app.bearer(&ann.access).send(verb, path, Some((JSON, vec![b' '; 65_537]))).await;
            problem(&reply, 413, "body_too_large");
        }
        let form = vec![b'a'; 65_537];
        let reply =
            app.send("POST", "/api/v1/auth/token", Some(("application/x-www-form-urlencoded", form))).await.expect(400);
        assert_eq!(reply.json()["error"], "invalid_request");
        let head = |rest: &str| {
            format!(
                "POST {REGISTER} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nConnection: close\r\n{rest}\r\n\r\n"
            )
        };
        let begun = Instant::now();
        let announced = head("Content-Length: 1000000000000");
        assert_eq!(raw(&app, &[announced.as_bytes(), b"{"]).await.0, 413, "refused before it came");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
        let chunked = head("Transfer-Encoding: chunked");
        assert_eq!(raw(&app, &[chunked.as_bytes(), chunk.as_bytes(), chunk.as_bytes(), b"0\r\n\r\n"]).await.0, 413);
        let password =
            format!(r#"{{"email":"a@example.com","full_name":"A B","password":"{}"}}"#, "A1a".repeat(3_500_000));
        let whole = head(&format!("Content-Length: {}", password.len()));
        assert!([413, 0].contains(&raw(&app, &[whole.as_bytes(), password.as_bytes()]).await.0));
        assert!(begun.elapsed() < Duration::from_secs(5));
        let computed = app.app.pool.computed();
        let body = json!({"email": "b@example.com", "full_name": "A B", "password": "A1a".repeat(20_000)});
        assert_eq!(app.post(REGISTER, body).await.expect(422).faults(), ["password:too_long"]);
        assert_eq!(app.app.pool.computed(), computed, "a long password costs no hash");
    }

    async fn heads_over_16_kib_are_refused(app) {
        for size in [17_000, 200_000] {
            let head = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Pad: {}\r\n\r\n", "x".repeat(size));
            let (status, text) = raw(&app, &[head.as_bytes()]).await;
            assert!([431, 0].contains(&status), "{text}");
        }
        let many = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect::<Vec<_>>().concat();
        let (status, text) = raw(&app, &[format!("GET /health HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()]).await;
        assert!([431, 0].contains(&status), "{text}");
        let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "x".repeat(20_000));
        assert!([414, 431, 404].contains(&raw(&app, &[long.as_bytes()]).await.0));
        app.get("/health").await.expect(200);
    }

    async fn an_unread_body_costs_nobody_the_connection_unannounced(app) {
        let bodies = [(0, false), (10, false), (60_000, false), (200_000, false), (300_000, true), (3_000_000, true)];
        for (path, status) in
            [("/nowhere", 404), ("/health", 405), (ME, 405), ("/api/v1/auth/change-password", 401), (REGISTER, 0)]
        {
            for (size, closes) in bodies {
                let mut stream = TcpStream::connect(app.address).await.unwrap();
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {size}\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                let (mut reading, mut writing) = stream.split();
                let (body, mut answer) = (vec![b'x'; size], vec![0; 16_384]);
                let (sent, count) = tokio::join!(writing.write_all(&body), reading.read(&mut answer));
                let answer = String::from_utf8_lossy(&answer[..count.unwrap()]).to_lowercase();
                assert!(
                    answer.starts_with(&format!("http/1.1 {}", if status == 0 { 4 } else { status })),
                    "{path} {size}: {answer}"
                );
                assert_eq!(answer.contains("connection: close"), closes, "{path} {size}: {answer}");
                if !closes {
                    sent.unwrap();
                    stream
                        .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                        .await
                        .unwrap();
                    let mut next = String::new();
                    stream.read_to_string(&mut next).await.unwrap();
                    assert!(next.starts_with("HTTP/1.1 200"), "{path} {size}: {next}");
                }
            }
        }
    }

    async fn a_client_that_waits_to_be_asked_is_not_asked_in_vain(app) {
        for path in ["/nowhere", ME, "/api/v1/auth/change-password"] {
            let request =
                format!("PATCH {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n");
            let (status, text) = raw(&app, &[request.as_bytes()]).await;
            assert!([401, 404, 405].contains(&status) && text.contains("connection: close"), "{text}");
        }
    }

    async fn requests_that_two_readers_would_read_differently_are_refused(app) {
        let body = "{}";
        for lines in [
            "Content-Length: 2\r\nContent-Length: 3",
            "Content-Length: +2",
            "Content-Length: 2, 3",
            "Content-Length: -1",
            "Content-Length: 2\r\nTransfer-Encoding: chunked, identity",
            "Transfer-Encoding: xchunked",
            "Host : x",
            "Bad Header: 1",
        ] {
            let request = format!(
                "POST {REGISTER} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nConnection: close\r\n{lines}\r\n\r\n{body}"
            );
            let (status, text) = raw(&app, &[request.as_bytes()]).await;
            assert!((400..500).contains(&status) || status == 0, "{lines}: {text}");
        }
    }

    async fn json_is_read_strictly(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        let patch = async |body: Vec<u8>| client.send("PATCH", ME, Some((JSON, body))).await;
        patch(deep(32)).await.expect(200);
        problem(&patch(deep(33)).await, 400, "malformed_json");
        let before = app.me(&ann.access).await.json();
        for body in [
            br#"{"bio":"a","bio":"b"}"#.to_vec(),
            br#"{"bio":"a","b\u0069o":"b"}"#.to_vec(),
            b"{\"bio\":\"\xff\"}".to_vec(),
            br#"{"bio":"a\u0000b"}"#.to_vec(),
            b"{\"bio\":\"a\0b\"}".to_vec(),
            br#"{"bio":"\ud800"}"#.to_vec(),
            br#"{"bio":"\udc00\ud800"}"#.to_vec(),
            br#"{"user_metadata":{"a":1,"a":2}}"#.to_vec(),
            br#"{"user_metadata":{"a\u0000":1}}"#.to_vec(),
            br#"{"user_metadata":{"a":1e400}}"#.to_vec(),
            b"{\"bio\":\"a\nb\"}".to_vec(),
            b"{'bio':'a'}".to_vec(),
            b"{\"bio\":\"a\",}".to_vec(),
            b"\xef\xbb\xbf{\"bio\":\"a\"}".to_vec(),
            Vec::new(),
        ] {
            problem(&patch(body).await, 400, "malformed_json");
        }
        let keys = (0..6_000).map(|n| format!("\"{n}\":0,")).collect::<Vec<_>>().concat();
        let reply = patch(format!("{{{keys}\"bio\":\"x\"}}").into_bytes()).await.expect(422);
        assert!(reply.text.len() < 16_384, "a thousand faults are one short answer");
        let million: String = format!("{{{}\"bio\":\"x\"}}", "\"a\":0,".repeat(1_000_000));
        assert_eq!(patch(million.into_bytes()).await.status, 413);
        assert_eq!(app.me(&ann.access).await.json(), before);
        for kind in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"] {
            client.send("PATCH", ME, Some((kind, b"{}".to_vec()))).await.expect(200);
        }
        for kind in [
            "",
            "text/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "json",
        ] {
            problem(&client.send("PATCH", ME, Some((kind, b"{}".to_vec()))).await, 415, "unsupported_media_type");
        }
    }

    async fn nobody_gives_himself_what_is_not_his(app) {
        let privileged = json!({"role": "admin", "roles": ["superadmin"], "is_verified": true, "is_premium": true, "is_active": true,
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "created_at": "2001-01-01T00:00:00Z", "mfa_enabled": true, "external_id": "7",
            "app_metadata": {"plan": "gold"}, "subscription_tier": "enterprise", "permissions": ["*"], "must_change_password": false,
            "version": 9, "email_key": "x", "password_hash": "x", "deleted_at": null, "last_login": "2001-01-01T00:00:00Z", "synced": "yes"});
        let ann = app.register("ann").await;
        let before = app.me(&ann.access).await.json();
        for (name, value) in privileged.as_object().unwrap() {
            for value in [value.clone(), Value::Null] {
                let mut applicant = json!({"email": "bob@example.com", "password": PASSWORD, "full_name": "Bob Roe"});
                applicant[name] = value.clone();
                for path in [REGISTER, SIGN_UP] {
                    // Null counts as absent, and sign-up knows a role.
                    if path == SIGN_UP && name == "role" && value.is_null() {
                        continue;
                    }
                    let reply = app.post(path, applicant.clone()).await.expect(422);
                    let rule = if path == SIGN_UP && name == "role" { "not_allowed" } else { "unknown_field" };
                    assert_eq!(reply.faults(), [format!("{name}:{rule}")]);
                }
                for verb in ["PUT", "PATCH"] {
                    let body = json!({"bio": "changed", name.as_str(): value}).to_string().into_bytes();
                    let reply = app.bearer(&ann.access).send(verb, ME, Some((JSON, body))).await.expect(422);
                    assert_eq!(reply.faults(), [format!("{name}:unknown_field")]);
                }
            }
        }
        for name in ["email", "password", "ip_address"] {
            let reply = app.bearer(&ann.access).patch(ME, json!({name: "evil@example.com"})).await.expect(422);
            assert_eq!(reply.faults(), [format!("{name}:unknown_field")]);
        }
        assert_eq!(app.me(&ann.access).await.json(), before);
        assert_eq!(app.database.number("select count(*) from users").await, 1);
    }
}
