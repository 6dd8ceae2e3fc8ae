//! Changes of users: by version, and what `null` does.

use denizen::access::Role;
use serde_json::{Value, json};

use super::{USERS, of, person};
use crate::{each_engine, kit::client::PASSWORD};

fn body(value: &Value) -> Option<(&'static str, Vec<u8>)> {
    (!value.is_null()).then(|| ("application/json", value.to_string().into_bytes()))
}

each_engine! {
    async fn a_role_and_a_state_may_insist_on_a_version(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        client.post("/api/v1/roles", json!({"name": "desk", "permissions": ["users.support"]})).await.expect(201);
        let mut tag = client.post(&format!("{}/roles", of(&ann)), json!({"role": "desk"})).await.expect(200).header("etag").unwrap().to_owned();
        for (verb, tail, change) in [
            ("PUT", "/role", json!({"role": "admin"})),
            ("PUT", "/role", json!({"role": "admin"})),
            ("PUT", "/status", json!({"is_active": false})),
            ("PUT", "/status", json!({"is_active": true})),
            ("DELETE", "/roles/desk", Value::Null),
        ] {
            let path = format!("{}{tail}", of(&ann));
            for stale in ["\"v0\"", "\"other\"", &format!("W/{tag}")] {
                let refused = client.with("if-match", stale).send(verb, &path, body(&change)).await.expect(412);
                assert_eq!(refused.code(), "stale_version", "{verb} {tail} {stale}");
            }
            assert_eq!(client.with("if-match", "v1").send(verb, &path, body(&change)).await.expect(400).code(), "malformed");
            // Who may not is told so first.
            let path_of_root = format!("{}{tail}", of(&root));
            app.bearer(&admin.access).with("if-match", "\"v0\"").send(verb, &path_of_root, body(&change)).await.expect(403);
            assert_eq!(client.get(&of(&ann)).await.header("etag"), Some(tag.as_str()), "a refused change leaves no trace");
            let done = client.with("if-match", &tag).send(verb, &path, body(&change)).await.expect(200);
            done.header("etag").unwrap().clone_into(&mut tag);
        }
        let left = client.get(&of(&ann)).await.json();
        assert_eq!((&left["roles"], &left["is_active"]), (&json!(["admin"]), &json!(true)));
    }

    async fn what_cannot_be_empty_is_not_cleared(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        let before = client.get(&of(&ann)).await.json();
        for field in ["email", "is_verified", "password", "subscription_tier"] {
            for verb in ["PUT", "PATCH"] {
                let change = json!({field: null, "bio": "changed"});
                let refused = client.send(verb, &of(&ann), body(&change)).await.expect(422);
                assert_eq!(refused.faults(), [format!("{field}:required")], "{verb}");
            }
        }
        assert_eq!(client.get(&of(&ann)).await.json(), before);
        client.login(&ann.email).await.expect(200);
        // What can be empty is.
        client.patch(&of(&ann), json!({"external_id": "7", "ip_address": "192.0.2.7"})).await.expect(200);
        let cleared = client.patch(&of(&ann), json!({"external_id": null, "ip_address": null, "app_metadata": null})).await.expect(200).json();
        assert_eq!((&cleared["external_id"], &cleared["ip_address"], &cleared["app_metadata"]), (&Value::Null, &Value::Null, &json!({})));
        client.post("/api/v1/roles", json!({"name": "desk", "description": "The desk", "permissions": ["users.read"]})).await.expect(201);
        for path in ["/api/v1/roles/desk", "/api/v1/plans/premium"] {
            assert_eq!(client.put(path, json!({"permissions": null})).await.expect(422).faults(), ["permissions:required"]);
            let described = client.put(path, json!({"description": "A word"})).await.expect(200).json();
            let cleared = client.put(path, json!({"description": null})).await.expect(200).json();
            assert_eq!((&cleared["description"], &cleared["permissions"]), (&json!(""), &described["permissions"]), "{path}");
            assert_eq!(client.put(path, json!({})).await.expect(200).json()["description"], "");
        }
    }

    async fn a_long_name_is_kept_whole_and_its_parts_within_their_limit(app) {
        let (first, last) = ("\u{e9}".repeat(150), "y".repeat(104));
        let full = format!("{first} {last}");
        let applicant = json!({"email": "long@example.com", "password": PASSWORD, "full_name": full});
        let long = app.post("/api/v1/auth/register", applicant).await.expect(201).person();
        let ann = app.register("ann").await;
        app.bearer(&ann.access).patch(&format!("{USERS}/me"), json!({"full_name": full})).await.expect(200);
        for person in [&long, &ann] {
            let user = app.me(&person.access).await.json();
            assert_eq!(user["full_name"], json!(full));
            assert_eq!((&user["first_name"], &user["last_name"]), (&json!("\u{e9}".repeat(100)), &json!("y".repeat(100))));
            let again = json!({"first_name": user["first_name"], "last_name": user["last_name"], "full_name": full});
            app.bearer(&person.access).put(&format!("{USERS}/me"), again).await.expect(200);
        }
    }
}
