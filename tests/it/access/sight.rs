//! What is hidden in others does not come out by another door: not by an export, nor by their sessions.

use denizen::{
    access::{Origin, Role},
    error::Code,
    import::export::{Export, Format, Whom},
};
use serde_json::{Value, json};

use super::{USERS, key};
use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, Person},
    },
    people::person,
};

/// Somebody with this permission and no other, and a program with it.
async fn with(app: &TestApp, root: &Client, permission: &str) -> (Person, [Client; 2]) {
    let eve = app.register("eve").await;
    root.post("/api/v1/roles", json!({"name": "narrow", "permissions": [permission]})).await.expect(201);
    root.post(&format!("{USERS}/{}/roles", eve.id), json!({"role": "narrow"})).await.expect(200);
    let (_, token) = key(root, json!([permission])).await;
    let clients = [app.bearer(&eve.access), app.bearer(&token)];
    (eve, clients)
}

/// Ann, who shows nothing, and Bob, who shows his address.
async fn people(app: &TestApp) -> [Person; 2] {
    let (ann, bob) = (app.register("ann").await, app.register("bob").await);
    let told = json!({"phone": "+351 21 555", "user_metadata": {"note": "secret-note"}});
    app.bearer(&ann.access).patch("/api/v1/users/me", told).await.expect(200);
    app.bearer(&bob.access).put("/api/v1/users/me/profile", json!({"contact_visibility": "public"})).await.expect(200);
    [ann, bob]
}

async fn line_of(client: &Client, id: &str) -> Value {
    let lines = client.get(&format!("{USERS}/export?format=jsonl")).await.expect(200).text;
    let mut users = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    users.find(|user| user["id"] == id).unwrap()
}

each_engine! {
    async fn an_export_tells_nobody_what_he_does_not_see_elsewhere(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let [ann, bob] = people(&app).await;
        let client = app.bearer(&root.access);
        let (eve, narrow) = with(&app, &client, "users.export").await;
        for exporter in &narrow {
            let csv = exporter.get(&format!("{USERS}/export")).await.expect(200).text;
            assert_eq!(csv.lines().count(), 6, "{csv}");
            assert!(csv.contains("ann Example") && csv.contains(&bob.email), "{csv}");
            for hidden in [&*ann.email, "+351 21", "secret-note", &*root.email] {
                assert!(!csv.contains(hidden), "{hidden} is told: {csv}");
            }
            let told = line_of(exporter, &ann.id).await;
            for hidden in "email phone ip_address user_metadata app_metadata permissions mfa_enabled synced last_login last_activity".split(' ') {
                assert!(told.get(hidden).is_none(), "{hidden} is told: {told}");
            }
            assert_eq!(line_of(exporter, &bob.id).await["email"], json!(bob.email));
        }
        assert_eq!(line_of(&narrow[0], &eve.id).await["email"], json!(eve.email));
        for whole in [&client, &app.bearer(&admin.access)] {
            assert!(whole.get(&format!("{USERS}/export")).await.expect(200).text.contains("secret-note"));
            let told = line_of(whole, &ann.id).await;
            assert_eq!((&told["email"], &told["phone"]), (&json!(ann.email), &json!("+351 21 555")));
        }
        // In an open directory everybody sees addresses.
        let open = app.with_settings(&[("DIRECTORY", "open")]).await;
        let root = person(&open, "root", Role::Superadmin).await;
        let [ann, _] = people(&open).await;
        let (_, narrow) = with(&open, &open.bearer(&root.access), "users.export").await;
        let told = line_of(&narrow[1], &ann.id).await;
        assert_eq!((&told["email"], told.get("phone")), (&json!(ann.email), None));
    }

    async fn an_export_ends_with_the_session_that_began_it(app) {
        let admin = person(&app, "admin", Role::Admin).await;
        let begin = async || {
            let caller = app.app.bearers.caller(&app.app.watch, &admin.access, Origin::default()).await.unwrap();
            Export::new(app.app.clone(), caller, Format::Csv, Whom::Everybody).await.unwrap()
        };
        assert!(begin().await.next().await.unwrap().unwrap().contains(&admin.email));
        let mut late = begin().await;
        app.set_role(&admin.id, Role::User).await;
        assert_eq!(late.next().await.unwrap_err().code(), Code::Forbidden);
        app.set_role(&admin.id, Role::Admin).await;
        let mut late = begin().await;
        app.bearer(&admin.access).send("POST", "/api/v1/auth/logout", None).await.expect(200);
        assert_eq!(late.next().await.unwrap_err().code(), Code::TokenRefused);
    }

    async fn sessions_of_others_do_not_tell_where_they_come_from(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = app.with("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0").register("ann").await;
        let client = app.bearer(&root.access);
        let (eve, narrow) = with(&app, &client, "users.sessions").await;
        let first = async |client: &Client, path: &str| client.get(path).await.expect(200).json()["sessions"][0].clone();
        let of_ann = format!("{USERS}/{}/sessions", ann.id);
        for viewer in &narrow {
            let seen = first(viewer, &of_ann).await;
            assert_eq!((&seen["ip_address"], &seen["user_agent"]), (&Value::Null, &Value::Null), "{seen}");
            assert_eq!((&seen["browser"], &seen["is_active"]), (&json!("Firefox"), &json!(true)), "{seen}");
        }
        for (viewer, path) in [
            (&app.bearer(&admin.access), of_ann.clone()),
            (&app.bearer(&ann.access), "/api/v1/auth/sessions".to_owned()),
            (&narrow[0], format!("{USERS}/{}/sessions", eve.id)),
        ] {
            assert_eq!(first(viewer, &path).await["ip_address"], "127.0.0.1", "{path}");
        }
    }
}
