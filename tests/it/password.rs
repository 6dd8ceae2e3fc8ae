//! Changing a password, of one's own will or because one must, and proving oneself again.

use std::time::Duration;

use denizen::{
    access::{Caller, Role},
    db::{Engine, sql},
    login::change_password,
    password::{self, Care, Password},
    secret::sha256,
};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD, Person, Reply},
        open,
    },
    people::person,
};

const NEW: &str = "Another-Horse-8-Battery";
const CHANGE: &str = "/api/v1/auth/change-password";
const REAUTHENTICATE: &str = "/api/v1/auth/reauthenticate";

async fn change(client: &Client, current: &str, new: &str) -> Reply {
    client.post(CHANGE, json!({"current_password": current, "new_password": new, "confirm_password": new})).await
}

/// Somebody who must change his password, and the token that opens the change.
async fn forced(app: &TestApp, ann: &Person) -> String {
    app.database.execute("update users set must_change_password = true").await;
    let reply = app.login(&ann.email).await.expect(403);
    assert_eq!(reply.code(), "password_change_required");
    assert_eq!(reply.header("set-cookie"), None);
    let body = reply.json();
    assert!(body["access_token"].is_null() && body["refresh_token"].is_null());
    body["password_change_token"].as_str().unwrap().to_owned()
}

async fn set_by_operator(app: &TestApp, id: &str, new: &str) {
    let new = Password::parse(new).unwrap();
    change_password::by_operator(&app.app, &Caller::operator(), id.parse().unwrap(), &new).await.unwrap();
}

