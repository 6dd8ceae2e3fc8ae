//! The route: who may, what is shown and asked of others, and the shapes of the answer.

use denizen::{access::Role, search::fold};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{TestApp, client::Client, program::Program},
    route::problem,
};

const SEARCH: &str = "/api/v1/users/search";

async fn admin(app: &TestApp) -> Client {
    let ann = app.register("ann").await;
    app.set_role(&ann.id, Role::Admin).await;
    let ann = app.login("ann@example.com").await.expect(200).person();
    app.bearer(&ann.access)
}

/// Everybody's names on a page, and the rest of it.
fn names(mut page: Value, list: &str) -> (Vec<String>, Value) {
    let users = page.as_object_mut().unwrap().remove(list).unwrap();
    let names = users.as_array().unwrap().iter().map(|user| user["first_name"].as_str().unwrap().to_owned());
    (names.collect(), page)
}

each_engine! {
    async fn the_permission_comes_before_the_question(app) {
        let bob = app.register("bob").await;
        for query in ["", "?nonsense=1", "?size=0"] {
            problem(&app.get(&format!("{SEARCH}{query}")).await, 401, "not_signed_in");
            problem(&app.bearer(&bob.access).get(&format!("{SEARCH}{query}")).await, 403, "forbidden");
        }
    }

    /// Whoever may search and does not see a field cannot learn it by asking for it, by its order, or by how many match.
    async fn what_is_not_seen_in_others_is_not_searched_by(app) {
        let admin = admin(&app).await;
        let root = app.register("root").await;
        app.set_role(&root.id, Role::Superadmin).await;
        let root = app.bearer(&app.login("root@example.com").await.expect(200).person().access);
        root.post("/api/v1/roles", json!({"name": "finder", "permissions": ["users.search"]})).await.expect(201);
        let bob = app.register("bob").await;
        let finder = app.bearer(&bob.access);
        problem(&finder.get(SEARCH).await, 403, "forbidden");
        root.post(&format!("/api/v1/users/{}/roles", bob.id), json!({"role": "finder"})).await.expect(200);
        let hidden = [
            "email=ann", "email_starts=a", "email_ends=example.com", "email_exact=ann@example.com", "ip_address=127.0.0.1",
            "mfa_enabled=true", "mfa_enabled=false", "synced=yes", "synced=false", "never_logged_in=true",
            "last_login_after=2020-01-01T00:00:00Z", "last_login_before=2020-01-01T00:00:00Z", "sort_by=email",
            "sort_by=last_login",
        ];
        for query in hidden {
            let field = query.split('=').next().unwrap();
            for rest in ["", "&total=exact", "&total=none&size=1", "&first_name=nobody&sort_order=asc"] {
                let reply = finder.get(&format!("{SEARCH}?{query}{rest}")).await;
                problem(&reply, 403, "field_not_visible");
                let told = reply.json()["errors"][0]["field"].as_str().unwrap().to_owned();
                assert!(field.starts_with(&told) || (field == "never_logged_in" && told == "last_login"), "{query}: {told}");
                admin.get(&format!("{SEARCH}?{query}{rest}")).await.expect(200);
            }
        }
        // `query` looks into what he sees, and not into addresses.
        let total = async |client: &Client, query: &str| {
            client.get(&format!("{SEARCH}?{query}")).await.expect(200).json()["total"].as_u64().unwrap()
        };
        assert_eq!((total(&finder, "query=example.com").await, total(&admin, "query=example.com").await), (0, 3));
        assert_eq!(total(&finder, "query=root&is_active=true&role=superadmin&sort_by=last_name").await, 1);
        let page = finder.get(&format!("{SEARCH}?query=root")).await.expect(200).json();
        for field in ["email", "ip_address", "mfa_enabled", "synced", "last_login"] {
            assert!(page["items"][0].get(field).is_none_or(Value::is_null), "{field}: {page}");
        }
    }

    async fn a_change_is_found_as_soon_as_it_is_answered(app) {
        let client = admin(&app).await;
        let bob = app.register("bob").await;
        let count = async |query: &str| {
            client.get(&format!("{SEARCH}?{query}")).await.expect(200).json()["total"].as_u64().unwrap()
        };
        assert_eq!(count("location=atlantis").await, 0);
        let me = app.bearer(&bob.access);
        me.patch("/api/v1/users/me", json!({"location": "Atlantis", "username": "Bob_7"})).await.expect(200);
        assert_eq!((count("location=atlantis").await, count("username_exact=bob_7").await), (1, 1));
        assert_eq!((count("is_active=false").await, count("never_logged_in=false").await), (0, 2));
        app.deactivate(&bob.id).await;
        assert_eq!((count("is_active=false").await, count("location=tis%20x").await), (1, 0));
        let cid = app.register("cid").await;
        app.bearer(&cid.access).send("DELETE", "/api/v1/users/me", Some(("application/json", br#"{"password":"Correct-Horse-7-Battery"}"#.to_vec()))).await.expect(200);
        assert_eq!((count("email=cid").await, count("").await), (0, 2));
        assert_eq!(app.database.number("select count(*) from search_users").await, 2);
    }

    async fn both_shapes_both_ways_of_paging(app) {
        let client = admin(&app).await;
        for name in ["dan", "bob", "cid"] {
            app.register(name).await;
        }
        let page = async |query: &str| client.get(&format!("{SEARCH}?sort_by=email&sort_order=asc&{query}")).await.expect(200).json();
        let (found, mut rest) = names(page("size=3").await, "items");
        assert_eq!(found, ["ann", "bob", "cid"]);
        let cursor = rest["next_cursor"].take();
        assert_eq!(rest, json!({"total": 4, "page": 1, "size": 3, "pages": 2, "next_cursor": null}));
        let (found, rest) = names(page(&format!("size=3&cursor={}", cursor.as_str().unwrap())).await, "items");
        assert_eq!((found, &rest["next_cursor"], &rest["total"]), (vec!["dan".to_owned()], &Value::Null, &json!(4)));
        let (found, rest) = names(page("page_size=3&page=2").await, "users");
        assert_eq!(found, ["dan"]);
        assert_eq!(rest, json!({"total_count": 4, "page": 2, "page_size": 3, "total_pages": 2, "next_cursor": null}));
        assert_eq!(page("total=none").await.get("total"), None);
        let newest = client.get(&format!("{SEARCH}?size=1")).await.expect(200).json();
        assert_eq!(newest["items"][0]["email"], "cid@example.com");
    }

    async fn what_is_found_is_taken_away_whole(app) {
        let client = admin(&app).await;
        let mut random = crate::kit::random::Random::new(9);
        super::people::make(&app.app, &mut random, 620).await;
        let export = async |client: &Client, search: &str| {
            client.get(&format!("/api/v1/users/export?format=jsonl&search={}", search.replace('&', "%26").replace('=', "%3D"))).await
        };
        let emails = |lines: &str| -> Vec<String> {
            lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["email"].as_str().unwrap().to_lowercase()).collect()
        };
        let told = emails(&export(&client, "email=p&sort_by=email&sort_order=asc").await.expect(200).text);
        let mut sorted = told.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!((told.len(), &sorted), (620, &told));
        assert_eq!(emails(&export(&client, "email=ann@&is_active=true").await.expect(200).text), ["ann@example.com"]);
        assert_eq!(emails(&export(&client, "email=nobodyhere").await.expect(200).text), Vec::<String>::new());
        assert_eq!(export(&client, "emale=x").await.expect(422).faults(), ["emale:unknown_field"]);
        // An order alone is a search for everybody.
        let names = |lines: &str| -> Vec<String> {
            let name = |line| serde_json::from_str::<Value>(line).unwrap()["last_name"].as_str().map(fold).unwrap_or_default();
            lines.lines().map(name).collect()
        };
        for (search, is_ascending) in [("sort_by=last_name", false), ("sort_by=last_name&sort_order=asc", true)] {
            let told = names(&export(&client, search).await.expect(200).text);
            assert_eq!(told.len(), 621);
            assert!(told.is_sorted_by(|one, next| if is_ascending { one <= next } else { one >= next }), "{search}: {told:?}");
            let out = Program::on(&app.database).run(&["export", "--format", "jsonl", "--search", search]).expect(0).out;
            assert_eq!(names(&out), told);
        }
        // It is all of it, and not counted.
        for part in ["page=2", "size=10", "page_size=10", "cursor=MSBlbWFpbCBhc2MgMSBh", "total=exact"] {
            let field = part.split('=').next().unwrap();
            for search in [part.to_owned(), format!("email=p&{part}")] {
                let reply = export(&client, &search).await;
                problem(&reply, 422, "invalid");
                assert_eq!(reply.faults(), [format!("{field}:unknown_field")], "{search}");
                let told = Program::on(&app.database).run(&["export", "--search", &search]);
                assert!(told.code == 1 && told.out.is_empty() && told.err.contains(field), "{search}: {told:?}");
            }
        }
        // It needs what a search needs, and tells nothing by whom it finds.
        app.register("root").await;
        let root = app.login("root@example.com").await.expect(200).person();
        app.set_role(&root.id, Role::Superadmin).await;
        let root = app.bearer(&app.login("root@example.com").await.expect(200).person().access);
        for (permissions, search, code) in [
            (vec!["users.export"], "email=p", "forbidden"),
            (vec!["users.export"], "sort_by=last_name", "forbidden"),
            (vec!["users.export", "users.search"], "sort_by=last_login", "field_not_visible"),
            (vec!["users.export", "users.search"], "sort_by=email", "field_not_visible"),
            (vec!["users.export", "users.search"], "sort_by=last_name", ""),
            (vec!["users.export", "users.search"], "email=p", "field_not_visible"),
            (vec!["users.export", "users.search"], "query=p", ""),
            (vec!["users.export", "users.search"], "last_name=a", ""),
        ] {
            let made = root.post("/api/v1/keys", json!({"name": "out", "permissions": permissions})).await.expect(201);
            let reply = export(&app.bearer(made.json()["key"].as_str().unwrap()), search).await;
            assert_eq!(reply.status, if code.is_empty() { 200 } else { 403 }, "{search}: {}", reply.text);
            assert!(code.is_empty() || reply.code() == code, "{search}: {}", reply.text);
        }
    }
}
