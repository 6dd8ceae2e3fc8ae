//! No secret reaches a log: every secret here is a canary, and every sink is read, at every level.

use std::{fs, net::TcpListener, path::Path};

use denizen::db::Engine;
use serde_json::json;

use crate::{
    each_engine,
    kit::{
        client::{Client, Person},
        database::Database,
        eventually, open,
        post::deliver,
        program::Program,
        tls::{Files, Pair},
    },
};

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// What nobody may find. Apart from each other, so that a finding tells where it came from.
const REGISTERED: &str = "Canary-Registered-1";
const WRONG: &str = "Canary-Wrong-2";
const CHANGED: &str = "Canary-Changed-3";
const FOUNDER: &str = "Canary-Founder-4";
const OPERATOR: &str = "Canary-Operator-5";
const BODY: &str = "Canary-Body-6";
const HEADER: &str = "Canary-Header-7";
const COOKIE: &str = "Canary-Cookie-8";
const QUERY: &str = "Canary-Query-9";
const TOKEN: &str = "Canary-Token-10";
const DATABASE: &str = "Canary-Database-11";
const JWT_KEY: &str = "Canary-Jwt-12-that-is-at-least-32-bytes";
const DESK: &str = "Canary-Desk-13";
const LINKED: &str = "Canary-Linked-14";
const IMPORTED: &str = "Canary-Imported-15";
const COLLECTOR: &str = "Canary-Collector-16";
const EVERYBODY: &str = "Canary-Everybody-17";
/// `CanaryMaster` again and again, 32 bytes of it.
const MASTER_KEY: &str = "Q2FuYXJ5TWFzdGVyQ2FuYXJ5TWFzdGVyQ2FuYXJ5TWE=";
/// What must be found, or the sinks were not read.
const CONTROL: &str = "control-of-the-canaries";

/// The program with canaries for secrets.
fn program(database: &Database, level: &str) -> Program {
    let mut program = Program::on(database).with("LOG_LEVEL", level).with("MASTER_KEY", MASTER_KEY);
    // Nobody listens there, so that the failure is told of.
    program = program.with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    program =
        program.with("OTEL_EXPORTER_OTLP_HEADERS", &format!("authorization=Bearer%20{COLLECTOR},x-own={COLLECTOR}"));
    program = program.with("JWT_SECRET_KEY", JWT_KEY).with("LOG_FILE", "logs/all.log").with("ACCESS_LOG", "-");
    if let Some((_, url)) = database.settings().into_iter().find(|(name, _)| *name == "DATABASE_URL") {
        // A server that trusts takes any password; one that asks for it has a canary of its own.
        program = program.with("DATABASE_URL", &url.replace("postgres@", &format!("postgres:{DATABASE}@")));
    }
    program
}

/// The password of the test's own server, when it has one.
fn own_password(database: &Database) -> Option<String> {
    let (_, url) = database.settings().into_iter().find(|(name, _)| *name == "DATABASE_URL")?;
    let (user, _) = url.split_once("://")?.1.split_once('@')?;
    Some(user.split_once(':')?.1.to_owned())
}

/// Everything that a client can do with a secret, right and wrong. Gives the tokens that were handed out.
async fn drive(client: &Client) -> Vec<String> {
    let mut people: Vec<Person> = Vec::new();
    let register = json!({"email": "canary@example.com", "password": REGISTERED, "full_name": "A Canary"});
    people.push(client.post("/api/v1/auth/register", register.clone()).await.expect(201).person());
    client.post("/api/v1/auth/register", register).await.expect(409);
    people.push(client.login_with("canary@example.com", REGISTERED).await.expect(200).person());
    client.login_with("canary@example.com", WRONG).await.expect(401);
    client.login_with("nobody@example.com", WRONG).await.expect(401);
    people.push(client.refresh(&people[0].refresh).await.expect(200).person());
    client.refresh(TOKEN).await;
    client
        .form("/api/v1/auth/token", &format!("grant_type=password&username=canary%40example.com&password={WRONG}"))
        .await;
    let own = client.bearer(&people[2].access);
    let change = |current: &str| json!({"current_password": current, "new_password": CHANGED});
    own.post("/api/v1/auth/change-password", change(WRONG)).await;
    own.post("/api/v1/auth/change-password", change(REGISTERED)).await;
    own.post("/api/v1/auth/reauthenticate", json!({"password": CHANGED})).await;
    people.push(client.login_with("canary@example.com", CHANGED).await.expect(200).person());

    // What cannot be read, in ways that a parser may quote.
    for body in [
        format!("{{\"email\": \"a@example.com\", \"password\": \"{BODY}"),
        format!("{{\"email\": \"a@example.com\", \"password\": {{\"{BODY}\": 1}}}}"),
        format!("{{\"{BODY}\": \"{BODY}\"}}"),
        BODY.to_owned(),
        format!("{{\"password\": \"{BODY}\", \"password\": \"{BODY}\"}}"),
    ] {
        for path in ["/api/v1/auth/login", "/api/v1/auth/register", "/api/v1/auth/refresh"] {
            let reply = client.send("POST", path, Some(("application/json", body.clone().into_bytes()))).await;
            assert!((400..500).contains(&reply.status), "{reply:?}");
        }
        client.form("/api/v1/auth/token", &body).await;
    }
    let marked = client.with("cookie", &format!("refresh_token={COOKIE}")).with("x-api-key", HEADER);
    for authorization in [format!("Bearer {HEADER}"), format!("Basic {HEADER}"), HEADER.to_owned()] {
        let marked = marked.with("authorization", &authorization).with("x-request-id", CONTROL);
        for path in ["/api/v1/users/me", "/api/v1/auth/logout", "/nowhere", "/metrics"] {
            marked.get(&format!("{path}?token={QUERY}&password={QUERY}")).await;
            marked.post(&format!("{path}?access_token={QUERY}"), json!({"refresh_token": TOKEN})).await;
        }
    }
    people.into_iter().flat_map(|person| [person.access, person.refresh]).collect()
}

