//! The command line: the real program, beside a server that runs and without one.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use denizen::{
    access::{Caller, Role},
    account::{self, Email, Names, New, Verification},
    db::Engine,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{Client, PASSWORD},
        database::Database,
        program::Program,
    },
};

const OTHER: &str = "Another-Horse-8-Charger";
const OTHER_KEY: &str = "//////////////////////////////////////////8=";

/// What other nodes do takes effect within this.
const SOON: Duration = Duration::from_secs(1);

/// Asks until the answer has this status, for a second at most.
async fn soon(client: &Client, access: &str, status: u16) {
    let began = Instant::now();
    while client.me(access).await.status != status {
        assert!(began.elapsed() < SOON, "still not {status} after a second");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The `kid` of a token.
fn key_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

each_engine! {
    async fn an_operator_looks_after_users_beside_a_server(app) {
        let program = Program::on(&app.database);
        let create = ["user", "create", "--email", "Ann@Example.com", "--name", "Ann Lee", "--username", "ann"];
        program.run_with(&[&create[..], &["--password-stdin"]].concat(), "Correct-Horse-7-Battery\r\nnot read").expect(0);
        let ann = app.login("ann@example.com").await.expect(200).person();
        program.run_with(&[&create[..], &["--password-stdin"]].concat(), PASSWORD).refused(&["Another account has this"]);

        let listed = program.run(&["user", "list"]).expect(0).out;
        let row = listed.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!((row[0], row[1], row[2], row[4]), (ann.id.as_str(), "user", "active", "Ann@Example.com"));

        app.me(&ann.access).await.expect(200);
        program.run(&["user", "promote", "ANN", "--role", "admin"]).expect(0);
        soon(&app, &ann.access, 200).await;
        let role = app.login("ann").await.expect(200).json()["user"]["role"].clone();
        assert_eq!(role, "admin");

        let ann = app.login("ann").await.expect(200).person();
        app.me(&ann.access).await.expect(200);
        program.run(&["user", "deactivate", &ann.id]).expect(0);
        soon(&app, &ann.access, 401).await;
        app.login("ann").await.expect(401);
        program.run(&["user", "activate", "ann@example.com"]).expect(0);
        app.login("ann").await.expect(200);

        program.run(&["user", "delete", "ann"]).expect(2);
        program.run(&["user", "delete", "ann", "--yes"]).expect(0);
        program.run(&["user", "delete", "ann", "--yes"]).refused(&["There is no user 'ann'"]);
        assert_eq!(program.run(&["user", "list"]).expect(0).out.lines().count(), 1);
    }

    async fn a_password_set_by_an_operator_frees_and_ends_sessions(app) {
        let program = Program::on(&app.database);
        let ann = app.register("ann").await;
        let stranger = app.with("user-agent", "elsewhere");
        while stranger.login_with(&ann.email, "wrong").await.status != 429 {}
        program.run_with(&["user", "set-password", &ann.email, "--password-stdin"], "weak").refused(&["8 characters"]);
        program.run_with(&["user", "set-password", &ann.email, "--password-stdin"], OTHER).expect(0);
        soon(&app, &ann.access, 401).await;
        app.refresh(&ann.refresh).await.expect(401);
        stranger.login_with(&ann.email, OTHER).await.expect(200);
        let asked = program.run(&["user", "set-password", &ann.email]).expect(2);
        assert!(asked.err.contains("--password-stdin"), "{asked:?}");
    }

    async fn verified_is_what_an_operator_vouches_for(app) {
        let program = Program::on(&app.database);
        let create = |email: &str, more: &[&str]| {
            let given = ["user", "create", "--name", "Some Body", "--password-stdin", "--email", email];
            program.run_with(&[&given[..], more].concat(), PASSWORD).expect(0)
        };
        create("ann@example.com", &[]);
        create("bob@example.com", &["--unverified", "--role", "superadmin"]);
        let of = |email: &str| {
            let listed = program.run(&["user", "list", "--json"]).expect(0).out;
            let mut users = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            users.find(|user| user["email"] == email).unwrap()
        };
        assert_eq!((&of("ann@example.com")["is_verified"], &of("ann@example.com")["role"]), (&json!(true), &json!("user")));
        assert_eq!((&of("bob@example.com")["is_verified"], &of("bob@example.com")["role"]), (&json!(false), &json!("superadmin")));
        program.run(&["user", "verify", "bob@example.com"]).expect(0);
        assert_eq!(of("bob@example.com")["is_verified"], true);
        for last in [&["deactivate"][..], &["promote", "--role", "user"], &["delete", "--yes"]] {
            program.run(&[&["user"], last, &["bob@example.com"]].concat()).refused(&["last superadmin"]);
        }
    }

    async fn a_long_list_is_whole(app) {
        let new = |n: usize| New {
            email: Email::parse(&format!("person{n}@example.com")).unwrap(),
            username: None,
            names: Names::complete(Some(format!("Person {n}")), None, None),
            gender: None,
            phone: None,
            ip_address: None,
            role: Role::User,
            verification: Verification::Pending,
        };
        let people = (0..1_001).map(new).collect::<Vec<_>>();
        for some in people.chunks(10) {
            app.app.db.write(async |tx| {
                for one in some {
                    account::create(tx, &Caller::operator(), one.clone()).await?;
                }
                Ok(())
            }).await.unwrap();
        }
        let program = Program::on(&app.database);
        let listed = program.run(&["user", "list", "--json"]).expect(0).out;
        let ids = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].to_string());
        let ids = ids.collect::<std::collections::BTreeSet<_>>();
        assert_eq!((listed.lines().count(), ids.len()), (1_001, 1_001));
        let cut = program.shell(&format!("{} user list | head -n 2", env!("CARGO_BIN_EXE_denizen")), "").expect(0);
        assert_eq!((cut.out.lines().count(), cut.err.as_str()), (2, ""));
    }

    async fn a_server_takes_up_a_new_signing_key_within_a_second(app) {
        let program = Program::on(&app.database);
        let ann = app.register("ann").await;
        let old = key_of(&ann.access);
        let rotated = program.run(&["signing-key", "rotate"]).expect(0).out;
        let new = rotated.split_whitespace().nth(5).unwrap().to_owned();
        let began = Instant::now();
        let newer = loop {
            let person = app.login(&ann.email).await.expect(200).person();
            if key_of(&person.access) == new {
                break person;
            }
            assert!(began.elapsed() < SOON, "still signed with {old} after a second, not with {new}");
        };
        app.me(&ann.access).await.expect(200);
        app.me(&newer.access).await.expect(200);
        let published = app.get("/.well-known/jwks.json").await.expect(200).text;
        assert!(published.contains(&old) && published.contains(&new), "{published}");
        let listed = program.run(&["signing-key", "list"]).expect(0).out;
        let state = |id: &str| listed.lines().find(|line| line.starts_with(id)).unwrap().split_whitespace().nth(3);
        assert_eq!((state(&old), state(&new)), (Some("verifies,"), Some("signs")));
    }

    async fn a_log_is_sound_until_somebody_touches_it(app) {
        let ann = app.register("ann").await;
        app.register("bob").await;
        app.post("/api/v1/auth/logout", json!({"refresh_token": ann.refresh})).await.expect(200);
        let database = app.stop().await;
        let program = Program::on(&database);
        let sound = program.run(&["audit", "verify"]).expect(0).out;
        assert!(sound.contains("verdict  sound"), "{sound}");
        database.execute("create table kept_events as select * from events").await;
        database.execute("create table kept_head as select * from log_head").await;
        for (tampering, found) in [
            ("update events set data = replace(data, 'ann', 'eve') where kind = 'user.created'", "the data of event"),
            ("update events set kind = 'login.failed' where seq = 2", "the seal of event 2 does not fit"),
            ("update events set actor = user_id where seq = 2", "the seal of event 2 does not fit"),
            ("update events set seal = digest where seq = 3", "the seal of event 3 does not fit"),
            ("update events set data = null, salt = null where seq = 4", "event 4 of user"),
            ("delete from events where seq = 3", "events 3 to 3 are missing"),
            ("delete from events where seq = 1", "events 1 to 1 are missing"),
            ("delete from events where seq = (select head from log_head)", "are missing"),
            ("delete from events where seq = 5; update events set seq = 5 where seq = 6", "the seal of event 5 does"),
            ("update log_head set head = head - 1", "beyond the head"),
            (
                "delete from events where seq = (select head from log_head); update log_head set head = head - 1",
                "the head's seal is not that of",
            ),
            ("update log_head set seal = (select seal from events where seq = 1)", "the head's seal is not that of"),
            ("delete from log_head", "the head"),
            ("delete from events", "are missing"),
        ] {
            database.execute(tampering).await;
            let verdict = program.run(&["audit", "verify"]);
            assert!(verdict.code == 1 && verdict.out.contains(found), "{tampering}: {verdict:?}");
            verdict.refused(&["verdict  broken", "not as it was written"]);
            database.execute("delete from events; insert into events select * from kept_events").await;
            database.execute("delete from log_head; insert into log_head select * from kept_head").await;
        }
        program.run(&["audit", "verify"]).expect(0);
    }

    async fn the_log_is_proved_beside_a_server_too(app) {
        app.register("ann").await;
        let program = Program::on(&app.database);
        program.run(&["user", "deactivate", "ann@example.com"]).expect(0);
        program.run(&["audit", "verify"]).expect(0);
        // The server still numbers the log: nobody took it from him.
        app.register("bob").await;
        let numbered = "select count(*) from events where kind = 'user.created'";
        let began = Instant::now();
        while app.database.number(numbered).await < 2 {
            assert!(began.elapsed() < Duration::from_secs(5), "nobody numbers the log any more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        program.run(&["audit", "verify"]).expect(0);
    }

    async fn another_master_key_is_refused(app) {
        let database = app.stop().await;
        let program = Program::on(&database).with("MASTER_KEY", OTHER_KEY);
        for command in [&["user", "list"][..], &["serve"], &["audit", "verify"]] {
            program.run(command).refused(&["MASTER_KEY is not the key that this database was made with", "set the right key"]);
        }
        program.run(&["migrate"]).expect(0);
    }

    async fn the_first_start_prints_a_setup_command_that_works(app) {
        let database = app.stop().await;
        let program = Program::on(&database);
        let mut serving = program.serve();
        let line = serving.wait_for(|err| {
            let line = err.lines().find(|line| line.contains(" setup dzs_"))?;
            Some(line.trim().to_owned())
        });
        let made = program.shell(&format!("{line} --password-stdin"), PASSWORD).expect(0).out;
        assert!(made.starts_with("you@example.com"), "{made}");
        let client = Client::new(serving.address);
        let root = client.login("you@example.com").await.expect(200).json();
        assert_eq!((&root["user"]["role"], &root["user"]["full_name"]), (&json!("superadmin"), &json!("Your Name")));
        program.shell(&format!("{line} --password-stdin"), PASSWORD).refused(&["setup is over"]);
        serving.signal("TERM");
        assert_eq!(serving.end().0, 0);
        assert!(!program.serve().err().contains("dzs_"));
    }

    async fn a_server_ends_in_order_and_at_once_when_asked_twice(app) {
        let database = app.stop().await;
        let program = Program::on(&database);
        for signal in ["TERM", "INT"] {
            let mut serving = program.serve();
            let client = Client::new(serving.address);
            client.register(&signal.to_lowercase()).await;
            serving.signal(signal);
            let (code, after) = serving.end();
            assert!(code == 0 && after < Duration::from_secs(3), "{code} after {after:?}: {}", serving.err());
        }
        let mut serving = program.serve();
        // A request whose body never comes holds the first stop up.
        let mut half = tokio::net::TcpStream::connect(serving.address).await.unwrap();
        half.write_all(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n").await.unwrap();
        half.write_all(b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n").await.unwrap();
        half.read_exact(&mut [0; 12]).await.unwrap();
        serving.signal("TERM");
        serving.wait_for(|err| err.contains("stopping").then_some(()));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(serving.runs(), "an open request was not waited for: {}", serving.err());
        serving.signal("TERM");
        let (code, after) = serving.end();
        assert!(code == 1 && after < Duration::from_secs(1), "{code} after {after:?}: {}", serving.err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_folder_is_refused() {
    let app = TestApp::start(Engine::Sqlite).await;
    Program::on(&app.database).run(&["serve"]).refused(&["Another server works on this data", "DATA_DIR"]);
}

#[tokio::test]
async fn commands_that_begin_at_once_on_nothing_agree() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let database = Database::new(engine);
        let program = Program::on(&database);
        let create = |n: usize| {
            let email = format!("person{n}@example.com");
            let arguments = ["user", "create", "--name", "Some Body", "--password-stdin", "--email", &email];
            program.run_with(&arguments, PASSWORD).expect(0);
        };
        std::thread::scope(|scope| (0..8).for_each(|n| drop(scope.spawn(move || create(n)))));
        assert_eq!(program.run(&["user", "list"]).expect(0).out.lines().count(), 9);
    }
}

#[tokio::test]
async fn tables_of_somebody_else_are_refused() {
    let database = Database::new(Engine::Postgres);
    let schema = database.settings().into_iter().find(|(name, _)| *name == "DATABASE_SCHEMA").unwrap().1;
    database.execute(&format!("create schema {schema}; create table users (id serial primary key)")).await;
    for command in [&["serve"][..], &["migrate"], &["user", "list"]] {
        Program::on(&database).run(command).refused(&["DATABASE_SCHEMA"]);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_told_at_once() {
    let database = Database::new(Engine::Sqlite);
    let program = Program::on(&database);
    let settings = program.clone().with("PORT", "x").with("LOG_LEVEL", "loud").run(&["serve"]).expect(2);
    assert!(settings.err.contains("PORT is") && settings.err.contains("LOG_LEVEL is"), "{settings:?}");
    let document = program.clone().with("PORT", "x").run(&["config", "--env-example"]).expect(0);
    assert!(document.out.contains("#PORT=8000"));
    let shown = program.clone().with("MASTER_KEY", OTHER_KEY).run(&["config"]).expect(0).out;
    assert!(!shown.contains(OTHER_KEY) && shown.contains("environment"), "{shown}");
    for wrong in [&["user", "create", "--email", "no", "--name", "No One"][..], &["users"], &["user", "promote", "x"]] {
        program.run(wrong).expect(2);
    }
    let status = program.run(&["migrate", "--status"]).expect(0).out;
    assert!(status.contains("foundation") && status.contains("pending"), "{status}");
    program.run(&["migrate"]).expect(0);
    assert!(!program.run(&["migrate", "--status"]).expect(0).out.contains("pending"));
    let nowhere = program.with("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none").with("MASTER_KEY", OTHER_KEY);
    nowhere.run(&["user", "list"]).refused(&["The database cannot be used", "refused", "DATABASE_URL"]);
}
