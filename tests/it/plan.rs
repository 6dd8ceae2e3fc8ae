//! Plans that superadmins make: given by those who hold what they add, and counted at once.

use denizen::access::Role;
use serde_json::{Value, json};

use crate::{each_engine, people::person};

const PLANS: &str = "/api/v1/plans";
const USERS: &str = "/api/v1/users";

each_engine! {
    async fn a_plan_is_made_given_changed_and_taken_away(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = person(&app, "ann", Role::User).await;
        let client = app.bearer(&root.access);
        let gold = json!({"tier": "gold", "description": "The trail too", "permissions": ["users.search", "events.read"]});
        for path in [PLANS, "/api/v1/plans/gold"] {
            app.bearer(&ann.access).get(path).await.expect(403);
        }
        app.bearer(&admin.access).post(PLANS, gold.clone()).await.expect(403);
        let made = client.post(PLANS, gold.clone()).await.expect(201).json();
        assert_eq!((&made["tier"], &made["is_built_in"], &made["permissions"]), (&json!("gold"), &json!(false), &gold["permissions"]));
        assert_eq!(client.post(PLANS, gold).await.expect(409).faults(), ["tier:conflict"]);
        assert_eq!(client.post(PLANS, json!({"tier": "basic", "permissions": []})).await.expect(409).faults(), ["tier:conflict"]);
        for (body, fault) in [
            (json!({"tier": "Gold", "permissions": []}), "tier:invalid_name"),
            (json!({"permissions": []}), "tier:required"),
            (json!({"tier": "x", "permissions": ["no.such"]}), "permissions:unknown_permission"),
            (json!({"tier": "x", "permissions": [], "price": 7}), "price:unknown_field"),
        ] {
            assert_eq!(client.post(PLANS, body).await.expect(422).faults(), [fault]);
        }
        let names = |list: Value| list["items"].as_array().unwrap().iter().map(|plan| plan["tier"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(client.get(PLANS).await.expect(200).json()), ["basic", "premium", "enterprise", "gold"]);
        assert_eq!(app.bearer(&admin.access).get("/api/v1/plans/gold").await.expect(200).json(), made);
        // Given by whoever may change users; nobody takes it himself.
        let of_ann = format!("{USERS}/{}", ann.id);
        assert_eq!(app.bearer(&ann.access).patch(&of_ann, json!({"subscription_tier": "gold"})).await.expect(422).faults(), ["subscription_tier:unknown_field"]);
        let given = app.bearer(&admin.access).patch(&of_ann, json!({"subscription_tier": "gold"})).await.expect(200).json();
        assert_eq!((&given["subscription_tier"], &given["is_premium"], &given["subscription_status"]), (&json!("gold"), &json!(true), &json!("active")));
        assert_eq!(client.patch(&of_ann, json!({"subscription_tier": "silver"})).await.expect(422).faults(), ["subscription_tier:unknown_plan"]);
        let own = async || app.me(&ann.access).await.json()["permissions"].clone();
        assert_eq!(own().await, json!(["users.list", "users.read", "users.search", "events.read"]));
        app.bearer(&ann.access).get("/api/v1/events").await.expect(200);
        client.put("/api/v1/plans/gold", json!({"permissions": ["users.search"]})).await.expect(200);
        app.bearer(&ann.access).get("/api/v1/events").await.expect(403);
        // Search knows it, and tells it from other plans.
        client.post(PLANS, json!({"tier": "silver", "permissions": []})).await.expect(201);
        client.patch(&format!("{USERS}/{}", admin.id), json!({"subscription_tier": "silver"})).await.expect(200);
        let found = async |tier: &str| {
            let page = client.get(&format!("{USERS}/search?subscription_tier={tier}&total=exact")).await.expect(200).json();
            page["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((found("gold").await, found("silver").await, found("none").await), (vec![ann.id.clone()], vec![admin.id.clone()], vec![]));
        assert_eq!(found("basic").await, std::slice::from_ref(&root.id));
        // One that somebody has stays, be he deleted; upgrade and downgrade know where he stands.
        assert_eq!(client.delete("/api/v1/plans/gold").await.expect(409).code(), "conflict");
        app.bearer(&ann.access).send("POST", &format!("{USERS}/me/upgrade"), None).await.expect(409);
        let basic = app.bearer(&ann.access).send("POST", &format!("{USERS}/me/downgrade"), None).await.expect(200).json();
        assert_eq!((&basic["subscription_tier"], &basic["is_premium"]), (&json!("basic"), &json!(false)));
        client.patch(&of_ann, json!({"subscription_tier": "gold"})).await.expect(200);
        client.delete(&of_ann).await.expect(200);
        client.delete("/api/v1/plans/gold").await.expect(409);
        client.send("POST", &format!("{of_ann}/restore"), None).await.expect(200);
        client.patch(&of_ann, json!({"subscription_tier": "basic"})).await.expect(200);
        client.delete("/api/v1/plans/gold").await.expect(200);
        client.delete("/api/v1/plans/gold").await.expect(404);
        client.get("/api/v1/plans/gold").await.expect(404);
        for built_in in ["basic", "premium", "enterprise"] {
            client.delete(&format!("{PLANS}/{built_in}")).await.expect(409);
        }
        app.numbered().await;
        for kind in ["created", "updated", "deleted"] {
            let count = format!("select count(*) from events where kind = 'plan.{kind}'");
            assert_eq!(app.database.number(&count).await, if kind == "created" { 2 } else { 1 }, "{kind}");
        }
        assert_eq!(app.database.number("select value from counters where name = 'premium_users'").await, 1);
    }

    async fn nobody_rises_by_plans(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let admin = person(&app, "admin", Role::Admin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        client.post(PLANS, json!({"tier": "maker", "permissions": ["users.create", "roles.write"]})).await.expect(201);
        client.post("/api/v1/roles", json!({"name": "writer", "permissions": ["roles.write", "roles.read"]})).await.expect(201);
        client.post(&format!("{USERS}/{}/roles", ann.id), json!({"role": "writer"})).await.expect(200);
        let lower = app.bearer(&admin.access);
        // Nobody gives what he lacks, to others or to himself; nor writes, changes or takes away a plan beyond himself.
        lower.patch(&format!("{USERS}/{}", ann.id), json!({"subscription_tier": "maker"})).await.expect(403);
        lower.patch(&format!("{USERS}/{}", admin.id), json!({"subscription_tier": "premium"})).await.expect(422);
        lower.patch(&format!("{USERS}/{}", root.id), json!({"subscription_tier": "basic"})).await.expect(403);
        let writer = app.bearer(&ann.access);
        writer.post(PLANS, json!({"tier": "more", "permissions": ["users.create"]})).await.expect(403);
        writer.put("/api/v1/plans/maker", json!({"permissions": []})).await.expect(403);
        writer.delete("/api/v1/plans/maker").await.expect(403);
        writer.post(PLANS, json!({"tier": "same", "permissions": ["roles.read"]})).await.expect(201);
        writer.delete("/api/v1/plans/same").await.expect(200);
    }

    async fn a_plan_is_not_taken_away_while_it_is_given(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let ann = app.register("ann").await;
        let client = app.bearer(&root.access);
        for round in 0..8 {
            let tier = format!("plan{round}");
            client.post(PLANS, json!({"tier": tier, "permissions": []})).await.expect(201);
            let (path, of_ann) = (format!("{PLANS}/{tier}"), format!("{USERS}/{}", ann.id));
            let (gone, given) = tokio::join!(client.delete(&path), client.patch(&of_ann, json!({"subscription_tier": tier})));
            assert!([(200, 422), (409, 200)].contains(&(gone.status, given.status)), "{} {}", gone.text, given.text);
            let dangling = "select count(*) from users where subscription_tier like 'plan%'
                            and subscription_tier not in (select tier from plans)";
            assert_eq!(app.database.number(dangling).await, 0);
            client.patch(&of_ann, json!({"subscription_tier": "basic"})).await.expect(200);
        }
    }
}
