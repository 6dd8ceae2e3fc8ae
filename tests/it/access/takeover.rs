//! Nobody gets what he lacks by way of another: not by a key of somebody great, nor in the account of whoever holds it.

use std::time::Duration;

use denizen::access::{Permission, Role};
use serde_json::{Value, json};

use super::{USERS, ahead, key};
use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD, Person},
        program::Program,
    },
    people::person,
};

fn of(person: &Person) -> String {
    format!("{USERS}/{}", person.id)
}

/// Everything by which one gets into an account, or changes it, with what it answers.
async fn everything(client: &Client, target: &Person) -> Vec<(&'static str, u16)> {
    let path = |tail: &str| format!("{}{tail}", of(target));
    let moved = json!({"email": format!("{}.net", target.email)});
    vec![
        ("link", client.send("POST", &path("/password"), None).await.status),
        ("password", client.post(&path("/password"), json!({"password": "Another-Horse-8-Battery"})).await.status),
        ("address", client.patch(&path(""), moved).await.status),
        ("forced", client.send("POST", &path("/force-password-change"), None).await.status),
        ("unlock", client.send("POST", &path("/unlock"), None).await.status),
        ("sessions", client.delete(&path("/sessions")).await.status),
        ("role", client.put(&path("/role"), json!({"role": "user"})).await.status),
        ("off", client.put(&path("/status"), json!({"is_active": false})).await.status),
        ("on", client.put(&path("/status"), json!({"is_active": true})).await.status),
    ]
}

