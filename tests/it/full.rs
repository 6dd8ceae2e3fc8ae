//! A full disk: nothing is acknowledged that is not kept, people are still told who they are, and whoever leaves is out.
//!
//! The server has its data on a small disk of its own, in a mount namespace that ends with it.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use denizen::db::Engine;
use rustix::process::geteuid;
use serde_json::json;

use crate::kit::{
    client::PASSWORD,
    database::Database,
    program::{Program, Serving},
    wire::{Raw, Wire, post},
};

const ME: &str = "/api/v1/users/me";
const LOGOUT: &str = "/api/v1/auth/logout";
const RESERVE: u64 = 4 << 20;

/// A server on a disk of 48 MiB.
struct Small {
    server: Serving,
    wire: Wire,
    /// Its data folder, as it is seen from here.
    data: PathBuf,
}

impl Small {
    fn serve(database: &Database) -> Self {
        let own = if geteuid().is_root() { "-m" } else { "-rm" };
        let mount = "mount -t tmpfs -o size=48m,mode=700 tmpfs \"$DATA_DIR\" && exec \"$0\"";
        let line = format!("exec unshare {own} /bin/sh -c '{mount}' \"$0\"");
        let server = Program::on(database).behind(&line).serve();
        let inside = database.folder().strip_prefix("/").unwrap().to_owned();
        let data = Path::new("/proc").join(server.id().to_string()).join("root").join(inside);
        Self { wire: Wire::open(server.address), server, data }
    }

    fn register(&mut self, name: &str) -> Raw {
        let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD, "full_name": "Ann Lee"});
        self.wire.ask(&post("/api/v1/auth/register", &body)).0
    }

    fn sign_in(&mut self, name: &str) -> Raw {
        let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD});
        self.wire.ask(&post("/api/v1/auth/login", &body)).0
    }

    fn ask(&mut self, method: &str, path: &str, token: &str) -> Raw {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n");
        self.wire.ask(format!("{head}authorization: Bearer {token}\r\n\r\n").as_bytes()).0
    }

    fn ballast(&self) -> PathBuf {
        self.data.join("ballast")
    }

    /// Takes all space there is.
    fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        let full = loop {
            if let Err(e) = file.write_all(&[1; 4_096]) {
                break e;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }

    fn reserve(&self) -> Option<fs::Metadata> {
        fs::metadata(self.data.join("denizen.reserve")).ok()
    }

    fn wait_for(&mut self, complaint: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < Duration::from_secs(15), "{complaint}: {}", self.server.err());
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn token(answer: &Raw) -> String {
    assert!([200, 201].contains(&answer.status), "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[track_caller]
fn unavailable(answer: &Raw) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{answer:?}");
    assert_eq!(answer.json()["code"], "database_unavailable");
}

#[test]
fn a_full_disk_refuses_writes_lets_people_leave_and_heals() {
    let database = Database::new(Engine::Sqlite);
    let mut small = Small::serve(&database);
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| token(&small.register(name)));
    small.wait_for("no reserve was made", |small| small.reserve().is_some_and(|file| file.len() == RESERVE));
    assert_eq!(small.reserve().unwrap().permissions().mode() & 0o777, 0o600);
    small.fill();
    unavailable(&small.register("late"));
    unavailable(&small.sign_in("ann"));
    assert!(small.reserve().is_some(), "a registration took the reserve");
    assert_eq!(small.ask("GET", ME, &ann).status, 200);
    for token in [&ann, &bob] {
        let answer = small.ask("POST", LOGOUT, token);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(small.ask("GET", ME, token).status, 401);
    }
    // What was given up is for those who leave alone.
    assert!(small.reserve().is_none());
    unavailable(&small.register("late"));
    assert_eq!(small.ask("GET", ME, &eve).status, 200);

    fs::remove_file(small.ballast()).unwrap();
    small.wait_for("it does not heal", |small| small.register("late").status == 201);
    small.wait_for("there is no reserve again", |small| small.reserve().is_some_and(|file| file.len() == RESERVE));
    assert_eq!(small.ask("GET", ME, &eve).status, 200);

    // What is on that disk, as after a crash.
    small.server.signal("STOP");
    for name in ["denizen.db", "denizen.db-wal", "master.key"] {
        fs::copy(small.data.join(name), database.folder().join(name)).unwrap();
    }
    drop(small);
    let verdict: String = database.sqlite().query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let program = Program::on(&database);
    program.run(&["audit", "verify"]).expect(0);
    let server = program.serve();
    let mut after = Small { wire: Wire::open(server.address), server, data: database.folder() };
    for gone in [&ann, &bob] {
        assert_eq!(after.ask("GET", ME, gone).status, 401);
    }
    assert_eq!(after.ask("GET", ME, &eve).status, 200);
    assert_eq!(after.sign_in("late").status, 200);
}
