//! Who comes in as what: plans that the importer holds, addresses that somebody else registered, passwords for all.

use std::{fmt::Write, time::Duration};

use denizen::{
    access::{Caller, Role},
    account,
};
use serde_json::{Value, json};

use super::{OTHER, counts, exported, file, import, people, with_email};
use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD, Reply},
    },
    people::person,
};

const IMPORT: &str = "/api/v1/users/import";

async fn send(client: &Client, query: &str, text: &str) -> Reply {
    client.send("POST", &format!("{IMPORT}{query}"), Some(("text/csv", text.as_bytes().to_vec()))).await
}

/// The refusals of a report as `row:field:code`.
fn refusals(told: &Value) -> Vec<String> {
    let text = |fault: &Value| format!("{}:{}:{}", fault["row"], fault["field"], fault["code"]).replace('"', "");
    told["errors"].as_array().unwrap().iter().map(text).collect()
}

/// Somebody who may import and nothing else.
async fn importer(app: &TestApp, root: &Client) -> Client {
    let ann = person(app, "importer", Role::User).await;
    root.post("/api/v1/roles", json!({"name": "importer", "permissions": ["users.import"]})).await.expect(201);
    root.post(&format!("/api/v1/users/{}/roles", ann.id), json!({"role": "importer"})).await.expect(200);
    app.bearer(&ann.access)
}

