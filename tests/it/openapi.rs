//! The documentation of the API: `/openapi.json` is whole, true to the routes, and what `docs/openapi.json` says.

use std::{collections::BTreeMap, fs, path::Path};

use denizen::{access::Role, error::Code, router};
use serde_json::{Value, json};

use crate::{each_engine, route::ROUTES};

const KEPT: &str = "docs/openapi.json";

/// Every operation: `GET /path`, and its object.
fn operations(document: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.insert(format!("{} {path}", method.to_uppercase()), operation.clone());
        }
    }
    found
}

/// Calls `see` with every object of the document, and where it stands.
fn walk(value: &Value, place: &str, see: &mut impl FnMut(&str, &Value)) {
    see(place, value);
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| walk(value, &format!("{place}/{name}"), see)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| walk(item, &format!("{place}/{n}"), see)),
        _ => {}
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "UPDATE_DOCS is for whoever runs the tests, not a setting")]
fn the_document_in_the_checkout_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT);
    let text = format!("{:#}\n", router::document("denizen"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(kept == text, "{KEPT} is stale: run `UPDATE_DOCS=1 cargo test --test it openapi`");
}

#[test]
fn every_reference_leads_somewhere_and_every_name_is_used_once() {
    let document = router::document("denizen");
    let mut broken = Vec::new();
    let mut used = Vec::new();
    walk(&document, "", &mut |place, value| {
        if let Some(reference) = value["$ref"].as_str() {
            used.push(reference.to_owned());
            if reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).is_none() {
                broken.push(format!("{place} refers to {reference}, which is not there"));
            }
        }
    });
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            if !used.contains(&format!("#/components/{kind}/{name}")) {
                broken.push(format!("{name} is not used"));
            }
            if name.ends_with('2') {
                broken.push(format!("{name}: two shapes have this name"));
            }
        }
    }
    let mut ids: Vec<_> =
        operations(&document).values().map(|operation| operation["operationId"].to_string()).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "two operations have one operationId");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_operation_tells_what_it_takes_and_how_it_ends() {
    let document = router::document("denizen");
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    let mut broken = Vec::new();
    for (name, operation) in operations(&document) {
        let mut demand = |is_so: bool, what: &str| {
            if !is_so {
                broken.push(format!("{name} {what}"));
            }
        };
        demand(operation["summary"].as_str() > Some(""), "has no summary");
        demand(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(tag)), "has an unknown tag");
        let answers = operation["responses"].as_object().unwrap();
        demand(answers.keys().any(|status| status.starts_with('2')), "never ends well");
        demand(answers.contains_key("500") && answers.contains_key("503"), "never fails");
        let in_path: Vec<_> = name.split(['{', '}']).skip(1).step_by(2).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in &parameters {
            demand(parameter["description"].as_str() > Some(""), &format!("does not describe {}", parameter["name"]));
        }
        let told = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let told: Vec<_> = told.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        demand(told == in_path, &format!("describes {told:?} of its path: use Doc::path"));
        for (_, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            for (field, schema) in content["schema"]["properties"].as_object().into_iter().flatten() {
                demand(schema["description"].as_str() > Some(""), &format!("does not describe {field}"));
                demand(schema["examples"][0] != Value::Null, &format!("has no #[example(..)] of {field}"));
            }
        }
    }
    for (name, shape) in document["components"]["schemas"].as_object().unwrap() {
        for (field, schema) in shape["properties"].as_object().unwrap() {
            let is_told = schema["description"].as_str() > Some("") || schema.get("$ref").is_some();
            let is_plain = ["string", "object"].iter().any(|kind| {
                schema["type"] == *kind || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)))
            });
            if !is_told || is_plain && schema["examples"][0] == Value::Null {
                broken.push(format!("the shape {name} does not describe {field}, or has no #[example(..)] of it"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// How much of it there may be.
fn is_limited(schema: &Value) -> bool {
    let limits = ["maxLength", "enum", "format", "pattern", "minimum", "maximum"];
    schema["type"] == "boolean" || limits.iter().any(|limit| schema.get(limit).is_some())
}

#[test]
fn every_parameter_has_an_example_and_a_limit() {
    let mut broken = Vec::new();
    for (name, operation) in operations(&router::document("denizen")) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (schema, what) = (&parameter["schema"], format!("{name}: {}", parameter["name"]));
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                broken.push(format!("{what} is not described"));
            }
            if parameter.get("example").is_none() && schema["examples"].get(0).is_none() {
                broken.push(format!("{what} has no example: use Doc::such_as"));
            }
            if !is_limited(schema) {
                broken.push(format!("{what} has no limit: use Doc::narrows"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A body that is no object has no fields: the CSV of an import is measured in bytes, which a schema cannot say.
#[test]
fn every_text_of_a_body_has_a_limit() {
    let mut broken = Vec::new();
    for (name, operation) in operations(&router::document("denizen")) {
        for (_, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            walk(&content["schema"]["properties"], "", &mut |place, schema| {
                let kinds = [&schema["type"], &schema["type"][0]];
                let limits = ["maxLength", "enum", "format"];
                if kinds.contains(&&json!("string")) && !limits.iter().any(|limit| schema.get(limit).is_some()) {
                    broken.push(format!("{name}: {place} has no limit"));
                }
            });
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What the document says beside a type is what the code takes.
#[test]
fn the_words_of_an_import_are_those_that_it_knows() {
    let operations = operations(&router::document("denizen"));
    let parameters = operations["POST /api/v1/users/import"]["parameters"].as_array().unwrap();
    let conflict = parameters.iter().find(|parameter| parameter["name"] == "on_conflict").unwrap();
    let words: Vec<_> =
        conflict["schema"]["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words.len(), 3);
    assert!(words.iter().all(|word| denizen::import::Conflict::parse(word).is_some()), "{words:?}");
}

/// There is no exception: whatever a route can refuse with, the document names.
#[test]
fn every_code_is_named() {
    let text = router::document("denizen").to_string();
    let untold: Vec<_> =
        Code::ALL.iter().map(|code| code.as_str()).filter(|code| !text.contains(&format!("`{code}`"))).collect();
    assert_eq!(untold, Vec::<&str>::new());
}

#[test]
fn every_code_in_it_exists_under_its_status() {
    let document = router::document("denizen");
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let codes = &response["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"];
        let codes: Vec<_> = codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
        let known = |word: &&str| Code::ALL.iter().find(|code| code.as_str() == *word).unwrap().meaning().status();
        let statuses: Vec<_> = codes.iter().map(known).collect();
        assert!(statuses.windows(2).all(|pair| pair[0] == pair[1]), "{name} is of several statuses");
    }
}

/// `route::ROUTES` says what is expected of each route, so it must name them all.
#[test]
fn every_route_has_an_expectation() {
    let document = router::document("denizen");
    let documented: Vec<_> = operations(&document).into_keys().collect();
    let mut expected: Vec<_> = ROUTES
        .iter()
        .map(|(verb, path, signed_in)| {
            let found = documented.iter().find(|name| is_route(name, verb, path));
            let name = found.unwrap_or_else(|| panic!("{verb} {path} is not in the document")).clone();
            let security = &operations(&document)[&name]["security"];
            let needs = security.as_array().unwrap().iter().all(|way| *way != json!({})) && *security != json!([]);
            assert_eq!(needs, *signed_in, "{name}: {security}");
            name
        })
        .collect();
    expected.sort();
    assert_eq!(documented, expected);
}

fn is_route(name: &str, verb: &str, path: &str) -> bool {
    let Some((method, template)) = name.split_once(' ') else { return false };
    let (parts, own): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
    let fits = |(part, own): (&&str, &&str)| own == part || own.starts_with('{');
    method == verb && parts.len() == own.len() && parts.iter().zip(&own).all(fits)
}

each_engine! {
    /// The limits that stand beside the types of the routes.
    async fn what_is_over_a_limit_is_refused(app) {
        let root = crate::people::person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        let long = "x".repeat(1_025);
        for path in ["roles", "users", "users/search", "events"] {
            let refused = client.get(&format!("/api/v1/{path}?cursor={long}")).await.expect(422);
            assert_eq!(refused.faults(), ["cursor:too_long"], "{path}");
        }
        let import = |query: &str| format!("/api/v1/users/import?{query}");
        let csv = || Some(("text/csv", b"email\nann@example.com\n".to_vec()));
        let refused = client.send("POST", &import(&format!("map={long}")), csv()).await.expect(422);
        assert_eq!(refused.faults(), ["map:too_long"]);
        let refused = client.send("POST", &import("on_conflict=replace"), csv()).await.expect(422);
        assert_eq!(refused.faults(), ["on_conflict:unknown_word"]);
        let refused = client.with("x-default-password", &"x".repeat(1_025)).send("POST", &import(""), csv()).await;
        assert_eq!(refused.expect(422).faults(), ["X-Default-Password:too_long"]);
        client.get("/api/v1/users/export?format=xml").await.expect(422);
        let tags = |count: usize| vec!["\"v1\""; count].join(",");
        let patch = async |tags: &str| client.with("if-match", tags).patch("/api/v1/users/me", json!({"bio": "x"})).await;
        assert_eq!(patch(&tags(200)).await.expect(412).code(), "stale_version");
        assert_eq!(patch(&tags(300)).await.expect(400).code(), "malformed");
        let key = client.with("idempotency-key", &"k".repeat(256)).post("/api/v1/auth/logout-all", json!({})).await;
        assert_eq!(key.expect(400).code(), "malformed");
    }

    async fn the_document_has_the_services_name_and_is_whole(app) {
        let app = app.with_settings(&[("APP_NAME", "Example Users")]).await;
        let served = app.get("/openapi.json").await.expect(200).json();
        assert_eq!(served, router::document("Example Users"));
        assert_eq!((&served["openapi"], &served["info"]["title"]), (&json!("3.1.0"), &json!("Example Users")));
        let endpoints = &app.get("/").await.expect(200).json()["endpoints"];
        for (name, path) in [("docs", "/docs"), ("redoc", "/redoc"), ("openapi", "/openapi.json")] {
            assert_eq!(endpoints[name], path);
            app.get(path).await.expect(200);
        }
    }

    async fn pages_are_packed_kept_and_asked_about(app) {
        let files = ["docs.js", "swagger-ui.js", "swagger-ui.css", "redoc.js"].map(|name| format!("/assets/{name}"));
        for path in ["/openapi.json", "/docs", "/redoc"].into_iter().chain(files.iter().map(String::as_str)) {
            let plain = app.get(path).await.expect(200);
            assert_eq!((plain.header("content-encoding"), plain.header("cache-control")), (None, Some("no-cache")), "{path}");
            for refused in ["gzip;q=0", "br", "gzip; q=0.000, br"] {
                assert!(app.with("accept-encoding", refused).get(path).await.text == plain.text, "{path} {refused}");
            }
            let packed = reqwest::Client::new().get(format!("http://{}{path}", app.address));
            let packed = packed.header("accept-encoding", "br, gzip;q=0.5").send().await.unwrap();
            assert_eq!(packed.headers()["content-encoding"], "gzip", "{path}");
            assert_eq!(packed.headers()["vary"], "Accept-Encoding", "{path}");
            let bytes = packed.bytes().await.unwrap();
            assert!(unpacked(&bytes) == plain.text.as_bytes(), "{path}");
            let tag = plain.header("etag").unwrap();
            let known = app.with("if-none-match", &format!("\"x\", {tag}")).get(path).await;
            assert_eq!((known.status, known.text.as_str(), known.header("etag")), (304, "", Some(tag)), "{path}");
            app.with("if-none-match", "W/\"x\"").get(path).await.expect(200);
        }
        for name in ["", "docs.html", "vendor.sh", "swagger-ui.js.gz", "..%2fdocs.js", "DOCS.JS"] {
            app.get(&format!("/assets/{name}")).await.expect(404);
        }
    }

    /// The pages alone have another policy than an API, and no script of theirs is inline or from elsewhere.
    async fn the_pages_have_the_narrowest_policy_that_works(app) {
        for (path, is_page) in [("/docs", true), ("/redoc", true), ("/openapi.json", false), ("/assets/docs.js", false)] {
            let reply = app.get(path).await.expect(200);
            let policy = reply.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
            assert_eq!(policy.contains("script-src 'self'; "), is_page, "{path}: {policy}");
            for wide in ["http", "*", "unsafe"] {
                assert!(!policy.contains(wide), "{policy}");
            }
            for (name, value) in [("x-frame-options", "DENY"), ("x-content-type-options", "nosniff")] {
                assert_eq!(reply.header(name), Some(value), "{path}");
            }
            let scripts = reply.text.matches("<script").count();
            assert!(!is_page || scripts == reply.text.matches("<script src=\"/assets/").count() && scripts > 0, "{path}");
        }
    }
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
    text
}