/// Everything that a superadmin does with the secrets of others. Gives those that were handed out.
async fn look_after(client: &Client, database: &Database) -> Vec<String> {
    let root = client.login_with("founder@example.com", FOUNDER).await.expect(200).person();
    let mut secrets = vec![root.access.clone(), root.refresh];
    let root = client.bearer(&root.access);
    let made = root.post("/api/v1/keys", json!({"name": "k", "permissions": ["users.list"]})).await.expect(201).json();
    let key = made["key"].as_str().unwrap().to_owned();
    for program in [client.bearer(&key), client.with("x-api-key", &key)] {
        program.get(&format!("/nowhere?key={key}")).await.expect(404);
        program.get("/api/v1/users/me").await.expect(403);
        let people = program.get("/api/v1/users").await.expect(200);
        assert!(people.text.contains("A Canary"), "{}", people.text);
    }
    client.refresh(&key).await.expect(401);
    root.delete(&format!("/api/v1/keys/{key}")).await.expect(404);
    secrets.push(key);

    let people = root.get("/api/v1/users/search?email_exact=canary%40example.com").await.expect(200).json();
    let path = format!("/api/v1/users/{}/password", people["items"][0]["id"].as_str().unwrap());
    root.post(&path, json!({"password": {DESK: DESK}})).await.expect(422);
    root.post(&path, json!({"password": DESK})).await.expect(200);
    client.login_with("canary@example.com", DESK).await.expect(200);
    root.post(&path, json!({})).await.expect(200);
    let app = open(database, &[("MASTER_KEY", MASTER_KEY)]).await;
    let letters = deliver(&app).await;
    let link = letters.iter().find(|letter| letter.url.is_some()).unwrap().token();
    for (token, password, status) in
        [(&link, "short", 422), (&format!("{link}x"), LINKED, 400), (&link, LINKED, 200), (&link, LINKED, 400)]
    {
        let body = json!({"token": token, "new_password": password, "confirm_password": password});
        client.post("/api/v1/auth/password-reset-confirm", body).await.expect(status);
        client.get(&format!("/api/v1/auth/password-reset-confirm?token={token}")).await.expect(405);
    }
    secrets.push(link);

    let hash = bcrypt::hash(IMPORTED, 4).unwrap();
    let broken = hash.replace("$04$", "$99$");
    let rows = format!(
        "email,full_name,password_hash\na@example.com,An A,{hash}\nb@example.com,A B,{broken}\nc@example.com,A C,\n"
    );
    let (root, rows) = (root.with("x-default-password", EVERYBODY), Some(("text/csv", rows.into_bytes())));
    let answer = root.send("POST", "/api/v1/users/import", rows).await.expect(200).json();
    assert_eq!((&answer["created"], &answer["rejected"]), (&json!(2), &json!(1)), "{answer}");
    client.login_with("a@example.com", IMPORTED).await;
    // The salt and the digest, whatever stands in front of them.
    secrets.extend([hash, broken].map(|hash| hash[7..].to_owned()));
    secrets
}

/// A port that is free for now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Fails when one of the texts holds one of the secrets.
#[track_caller]
fn assert_silent(level: &str, sinks: &[(&str, String)], secrets: &[String]) {
    for (name, text) in sinks {
        for secret in secrets {
            let Some(at) = text.find(secret.as_str()) else { continue };
            let line = text[..at].matches('\n').count();
            panic!("{name} holds {secret} at {level}: {}", text.lines().nth(line).unwrap_or_default());
        }
    }
}