each_engine! {
    async fn nobody_imports_a_plan_that_he_does_not_hold(app) {
        let root = app.bearer(&person(&app, "root", Role::Superadmin).await.access);
        root.post("/api/v1/plans", json!({"tier": "maker", "permissions": ["users.create"]})).await.expect(201);
        let lower = importer(&app, &root).await;
        let text = "email,subscription_tier,is_premium\n\
                    a@example.com,premium,\nb@example.com,maker,\nc@example.com,none,\nd@example.com,basic,\n\
                    e@example.com,,yes\nf@example.com,Basic,no\n";
        let refused = ["2:subscription_tier:forbidden", "3:subscription_tier:forbidden", "4:subscription_tier:unknown_plan", "6:subscription_tier:forbidden"];
        for query in ["?dry_run=true", ""] {
            let told = send(&lower, query, text).await.expect(200).json();
            assert_eq!((&told["created"], refusals(&told)), (&json!(2), refused.map(Into::into).to_vec()), "{query}");
        }
        let more = "email,plan\nd@example.com,maker\nf@example.com,basic\n";
        for query in ["?on_conflict=update&dry_run=true", "?on_conflict=update"] {
            let told = send(&lower, query, more).await.expect(200).json();
            assert_eq!((&told["updated"], &told["skipped"], refusals(&told)), (&json!(0), &json!(1), vec!["2:subscription_tier:forbidden".into()]), "{query}");
        }
        assert_eq!(app.database.number("select count(*) from users where subscription_tier <> 'basic' or is_premium").await, 0);
    }

    async fn a_plan_comes_in_whole_and_comes_in_again(app) {
        let gold = json!({"tier": "gold", "permissions": ["users.search"]});
        let root = app.bearer(&person(&app, "root", Role::Superadmin).await.access);
        root.post("/api/v1/plans", gold.clone()).await.expect(201);
        let path = file(&app, "plans.csv", "email,subscription_tier,is_premium,subscription_status\n\
            a@example.com,gold,,past_due\nb@example.com,premium,,\nc@example.com,,yes,\nd@example.com,basic,yes,\ne@example.com,enterprise,no,\n");
        assert_eq!(counts(&import(&app, &path, &[]).expect(0)), [5, 0, 0, 0]);
        let now = people(&app);
        let plan = |name: &str| {
            let user = with_email(&now, &format!("{name}@example.com"));
            let text = |field: &str| user[field].as_str().unwrap().to_owned();
            (text("subscription_tier"), user["is_premium"] == true, text("subscription_status"))
        };
        for (name, tier, is_premium, status) in [
            ("a", "gold", true, "past_due"), ("b", "premium", true, "active"), ("c", "premium", true, "active"),
            ("d", "basic", false, "active"), ("e", "enterprise", true, "active"),
        ] {
            assert_eq!(plan(name), (tier.into(), is_premium, status.into()), "{name}");
        }
        // Whoever has more than premium keeps it when he is only said to be premium.
        let path = file(&app, "more.csv", "email,premium\na@example.com,yes\nb@example.com,no\n");
        assert_eq!(counts(&import(&app, &path, &["--on-conflict", "update"]).expect(0)), [0, 1, 1, 0]);
        let after = people(&app);
        assert_eq!(with_email(&after, "a@example.com")["subscription_tier"], "gold");
        let b = with_email(&after, "b@example.com");
        assert_eq!((&b["subscription_tier"], &b["is_premium"]), (&json!("basic"), &json!(false)));
        let again = TestApp::start(app.database.engine()).await;
        let path = file(&again, "again.csv", exported(&app, &[]));
        assert_eq!(counts(&import(&again, &path, &["--allow-roles"])), [5, 0, 0, 1]);
        let root = again.bearer(&person(&again, "other", Role::Superadmin).await.access);
        root.post("/api/v1/plans", gold).await.expect(201);
        assert_eq!(counts(&import(&again, &path, &["--allow-roles"]).expect(0)), [1, 0, 5, 0]);
        assert_eq!(with_email(&people(&again), "a@example.com")["is_premium"], true);
    }

    async fn nothing_is_written_onto_the_account_of_a_stranger(app) {
        let squatter = app.register("victim").await;
        let mine = app.bearer(&squatter.access);
        let before = mine.get("/api/v1/users/me").await.expect(200).json();
        let path = file(&app, "victim.csv", format!("id,email,full_name,phone,password\n7,Victim@example.com,Victim Lee,+351 21,{OTHER}\n"));
        for conflict in ["skip", "update"] {
            for options in [&["--on-conflict", conflict, "--dry-run"][..], &["--on-conflict", conflict]] {
                let answer = import(&app, &path, options);
                assert_eq!((answer.code, counts(&answer)), (1, [0, 0, 0, 1]), "{options:?}: {answer:?}");
                assert!(answer.out.contains("row 2: email:") && answer.out.contains("(unproved_address)"), "{answer:?}");
            }
        }
        import(&app, &path, &["--on-conflict", "fail"]).refused(&["is here already"]);
        assert_eq!(mine.get("/api/v1/users/me").await.expect(200).json(), before);
        // A row that vouches for nothing either tells of nobody who is here, so there is nothing to write.
        let pending = file(&app, "pending.csv", "email,full_name,verified\nvictim@example.com,Victim Lee,no\n");
        assert_eq!(counts(&import(&app, &pending, &[]).expect(0)), [0, 0, 1, 0]);
        assert_eq!(counts(&import(&app, &pending, &["--on-conflict", "update"])), [0, 0, 0, 1]);
        // Gone, he leaves the address to its owner, and nothing of his opens it.
        let id = squatter.id.parse().unwrap();
        let (caller, grace) = (&Caller::operator(), Duration::from_secs(60));
        app.app.db.write(async |tx| account::delete(tx, caller, id, grace, |_| Ok(())).await).await.unwrap();
        assert_eq!(counts(&import(&app, &path, &["--keep-password"]).expect(0)), [1, 0, 0, 0]);
        app.login(&squatter.email).await.expect(401);
        app.me(&squatter.access).await.expect(401);
        app.login_with(&squatter.email, OTHER).await.expect(200);
    }

    // None but those who look after users give it, so it tells who somebody is.
    async fn an_external_id_tells_who_somebody_is_before_his_address_is_proved(app) {
        let root = app.bearer(&person(&app, "root", Role::Superadmin).await.access);
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        root.patch(&format!("/api/v1/users/{}", ann.id), json!({"external_id": "7"})).await.expect(200);
        let path = file(&app, "ann.csv", "id,email,full_name\n7,ann@example.com,Ann Lee\n7,bob@example.com,Ann Lea\n");
        assert_eq!(counts(&import(&app, &path, &["--on-conflict", "update", "--dry-run"]).expect(0)), [0, 2, 0, 0]);
        assert_eq!(counts(&import(&app, &path, &["--on-conflict", "update"]).expect(0)), [0, 2, 0, 0]);
        assert_eq!(app.me(&ann.access).await.expect(200).json()["full_name"], "Ann Lea");
        assert_eq!(app.me(&bob.access).await.expect(200).json()["full_name"], "bob Example");
    }

    async fn a_thousand_come_once_with_a_password_that_is_kept(app) {
        let mut text = "id,first_name,last_name,email,gender,ip_address\n".to_owned();
        for n in 1..=1_000 {
            writeln!(text, "{n},First{n},Last{n},person{n}@example.org,Female,10.0.{}.{}", n / 250, n % 250).unwrap();
        }
        let path = file(&app, "users.csv", text);
        let options = ["--default-password", PASSWORD, "--keep-password"];
        assert_eq!(counts(&import(&app, &path, &options).expect(0)), [1_000, 0, 0, 0]);
        let form = format!("grant_type=password&username=person77%40example.org&password={PASSWORD}");
        let token = app.form("/api/v1/auth/token", &form).await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
        let me = app.me(&token).await.expect(200).json();
        assert_eq!((&me["external_id"], &me["must_change_password"]), (&json!("77"), &json!(false)));
        assert_eq!(counts(&import(&app, &path, &options).expect(0)), [0, 0, 1_000, 0]);
        assert_eq!(app.database.number(super::USERS).await, 1_000);
    }

    async fn a_default_password_comes_over_http_in_a_header(app) {
        let root = app.bearer(&person(&app, "root", Role::Superadmin).await.access);
        let text = |name: &str| format!("email\n{name}@example.com\n");
        let with = |password: &str| root.with("x-default-password", password);
        assert_eq!(send(&with("weak"), "", &text("ann")).await.expect(422).faults()[0].split(':').next(), Some("X-Default-Password"));
        send(&with("weak"), "?dry_run=true", &text("ann")).await.expect(422);
        send(&root, &format!("?default_password={PASSWORD}"), &text("ann")).await.expect(422);
        let computed = app.app.pool.computed();
        assert_eq!(send(&with(PASSWORD), "?dry_run=true", &text("ann")).await.expect(200).json()["created"], 1);
        assert_eq!(app.app.pool.computed(), computed);
        send(&with(PASSWORD), "", &text("ann")).await.expect(200);
        assert_eq!(app.login_with("ann@example.com", PASSWORD).await.expect(403).code(), "password_change_required");
        send(&with(PASSWORD), "?keep_password=true", &text("bob")).await.expect(200);
        app.login_with("bob@example.com", PASSWORD).await.expect(200);
        send(&root, "", &text("eve")).await.expect(200);
        app.login_with("eve@example.com", PASSWORD).await.expect(401);
    }

    async fn who_is_skipped_costs_no_hash(app) {
        let root = app.bearer(&person(&app, "root", Role::Superadmin).await.access);
        let mut text = "email,password\n".to_owned();
        for n in 0..30 {
            writeln!(text, "p{n}@example.com,{PASSWORD}").unwrap();
        }
        let computed = || app.app.pool.computed();
        let before = computed();
        assert_eq!(send(&root, "", &text).await.expect(200).json()["created"], 30);
        assert_eq!(computed(), before + 30);
        writeln!(text, "p30@example.com,{PASSWORD}").unwrap();
        let told = send(&root, "", &text).await.expect(200).json();
        assert_eq!((&told["created"], &told["skipped"], computed()), (&json!(1), &json!(30), before + 31));
        assert_eq!(app.login("p30@example.com").await.expect(403).code(), "password_change_required");
    }
}
