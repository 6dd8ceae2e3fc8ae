//! Users by id: who reads, changes, lists, restores whom.

mod changes;

use denizen::access::Role;
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD, Person},
        eventually,
    },
};

const USERS: &str = "/api/v1/users";

/// Somebody with a role, his address proved.
pub async fn person(app: &TestApp, name: &str, role: Role) -> Person {
    let person = app.register(name).await;
    verify(app, &person).await;
    app.set_role(&person.id, role).await;
    person
}

/// An operator vouches for an address.
pub async fn verify(app: &TestApp, person: &Person) {
    use denizen::{access::Caller, account};
    let id = person.id.parse().unwrap();
    app.app.db.write(async |tx| account::verify(tx, &Caller::operator(), id).await).await.unwrap();
}

fn of(person: &Person) -> String {
    format!("{USERS}/{}", person.id)
}

/// Every page by cursor, as ids.
async fn walk(client: &Client, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{USERS}?{query}{cursor}")).await.expect(200).json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { return ids };
        cursor = format!("&cursor={next}");
    }
}

each_engine! {
    async fn others_are_seen_without_what_is_hidden(app) {
        let (ann, bob) = (person(&app, "ann", Role::User).await, person(&app, "bob", Role::User).await);
        let admin = person(&app, "admin", Role::Admin).await;
        let seen = app.bearer(&ann.access).get(&of(&bob)).await.expect(200);
        assert!(seen.header("etag").is_some());
        let seen = seen.json();
        for hidden in
            "email phone ip_address user_metadata app_metadata permissions mfa_enabled synced last_login last_activity"
                .split(' ')
        {
            assert!(seen.get(hidden).is_none(), "{hidden} is shown: {seen}");
        }
        assert_eq!((&seen["id"], &seen["full_name"], &seen["role"]), (&json!(bob.id), &json!("bob Example"), &json!("user")));
        let whole = app.bearer(&admin.access).get(&of(&bob)).await.expect(200).json();
        assert_eq!((&whole["email"], &whole["synced"]), (&json!(bob.email), &json!("no")));
        assert_eq!(whole["permissions"], json!(["users.list", "users.read"]));
        // He shows his address to all; oneself sees everything; in an open directory all do.
        let shows = json!({"contact_visibility": "public"});
        app.bearer(&bob.access).put("/api/v1/users/me/profile", shows).await.expect(200);
        assert_eq!(app.bearer(&ann.access).get(&of(&bob)).await.json()["email"], json!(bob.email));
        let listed = app.bearer(&ann.access).get(USERS).await.expect(200).json();
        for user in listed["items"].as_array().unwrap() {
            assert_eq!(user.get("email").is_some(), user["id"] == json!(bob.id) || user["id"] == json!(ann.id), "{user}");
            assert_eq!(user.get("phone").is_some(), user["id"] == json!(ann.id), "{user}");
        }
        let nobody = format!("{USERS}/01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(app.bearer(&ann.access).get(&nobody).await.expect(404).code(), "not_found");
    }

    async fn profiles_of_others_are_shown_as_they_say(app) {
        let (ann, bob) = (person(&app, "ann", Role::User).await, person(&app, "bob", Role::User).await);
        let admin = person(&app, "admin", Role::Admin).await;
        let path = format!("{}/profile", of(&bob));
        app.bearer(&ann.access).get(&path).await.expect(403);
        app.bearer(&ann.access).send("POST", "/api/v1/users/me/upgrade", None).await.expect(200);
        assert_eq!(app.bearer(&ann.access).get(&path).await.expect(200).json()["user_id"], json!(bob.id));
        for visibility in ["private", "connections"] {
            let body = json!({"profile_visibility": visibility});
            app.bearer(&bob.access).put("/api/v1/users/me/profile", body).await.expect(200);
            app.bearer(&ann.access).get(&path).await.expect(404);
            app.bearer(&ann.access).get(&format!("{}/preferences", of(&bob))).await.expect(404);
        }
        app.bearer(&admin.access).get(&path).await.expect(200);
        app.bearer(&bob.access).get(&path).await.expect(200);
        // Plans are lost as they were got.
        let again = app.bearer(&ann.access).send("POST", "/api/v1/users/me/upgrade", None).await;
        assert_eq!(again.expect(409).code(), "conflict");
        let basic = app.bearer(&ann.access).send("POST", "/api/v1/users/me/downgrade", None).await.expect(200).json();
        assert_eq!((&basic["subscription_tier"], &basic["is_premium"]), (&json!("basic"), &json!(false)));
        app.bearer(&ann.access).get(&path).await.expect(403);
        let new = app.register("new").await;
        let refused = app.bearer(&new.access).send("POST", "/api/v1/users/me/upgrade", None).await.expect(403);
        assert_eq!(refused.code(), "verification_required");
    }

    async fn the_directory_says_who_sees_others(app) {
        for (directory, unverified, verified) in [("verified", 403, 200), ("open", 200, 200), ("admins", 403, 403)] {
            let app = app.with_settings(&[("DIRECTORY", directory)]).await;
            let (ann, bob) = (app.register("ann").await, person(&app, "bob", Role::User).await);
            let admin = person(&app, "admin", Role::Admin).await;
            for (who, target, status) in [(&ann, &bob, unverified), (&bob, &ann, verified), (&admin, &ann, 200)] {
                let client = app.bearer(&who.access);
                for path in [USERS.to_owned(), format!("{USERS}/list"), of(target)] {
                    let reply = client.get(&path).await;
                    assert_eq!(reply.status, status, "{directory} {path}: {}", reply.text);
                }
                let sorted = client.get(&format!("{USERS}?sort_by=email")).await;
                let expected = if status == 403 { 403 } else if directory == "open" || who.id == admin.id { 200 } else { 403 };
                assert_eq!(sorted.status, expected, "{directory}: {}", sorted.text);
            }
            // Of himself everybody knows.
            app.bearer(&ann.access).get(&of(&ann)).await.expect(200);
        }
    }

    async fn nobody_sorts_by_what_he_does_not_see(app) {
        let ann = person(&app, "ann", Role::User).await;
        let admin = person(&app, "admin", Role::Admin).await;
        for hidden in ["email", "last_login"] {
            let reply = app.bearer(&ann.access).get(&format!("{USERS}?sort_by={hidden}")).await.expect(403);
            assert_eq!(reply.code(), "field_not_visible");
            app.bearer(&admin.access).get(&format!("{USERS}?sort_by={hidden}")).await.expect(200);
        }
        for (query, fault) in [
            ("sort_by=password", "sort_by:unknown_value"),
            ("sort_by=id;drop", "sort_by:unknown_value"),
            ("sort_order=up", "sort_order:unknown_value"),
            ("size=0", "size:out_of_range"),
            ("size=101", "size:out_of_range"),
            ("page=0", "page:out_of_range"),
            ("page=201&size=50", "page:use_cursor"),
            ("cursor=x", "cursor:invalid_cursor"),
            ("role=admin", "role:unknown_field"),
        ] {
            let reply = app.bearer(&admin.access).get(&format!("{USERS}?{query}")).await.expect(422);
            assert_eq!(reply.faults(), [fault], "{query}");
        }
    }

    async fn lists_are_whole_in_every_order_while_others_come(app) {
        let admin = person(&app, "admin", Role::Admin).await;
        let client = app.bearer(&admin.access);
        let mut names: Vec<String> = (0..23).map(|n| format!("p{n:02}")).collect();
        for name in &names {
            app.register(name).await;
        }
        // Some have no last name, no username, no sign-in.
        app.database.execute("update users set last_name = null, last_login = null where email_key like 'p0%'").await;
        app.database.execute("update users set username = null, username_key = null").await;
        names.push("admin".into());
        let column = |page: &Value, name: &str| -> Vec<Value> {
            page["items"].as_array().unwrap().iter().map(|user| user[name].clone()).collect()
        };
        for sort in ["created_at", "updated_at", "last_login", "email", "username", "last_name", "first_name", "role"] {
            for order in ["asc", "desc"] {
                let ids = walk(&client, &format!("size=5&sort_by={sort}&sort_order={order}")).await;
                let mut unique = ids.clone();
                unique.sort();
                unique.dedup();
                assert_eq!((ids.len(), unique.len()), (24, 24), "{sort} {order}");
                // Pages by number tell the same.
                let mut paged = Vec::new();
                for page in 1..=5 {
                    let path = format!("{USERS}?page={page}&size=5&sort_by={sort}&sort_order={order}");
                    let page = client.get(&path).await.expect(200).json();
                    assert_eq!((&page["total"], &page["pages"]), (&json!(24), &json!(5)), "{page}");
                    paged.extend(column(&page, "id").into_iter().map(|id| id.as_str().unwrap().to_owned()));
                }
                assert_eq!(paged, ids, "{sort} {order}");
            }
        }
        let page = client.get(&format!("{USERS}?page_size=7&page=2&sort_order=asc")).await.expect(200).json();
        assert_eq!((&page["total_count"], &page["page_size"], &page["total_pages"]), (&json!(24), &json!(7), &json!(4)));
        assert_eq!(page["users"].as_array().unwrap().len(), 7);
        // Nobody who was there is missed while others come and go.
        let before = walk(&client, "size=100&sort_order=asc").await;
        let coming = app.clone_client();
        let inserting = tokio::spawn(async move {
            for n in 0..10 {
                coming.register(&format!("late{n}")).await;
            }
        });
        for query in ["size=3&sort_order=asc", "size=3&sort_order=desc", "size=2&sort_by=email"] {
            let during = walk(&client, query).await;
            assert!(before.iter().all(|id| during.contains(id)), "{query} misses somebody");
        }
        inserting.await.unwrap();
        eventually("the total is not exact", async || {
            client.get(USERS).await.json()["total"] == json!(34)
        })
        .await;
    }

    async fn an_external_id_stands_for_an_id_and_an_id_wins(app) {
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        let root = person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        client.patch(&of(&ann), json!({"external_id": "crm 7/ä"})).await.expect(200);
        let by_external = client.get(&format!("{USERS}/crm%207%2F%C3%A4")).await.expect(200).json();
        assert_eq!(by_external["id"], json!(ann.id));
        let taken = client.patch(&of(&bob), json!({"external_id": "crm 7/ä"})).await.expect(409);
        assert_eq!((taken.code().as_str(), taken.faults()), ("external_id_taken", vec!["external_id:external_id_taken".into()]));
        client.patch(&of(&bob), json!({"external_id": ann.id})).await.expect(200);
        assert_eq!(client.get(&of(&ann)).await.expect(200).json()["id"], json!(ann.id));
        app.bearer(&bob.access).get(&of(&ann)).await.expect(403);
        // One that looks like an id is as good as another, where it is nobody's.
        let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
        client.patch(&of(&bob), json!({"external_id": uuid})).await.expect(200);
        assert_eq!(app.bearer(&bob.access).get(&format!("{USERS}/{uuid}")).await.expect(200).json()["id"], json!(bob.id));
        app.bearer(&ann.access).get(&format!("{USERS}/{uuid}")).await.expect(403);
        client.patch(&of(&bob), json!({"external_id": 42})).await.expect(200);
        client.put(&format!("{USERS}/42/status"), json!({"is_active": false})).await.expect(200);
        for reserved in ["me", "List", "import", "create-admin", "", "a\nb", &"x".repeat(256)] {
            let reply = client.patch(&of(&bob), json!({"external_id": reserved})).await.expect(422);
            assert!(reply.faults()[0].starts_with("external_id:"), "{reserved}");
        }
        // Somebody else's id from elsewhere is nobody's own; his own is.
        let foreign = app.bearer(&ann.access);
        foreign.patch(&format!("{USERS}/42"), json!({"bio": "x"})).await.expect(403);
        foreign.patch(&format!("{USERS}/crm%207%2F%C3%A4"), json!({"bio": "x"})).await.expect(200);
        for odd in ["%00", "%ff", "crm%207", "..%2f", "%20"] {
            client.get(&format!("{USERS}/{odd}")).await.expect(404);
        }
        client.delete(&of(&bob)).await.expect(200);
        client.get(&format!("{USERS}/42")).await.expect(404);
        client.patch(&of(&ann), json!({"external_id": "42"})).await.expect(200);
        assert_eq!(client.send("POST", &format!("{}/restore", of(&bob)), None).await.expect(409).code(), "external_id_taken");
    }

    async fn what_one_may_not_set_is_refused_whole(app) {
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        let admin = person(&app, "admin", Role::Admin).await;
        let before = app.me(&ann.access).await.json();
        for field in [
            json!({"role": "admin"}), json!({"roles": ["admin"]}), json!({"is_verified": true}), json!({"is_premium": true}),
            json!({"id": bob.id}), json!({"created_at": "2001-01-01T00:00:00Z"}), json!({"mfa_enabled": true}),
            json!({"external_id": "x"}), json!({"app_metadata": {}}), json!({"email": "x@example.com"}),
            json!({"password": PASSWORD}), json!({"ip_address": "192.0.2.1"}), json!({"permissions": ["users.read"]}),
            json!({"subscription_tier": "premium"}), json!({"is_active": false}), json!({"version": 9}),
        ] {
            let mut body = field.clone();
            body["bio"] = json!("changed");
            for path in [of(&ann), format!("{USERS}/me")] {
                let reply = app.bearer(&ann.access).put(&path, body.clone()).await.expect(422);
                assert!(reply.faults()[0].ends_with(":unknown_field"), "{field} {}", reply.text);
                app.bearer(&ann.access).put(&of(&bob), body.clone()).await.expect(403);
            }
            let name = field.as_object().unwrap().keys().next().unwrap().clone();
            let may = ["is_verified", "external_id", "app_metadata", "email", "password", "ip_address", "subscription_tier"];
            if !may.contains(&name.as_str()) {
                app.bearer(&admin.access).put(&of(&bob), body).await.expect(422);
            }
        }
        assert_eq!(app.me(&ann.access).await.json(), before);
        let body = json!({"email": "new@example.com", "is_verified": true, "ip_address": "192.0.2.7", "app_metadata": {"a": 1},
            "password": "Another-Horse-8-Battery", "bio": "b", "external_id": "7"});
        let changed = app.bearer(&admin.access).put(&of(&bob), body).await.expect(200).json();
        assert_eq!((&changed["email"], &changed["is_verified"]), (&json!("new@example.com"), &json!(true)));
        assert_eq!((&changed["app_metadata"], &changed["external_id"]), (&json!({"a": 1}), &json!("7")));
        app.me(&bob.access).await.expect(401);
        app.login_with("new@example.com", "Another-Horse-8-Battery").await.expect(200);
        let moved = app.bearer(&admin.access).put(&of(&bob), json!({"email": "third@example.com"})).await.expect(200).json();
        assert_eq!(moved["is_verified"], json!(false));
    }

    async fn of_twenty_writers_with_a_version_none_is_lost(app) {
        let ann = app.register("ann").await;
        let admin = person(&app, "admin", Role::Admin).await;
        let client = app.bearer(&admin.access);
        let stale = client.with("if-match", "\"v999\"");
        assert_eq!(stale.patch(&of(&ann), json!({"bio": "x"})).await.expect(412).code(), "stale_version");
        stale.delete(&of(&ann)).await.expect(403);
        let writers = (0..20).map(|n| {
            let (client, path) = (client.clone(), of(&ann));
            tokio::spawn(async move {
                loop {
                    let read = client.get(&path).await.expect(200);
                    let mut data = read.json()["app_metadata"].clone();
                    data[format!("w{n}")] = json!(true);
                    let client = client.with("if-match", read.header("etag").unwrap());
                    let write = client.put(&path, json!({"app_metadata": data})).await;
                    if write.status == 200 {
                        return;
                    }
                    assert_eq!(write.status, 412, "{}", write.text);
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let data = client.get(&of(&ann)).await.json()["app_metadata"].clone();
        assert_eq!(data.as_object().unwrap().len(), 20, "{data}");
    }

    async fn a_superadmin_creates_deletes_and_restores(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let client = app.bearer(&root.access);
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann Lee", "external_id": "a1",
            "is_verified": true, "app_metadata": {"k": 1}});
        let made = client.post(USERS, body.clone()).await.expect(201);
        assert!(made.header("etag").is_some());
        let made = made.json();
        assert_eq!((&made["role"], &made["is_verified"], &made["external_id"]), (&json!("user"), &json!(true), &json!("a1")));
        assert_eq!(client.post(USERS, body).await.expect(409).code(), "email_taken");
        assert_eq!(client.post(USERS, json!({"email": "b@example.com", "full_name": "B C", "confirm_password": PASSWORD})).await.expect(422).faults(), ["password:required"]);
        let admin = json!({"email": "adm@example.com", "password": PASSWORD, "full_name": "Adam Min", "role": "user"});
        assert_eq!(client.post(&format!("{USERS}/create-admin"), admin).await.expect(201).json()["role"], "admin");
        let ann = app.login("ann@example.com").await.expect(200).person();
        let admin = app.login("adm@example.com").await.expect(200).person();
        app.bearer(&admin.access).delete(&of(&ann)).await.expect(403);
        client.delete(&of(&ann)).await.expect(200);
        client.get(&of(&ann)).await.expect(404);
        app.me(&ann.access).await.expect(401);
        let restore = format!("{}/restore", of(&ann));
        app.bearer(&admin.access).send("POST", &restore, None).await.expect(403);
        let back = client.send("POST", &restore, None).await.expect(200).json();
        assert_eq!((&back["email"], &back["external_id"]), (&json!("ann@example.com"), &json!("a1")));
        assert_eq!(client.get(&format!("{USERS}/a1")).await.expect(200).json()["id"], json!(ann.id));
        app.me(&ann.access).await.expect(401);
        app.login("ann@example.com").await.expect(200);
        client.send("POST", &restore, None).await.expect(404);
        // Who has the address by now keeps it.
        client.delete(&of(&ann)).await.expect(200);
        app.register("ann").await;
        assert_eq!(client.send("POST", &restore, None).await.expect(409).code(), "email_taken");
    }

    async fn the_support_desk_helps_plain_users_alone(app) {
        let (ann, peer) = (app.register("ann").await, person(&app, "peer", Role::Admin).await);
        let admin = person(&app, "admin", Role::Admin).await;
        let client = app.bearer(&admin.access);
        let password = json!({"password": "Another-Horse-8-Battery"});
        for target in [&peer, &admin] {
            for action in ["force-password-change", "unlock"] {
                client.send("POST", &format!("{}/{action}", of(target)), None).await.expect(403);
            }
            client.post(&format!("{}/password", of(target)), password.clone()).await.expect(403);
            client.put(&format!("{}/status", of(target)), json!({"is_active": false})).await.expect(403);
            client.delete(&format!("{}/sessions", of(target))).await.expect(403);
            client.patch(&of(target), json!({"email": "stolen@example.com"})).await.expect(if target.id == admin.id { 422 } else { 403 });
        }
        let sessions = client.get(&format!("{}/sessions", of(&ann))).await.expect(200).json();
        assert_eq!(sessions["total_count"], json!(1));
        client.delete(&format!("{}/sessions", of(&ann))).await.expect(200);
        app.me(&ann.access).await.expect(401);
        for _ in 0..6 {
            app.login_with(&ann.email, "wrong").await;
        }
        app.login(&ann.email).await.expect(429);
        client.send("POST", &format!("{}/unlock", of(&ann)), None).await.expect(200);
        let again = app.login(&ann.email).await.expect(200).person();
        client.send("POST", &format!("{}/force-password-change", of(&ann)), None).await.expect(200);
        app.me(&again.access).await.expect(401);
        assert_eq!(app.login(&ann.email).await.expect(403).code(), "password_change_required");
        client.post(&format!("{}/password", of(&ann)), json!({})).await.expect(200);
        client.post(&format!("{}/password", of(&ann)), password).await.expect(200);
        app.login_with(&ann.email, "Another-Horse-8-Battery").await.expect(200);
        client.put(&format!("{}/status", of(&ann)), json!({"is_active": false})).await.expect(200);
        app.login_with(&ann.email, "Another-Horse-8-Battery").await.expect(401);
        let stats = app.bearer(&peer.access).get(&format!("{USERS}/me/stats")).await.expect(200).json();
        let me = app.me(&peer.access).await.json();
        assert_eq!(stats, json!({"user_id": peer.id, "account_age_days": 0, "active_sessions": 1, "refresh_tokens": 1, "is_verified": true,
            "is_premium": false, "subscription_tier": "basic", "last_login": me["last_login"], "last_activity": me["last_activity"]}));
        assert!(me["last_login"].is_string() && me["last_activity"].is_string());
    }

    // A session or a key that fell into other hands must not set a password without the old one.
    async fn nobody_is_his_own_support_desk(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let body = json!({"name": "desk", "permissions": ["users.support", "users.update"]});
        let key = app.bearer(&root.access).post("/api/v1/keys", body).await.expect(201).json();
        let password = json!({"password": "Another-Horse-8-Battery"});
        for client in [app.bearer(&root.access), app.bearer(key["key"].as_str().unwrap())] {
            client.post(&format!("{}/password", of(&root)), password.clone()).await.expect(403);
            client.send("POST", &format!("{}/force-password-change", of(&root)), None).await.expect(403);
        }
        let by_key = app.bearer(key["key"].as_str().unwrap());
        by_key.put(&of(&root), password).await.expect(403);
        app.login(&root.email).await.expect(200);
    }
}
