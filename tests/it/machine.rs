//! The machine: another user, a service manager, log files that somebody moves.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        net::UnixDatagram,
    },
    path::Path,
    time::Duration,
};

use denizen::db::Engine;
use nix::unistd::geteuid;

use crate::kit::{
    client::{Client, PASSWORD},
    database::Database,
    program::Program,
    tls::{Files, Pair},
};

/// `nobody`, on every list of users.
const NOBODY: u32 = 65_534;

/// A database in a folder that belongs to nobody, and the program that is to become him.
fn given_away() -> (Database, Program) {
    let database = Database::new(Engine::Sqlite);
    if geteuid().is_root() {
        chown(database.root(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let program = Program::on(&database).with("RUN_AS_USER", "nobody");
    (database, program)
}

/// Whether this is root. Everybody else is refused, which is seen here.
fn is_root(program: &Program) -> bool {
    if geteuid().is_root() {
        return true;
    }
    for command in [&["serve"][..], &["migrate"], &["user", "list"]] {
        program.run(command).refused(&["RUN_AS_USER is nobody", "only root"]);
    }
    false
}

/// A port that only root may take, where the kernel has such ports.
fn low_port() -> u16 {
    (600..1_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// The numbers of one line of a process's state.
fn state(process: u32, line: &str) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find_map(|found| found.strip_prefix(line)).unwrap().to_owned();
    line.split_whitespace().map(|number| number.parse().unwrap_or(u32::MAX)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_opens_the_door_and_is_nobody_then() {
    let (database, program) = given_away();
    let pair = Pair::new();
    let keys = tempfile::tempdir().unwrap();
    let files = Files::new(keys.path(), &pair);
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    let [(cert, cert_path), (key, key_path)] = files.settings();
    let program = program.with(cert, cert_path).with(key, key_path).with("LOG_FILE", "logs/all.log");
    let program = program.with("PORT", &low_port().to_string());
    if !is_root(&program) {
        return;
    }
    let mut serving = program.serve();
    assert_eq!(pair.get(serving.address, &["h2"], "/health/ready").await.0, 200);
    for thread in fs::read_dir(format!("/proc/{}/task", serving.id())).unwrap() {
        let thread = thread.unwrap().file_name().to_str().unwrap().parse().unwrap();
        assert_eq!(state(thread, "Uid:"), [NOBODY; 4]);
        assert_eq!(state(thread, "Gid:"), [NOBODY; 4]);
        assert_eq!(state(thread, "Groups:"), [NOBODY]);
        for kind in ["CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(state(thread, kind), [0], "{kind}");
        }
    }
    for made in ["denizen.db", "master.key", "denizen.lock", "logs/all.log"] {
        assert_eq!(fs::metadata(database.root().join(made)).unwrap().uid(), NOBODY, "{made}");
    }
    // It read the key as root, and cannot do so again.
    serving.wait_for(|err| err.contains("TLS_KEY is").then_some(()));
    assert!(serving.err().contains("the old certificate stays"), "{}", serving.err());
    assert_eq!(pair.get(serving.address, &[], "/health/ready").await.0, 200);
    serving.signal("TERM");
    assert_eq!(serving.end().0, 0);

    // A command beside it makes no file that the server could not write.
    let create = ["user", "create", "--email", "a@example.com", "--name", "Some Body", "--password-stdin"];
    program.run_with(&create, PASSWORD).expect(0);
    let all = fs::read_dir(database.root()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(all.filter(|path| fs::metadata(path).unwrap().uid() != NOBODY).count(), 0);
}

#[test]
fn a_number_without_a_name_is_a_user_too() {
    let (database, program) = given_away();
    if !is_root(&program) {
        return;
    }
    chown(database.root(), Some(54_321), Some(54_322)).unwrap();
    let program = program.with("RUN_AS_USER", "54321");
    program.run(&["serve"]).refused(&["RUN_AS_USER is 54321", "Set RUN_AS_GROUP"]);
    let serving = program.with("RUN_AS_GROUP", "54322").serve();
    assert_eq!(state(serving.id(), "Uid:"), [54_321; 4]);
    assert_eq!((state(serving.id(), "Gid:"), state(serving.id(), "Groups:")), (vec![54_322; 4], vec![54_322]));
}

#[test]
fn who_cannot_be_become_is_said_at_the_start() {
    let (database, program) = given_away();
    let with = |name: &str, value: &str| program.clone().with(name, value);
    with("RUN_AS_USER", "no-such-user").run(&["serve"]).refused(&["RUN_AS_USER is no-such-user", "no such user"]);
    with("RUN_AS_GROUP", "no-such-group").run(&["serve"]).refused(&["RUN_AS_GROUP is no-such-group", "no such group"]);
    for root in ["root", "0"] {
        with("RUN_AS_USER", root).run(&["serve"]).refused(&["RUN_AS_USER is root"]);
    }
    if !is_root(&program) {
        return;
    }
    // Another than root, who wants to be somebody else; who is that already needs no root.
    program
        .clone()
        .with("RUN_AS_USER", "daemon")
        .by(NOBODY)
        .run(&["migrate"])
        .refused(&["RUN_AS_USER is daemon", "only root"]);
    program.clone().by(NOBODY).run(&["migrate"]).expect(0);
    program.run(&["migrate"]).expect(0);
    // What root made before.
    chown(database.root().join("denizen.db"), Some(0), Some(0)).unwrap();
    program.run(&["serve"]).refused(&["denizen.db belongs to another user", "chown -R nobody"]);
    chown(database.root().join("denizen.db"), Some(NOBODY), None).unwrap();
    chown(database.root(), Some(0), Some(0)).unwrap();
    program.run(&["serve"]).refused(&["belongs to another user", "chown -R nobody"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_manager_hears_of_the_start_and_of_the_end() {
    let database = Database::new(Engine::Sqlite);
    let path = database.root().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let heard = || {
        let mut bytes = [0; 64];
        let len = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    };
    let mut serving = Program::on(&database).with("NOTIFY_SOCKET", path.to_str().unwrap()).serve();
    assert_eq!(heard(), "READY=1");
    Client::new(serving.address).get("/health/ready").await.expect(200);
    serving.signal("TERM");
    assert_eq!(heard(), "STOPPING=1");
    assert_eq!(serving.end().0, 0);
}

/// Moves every file of a folder away, as logrotate does; gives how many there were.
fn move_away(folder: &Path) -> usize {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in files.iter().filter(|file| !file.is_symlink()) {
        fs::rename(file, file.with_extension("moved")).unwrap();
    }
    files.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_opens_every_log_file_anew() {
    let database = Database::new(Engine::Sqlite);
    let logs = database.root().join("logs");
    let program = Program::on(&database).with("LOG_FILE", "logs/all.log").with("ACCESS_LOG", "logs/access.log");
    let mut serving = program.serve();
    let client = Client::new(serving.address);
    client.with("x-request-id", "first").get("/health").await.expect(200);
    let read = |name: &str| fs::read_to_string(logs.join(name)).unwrap_or_default();
    let kept = async |name: &str, id: &str| {
        crate::kit::eventually("a line is missing", async || read(name).contains(id)).await;
    };
    kept("all.log", "first").await;
    kept("access.log", "first").await;

    assert_eq!(move_away(&logs), 3);
    serving.signal("HUP");
    serving.wait_for(|err| err.contains("SIGHUP").then_some(()));
    client.with("x-request-id", "second").get("/health").await.expect(200);
    kept("all.log", "second").await;
    kept("access.log", "second").await;
    assert!(!read("all.log").contains("first") && read("access.moved").contains("first"));
    assert!(serving.runs());
}
