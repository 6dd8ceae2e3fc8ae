//! Everything that is held about oneself, in one document.

use std::collections::BTreeSet;

use denizen::{
    access::{Caller, Role},
    db::Engine,
};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{PASSWORD, Person},
        database::Database,
    },
    people::person,
};

const EXPORT: &str = "/api/v1/users/me/export";

/// What is done with each table that can name a person.
enum Held {
    /// It is in the export, under this name.
    Told(&'static str),
    /// It is not, because.
    LeftOut(&'static str),
}
use Held::{LeftOut, Told};

/// Every table with an id of a user, or of anything that belongs to one. A new table is put here by whoever makes it.
const TABLES: &[(&str, Held)] = &[
    ("api_keys", Told("api_keys")),
    ("credentials", Told("password_changed_at")),
    ("events", Told("events")),
    ("events_pending", LeftOut("an event waits there for some milliseconds, then it is in the export")),
    ("failures", Told("failed_attempts")),
    ("grants", Told("grants")),
    ("idempotency_keys", LeftOut("answers that he was given, for a day: what they told is in the export itself")),
    ("identities", Told("identities")),
    ("jobs", LeftOut("work to be done, which is gone when it is done; none of it is kept about a person")),
    ("known_devices", Told("devices")),
    ("proofs", LeftOut("digests of links that were mailed, for a day; the address they went to is in the export")),
    ("refusals", LeftOut("refusals are summed up there for a minute, then they are in the export")),
    ("refresh_tokens", LeftOut("digests of secrets; each belongs to a session, which is in the export")),
    ("search_grams", LeftOut("numbers made of the account, which is in the export")),
    ("search_users", LeftOut("a copy of the account, which is in the export")),
    ("sessions", Told("sessions")),
    ("user_documents", Told("profile")),
    ("users", Told("user")),
];

/// Tables with a column that can hold an id: on `PostgreSQL` such columns have a type of their own.
async fn tables(database: &Database) -> BTreeSet<String> {
    match database.engine() {
        Engine::Postgres => {
            let columns = "select distinct table_name::text from information_schema.columns
                           where table_schema = current_schema() and (udt_name = 'uuid' or column_name like '%user%')";
            let rows = database.postgres().await.query(columns, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
        Engine::Sqlite => {
            let conn = database.sqlite();
            let columns = "select distinct t.name from sqlite_schema t join pragma_table_info(t.name) c
                           left join pragma_foreign_key_list(t.name) f where t.type = 'table'
                               and (c.name like '%user%' or c.name in ('actor', 'caller') or f.\"table\" in ('users', 'sessions'))";
            let mut query = conn.prepare(columns).unwrap();
            let rows = query.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        }
    }
}

/// Somebody of whom every table holds something.
async fn busy(app: &TestApp) -> Person {
    let root = person(app, "root", Role::Superadmin).await;
    let ann = person(app, "ann", Role::Superadmin).await;
    let client = app.bearer(&root.access);
    client.post("/api/v1/roles", json!({"name": "support", "permissions": ["users.support"]})).await.expect(201);
    client.post(&format!("/api/v1/users/{}/roles", ann.id), json!({"role": "support"})).await.expect(200);
    client
        .patch(&format!("/api/v1/users/{}", ann.id), json!({"external_id": "4711", "app_metadata": {"crm": 7}}))
        .await
        .expect(200);
    let own = app.bearer(&ann.access);
    own.patch("/api/v1/users/me", json!({"phone": "+351 21", "user_metadata": {"theme": "dark"}})).await.expect(200);
    own.put("/api/v1/users/me/profile", json!({"skills": ["maps"]})).await.expect(200);
    own.put("/api/v1/users/me/preferences", json!({"career_stage": "middle"})).await.expect(200);
    own.post("/api/v1/keys", json!({"name": "crm", "permissions": ["users.read"]})).await.expect(201);
    app.login(&ann.email).await.expect(200);
    app.login_with(&ann.email, "Wrong-Horse-7").await.expect(401);
    own.patch(&format!("/api/v1/users/{}", root.id), json!({"phone": "+44 20", "location": "Greenwich"}))
        .await
        .expect(200);
    app.numbered().await;
    ann
}

each_engine! {
    async fn it_holds_everything_and_no_secret(app) {
        let ann = busy(&app).await;
        let reply = app.bearer(&ann.access).get(EXPORT).await.expect(200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let held = reply.json();
        let mut me = app.me(&ann.access).await.json();
        me["last_activity"] = held["user"]["last_activity"].clone();
        assert_eq!(held["user"], me);
        assert_eq!((&held["profile"]["skills"], &held["preferences"]["career_stage"]), (&json!(["maps"]), &json!("middle")));
        assert_eq!((&held["identities"][0]["subject"], &held["grants"][0]["role"]), (&json!("4711"), &json!("support")));
        assert_eq!((&held["api_keys"][0]["name"], &held["failed_attempts"][0]["count"]), (&json!("crm"), &json!(1)));
        let current: Vec<&Value> = held["sessions"].as_array().unwrap().iter().filter(|session| session["is_current"] == true).collect();
        assert_eq!((held["sessions"].as_array().unwrap().len(), current.len()), (2, 1));
        for (table, told) in TABLES {
            if let Told(name) = told {
                let part = &held[*name];
                assert!(!part.is_null() && part.as_array().is_none_or(|list| !list.is_empty()), "nothing of {table}");
            }
        }
        let digests = [PASSWORD, "argon2", "dzr_", "digest", "secret", "nonce", &ann.access];
        for secret in digests {
            assert!(!reply.text.contains(secret), "{secret} is in it");
        }
        // Of what he did to others it tells that he did it; of others who did something to him, not where from.
        let events = held["events"].as_array().unwrap();
        let to_root = events.iter().find(|event| event["actor"] == json!(ann.id) && event["user"] != json!(ann.id) && event["kind"] == "user.updated").unwrap();
        assert_eq!((&to_root["ip"], to_root["data"].get("user"), to_root["data"].get("before")), (&json!("127.0.0.1"), None, None));
        let by_root = events.iter().find(|event| event["kind"] == "user.role_changed" && event["data"]["granted"] == "support").unwrap();
        assert_eq!((&by_root["ip"], by_root["data"].get("user_agent"), &by_root["session"]), (&Value::Null, None, &Value::Null));
        assert!(!reply.text.contains("Greenwich") && !reply.text.contains("+44 20"));
        let own = "select count(*) from events where user_id = (select id from users where email_key = 'ann@example.com') \
                           or actor = (select id from users where email_key = 'ann@example.com')";
        assert_eq!(i64::try_from(events.len()).unwrap(), app.database.number(own).await);
        let key = app.bearer(&ann.access).post("/api/v1/keys", json!({"name": "k", "permissions": ["users.export"]})).await.expect(201).json();
        app.bearer(key["key"].as_str().unwrap()).get(EXPORT).await.expect(403);
        app.get(EXPORT).await.expect(401);
    }

    async fn every_table_that_can_name_a_person_is_told_or_left_out_with_a_reason(app) {
        let known: BTreeSet<&str> = TABLES.iter().map(|(table, _)| *table).collect();
        for table in tables(&app.database).await {
            assert!(
                known.contains(table.as_str()),
                "{table} may hold something about a person: put it into the export (src/account/http/dossier.rs) and into \
                 TABLES, or say there why it is left out"
            );
        }
        for (table, held) in TABLES {
            app.database.number(&format!("select count(*) from {table}")).await;
            if let LeftOut(reason) = held {
                assert!(reason.len() > 20, "{table}");
            }
        }
    }

    async fn a_long_life_is_told_whole_and_in_order(app) {
        app.database.make_calm().await;
        let ann = app.register("ann").await;
        app.numbered().await;
        let id: denizen::id::UserId = ann.id.parse().unwrap();
        let made = app.database.number("select count(*) from events where user_id is not null").await;
        // Those of one instant lie on both sides of where a piece ends.
        for _ in 0..13 {
            app.app.db.write(async |tx| {
                let event = move |_| denizen::event::Event::new(denizen::event::Kind::PasswordUpgraded, &Caller::system()).user(id);
                denizen::event::record_all(tx, denizen::event::prepare(move || (0..97).map(event).collect()), None).await
            }).await.unwrap();
        }
        // As many sessions as fill more than one piece, to the last.
        let columns = "user_id, auth_time, amr, proved_at, idle_seconds, created_at, last_activity, expires_at";
        let new_id = if app.database.engine() == Engine::Postgres { "gen_random_uuid()" } else { "randomblob(16)" };
        let numbers = "with recursive n (n) as (select 1 union all select n + 1 from n where n < 999)";
        app.database.execute(&format!(
            "insert into sessions (id, {columns}) {numbers} select {new_id}, {columns} from sessions, n"
        )).await;
        app.numbered().await;
        let held = app.bearer(&ann.access).get(EXPORT).await.expect(200).json();
        let events = held["events"].as_array().unwrap();
        assert_eq!(i64::try_from(events.len()).unwrap(), made + 1_261);
        let order = |event: &Value| (event["at"].as_str().unwrap().to_owned(), event["cursor"].as_i64().unwrap());
        assert!(events.windows(2).all(|pair| order(&pair[0]) > order(&pair[1])));
        let ids: BTreeSet<&str> = held["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 1_000);
    }
}