each_engine! {
    async fn a_change_ends_the_other_sessions(app) {
        let ann = app.register("ann").await;
        let other = app.login(&ann.email).await.expect(200).person();
        let reply = change(&app.bearer(&ann.access), PASSWORD, NEW).await.expect(200);
        assert_eq!(reply.json()["success"], true);
        app.me(&other.access).await.expect(401);
        app.refresh(&other.refresh).await.expect(401);
        app.me(&ann.access).await.expect(200);
        app.refresh(&ann.refresh).await.expect(200);
        app.login(&ann.email).await.expect(401);
        app.login_with(&ann.email, NEW).await.expect(200);
    }

    async fn a_refused_change_names_its_reason_and_changes_nothing(app) {
        let ann = app.register("ann").await;
        let (client, other) = (app.bearer(&ann.access), app.login(&ann.email).await.expect(200).person());
        assert_eq!(change(&client, "Wrong-Horse-7", NEW).await.expect(400).code(), "wrong_password");
        for (new, fault) in [
            ("Sh0rt!x", "too_short"),
            ("no-upper-case-7", "no_upper_case"),
            ("Passw0rd!", "too_common"),
            ("Ann@example.com1", "contains_identity"),
            (PASSWORD, "unchanged"),
        ] {
            assert_eq!(change(&client, PASSWORD, new).await.expect(422).faults(), [format!("new_password:{fault}")]);
        }
        for (body, fault) in [
            (json!({"new_password": NEW}), "current_password:required"),
            (json!({"current_password": PASSWORD}), "new_password:required"),
            (
                json!({"current_password": PASSWORD, "new_password": NEW, "confirm_password": "x"}),
                "confirm_password:mismatch",
            ),
            (json!({"current_password": PASSWORD, "new_password": 7}), "new_password:wrong_type"),
            (json!({"current_password": PASSWORD, "new_password": NEW, "user_id": "x"}), "user_id:unknown_field"),
        ] {
            assert_eq!(client.post(CHANGE, body).await.expect(422).faults(), [fault]);
        }
        app.me(&other.access).await.expect(200);
        app.login(&ann.email).await.expect(200);
    }

    async fn a_stranger_is_told_nothing_about_the_body(app) {
        for client in [app.clone_client(), app.bearer("nonsense")] {
            client.post(CHANGE, json!({"nonsense": true})).await.expect(401);
            client.send("POST", CHANGE, Some(("text/plain", b"x".to_vec()))).await.expect(401);
            client.post(REAUTHENTICATE, json!({"nonsense": true})).await.expect(401);
        }
    }

    async fn wrong_current_passwords_are_counted(app) {
        let ann = app.register("ann").await;
        let client = app.bearer(&ann.access);
        for n in 0..5 {
            let reply = match n % 2 {
                0 => change(&client, "Wrong-Horse-7", NEW).await,
                _ => client.post(REAUTHENTICATE, json!({"password": "Wrong-Horse-7"})).await,
            };
            assert_eq!(reply.expect(400).code(), "wrong_password");
        }
        let computed = app.app.pool.computed();
        let reply = change(&client, PASSWORD, NEW).await.expect(429);
        assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("too_many_attempts", Some("1")));
        client.post(REAUTHENTICATE, json!({"password": PASSWORD})).await.expect(429);
        let delete = json!({"password": PASSWORD}).to_string().into_bytes();
        client.send("DELETE", "/api/v1/users/me", Some(("application/json", delete))).await.expect(429);
        assert_eq!(app.app.pool.computed(), computed);
        app.app.db.clock().advance(Duration::from_secs(1));
        change(&client, PASSWORD, NEW).await.expect(200);
        assert_eq!(app.database.number("select count(*) from failures").await, 0);
    }

    async fn of_parallel_changes_one_wins(app) {
        let ann = app.register("ann").await;
        let tries: Vec<_> = (0..4)
            .map(|n| {
                let client = app.bearer(&ann.access);
                tokio::spawn(async move { change(&client, PASSWORD, &format!("{NEW}-{n}")).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for reply in tries {
            statuses.push(reply.await.unwrap());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
        app.database.number("select count(*) from failures").await;
    }

    async fn a_revoked_session_changes_nothing_even_in_flight(app) {
        let ann = app.register("ann").await;
        let owner = app.login(&ann.email).await.expect(200).person();
        let stolen = app.bearer(&ann.access);
        // The thief's change waits for its hash while the owner ends all sessions.
        let busy: Vec<_> = (0..40)
            .map(|_| app.app.pool.admit().unwrap())
            .map(|mut ticket| {
                tokio::spawn(async move { ticket.hash(&Password::parse(PASSWORD).unwrap()).await.map(|_| ()) })
            })
            .collect();
        let theft = tokio::spawn(async move { change(&stolen, PASSWORD, NEW).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        app.bearer(&owner.access).send("POST", "/api/v1/auth/logout-all", None).await.expect(200);
        assert_eq!(theft.await.unwrap().expect(401).code(), "token_refused");
        for one in busy {
            one.await.unwrap().unwrap();
        }
        app.login(&ann.email).await.expect(200);
    }

    async fn what_the_desk_may_no_longer_do_is_not_done_even_in_flight(app) {
        let ann = app.register("ann").await;
        let [root, demoted, left, maker] = [
            person(&app, "root", Role::Superadmin).await,
            person(&app, "demoted", Role::Admin).await,
            person(&app, "left", Role::Admin).await,
            person(&app, "maker", Role::Superadmin).await,
        ];
        let root = app.bearer(&root.access);
        let key = root.post("/api/v1/keys", json!({"name": "desk", "permissions": ["users.support"]})).await.expect(201).json();
        // What they ask for waits for its hash while their authority goes.
        let busy: Vec<_> = (0..30)
            .map(|_| app.app.pool.admit().unwrap())
            .map(|mut ticket| {
                tokio::spawn(async move { ticket.hash(&Password::parse(PASSWORD).unwrap()).await.map(|_| ()) })
            })
            .collect();
        let of_ann = format!("/api/v1/users/{}", ann.id);
        let new = json!({"email": "new@example.com", "password": NEW, "full_name": "New User"});
        let asked = [
            (&demoted.access, "PUT", of_ann.clone(), json!({"password": NEW, "bio": "changed"})),
            (&left.access, "POST", format!("{of_ann}/password"), json!({"password": NEW})),
            (&key["key"].as_str().unwrap().to_owned(), "POST", format!("{of_ann}/password"), json!({"password": NEW})),
            (&maker.access, "POST", "/api/v1/users".to_owned(), new),
        ]
        .map(|(bearer, verb, path, body)| {
            let client = app.bearer(bearer);
            tokio::spawn(async move {
                client.send(verb, &path, Some(("application/json", body.to_string().into_bytes()))).await.status
            })
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        app.set_role(&demoted.id, Role::User).await;
        app.bearer(&left.access).send("POST", "/api/v1/auth/logout", None).await.expect(200);
        root.delete(&format!("/api/v1/keys/{}", key["id"].as_str().unwrap())).await.expect(200);
        app.set_role(&maker.id, Role::User).await;
        let mut statuses = Vec::new();
        for answer in asked {
            statuses.push(answer.await.unwrap());
        }
        assert_eq!(statuses, [403, 401, 401, 403]);
        for one in busy {
            one.await.unwrap().unwrap();
        }
        app.login(&ann.email).await.expect(200);
        assert_eq!(root.get(&of_ann).await.expect(200).json()["bio"], Value::Null);
        assert_eq!(app.database.number("select count(*) from users where email_key = 'new@example.com'").await, 0);
    }

    async fn a_forced_change_opens_nothing_but_itself(app) {
        let ann = app.register("ann").await;
        let token = forced(&app, &ann).await;
        let client = app.bearer(&token);
        for (verb, path) in [
            ("GET", "/api/v1/users/me"),
            ("PATCH", "/api/v1/users/me"),
            ("DELETE", "/api/v1/users/me"),
            ("GET", "/api/v1/auth/me"),
            ("GET", "/api/v1/auth/sessions"),
            ("POST", "/api/v1/auth/logout-all"),
            ("POST", REAUTHENTICATE),
        ] {
            let body = (verb != "GET").then(|| ("application/json", b"{}".to_vec()));
            assert_eq!(client.send(verb, path, body).await.expect(401).code(), "token_refused", "{verb} {path}");
        }
        app.refresh(&token).await.expect(401);
        app.refresh(&ann.refresh).await.expect(401);
        assert_eq!(app.database.number("select count(*) from sessions").await, 1, "no session began");
    }

    async fn a_forced_change_signs_in_and_its_token_works_once(app) {
        let ann = app.register("ann").await;
        let token = forced(&app, &ann).await;
        let client = app.bearer(&token);
        for (new, fault) in [("Sh0rt!x", "new_password:too_short"), (PASSWORD, "new_password:unchanged")] {
            assert_eq!(client.post(CHANGE, json!({"new_password": new})).await.expect(422).faults(), [fault]);
        }
        let body = json!({"new_password": NEW, "confirm_password": "x"});
        assert_eq!(client.post(CHANGE, body).await.expect(422).faults(), ["confirm_password:mismatch"]);
        let reply = client.post(CHANGE, json!({"new_password": NEW})).await.expect(200);
        assert_eq!(reply.json()["user"]["must_change_password"], false);
        app.me(&reply.person().access).await.expect(200);
        app.refresh(&reply.person().refresh).await.expect(200);
        app.me(&ann.access).await.expect(401);
        for new in [NEW, "Third-Horse-9-Battery"] {
            assert_eq!(client.post(CHANGE, json!({"new_password": new})).await.expect(401).code(), "token_refused");
        }
        app.login_with(&ann.email, NEW).await.expect(200);
    }

    async fn of_fifty_parallel_uses_of_a_change_token_one_wins(app) {
        let ann = app.register("ann").await;
        let token = forced(&app, &ann).await;
        let uses: Vec<_> = (0..50)
            .map(|n| {
                let client = app.bearer(&token);
                tokio::spawn(
                    async move { client.post(CHANGE, json!({"new_password": format!("{NEW}-{n}")})).await.status },
                )
            })
            .collect();
        let mut statuses = Vec::new();
        for reply in uses {
            statuses.push(reply.await.unwrap());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 401, 503].contains(status)), "{statuses:?}");
        assert_eq!(app.database.number("select count(*) from sessions where ended_at is null").await, 1);
    }

    async fn a_change_token_dies_with_the_password_it_was_given_for(app) {
        let ann = app.register("ann").await;
        let token = forced(&app, &ann).await;
        set_by_operator(&app, &ann.id, NEW).await;
        let late = json!({"new_password": "Third-Horse-9-Battery"});
        assert_eq!(app.bearer(&token).post(CHANGE, late.clone()).await.expect(401).code(), "token_refused");
        app.login_with(&ann.email, NEW).await.expect(200);
        set_by_operator(&app, &ann.id, PASSWORD).await;
        let token = forced(&app, &ann).await;
        app.app.db.clock().advance(Duration::from_secs(601));
        app.bearer(&token).post(CHANGE, late.clone()).await.expect(401);
        let token = forced(&app, &ann).await;
        app.deactivate(&ann.id).await;
        app.bearer(&token).post(CHANGE, late).await.expect(401);
    }

    async fn an_operator_ends_every_session_with_a_new_password(app) {
        let ann = app.register("ann").await;
        app.me(&ann.access).await.expect(200);
        set_by_operator(&app, &ann.id, NEW).await;
        app.me(&ann.access).await.expect(401);
        app.refresh(&ann.refresh).await.expect(401);
        app.login(&ann.email).await.expect(401);
        app.login_with(&ann.email, NEW).await.expect(200);
    }

    async fn reauthentication_makes_a_session_fresh_and_only_that_one(app) {
        let ann = app.register("ann").await;
        let other = app.login(&ann.email).await.expect(200).person();
        app.app.db.clock().advance(Duration::from_secs(601));
        let (client, other) = (app.bearer(&ann.access), app.bearer(&other.access));
        for (body, fault) in [
            (json!({}), "password:required"),
            (json!({"password": Value::Null}), "password:required"),
            (json!({"password": PASSWORD, "x": 1}), "x:unknown_field"),
        ] {
            assert_eq!(client.post(REAUTHENTICATE, body).await.expect(422).faults(), [fault]);
        }
        client.post(REAUTHENTICATE, json!({"password": PASSWORD})).await.expect(200);
        assert_eq!(other.delete("/api/v1/users/me").await.expect(403).code(), "reauth_required");
        client.delete("/api/v1/users/me").await.expect(200);
    }

    async fn a_start_reads_few_hashes_of_however_many(app) {
        app.database.make_calm().await;
        app.register("ann").await;
        let engine = app.database.engine();
        let explained = app.app.db.write(async |tx| {
            if engine == Engine::Postgres {
                // So few rows are read quicker from end to end: what counts is whether there is another way.
                sql("set local enable_seqscan = off").execute(tx).await?;
            }
            password::explain(tx).await
        });
        let lines = explained.await.unwrap();
        let is_scan = |line: &String| {
            ["SCAN c", "SCAN credentials"].contains(&line.as_str()) || line.starts_with("SCAN c ") || line.contains("Seq Scan")
        };
        assert!(lines.iter().any(|line| line.contains("credentials_format")), "{lines:#?}");
        assert!(!lines.iter().any(is_scan), "{lines:#?}");
        // Of each kind only so many are counted at once: the part of the rarer one is 6 of 16 then, and 6 of 18 in truth.
        for (format, count) in [("$2b$04$", 12_000), ("$2b$05$", 6_000)] {
            let secret = format!("{format}GAhbHJCjcpB/b3r.FF26KeEqDBvhPWH1VkyzgA2V91DDQaaEnv.l.");
            let row = format!("user_id, 'sample', '{secret}', '{format}', created_at, updated_at from credentials");
            let text = match engine {
                Engine::Postgres => format!(
                    "insert into credentials select gen_random_uuid(), {row}, generate_series(1, {count}) n
                         where kind = 'password'; analyze credentials"
                ),
                Engine::Sqlite => format!(
                    "with recursive n (n) as (select 1 union all select n + 1 from n where n < {count})
                     insert into credentials select randomblob(16), {row}, n where kind = 'password'"
                ),
            };
            app.database.execute(&text).await;
        }
        for (care, part) in [(Care::Quick, 3_750), (Care::Whole, 3_333)] {
            let decoys = password::decoys(&mut app.app.db.read(), care).await.unwrap();
            let rare = (0..10_000u32).filter(|n| decoys.pick(&sha256(&[&n.to_be_bytes()])).as_str().starts_with("$2b$05"));
            let rare = rare.count();
            assert!(rare.abs_diff(part) < 200, "{care:?}: {rare} of 10000, and not {part}");
        }
    }

    async fn a_start_and_a_command_need_no_hashes(app) {
        let ann = app.register("ann").await;
        let database = app.stop().await;
        database.execute("alter table credentials rename to away").await;
        open(&database, &[]).await;
        let app = TestApp::on(database, &[]).await;
        app.get("/health/ready").await.expect(200);
        app.database.execute("alter table away rename to credentials").await;
        app.login(&ann.email).await.expect(200);
        app.login("nobody@example.com").await.expect(401);
    }
}
