//! Roles, grants, plans and API keys: nobody rises by himself, and what ends ends.

mod sight;
mod takeover;

use std::time::{Duration, Instant};

use denizen::{access::Role, db::Engine};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{TestApp, client::Client, eventually},
    people::{person, verify},
};

const USERS: &str = "/api/v1/users";

async fn key(client: &Client, permissions: Value) -> (String, String) {
    let made = client.post("/api/v1/keys", json!({"name": "k", "permissions": permissions})).await.expect(201).json();
    (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

/// The instant so many milliseconds ahead, as the service writes it.
fn ahead(app: &TestApp, millis: u64) -> String {
    (app.app.db.clock().now() + Duration::from_millis(millis)).to_string()
}

each_engine! {
    async fn a_custom_role_gives_what_it_says_and_no_rank_over_its_like(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let (ann, bob, cat) = (app.register("ann").await, app.register("bob").await, app.register("cat").await);
        let client = app.bearer(&root.access);
        let role = json!({"name": "support", "description": "The desk", "permissions": ["users.support", "users.read"]});
        assert_eq!(client.post("/api/v1/roles", role.clone()).await.expect(201).json()["name"], "support");
        assert_eq!(client.post("/api/v1/roles", role).await.expect(409).faults(), ["name:conflict"]);
        for name in ["user", "admin", "superadmin"] {
            client.post("/api/v1/roles", json!({"name": name, "permissions": []})).await.expect(409);
            client.put(&format!("/api/v1/roles/{name}"), json!({"permissions": []})).await.expect(409);
            client.delete(&format!("/api/v1/roles/{name}")).await.expect(409);
        }
        assert_eq!(client.post("/api/v1/roles", json!({"name": "x", "permissions": ["no.such"]})).await.expect(422).faults(), ["permissions:unknown_permission"]);
        let unlock = |id: &str| format!("{USERS}/{id}/unlock");
        let desk = app.bearer(&ann.access);
        desk.send("POST", &unlock(&cat.id), None).await.expect(403);
        for id in [&ann.id, &bob.id] {
            let path = format!("{USERS}/{id}/roles");
            assert_eq!(app.bearer(&admin.access).post(&path, json!({"role": "no"})).await.expect(422).faults(), ["role:unknown_role"]);
            let granted = app.bearer(&admin.access).post(&path, json!({"role": "support"})).await.expect(200).json();
            assert_eq!(granted["roles"], json!(["user", "support"]));
        }
        // At once, and on plain users alone.
        desk.send("POST", &unlock(&cat.id), None).await.expect(200);
        for above in [&bob.id, &admin.id, &root.id, &ann.id] {
            desk.send("POST", &unlock(above), None).await.expect(403);
        }
        assert_eq!(app.me(&ann.access).await.json()["permissions"], json!(["users.read", "users.support"]));
        // The role changes, and all who have it with it.
        client.put("/api/v1/roles/support", json!({"permissions": ["users.read"]})).await.expect(200);
        desk.send("POST", &unlock(&cat.id), None).await.expect(403);
        desk.get(&format!("{USERS}/{}", cat.id)).await.expect(200);
        app.bearer(&admin.access).delete(&format!("{USERS}/{}/roles/support", ann.id)).await.expect(200);
        app.bearer(&admin.access).delete(&format!("{USERS}/{}/roles/support", ann.id)).await.expect(404);
        desk.get(&format!("{USERS}/{}", cat.id)).await.expect(403);
        client.delete("/api/v1/roles/support").await.expect(200);
        app.bearer(&bob.access).get(&format!("{USERS}/{}", cat.id)).await.expect(403);
        client.get("/api/v1/roles/support").await.expect(404);
    }

    async fn nobody_rises_by_roles(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        let all = client.get("/api/v1/permissions").await.expect(200).json();
        assert!(all["items"].as_array().unwrap().len() > 10);
        client.post("/api/v1/roles", json!({"name": "maker", "permissions": ["users.create", "users.delete"]})).await.expect(201);
        client.post("/api/v1/roles", json!({"name": "writer", "permissions": ["roles.write", "roles.read", "users.grant"]})).await.expect(201);
        // An admin grants no custom role that holds what he lacks, nor any to himself, nor his own rank.
        let lower = app.bearer(&admin.access);
        lower.post(&format!("{USERS}/{}/roles", ann.id), json!({"role": "maker"})).await.expect(403);
        lower.post("/api/v1/roles", json!({"name": "mine", "permissions": ["users.read"]})).await.expect(403);
        for (id, role) in [(&ann.id, "admin"), (&ann.id, "superadmin"), (&admin.id, "superadmin"), (&admin.id, "user")] {
            lower.put(&format!("{USERS}/{id}/role"), json!({"role": role})).await.expect(403);
        }
        // Whoever may write roles writes none beyond himself: not a new one, not his own, not another.
        client.post(&format!("{USERS}/{}/roles", ann.id), json!({"role": "writer"})).await.expect(200);
        let writer = app.bearer(&ann.access);
        writer.post("/api/v1/roles", json!({"name": "more", "permissions": ["users.create"]})).await.expect(403);
        writer.put("/api/v1/roles/writer", json!({"permissions": ["users.create"]})).await.expect(403);
        writer.put("/api/v1/roles/maker", json!({"permissions": []})).await.expect(403);
        writer.delete("/api/v1/roles/maker").await.expect(403);
        writer.put("/api/v1/plans/premium", json!({"permissions": ["roles.read"]})).await.expect(403);
        writer.post("/api/v1/roles", json!({"name": "same", "permissions": ["roles.read"]})).await.expect(201);
        writer.post(&format!("{USERS}/{}/roles", ann.id), json!({"role": "same"})).await.expect(403);
        for role in ["admin", "superadmin"] {
            writer.put(&format!("{USERS}/{}/role", ann.id), json!({"role": role})).await.expect(403);
        }
    }

    async fn lists_of_what_one_may_do_have_pages(app) {
        let client = app.bearer(&person(&app, "root", Role::Superadmin).await.access);
        for n in 1..=3 {
            client.post("/api/v1/roles", json!({"name": format!("role{n}"), "permissions": []})).await.expect(201);
            client.post("/api/v1/plans", json!({"tier": format!("plan{n}"), "permissions": []})).await.expect(201);
        }
        for n in 0..6 {
            client.post("/api/v1/keys", json!({"name": format!("key{n}"), "permissions": []})).await.expect(201);
        }
        for (path, name) in [("roles", "name"), ("plans", "tier"), ("permissions", "name"), ("keys", "id")] {
            let path = format!("/api/v1/{path}");
            let whole = client.get(&format!("{path}?size=100")).await.expect(200).json();
            let (total, all) = (whole["total"].as_u64().unwrap(), whole["items"].as_array().unwrap());
            assert!(total >= 6 && all.len() as u64 == total && whole["next_cursor"].is_null(), "{whole}");
            let (mut by_cursor, mut by_number, mut next) = (Vec::new(), Vec::new(), String::new());
            for page in 1..=total.div_ceil(4) {
                let numbered = client.get(&format!("{path}?size=4&page={page}")).await.expect(200).json();
                assert_eq!((&numbered["page"], &numbered["size"], &numbered["pages"]), (&json!(page), &json!(4), &json!(total.div_ceil(4))));
                by_number.extend(numbered["items"].as_array().unwrap().clone());
                let part = client.get(&format!("{path}?size=4{next}")).await.expect(200).json();
                by_cursor.extend(part["items"].as_array().unwrap().clone());
                assert_eq!(part["next_cursor"].is_null(), page == total.div_ceil(4), "{part}");
                next = format!("&cursor={}", part["next_cursor"].as_str().unwrap_or_default());
            }
            let named = |items: &[Value]| items.iter().map(|item| item[name].to_string()).collect::<Vec<_>>();
            assert_eq!((named(&by_cursor), named(&by_number)), (named(all), named(all)), "{path}");
            assert_eq!(client.get(&format!("{path}?page=201")).await.expect(422).faults(), ["page:use_cursor"]);
        }
        assert_eq!(client.get("/api/v1/keys?cursor=x").await.expect(422).faults(), ["cursor:invalid_cursor"]);
    }

    async fn a_plan_gives_what_superadmins_wrote(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let ann = person(&app, "ann", Role::User).await;
        let client = app.bearer(&root.access);
        app.bearer(&ann.access).send("POST", "/api/v1/users/me/upgrade", None).await.expect(200);
        let own = async || app.me(&ann.access).await.json()["permissions"].clone();
        assert_eq!(own().await, json!(["users.list", "users.read", "users.search", "users.read_profile"]));
        let plan = client.put("/api/v1/plans/premium", json!({"permissions": ["users.search"]})).await.expect(200).json();
        assert_eq!((&plan["tier"], &plan["permissions"]), (&json!("premium"), &json!(["users.search"])));
        assert_eq!(own().await, json!(["users.list", "users.read", "users.search"]));
        app.bearer(&ann.access).get(&format!("{USERS}/{}/profile", root.id)).await.expect(403);
        assert_eq!(client.get("/api/v1/plans").await.expect(200).json()["total"], json!(3));
        client.get("/api/v1/plans/gold").await.expect(404);
        app.bearer(&ann.access).get("/api/v1/plans").await.expect(403);
    }

    async fn a_grant_is_gone_at_its_second(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let (ann, bob, cat) = (app.register("ann").await, app.register("bob").await, app.register("cat").await);
        let client = app.bearer(&root.access);
        client.post("/api/v1/roles", json!({"name": "support", "permissions": ["users.support"]})).await.expect(201);
        let past = json!({"role": "admin", "expires_at": "2020-01-01T00:00:00Z"});
        assert_eq!(client.put(&format!("{USERS}/{}/role", ann.id), past).await.expect(422).faults(), ["expires_at:past"]);
        for role in ["user", "superadmin"] {
            let body = json!({"role": role, "expires_at": ahead(&app, 60_000)});
            assert_eq!(client.put(&format!("{USERS}/{}/role", ann.id), body).await.expect(422).faults(), ["expires_at:not_allowed"]);
        }
        let end = ahead(&app, 3_000);
        let begun = Instant::now();
        client.put(&format!("{USERS}/{}/role", ann.id), json!({"role": "admin", "expires_at": end})).await.expect(200);
        client.post(&format!("{USERS}/{}/roles", bob.id), json!({"role": "support", "expires_at": end})).await.expect(200);
        let unlock = format!("{USERS}/{}/unlock", cat.id);
        for person in [&ann, &bob] {
            // Twice: the second time from memory.
            for _ in 0..2 {
                app.bearer(&person.access).send("POST", &unlock, None).await.expect(200);
            }
        }
        tokio::time::sleep(Duration::from_millis(3_050).saturating_sub(begun.elapsed())).await;
        for person in [&ann, &bob] {
            app.bearer(&person.access).send("POST", &unlock, None).await.expect(403);
            let me = app.me(&person.access).await.json();
            assert_eq!((&me["role"], &me["roles"], &me["permissions"]), (&json!("user"), &json!(["user"]), &json!([])));
            assert_eq!(client.get(&format!("{USERS}/{}", person.id)).await.json()["role"], "user");
        }
        // Whoever acts on him next finds a plain user, and the log tells that it ended.
        let admin = person(&app, "admin", Role::Admin).await;
        app.bearer(&admin.access).send("POST", &format!("{USERS}/{}/unlock", ann.id), None).await.expect(200);
        let told = "select count(*) from users where role = 'user' and email_key = 'ann@example.com'";
        assert_eq!(app.database.number(told).await, 1);
        // Given anew without an end, it stays.
        client.put(&format!("{USERS}/{}/role", ann.id), json!({"role": "admin", "expires_at": ahead(&app, 2_000)})).await.expect(200);
        client.put(&format!("{USERS}/{}/role", ann.id), json!({"role": "admin"})).await.expect(200);
        tokio::time::sleep(Duration::from_millis(2_050)).await;
        app.bearer(&ann.access).send("POST", &unlock, None).await.expect(200);
    }

    async fn two_superadmins_who_demote_each_other_leave_one(app) {
        for round in 0..5 {
            let (ann, bob) = (
                person(&app, &format!("ann{round}"), Role::Superadmin).await,
                person(&app, &format!("bob{round}"), Role::Superadmin).await,
            );
            let others = format!("update users set role = 'user' where email_key not like '%{round}@example.com'");
            app.database.execute(&others).await;
            let demote = |by: &Client, id: &str| {
                let (by, path) = (by.clone(), format!("{USERS}/{id}/role"));
                async move { by.put(&path, json!({"role": "user"})).await.status }
            };
            let (one, other) = (app.bearer(&ann.access), app.bearer(&bob.access));
            let (left, right) = tokio::join!(demote(&one, &bob.id), demote(&other, &ann.id));
            let left_over = "select count(*) from users where role = 'superadmin' and is_active and deleted_at is null";
            assert_eq!(app.database.number(left_over).await, 1, "{left} {right}");
            // The other was no superadmin any more, or was told that he is the last.
            let mut statuses = [left, right];
            statuses.sort_unstable();
            assert!(statuses[0] == 200 && [403, 409].contains(&statuses[1]), "{statuses:?}");
        }
    }

    async fn a_key_does_what_it_was_given_and_its_maker_may(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let second = person(&app, "second", Role::Superadmin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        let (id, token) = key(&client, json!(["users.list", "users.read", "users.delete"])).await;
        assert!(token.starts_with("dzk_"));
        for text in app.database.texts().await {
            assert!(!text.contains(&token), "the key is stored");
        }
        let (bearer, header) = (app.bearer(&token), app.with("x-api-key", &token));
        for program in [&bearer, &header] {
            program.get(USERS).await.expect(200);
            let seen = program.get(&format!("{USERS}/{}", ann.id)).await.expect(200).json();
            assert!(seen.get("phone").is_none(), "a key sees no more than it was given: {seen}");
            program.put(&format!("{USERS}/{}/role", ann.id), json!({"role": "admin"})).await.expect(403);
            program.get("/api/v1/keys").await.expect(403);
            for own in ["/api/v1/users/me", "/api/v1/users/me/profile", "/api/v1/users/me/stats", "/api/v1/auth/me", "/api/v1/auth/sessions"] {
                program.get(own).await.expect(403);
            }
            for own in ["/api/v1/auth/logout", "/api/v1/auth/logout-all", "/api/v1/users/me/upgrade"] {
                program.send("POST", own, None).await.expect(403);
            }
            let password = json!({"current_password": "x", "new_password": "Another-Horse-8-Battery"});
            program.post("/api/v1/auth/change-password", password).await.expect(403);
            program.delete("/api/v1/users/me").await.expect(403);
            program.patch(&format!("{USERS}/{}", root.id), json!({"bio": "x"})).await.expect(403);
        }
        app.with("x-api-key", &root.access).get(USERS).await.expect(401);
        app.bearer(&format!("{token}x")).get(USERS).await.expect(401);
        app.bearer("dzk_").get(USERS).await.expect(401);
        let listed = client.get("/api/v1/keys").await.expect(200).json();
        assert_eq!((&listed["items"][0]["id"], &listed["total"]), (&json!(id), &json!(1)));
        assert!(listed["items"][0].get("key").is_none() && token.starts_with(listed["items"][0]["prefix"].as_str().unwrap()));
        // Its maker falls, and it with him; he rises, and so does it.
        app.set_role(&root.id, Role::User).await;
        bearer.delete(&format!("{USERS}/{}", ann.id)).await.expect(403);
        bearer.get(USERS).await.expect(200);
        app.set_role(&root.id, Role::Superadmin).await;
        bearer.delete(&format!("{USERS}/{}", ann.id)).await.expect(200);
        // Nobody makes a key beyond himself, nor over before it begins.
        let maker = app.bearer(&second.access);
        assert_eq!(maker.post("/api/v1/keys", json!({"name": "k", "permissions": ["no.such"]})).await.expect(422).faults(), ["permissions:unknown_permission"]);
        let past = json!({"name": "k", "permissions": [], "expires_at": "2020-01-01T00:00:00Z"});
        assert_eq!(maker.post("/api/v1/keys", past).await.expect(422).faults(), ["expires_at:past"]);
        let (_, narrow) = key(&maker, json!(["keys.write"])).await;
        app.bearer(&narrow).post("/api/v1/keys", json!({"name": "k", "permissions": ["users.read"]})).await.expect(403);
        maker.delete(&format!("/api/v1/keys/{id}")).await.expect(200);
        maker.delete(&format!("/api/v1/keys/{id}")).await.expect(404);
        bearer.get(USERS).await.expect(401);
    }

    async fn a_key_ends_with_its_maker_and_at_its_second(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let gone = person(&app, "gone", Role::Superadmin).await;
        let off = person(&app, "off", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        let (_, of_gone) = key(&app.bearer(&gone.access), json!(["users.list"])).await;
        let (_, of_off) = key(&app.bearer(&off.access), json!(["users.list"])).await;
        let body = json!({"name": "short", "permissions": ["users.list"], "expires_at": ahead(&app, 2_000)});
        let short = client.post("/api/v1/keys", body).await.expect(201).json()["key"].as_str().unwrap().to_owned();
        for token in [&of_gone, &of_off, &short] {
            app.bearer(token).get(USERS).await.expect(200);
        }
        client.delete(&format!("{USERS}/{}", gone.id)).await.expect(200);
        client.put(&format!("{USERS}/{}/status", off.id), json!({"is_active": false})).await.expect(200);
        for token in [&of_gone, &of_off] {
            app.bearer(token).get(USERS).await.expect(401);
        }
        // What ended stays ended.
        client.send("POST", &format!("{USERS}/{}/restore", gone.id), None).await.expect(200);
        client.put(&format!("{USERS}/{}/status", off.id), json!({"is_active": true})).await.expect(200);
        for token in [&of_gone, &of_off] {
            app.bearer(token).get(USERS).await.expect(401);
        }
        tokio::time::sleep(Duration::from_millis(2_050)).await;
        app.bearer(&short).get(USERS).await.expect(401);
        eventually("its use is not noted", async || {
            app.database.number("select count(*) from api_keys where last_used_at is not null").await == 3
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_is_gone_on_every_node_within_a_second() {
    let here = TestApp::start(Engine::Postgres).await;
    let root = person(&here, "root", Role::Superadmin).await;
    let ann = here.register("ann").await;
    verify(&here, &ann).await;
    let there = here.another().await;
    let client = here.bearer(&root.access);
    client.post("/api/v1/roles", json!({"name": "support", "permissions": ["users.support"]})).await.expect(201);
    let unlock = format!("{USERS}/{}/unlock", here.register("cat").await.id);
    let (_, token) = key(&client, json!(["users.support"])).await;
    let gone = async |bearer: &str, what: &str| {
        let begun = Instant::now();
        eventually(what, async || [401, 403].contains(&there.bearer(bearer).send("POST", &unlock, None).await.status))
            .await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{what}: heard after {:?}", begun.elapsed());
    };
    let grant = format!("{USERS}/{}/roles", ann.id);
    for what in ["taken", "rewritten", "deleted"] {
        client.post(&grant, json!({"role": "support"})).await.expect(200);
        eventually("the grant is not heard", async || {
            there.bearer(&ann.access).send("POST", &unlock, None).await.status == 200
        })
        .await;
        match what {
            "taken" => client.delete(&format!("{grant}/support")).await.expect(200),
            "rewritten" => client.put("/api/v1/roles/support", json!({"permissions": []})).await.expect(200),
            _ => client.delete("/api/v1/roles/support").await.expect(200),
        };
        gone(&ann.access, what).await;
        if what == "rewritten" {
            client.put("/api/v1/roles/support", json!({"permissions": ["users.support"]})).await.expect(200);
        }
    }
    there.bearer(&token).send("POST", &unlock, None).await.expect(200);
    let id = client.get("/api/v1/keys").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    client.delete(&format!("/api/v1/keys/{id}")).await.expect(200);
    gone(&token, "the key").await;
}
