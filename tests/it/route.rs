//! Routes: with and without a slash, the right verbs, and ids that name nothing.

use serde_json::json;

use crate::{each_engine, kit::client::Reply};

const ME: &str = "/api/v1/users/me";
const JSON: &str = "application/json";

/// Every route, and whether it needs a sign-in.
pub const ROUTES: &[(&str, &str, bool)] = &[
    ("GET", "/", false),
    ("GET", "/health", false),
    ("GET", "/health/live", false),
    ("GET", "/health/ready", false),
    ("GET", "/metrics", false),
    ("GET", "/db/status", false),
    ("GET", "/.well-known/jwks.json", false),
    ("GET", "/openapi.json", false),
    ("GET", "/docs", false),
    ("GET", "/redoc", false),
    ("GET", "/assets/docs.js", false),
    ("POST", "/api/v1/auth/register", false),
    ("POST", "/api/v1/auth/sign-up", false),
    ("POST", "/api/v1/auth/login", false),
    ("POST", "/api/v1/auth/token", false),
    ("POST", "/api/v1/auth/refresh", false),
    ("POST", "/api/v1/auth/logout", false),
    ("POST", "/api/v1/auth/logout-all", true),
    ("GET", "/api/v1/auth/me", true),
    ("POST", "/api/v1/auth/change-password", true),
    ("POST", "/api/v1/auth/password-reset-confirm", false),
    ("POST", "/api/v1/auth/reauthenticate", true),
    ("GET", "/api/v1/auth/sessions", true),
    ("DELETE", "/api/v1/auth/sessions/01890a5d-ac96-774b-bcce-b302099a8057", true),
    ("GET", "/api/v1/users/me", true),
    ("PUT", "/api/v1/users/me", true),
    ("PATCH", "/api/v1/users/me", true),
    ("DELETE", "/api/v1/users/me", true),
    ("GET", "/api/v1/users/me/profile", true),
    ("PUT", "/api/v1/users/me/profile", true),
    ("PATCH", "/api/v1/users/me/profile", true),
    ("GET", "/api/v1/users/me/preferences", true),
    ("PUT", "/api/v1/users/me/preferences", true),
    ("PATCH", "/api/v1/users/me/preferences", true),
    ("GET", "/api/v1/users/me/stats", true),
    ("GET", "/api/v1/users/me/export", true),
    ("POST", "/api/v1/users/me/upgrade", true),
    ("POST", "/api/v1/users/me/downgrade", true),
    ("GET", "/api/v1/users", true),
    ("POST", "/api/v1/users", true),
    ("GET", "/api/v1/users/list", true),
    ("POST", "/api/v1/users/create-admin", true),
    ("GET", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057", true),
    ("PUT", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057", true),
    ("PATCH", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057", true),
    ("DELETE", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057", true),
    ("GET", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/profile", true),
    ("GET", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/preferences", true),
    ("PUT", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/role", true),
    ("POST", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/roles", true),
    ("DELETE", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/roles/support", true),
    ("PUT", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/status", true),
    ("POST", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/restore", true),
    ("GET", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/sessions", true),
    ("DELETE", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/sessions", true),
    ("POST", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/force-password-change", true),
    ("POST", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/unlock", true),
    ("POST", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/password", true),
    ("GET", "/api/v1/permissions", true),
    ("GET", "/api/v1/roles", true),
    ("POST", "/api/v1/roles", true),
    ("GET", "/api/v1/roles/support", true),
    ("PUT", "/api/v1/roles/support", true),
    ("DELETE", "/api/v1/roles/support", true),
    ("GET", "/api/v1/plans", true),
    ("POST", "/api/v1/plans", true),
    ("GET", "/api/v1/plans/premium", true),
    ("DELETE", "/api/v1/plans/premium", true),
    ("PUT", "/api/v1/plans/premium", true),
    ("GET", "/api/v1/keys", true),
    ("POST", "/api/v1/keys", true),
    ("DELETE", "/api/v1/keys/01890a5d-ac96-774b-bcce-b302099a8057", true),
    ("GET", "/api/v1/events", true),
    ("GET", "/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/events", true),
    ("GET", "/api/v1/users/search", true),
    ("POST", "/api/v1/users/import", true),
    ("GET", "/api/v1/users/export", true),
];

/// A problem document with this status and code, and the id of its request.
#[track_caller]
pub fn problem(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{}", reply.text);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(reply.json()["request_id"].as_str(), reply.header("x-request-id"));
}

each_engine! {
    async fn ids_that_name_nothing_are_not_found(app) {
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        let bobs = app.bearer(&bob.access).get("/api/v1/auth/sessions").await.json()["sessions"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let absent = "01890a5d-ac96-774b-bcce-b302099a8057";
        let client = app.bearer(&ann.access);
        let gone =
            client.with("x-request-id", "same").delete(&format!("/api/v1/auth/sessions/{absent}")).await.expect(404);
        for id in [
            &bobs,
            &ann.id,
            &bob.id,
            "0",
            "-1",
            "me",
            "null",
            "%00",
            "..%2f..%2fetc%2fpasswd",
            "%ff",
            "%c0%ae",
            "%",
            "%zz",
            "'%20or%201=1--",
            "*",
            "a".repeat(5_000).as_str(),
            "01890a5d-ac96-774b-bcce-b302099a805",
            "%F0%9F%98%80",
            "%0d%0aSet-Cookie:x=1",
            "x%3Fy",
            "a%20b",
        ] {
            let path = format!("/api/v1/auth/sessions/{id}");
            let reply = client.with("x-request-id", "same").delete(&path).await;
            assert_eq!((reply.status, &reply.text), (404, &gone.text), "{id}");
            assert_eq!(reply.header("set-cookie"), None);
            assert_eq!(app.delete(&path).await.status, 401, "{id}: who one is comes first");
        }
        app.me(&bob.access).await.expect(200);
    }

    async fn every_route_answers_with_and_without_a_trailing_slash(app) {
        let ann = app.register("ann").await;
        for (verb, path, signed_in) in ROUTES {
            let body = (*verb == "POST").then(|| (JSON, b"[]".to_vec()));
            for tail in ["", "/", "//", "/?a=b", "?"] {
                let reply = app.send(verb, &format!("{path}{tail}"), body.clone()).await;
                assert_eq!(reply.header("location"), None);
                assert!(![404, 405].contains(&reply.status), "{verb} {path}{tail}: {}", reply.text);
                assert_eq!(reply.status == 401, *signed_in, "{verb} {path}{tail}: {}", reply.text);
            }
        }
        app.bearer(&ann.access).get("/api/v1/users/me/").await.expect(200);
    }

    async fn other_methods_and_paths_are_problems_with_a_request_id(app) {
        for (verb, path, _) in ROUTES {
            for other in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE", "OPTIONS"] {
                if ROUTES.iter().any(|(verb, known, _)| known == path && *verb == other) {
                    continue;
                }
                let reply = app.send(other, path, None).await;
                problem(&reply, 405, "method_not_allowed");
                assert!(reply.header("allow").unwrap().contains(verb), "{other} {path}");
            }
            let head = app.send("HEAD", path, None).await;
            assert!(head.text.is_empty());
            assert_eq!(
                head.status == 405,
                !ROUTES.contains(&("GET", path, true)) && !ROUTES.contains(&("GET", path, false)),
                "{path}"
            );
        }
        for path in [
            "/nowhere",
            "/api",
            "/api/v1",
            "/api/v1/auth",
            "/api/v1/users/me/x",
            "/api/v2/users/me",
            "/health/..%2f",
            "/api/v1/auth/login%2f",
            "/HEALTH",
            "/%68ealth%00",
            "/favicon.ico",
            "/.env",
            "/*",
            "/%E0%80%AF",
        ] {
            problem(&app.get(path).await, 404, "not_found");
            problem(&app.post(path, json!({})).await, 404, "not_found");
        }
        let ann = app.register("ann").await;
        let whole = app.me(&ann.access).await;
        let head = app.bearer(&ann.access).send("HEAD", ME, None).await.expect(200);
        assert_eq!((head.text.as_str(), head.header("etag")), ("", whole.header("etag")));
        assert_eq!(head.header("content-length"), Some(whole.text.len().to_string().as_str()));
    }
}
