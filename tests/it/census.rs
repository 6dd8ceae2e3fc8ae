//! Who may call what: every route, by every kind of caller. What a route needs is read from its documentation, and what
//! a caller holds stands here; a route that says neither what it needs nor that it is one's own fails.

use std::collections::BTreeMap;

use denizen::{
    access::{Permission, Role},
    router,
};
use serde_json::json;

use crate::{each_engine, kit::client::Client, people::person};

/// What each kind of caller holds, beside superadmins, who hold everything.
const HOLDS: &[(&str, &str)] = &[
    ("unverified", ""),
    ("user", "users.list users.read"),
    ("premium", "users.list users.read users.search users.read_profile"),
    (
        "admin",
        "users.list users.read users.search users.read_profile users.update users.grant users.deactivate users.support \
         users.sessions users.export events.read roles.read keys.read",
    ),
];

/// What a route is for, where it needs no permission: one's own affairs, which no API key touches.
const OWN: &[&str] = &["/api/v1/auth/", "/api/v1/users/me"];
/// Open to whoever is signed in, keys too.
const SIGNED_IN: &[&str] = &["GET /api/v1/permissions"];
/// What is answered to whoever calls without a sign-in, here an empty object, and to everybody else alike. All other
/// routes answer 401.
const ANYBODY: &[(&str, u16)] = &[
    ("GET /", 200),
    ("GET /.well-known/jwks.json", 200),
    ("GET /assets/{file}", 200),
    ("GET /db/status", 200),
    ("GET /docs", 200),
    ("GET /health", 200),
    ("GET /health/live", 200),
    ("GET /health/ready", 200),
    ("GET /metrics", 200),
    ("GET /openapi.json", 200),
    ("GET /redoc", 200),
    ("POST /api/v1/auth/login", 422),
    ("POST /api/v1/auth/password-reset-confirm", 422),
    ("POST /api/v1/auth/refresh", 422),
    ("POST /api/v1/auth/register", 422),
    ("POST /api/v1/auth/sign-up", 422),
    // A form, and here is none.
    ("POST /api/v1/auth/token", 400),
];
/// Needs more than its documentation names first.
const NEEDS_MORE: &[(&str, &str)] = &[("POST /api/v1/users/create-admin", "users.grant")];

struct Route {
    name: String,
    needs: Vec<String>,
    is_own: bool,
}

/// Every route that is not for anybody; those that end the caller's own or change what he holds come last.
fn routes() -> Vec<Route> {
    let document = router::document("denizen");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            if ANYBODY.iter().any(|(open, _)| *open == name) {
                continue;
            }
            let is_own = OWN.iter().any(|prefix| path.starts_with(prefix));
            let text = operation["description"].as_str().unwrap_or_default();
            let needs = text.split("Needs the permission `").nth(1).and_then(|rest| rest.split('`').next());
            let more = NEEDS_MORE.iter().filter(|(route, _)| *route == name).map(|(_, more)| (*more).to_owned());
            let needs: Vec<_> = needs.map(ToOwned::to_owned).into_iter().chain(more).collect();
            let is_known = SIGNED_IN.contains(&name.as_str()) || is_own == needs.is_empty();
            assert!(is_known, "{name}: nothing says who may call it");
            found.push(Route { name, needs, is_own });
        }
    }
    let spoils = |name: &str| ["logout", "/upgrade", "/downgrade"].iter().any(|word| name.contains(word));
    found.sort_by_key(|route| spoils(&route.name));
    found
}

/// Calls a route so that nothing happens that would spoil the next call.
async fn call(client: &Client, name: &str, target: &str) -> u16 {
    let (verb, path) = name.split_once(' ').unwrap();
    let id = if path.starts_with("/api/v1/users/") { target } else { "01890a5d-ac96-774b-bcce-b302099a8057" };
    let path =
        path.replace("{id}", id).replace("{tier}", "basic").replace("{session_id}", id).replace("{file}", "docs.js");
    let path = path.replace("{name}", "none").replace("{role}", "none");
    let body = (verb != "GET").then(|| ("application/json", b"{}".to_vec()));
    client.with("if-match", "\"v0\"").send(verb, &path, body).await.status
}

each_engine! {
    async fn every_route_serves_whom_it_should_and_nobody_else(app) {
        let routes = routes();
        assert!(routes.len() > 40, "{} routes", routes.len());
        let root = person(&app, "root", Role::Superadmin).await;
        person(&app, "second", Role::Superadmin).await;
        let mut callers = BTreeMap::new();
        callers.insert("unverified", app.register("unverified").await);
        callers.insert("user", person(&app, "plain", Role::User).await);
        callers.insert("premium", person(&app, "premium", Role::User).await);
        callers.insert("admin", person(&app, "admin", Role::Admin).await);
        app.bearer(&callers["premium"].access).send("POST", "/api/v1/users/me/upgrade", None).await.expect(200);
        // What each kind of caller holds is what the service says he holds.
        for (kind, holds) in HOLDS {
            let me = app.me(&callers[kind].access).await.expect(200).json();
            assert_eq!(me["permissions"], json!(holds.split_whitespace().collect::<Vec<_>>()), "{kind}");
        }
        let all: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        assert_eq!(app.me(&root.access).await.json()["permissions"], json!(all));
        let mut keys = Vec::new();
        for permission in &all {
            let body = json!({"name": permission, "permissions": [permission]});
            let made = app.bearer(&root.access).post("/api/v1/keys", body).await.expect(201).json();
            keys.push((*permission, made["key"].as_str().unwrap().to_owned()));
        }
        let target = app.register("target").await.id;
        let mut broken = Vec::new();
        for (name, expected) in ANYBODY {
            let some = [("nobody", app.clone_client()), ("a user", app.bearer(&callers["user"].access)), ("a key", app.bearer(&keys[0].1))];
            for (who, client) in some {
                let status = call(&client, name, &target).await;
                if status != *expected {
                    broken.push(format!("{name} by {who}: {status}"));
                }
            }
        }
        for Route { name, .. } in &routes {
            let status = call(&app.clone_client(), name, &target).await;
            if status != 401 {
                broken.push(format!("{name} by nobody: {status}"));
            }
        }
        let mut check = |who: &str, name: &str, status: u16, may: bool| {
            if status >= 500 || status == 401 || (status == 403) == may {
                broken.push(format!("{name} by {who}: {status}"));
            }
        };
        for Route { name, needs, is_own } in &routes {
            for (permission, key) in &keys {
                let may = !is_own && needs.iter().all(|needed| needed == permission);
                check(&format!("a key with {permission}"), name, call(&app.bearer(key), name, &target).await, may);
            }
            for (kind, holds) in HOLDS {
                let may = needs.iter().all(|needed| holds.split_whitespace().any(|held| held == needed));
                let unproved = *kind == "unverified" && (name.ends_with("/upgrade") || name.ends_with("/downgrade"));
                check(kind, name, call(&app.bearer(&callers[kind].access), name, &target).await, may && !unproved);
                if name.contains("logout") {
                    let again = app.login(&callers[kind].email).await.expect(200).person();
                    callers.insert(kind, again);
                }
            }
        }
        let mut own = root.clone();
        for Route { name, .. } in &routes {
            check("a superadmin", name, call(&app.bearer(&own.access), name, &target).await, true);
            if name.contains("logout") {
                own = app.login(&root.email).await.expect(200).person();
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