#[track_caller]
fn expect(answers: Vec<(&'static str, u16)>, status: u16, whom: &str) {
    for (what, answer) in answers {
        assert_eq!(answer, status, "{what} of {whom}");
    }
}

async fn made(app: &TestApp, root: &Client, permissions: Value) -> Client {
    app.bearer(&key(root, permissions).await.1)
}

each_engine! {
    async fn a_narrow_key_of_a_superadmin_makes_nobody_more_than_it_is(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let second = person(&app, "second", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        let granter = made(&app, &client, json!(["users.grant"])).await;
        for role in ["admin", "superadmin"] {
            granter.put(&format!("{}/role", of(&ann)), json!({"role": role})).await.expect(403);
        }
        granter.put(&format!("{}/role", of(&admin)), json!({"role": "user"})).await.expect(403);
        granter.put(&format!("{}/role", of(&ann)), json!({"role": "user"})).await.expect(200);
        let maker = made(&app, &client, json!(["users.create", "users.grant"])).await;
        let new = json!({"email": "new@example.com", "password": PASSWORD, "full_name": "New Admin"});
        maker.post(&format!("{USERS}/create-admin"), new.clone()).await.expect(403);
        let plain = json!({"email": "plain@example.com", "full_name": "Plain User"});
        assert_eq!(maker.post(USERS, plain).await.expect(201).json()["role"], "user");
        let desk = made(&app, &client, json!(["users.support", "users.update", "users.sessions", "users.grant", "users.deactivate"])).await;
        for target in [&second, &admin] {
            expect(everything(&desk, target).await, 403, &target.email);
            app.login(&target.email).await.expect(200);
        }
        // Nor by an import.
        let importer = made(&app, &client, json!(["users.import", "users.grant"])).await;
        let csv = Some(("text/csv", b"email,role\nboss@example.com,superadmin\n".to_vec()));
        let told = importer.send("POST", &format!("{USERS}/import?allow_roles=true"), csv).await.expect(200).json();
        assert_eq!((&told["created"], &told["errors"][0]["field"]), (&json!(0), &json!("role")));
        // Whoever holds all that the role allows gives it, by a key too.
        let all: Vec<_> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        let whole = made(&app, &client, json!(all)).await;
        assert_eq!(whole.post(&format!("{USERS}/create-admin"), new).await.expect(201).json()["role"], "admin");
        assert_eq!(whole.put(&format!("{}/role", of(&ann)), json!({"role": "superadmin"})).await.expect(200).json()["role"], "superadmin");
    }

    async fn nobody_acts_on_whoever_holds_what_he_lacks(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let (sam, max) = (app.register("sam").await, app.register("max").await);
        let client = app.bearer(&root.access);
        for (name, permission) in [("remover", "users.delete"), ("desk", "users.support")] {
            client.post("/api/v1/roles", json!({"name": name, "permissions": [permission]})).await.expect(201);
        }
        client.post("/api/v1/plans", json!({"tier": "maker", "permissions": ["users.create"]})).await.expect(201);
        client.post(&format!("{}/roles", of(&sam)), json!({"role": "remover"})).await.expect(200);
        client.patch(&of(&max), json!({"subscription_tier": "maker"})).await.expect(200);
        let by_admin = app.bearer(&admin.access);
        for target in [&sam, &max] {
            expect(everything(&by_admin, target).await, 403, &target.email);
            app.login(&target.email).await.expect(200);
        }
        by_admin.delete(&format!("{}/roles/remover", of(&sam))).await.expect(403);
        // What has ended counts no more.
        client.post(&format!("{}/roles", of(&sam)), json!({"role": "remover", "expires_at": ahead(&app, 500)})).await.expect(200);
        client.patch(&of(&max), json!({"subscription_tier": "basic"})).await.expect(200);
        tokio::time::sleep(Duration::from_millis(550)).await;
        for target in [&sam, &max] {
            expect(everything(&by_admin, target).await, 200, &target.email);
        }
    }

    async fn whoever_holds_no_more_is_helped(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let eve = app.register("eve").await;
        let (pam, ent) = (person(&app, "pam", Role::User).await, person(&app, "ent", Role::User).await);
        let client = app.bearer(&root.access);
        client.post("/api/v1/roles", json!({"name": "desk", "permissions": ["users.support"]})).await.expect(201);
        client.post("/api/v1/roles", json!({"name": "reader", "permissions": ["users.read"]})).await.expect(201);
        client.post(&format!("{}/roles", of(&eve)), json!({"role": "desk"})).await.expect(200);
        app.bearer(&pam.access).send("POST", "/api/v1/users/me/upgrade", None).await.expect(200);
        client.patch(&of(&ent), json!({"subscription_tier": "enterprise"})).await.expect(200);
        let by_key = made(&app, &client, json!(["users.support"])).await;
        let by_admin = app.bearer(&admin.access);
        // What everybody sees, or takes himself, lifts nobody above the desk.
        for target in [&pam, &ent] {
            for desk in [&app.bearer(&eve.access), &by_key, &by_admin] {
                desk.send("POST", &format!("{}/password", of(target)), None).await.expect(200);
            }
        }
        // A plan that others give does, where it adds more than that.
        client.put("/api/v1/plans/enterprise", json!({"permissions": ["users.search", "events.read"]})).await.expect(200);
        by_key.send("POST", &format!("{}/unlock", of(&ent)), None).await.expect(403);
        by_admin.send("POST", &format!("{}/unlock", of(&ent)), None).await.expect(200);
        client.post(&format!("{}/roles", of(&pam)), json!({"role": "reader"})).await.expect(200);
        by_key.send("POST", &format!("{}/unlock", of(&pam)), None).await.expect(403);
        by_admin.send("POST", &format!("{}/unlock", of(&pam)), None).await.expect(200);
    }

    async fn a_key_never_acts_on_the_account_of_its_maker(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        person(&app, "second", Role::Superadmin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        client.post("/api/v1/roles", json!({"name": "reader", "permissions": ["users.read"]})).await.expect(201);
        let all: Vec<_> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        let whole = made(&app, &client, json!(all)).await;
        let before = client.get(&of(&root)).await.json();
        expect(everything(&whole, &root).await, 403, "the maker");
        whole.patch(&of(&root), json!({"bio": "x"})).await.expect(403);
        whole.post(&format!("{}/roles", of(&root)), json!({"role": "reader"})).await.expect(403);
        whole.delete(&of(&root)).await.expect(403);
        assert_eq!(whole.get(&of(&root)).await.expect(200).json()["email"], before["email"]);
        assert_eq!(client.get(&of(&root)).await.json()["updated_at"], before["updated_at"]);
        expect(everything(&whole, &ann).await, 200, "somebody else");
    }

    async fn a_key_holds_nothing_that_its_person_lacks(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let ann = person(&app, "ann", Role::User).await;
        let program = Program::on(&app.database);
        let make = |user: &str, permission: &str| {
            program.run(&["api-key", "create", "--user", user, "--name", "k", "--permission", permission])
        };
        make(&ann.email, "users.delete").refused(&["users.delete"]);
        assert_eq!(app.database.number("select count(*) from api_keys").await, 0);
        // What everybody sees is hers too.
        let token = make(&ann.email, "users.read").expect(0).out;
        app.bearer(token.trim()).get(&of(&root)).await.expect(200);
        let token = make(&root.email, "users.delete").expect(0).out;
        app.bearer(token.trim()).delete(&of(&ann)).await.expect(200);
    }
}
