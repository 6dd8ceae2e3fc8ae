//! Backup and restore, as an operator does them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use denizen::{
    access::{Caller, Role},
    account::{self, Email, Names, New, Verification},
    app::App,
    db::Engine,
};
use serde_json::Value;

use crate::{
    each_engine,
    kit::{TestApp, client::Client, database::Database, eventually, program::Program},
};

async fn create(app: &App, name: String) {
    let new = New {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: None,
        names: Names::complete(Some(name), None, None),
        gender: None,
        phone: None,
        ip_address: None,
        role: Role::User,
        verification: Verification::Pending,
    };
    app.db.write(async |tx| account::create(tx, &Caller::operator(), new.clone()).await).await.unwrap();
}

/// What answers a bearer, once other nodes had their second.
async fn refused_soon(client: &Client, access: &str) {
    eventually("the session lives on", async || client.me(access).await.status == 401).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_is_a_whole_database() {
    let app = TestApp::start(Engine::Sqlite).await;
    let ann = app.register("ann").await;
    let (done, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
    let writers = (0..4).map(|writer| {
        let (app, done, stop) = (app.app.clone(), Arc::clone(&done), Arc::clone(&stop));
        tokio::spawn(async move {
            for n in 0.. {
                let name = format!("writer{writer}x{n}");
                create(&app, name.clone()).await;
                done.lock().unwrap().push(name);
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    eventually("nobody writes", async || done.lock().unwrap().len() > 100).await;

    let (program, to) = (Program::on(&app.database), Database::new(Engine::Sqlite));
    let copy = to.folder().join("denizen.db");
    let path = copy.display().to_string();
    let before = done.lock().unwrap().clone();
    let told = tokio::task::block_in_place(|| program.run(&["backup", &path])).expect(0).out;
    assert!(told.contains("master.key"), "{told}");
    let after = done.lock().unwrap().len();
    assert!(after > before.len(), "nobody wrote meanwhile");
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let names = fs::read_dir(to.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["denizen.db"], "one file, and nothing left beside it");

    // In a data folder of its own, with the key beside it.
    fs::copy(app.database.folder().join("master.key"), to.folder().join("master.key")).unwrap();
    let other = Program::on(&to);
    let proved = other.run(&["audit", "verify"]).expect(0).out;
    assert!(proved.contains("verdict  sound"), "{proved}");
    let listed = other.run(&["user", "list", "--json"]).expect(0).out;
    for name in &before {
        assert!(listed.contains(&format!("\"{name}@example.com\"")), "{name} was acknowledged before the copy");
    }
    let restored = TestApp::on(to.clone(), &[]).await;
    restored.login("ann@example.com").await.expect(200);
    // What was ended after the copy lives again, until the operator ends everything.
    restored.me(&ann.access).await.expect(200);
    Program::on(&to).run(&["session", "revoke", "--all"]).expect(0);
    refused_soon(&restored, &ann.access).await;
    restored.refresh(&ann.refresh).await.expect(401);
    restored.login("ann@example.com").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_there_stays_unless_it_is_to_be_replaced() {
    let app = TestApp::start(Engine::Sqlite).await;
    let (program, folder) = (Program::on(&app.database), app.database.root());
    let file = folder.join("copy.db");
    let path = file.display().to_string();
    fs::write(&file, "precious").unwrap();
    program.run(&["backup", &path]).refused(&["is there already", "--force"]);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    // What a backup that died left behind is in nobody's way.
    fs::write(folder.join("copy.db.partial"), "half").unwrap();
    program.run(&["backup", &path, "--force"]).expect(0);
    assert!(fs::read(&file).unwrap().starts_with(b"SQLite format 3"));
    assert!(!folder.join("copy.db.partial").exists());
    let nowhere = folder.join("nowhere/copy.db").display().to_string();
    program.run(&["backup", &nowhere]).refused(&["No such file or directory", "Name a file in a folder"]);
    let (draft, under_way) = (folder.join("two.db.partial"), folder.join("two.db").display().to_string());
    let held = fs::File::create(&draft).unwrap();
    held.lock().unwrap();
    program.run(&["backup", &under_way]).refused(&["Another backup writes to"]);
    drop(held);
    let elsewhere = program.with("DATA_DIR", &folder.join("else").display().to_string());
    elsewhere.run(&["backup", &under_way]).refused(&["There is no database at", "DATA_DIR"]);
    assert!(!folder.join("else").exists(), "it made what it was to copy");
}

#[tokio::test]
async fn on_postgresql_it_names_the_tool() {
    let database = Database::new(Engine::Postgres);
    let answer = Program::on(&database).run(&["backup", "copy.dump"]).expect(2);
    assert!(answer.err.contains("pg_dump --format=custom --schema=t"), "{answer:?}");
    let secret = Program::on(&database).with("DATABASE_URL", "postgres://ann:hunter2@db/app").run(&["backup", "x"]);
    assert!(secret.err.contains("postgresql://ann@db:5432/app") && !secret.err.contains("hunter2"), "{secret:?}");
}

each_engine! {
    async fn an_operator_ends_sessions_beside_a_server(app) {
        let program = Program::on(&app.database);
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        program.run(&["session", "revoke"]).expect(2);
        program.run(&["session", "revoke", "--all", "--user", "ann@example.com"]).expect(2);
        program.run(&["session", "revoke", "--user", "nobody@example.com"]).refused(&["There is no user"]);
        let told = program.run(&["session", "revoke", "--user", "ann@example.com"]).expect(0).out;
        assert_eq!(told, "1 session has ended.\n");
        refused_soon(&app, &ann.access).await;
        app.refresh(&ann.refresh).await.expect(401);
        app.me(&bob.access).await.expect(200);
        for _ in 0..3 {
            app.login(&bob.email).await.expect(200);
        }
        let told = program.run(&["session", "revoke", "--all"]).expect(0).out;
        assert_eq!(told, "4 sessions have ended.\n");
        refused_soon(&app, &bob.access).await;
        assert_eq!(program.run(&["session", "revoke", "--all"]).expect(0).out, "0 sessions have ended.\n");
        app.numbered().await;
        let revoked = "select count(*) from events where kind = 'session.revoked' and actor_kind = 'operator'";
        assert_eq!(app.database.number(revoked).await, 5);
        let user: Value = app.login(&ann.email).await.expect(200).json();
        assert_eq!(user["user"]["must_change_password"], false);
    }
}
