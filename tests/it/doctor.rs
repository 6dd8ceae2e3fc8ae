//! The doctor names each cause with its cure, and changes nothing.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::Command,
    thread,
};

use denizen::db::Engine;
use serde_json::Value;

use crate::{
    each_engine,
    kit::{
        TestApp,
        database::Database,
        eventually,
        program::Program,
        tls::{Files, Pair},
    },
};

const OTHER_KEY: &str = "//////////////////////////////////////////8=";
const NOBODY: u32 = 65_534;

/// What the doctor found, and how it ended.
struct Findings {
    code: i32,
    all: Vec<Value>,
}

impl Findings {
    fn read(code: i32, out: &str) -> Self {
        let report: Value = serde_json::from_str(out).unwrap_or_else(|e| panic!("{e}: {out}"));
        Self { code, all: report["findings"].as_array().unwrap().clone() }
    }

    fn of(program: &Program) -> Self {
        let answer = program.run(&["doctor", "--json"]);
        Self::read(answer.code, &answer.out)
    }

    fn is(&self, level: &str, topic: &str, text: &str, cure: &str) -> bool {
        let holds = |finding: &Value, name: &str, part: &str| finding[name].as_str().unwrap_or_default().contains(part);
        self.all.iter().any(|one| {
            one["level"] == level && one["topic"] == topic && holds(one, "text", text) && holds(one, "cure", cure)
        })
    }

    /// Demands a finding whose text and cure hold these, and the exit status that goes with it.
    #[track_caller]
    fn has(self, level: &str, topic: &str, text: &str, cure: &str) -> Self {
        assert!(self.is(level, topic, text, cure), "no {level} of {topic} '{text}' with '{cure}': {:#?}", self.all);
        assert_eq!(self.code, i32::from(self.count("fault") > 0), "{:#?}", self.all);
        self
    }

    fn count(&self, level: &str) -> usize {
        self.all.iter().filter(|finding| finding["level"] == level).count()
    }

    #[track_caller]
    fn well(self) -> Self {
        assert_eq!((self.code, self.count("fault")), (0, 0), "{:#?}", self.all);
        self
    }
}

/// Everything below a folder: names, times of change and bytes.
fn picture(folder: &Path) -> Vec<(String, i64, u32, Vec<u8>)> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, about) = (entry.path(), entry.metadata().unwrap());
        let time = about.mtime_nsec() + about.mtime() * 1_000_000_000;
        let bytes = if about.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
        seen.push((path.display().to_string(), time, about.mode(), bytes));
        if about.is_dir() {
            seen.extend(picture(&path));
        }
    }
    seen.sort();
    seen
}

async fn tables(database: &Database) -> i64 {
    let schema = database.settings().into_iter().find(|(name, _)| *name == "DATABASE_SCHEMA").unwrap().1;
    let tables = format!("select count(*) from information_schema.tables where table_schema = '{schema}'");
    let schemas = format!("select count(*) from information_schema.schemata where schema_name = '{schema}'");
    database.numbers(&[&tables, &schemas]).await.iter().sum()
}