/// All files of a folder as one text.
fn logged(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| !path.is_symlink()).map(|path| fs::read_to_string(path).unwrap()).collect()
}

async fn nothing_is_logged(database: Database, level: &str) {
    let program = program(&database, level);
    let mut serving = program.serve_at_terminal(free_port());
    let code = serving.wait_for(|told| Some(told.split_once(" setup dzs_")?.1.split_whitespace().next()?.to_owned()));
    let client = Client::new(serving.address);
    let mut secrets = drive(&client).await;

    let setup = ["setup", &format!("dzs_{code}"), "--email", "founder@example.com", "--name", "The Founder"];
    let founded = program.run_with(&[&setup[..], &["--password-stdin"]].concat(), FOUNDER).expect(0);
    let again = program.run_with(&[&setup[..], &["--password-stdin"]].concat(), FOUNDER).expect(1);
    let set = ["user", "set-password", "canary@example.com", "--password-stdin"];
    let set = program.run_with(&set, OPERATOR).expect(0);
    secrets.extend(look_after(&client, &database).await);
    let shown = program.run(&["config"]).expect(0);
    // What cannot be reached tells why, and not with what password.
    let away = program.clone().with("DATABASE_URL", &format!("postgres://canary:{DATABASE}@127.0.0.1:1/none"));
    let away = away.run(&["user", "list"]).expect(1);

    // The database fails in the middle of it: the cause is logged, not what was bound.
    database.execute("alter table credentials rename to gone").await;
    assert_eq!(client.login_with("canary@example.com", OPERATOR).await.status, 500);
    serving.signal("HUP");
    serving.signal("TERM");
    assert_eq!(serving.end().0, 0, "{}", serving.err());
    database.execute("alter table gone rename to credentials").await;

    let file = logged(&database.folder().join("logs"));
    assert!(file.contains(CONTROL) && serving.err().contains(CONTROL), "the access log is not read: {file}");
    assert!(file.contains("request failed") && serving.err().contains("request failed"), "{}", serving.err());
    assert_eq!(file.contains("\"level\":\"DEBUG\""), ["debug", "trace"].contains(&level), "{file}");
    let fixed = [REGISTERED, WRONG, CHANGED, FOUNDER, OPERATOR, BODY, HEADER, COOKIE, QUERY, TOKEN, DATABASE, JWT_KEY];
    secrets.extend(fixed.map(str::to_owned));
    secrets.extend([DESK, LINKED, IMPORTED, COLLECTOR, EVERYBODY].map(str::to_owned));
    secrets.extend([MASTER_KEY.to_owned(), "CanaryMaster".to_owned()]);
    secrets.extend(own_password(&database));
    let mut sinks = vec![("the terminal", serving.err()), ("the log file", file)];
    sinks.extend([founded, again, set, shown, away].map(|answer| ("a command", answer.out + &answer.err)));
    assert_silent(level, &sinks, &secrets);
    // The terminal shows the code of the first start by intent; nothing keeps it.
    assert_silent(level, &sinks[1..2], &[format!("dzs_{code}"), code]);
}

each_engine! {
    async fn no_secret_is_logged_at_any_level(app) {
        let engine = app.database.engine();
        app.stop().await;
        for level in LEVELS {
            nothing_is_logged(Database::new(engine), level).await;
        }
    }
}

/// Under TLS: the key, also when it is half written, and what is said inside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_of_tls_is_logged() {
    let (database, pair) = (Database::new(Engine::Sqlite), Pair::new());
    let files = Files::new(&database.root(), &pair);
    let [(cert, cert_path), (key, key_path)] = files.settings();
    let program = program(&database, "trace").with(cert, cert_path).with(key, key_path);
    let mut serving = program.serve_at_terminal(free_port());
    for offers in [&["h2"][..], &["http/1.1"]] {
        pair.get(serving.address, offers, &format!("/api/v1/users/me?token={QUERY}")).await;
    }
    fs::write(&files.key, &pair.key[..pair.key.len() - 40]).unwrap();
    serving.signal("HUP");
    serving.wait_for(|told| told.contains("the old certificate stays").then_some(()));
    fs::write(&files.key, pair.key.replacen('M', "N", 3)).unwrap();
    serving.signal("HUP");
    serving.wait_for(|told| (told.matches("the old certificate stays").count() > 1).then_some(()));
    let folder = database.folder().join("logs");
    eventually("the log file is not written", async || logged(&folder).contains("the old certificate stays")).await;
    let mut secrets = vec![QUERY.to_owned()];
    let lines = pair.key.lines().filter(|line| !line.starts_with("-----"));
    secrets.extend(lines.map(|line| line[..line.len().min(24)].to_owned()));
    assert_silent("trace", &[("the terminal", serving.err()), ("the log file", logged(&folder))], &secrets);
}