each_engine! {
    async fn secrets_that_everybody_can_read_are_told(app) {
        let database = app.stop().await;
        let secret = "q9Zr3fV0y7mW1kTb8XcL5sNdJ2hGpA6eUoRiYtQw4z";
        let put = |name: &str, text: &str, mode: u32| {
            let path = database.folder().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let program = Program::on(&database);
        let key = put("key", secret, 0o644);
        let named = program.clone().with("SECRET_KEY_FILE", &key);
        Findings::of(&named).has("warning", "mode", &format!("{key} (mode 644)"), &format!("chmod o= {key}")).well();
        // A service reads by its group what root keeps.
        put("key", secret, 0o640);
        Findings::of(&named).well().has("ok", "mode", &key, "");
        for (name, plain, telling) in [
            (".env", "PORT=0".to_owned(), format!("SECRET_KEY={secret}")),
            ("denizen.toml", "port = 0".to_owned(), format!("jwt_secret_key = '{secret}'")),
        ] {
            put(name, &plain, 0o644);
            let found = Findings::of(&program).well();
            assert!(!found.is("warning", "mode", name, ""), "{:#?}", found.all);
            put(name, &telling, 0o644);
            Findings::of(&program).has("warning", "mode", name, &format!("chmod o= {name}")).well();
            put(name, &telling, 0o600);
            Findings::of(&program).well().has("ok", "mode", name, "");
        }
    }

    async fn all_is_well_beside_a_server(app) {
        let port = app.address.port().to_string();
        let program = Program::on(&app.database).with("PORT", &port);
        app.register("ann").await;
        let found = Findings::of(&program).well();
        let found = found.has("ok", "address", "A running Denizen serves", "").has("ok", "schema", "up to date", "");
        let found = found.has("warning", "superadmin", "no superadmin yet", "setup command").has("ok", "signing_keys", "open", "");
        found.has("ok", "master_key", "the right one", "").has("ok", "clock", "which is past", "");
        let told = program.run(&["doctor"]).expect(0).out;
        assert!(told.contains("ok       schema") && told.contains("what to do:  Start the server"), "{told}");
    }

    async fn a_stopped_installation_is_left_as_it_is(app) {
        app.register("ann").await;
        let database = app.stop().await;
        // What was under way may keep the file open for another moment.
        let log = database.folder().join("denizen.db-wal");
        eventually("the database is not closed", async || !log.exists()).await;
        let (program, before) = (Program::on(&database), picture(&database.root()));
        Findings::of(&program).well().has("ok", "address", "is free", "");
        assert!(before == picture(&database.root()), "the doctor touched a file");
    }

    async fn another_master_key_and_sealed_values_that_do_not_open(app) {
        let database = app.stop().await;
        let program = Program::on(&database);
        let wrong = Findings::of(&program.clone().with("MASTER_KEY", OTHER_KEY));
        wrong.has("fault", "master_key", "not the key that this database was made with", "it is in your backup");
        database.execute("update signing_keys set private = public").await;
        Findings::of(&program).has("fault", "signing_keys", "do not open", "denizen signing-key rotate");
    }

    async fn a_clock_behind_what_is_stored(app) {
        app.register("ann").await;
        app.numbered().await;
        let database = app.stop().await;
        let program = Program::on(&database);
        Findings::of(&program).well();
        database.execute(match database.engine() {
            Engine::Sqlite => "update events set at = at + 3600000000",
            Engine::Postgres => "update events set at = at + interval '1 hour'",
        }).await;
        let found = Findings::of(&program);
        found.has("fault", "clock", "s ahead of this machine's clock", "timedatectl set-ntp true");
    }
}

#[tokio::test]
async fn a_database_that_is_not_migrated_stays_so() {
    let sqlite = Database::new(Engine::Sqlite);
    let program = Program::on(&sqlite);
    Findings::of(&program).well().has("ok", "database", "not there yet", "").has("ok", "master_key", "first start", "");
    assert_eq!(fs::read_dir(sqlite.folder()).unwrap().count(), 0, "the doctor made a file");
    // A file that is there and empty, as after a start that was killed.
    sqlite.execute("pragma journal_mode = wal; pragma user_version = 1").await;
    let before = picture(&sqlite.folder());
    Findings::of(&program).has("warning", "schema", "foundation", "denizen migrate");
    assert!(before == picture(&sqlite.folder()), "the doctor touched a file");

    let postgres = Database::new(Engine::Postgres);
    let program = Program::on(&postgres);
    Findings::of(&program).well().has("warning", "schema", "foundation", "denizen migrate");
    assert_eq!(tables(&postgres).await, 0, "the doctor migrated");
    program.run(&["migrate"]).expect(0);
    Findings::of(&program).well().has("ok", "schema", "up to date", "").has("ok", "clock", "server agree", "");
    let keyless = Findings::of(&program.with("MASTER_KEY", ""));
    keyless.has("fault", "master_key", "MASTER_KEY is not set", "openssl rand -base64 32");
}

#[tokio::test]
async fn tables_of_somebody_else_and_a_database_that_is_away() {
    let postgres = Database::new(Engine::Postgres);
    let schema = postgres.settings().into_iter().find(|(name, _)| *name == "DATABASE_SCHEMA").unwrap().1;
    postgres.execute(&format!("create schema {schema}; create table users (id serial primary key)")).await;
    let program = Program::on(&postgres);
    Findings::of(&program).has("fault", "schema", "a table 'users' that is not Denizen's", "DATABASE_SCHEMA");
    let away = program.with("DATABASE_URL", "postgres://ann:hunter2@127.0.0.1:1/none");
    Findings::of(&away).has("fault", "database", "Connection refused", "PostgreSQL runs there");
    assert!(!away.run(&["doctor"]).out.contains("hunter2"));

    let sqlite = Database::new(Engine::Sqlite);
    fs::write(sqlite.folder().join("denizen.db"), "no database at all, but long enough to have a head".repeat(40))
        .unwrap();
    Findings::of(&Program::on(&sqlite)).has("fault", "database", "not a database", "backup");
}

#[test]
fn settings_that_cannot_be_used_are_told_all_at_once() {
    let database = Database::new(Engine::Sqlite);
    let program = Program::on(&database).with("PORT", "x").with("LOG_LEVEL", "loud");
    let found = Findings::of(&program).has("fault", "settings", "PORT is \"x\"", "config --reference");
    assert_eq!(found.has("fault", "settings", "LOG_LEVEL is \"loud\"", "").count("fault"), 2);
}

#[test]
fn what_is_valid_and_hardly_meant_is_warned_of() {
    let database = Database::new(Engine::Sqlite);
    let program = Program::on(&database).with("HOST", "0.0.0.0").with("LOGLEVEL", "x");
    let found = Findings::of(&program).has("warning", "public_url", "in the open", "Set PUBLIC_URL to the https");
    let found =
        found.has("warning", "metrics", "METRICS=open", "METRICS=token").has("warning", "proxy", "", "TRUSTED_PROXIES");
    found.has("warning", "settings", "LOGLEVEL", "Correct the name").well();
    fs::set_permissions(database.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    let safe = Program::on(&database).with("HOST", "0.0.0.0").with("PUBLIC_URL", "https://users.example.com");
    let safe = safe.with("METRICS", "token").with("TRUSTED_PROXIES", "10.0.0.0/8");
    let mut found = Findings::of(&safe).well();
    // How many files are allowed is the machine's business.
    found.all.retain(|finding| finding["topic"] != "files");
    assert_eq!(found.count("warning"), 0, "{:#?}", found.all);
    for weak in ["secretsecretsecretsecretsecretsecret", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let program = Program::on(&database).with("SECRET_KEY", weak);
        Findings::of(&program).has("fault", "secret", "does not look random", "openssl rand -base64 48");
    }
    let random = Program::on(&database).with("SECRET_KEY", "q9Zr3fV0y7mW1kTb8XcL5sNdJ2hGpA6eUoRiYtQw4=");
    Findings::of(&random).well().has("ok", "secret", "looks random", "");
    let limited = Program::on(&database).shell(&format!("ulimit -n 512; {} doctor --json", program_path()), "");
    Findings::read(limited.code, &limited.out).has("warning", "files", "512 files", "LimitNOFILE");
}

fn program_path() -> &'static str {
    env!("CARGO_BIN_EXE_denizen")
}

#[test]
fn files_that_others_can_read() {
    let database = Database::new(Engine::Sqlite);
    let program = Program::on(&database);
    program.run(&["migrate"]).expect(0);
    program.run(&["user", "list"]).expect(0);
    Findings::of(&program).well();
    let set = |path: &str, mode| fs::set_permissions(database.folder().join(path), fs::Permissions::from_mode(mode));
    for name in ["denizen.db", "master.key"] {
        set(name, 0o640).unwrap();
        let path = database.folder().join(name).display().to_string();
        Findings::of(&program).has("fault", "mode", &path, &format!("chmod 600 {path}"));
        set(name, 0o600).unwrap();
    }
    set("", 0o755).unwrap();
    Findings::of(&program).has("warning", "data", "mode 755", "chmod 700").well();
    set("", 0o777).unwrap();
    Findings::of(&program).has("fault", "data", "mode 777", "chmod 700");
    set("", 0o700).unwrap();
    for (text, cause) in [("not base64!", "it is not 32 bytes in base64"), ("AAAA", "it is not 32 bytes in base64")] {
        fs::write(database.folder().join("master.key"), text).unwrap();
        Findings::of(&program).has("fault", "master_key", cause, "it is in your backup");
    }
    fs::remove_file(database.folder().join("master.key")).unwrap();
    Findings::of(&program).has("fault", "master_key", "is gone", "it is in your backup");
}

#[test]
fn places_that_cannot_be_written() {
    let database = Database::new(Engine::Sqlite);
    let file = database.folder().join("file").display().to_string();
    fs::write(&file, "").unwrap();
    let folder = Findings::of(&Program::on(&database).with("DATA_DIR", &file));
    folder.has("fault", "data", "is no folder", "Set DATA_DIR to a folder");
    let log = Findings::of(&Program::on(&database).with("LOG_FILE", &format!("{file}/user.log")));
    log.has("fault", "log", "cannot be written", "Set LOG_FILE");

    // Modes bind nobody who is root: then somebody else asks.
    let (root, data) = (database.root(), database.folder().join("data"));
    let program = root.join("denizen");
    fs::copy(program_path(), &program).unwrap();
    fs::create_dir(&data).unwrap();
    let is_root = fs::metadata(&root).unwrap().uid() == 0;
    let mut command = if is_root { Command::new("setpriv") } else { Command::new("env") };
    if is_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        for path in [&root, &data] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    command.arg(&program).args(["doctor", "--json"]).env_clear().current_dir(&root);
    command.env("PATH", "/usr/bin:/bin").env("DATA_DIR", &data).env("PORT", "0").env("LOG_FILE", "");
    let done = command.output().unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    let found = Findings::read(done.status.code().unwrap(), &out);
    found.has("fault", "data", "cannot be written to: Permission denied", "chown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_somebody_else_has() {
    let database = Database::new(Engine::Sqlite);
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    thread::spawn(move || {
        for stream in stranger.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        }
    });
    let program = Program::on(&database);
    let taken = Findings::of(&program.clone().with("PORT", &port));
    taken.has("fault", "address", "Another program listens", "ss -ltnp");
    let elsewhere = Findings::of(&program.with("HOST", "192.0.2.1").with("PUBLIC_URL", "https://users.example.com"));
    elsewhere.has("fault", "address", "Nobody can listen on 192.0.2.1", "Set HOST");
    // Nothing was begun on the way.
    TestApp::on(database, &[]).await.stop().await;
}

#[test]
fn the_certificate_and_the_user_to_become_are_examined() {
    let database = Database::new(Engine::Sqlite);
    let settings = |pair: &Pair| {
        let program = Program::on(&database).with("HOST", "0.0.0.0").with("PORT", "0");
        Files::new(&database.root(), pair)
            .settings()
            .into_iter()
            .fold(program, |program, (name, value)| program.with(name, value))
    };
    let (program, key) = (settings(&Pair::new()), database.root().join("key.pem"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    Findings::of(&program).has("warning", "mode", "key.pem (mode 644)", "chmod o= ");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let found = Findings::of(&program).has("ok", "mode", "key.pem", "");
    assert!(!found.all.iter().any(|finding| finding["topic"] == "proxy"), "{:#?}", found.all);
    found.has("ok", "tls", "belong together", "");
    let over = settings(&Pair::until(2020));
    Findings::of(&over).has("fault", "tls", "The certificate ended at 2020", "Renew it");
    fs::write(database.root().join("key.pem"), "no key").unwrap();
    Findings::of(&over).has("fault", "tls", "TLS_KEY", "Name a certificate and its own key");
    let nobody = Program::on(&database).with("RUN_AS_USER", "nobody-of-this-name");
    Findings::of(&nobody).has("fault", "user", "no such user", "Do as it says");
}
