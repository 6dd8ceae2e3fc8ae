//! Strangers in great number, slow and hostile: memory stays bounded, others are served, and a stop under load loses
//! nothing that was answered.
//!
//! The service is a process of its own, so that its memory can be read. `./test load` runs this room by itself.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use denizen::db::Engine;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::kit::{
    client::PASSWORD,
    database::Database,
    program::{Program, Serving},
    wire::{Heard, Wire, get, post},
};

const ME: &str = "/api/v1/users/me";
const IDLE: usize = 10_000;
const IDLE_COST: usize = 20 * 1_024;
/// What a busy process may take beside what strangers hold.
const SLACK: usize = 40 << 20;
/// What others may wait at the worst, also where builds share the machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server with its database, which goes when it is dropped. It begins with the usual soft limit of open files.
fn serve() -> (Serving, Database) {
    let database = Database::new(Engine::Sqlite);
    (Program::on(&database).behind("ulimit -Sn 1024; exec \"$0\"").serve(), database)
}

/// Ten thousand connections take as many descriptors, here too.
fn raise_limit() {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    assert!(most.is_none_or(|most| most > IDLE as u64 + 1_000), "the limit of open files is {most:?}");
}

/// A person who goes on asking who he is until he is dropped, and then tells his longest wait.
struct Good {
    stop: Arc<AtomicBool>,
    asking: thread::JoinHandle<Vec<Duration>>,
}

impl Good {
    fn start(address: SocketAddr) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let mut wire = Wire::open(address);
        let ann = wire.ask(&registration("good@example.com")).0.json();
        let bearer = ann["access_token"].as_str().unwrap();
        let request = format!("GET {ME} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {bearer}\r\n\r\n").into_bytes();
        let asking = thread::spawn(move || {
            let mut waits = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let (answer, took) = wire.ask(&request);
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                waits.push(took);
                thread::sleep(Duration::from_millis(5));
            }
            waits
        });
        Self { stop, asking }
    }

    /// Nobody was refused, and 99 of 100 answers came in time.
    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut waits = self.asking.join().unwrap();
        waits.sort_unstable();
        let p99 = waits[waits.len() * 99 / 100];
        println!("others: {} answers, p99 {p99:?}", waits.len());
        assert!(waits.len() >= 5 && p99 < PATIENCE, "{} answers, p99 {p99:?}", waits.len());
    }
}

fn registration(email: &str) -> Vec<u8> {
    post("/api/v1/auth/register", &json!({"email": email, "password": PASSWORD, "full_name": "Ann Lee"}))
}

#[test]
fn ten_thousand_idle_connections_cost_20_kb_each() {
    raise_limit();
    let (server, _database) = serve();
    let opened = |n: usize| {
        let mut wire = Wire::open(server.address);
        assert_eq!(wire.ask(&get("/health/live")).0.status, 200, "connection {n}");
        wire
    };
    // What the first ones bring with them is not theirs.
    drop((0..100).map(opened).collect::<Vec<_>>());
    let good = Good::start(server.address);
    let before = server.resident();
    let mut wires: Vec<_> = (0..IDLE).map(opened).collect();
    let each = server.resident().saturating_sub(before) / IDLE;
    println!("{each} bytes for each idle connection");
    good.stop();
    for wire in wires.iter_mut().step_by(100) {
        assert_eq!(wire.ask(&get("/health/live")).0.status, 200);
    }
    assert!(each <= IDLE_COST, "{each} bytes for each idle connection");
}

#[test]
fn slow_clients_hold_up_nobody_and_are_cut() {
    let (server, _database) = serve();
    let good = Good::start(server.address);
    let before = server.resident();
    let body = registration("slow@example.com");
    let headless = &body[..body.len() - 40];
    let mut slow: Vec<_> = (0..600)
        .map(|n| {
            let mut wire = Wire::open(server.address);
            match n % 3 {
                // A head that does not end.
                0 => wire.send(b"GET / HTTP/1.1\r\nhost: test\r\nx: "),
                // A body that does not.
                1 => wire.send(headless),
                // Nothing at all.
                _ => {}
            }
            wire
        })
        .collect();
    // A byte now and then saves nobody from his deadline.
    for _ in 0..6 {
        thread::sleep(Duration::from_secs(1));
        for wire in &mut slow {
            wire.send(b"x");
        }
    }
    let held = server.resident().saturating_sub(before);
    thread::sleep(Duration::from_secs(6));
    for (n, wire) in slow.iter_mut().enumerate().filter(|(n, _)| n % 3 == 0) {
        assert!(!matches!(wire.hear(), Heard::Answer(answer) if answer.status < 400), "{n} was not cut");
    }
    good.stop();
    assert!(held < SLACK, "600 slow clients hold {held} bytes");
}

#[test]
fn clients_that_do_not_read_hold_little() {
    let (server, _database) = serve();
    let good = Good::start(server.address);
    let before = server.resident();
    let pipeline = get("/.well-known/jwks.json").repeat(500);
    let deaf: Vec<_> = (0..100)
        .map(|_| {
            let mut wire = Wire::open(server.address);
            wire.without_waiting();
            for _ in 0..20 {
                wire.send(&pipeline);
            }
            wire
        })
        .collect();
    thread::sleep(Duration::from_secs(3));
    let held = server.resident().saturating_sub(before);
    good.stop();
    drop(deaf);
    println!("100 clients that do not read hold {held} bytes");
    assert!(held < SLACK, "100 clients that do not read hold {held} bytes");
}

#[test]
fn what_is_no_request_is_refused_and_forgotten() {
    let (server, _database) = serve();
    let good = Good::start(server.address);
    let before = server.resident();
    let long = "x".repeat(100_000);
    let json = |body: &str, length: &str| {
        let path = "/api/v1/auth/login";
        let kind = "content-type: application/json";
        format!("POST {path} HTTP/1.1\r\nhost: test\r\n{kind}\r\n{length}\r\n\r\n{body}").into_bytes()
    };
    let bad = [
        b"\0\x01\x02\xff\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nhost: a\r\nx\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nhost: test\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: test\r\nx: {long}\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: test\r\n{}\r\n", "a: b\r\n".repeat(1_000)).into_bytes(),
        json(&long, "content-length: 100000"),
        json("{", "content-length: -1"),
        json("{", "content-length: 1\r\ncontent-length: 2"),
        json("ffffffffffffffff\r\n", "transfer-encoding: chunked"),
        json(&format!("186A0\r\n{long}\r\n0\r\n\r\n"), "transfer-encoding: chunked"),
        json(&"[".repeat(60_000), "content-length: 60000"),
        json(r#"{"email":1}"#, "content-length: 11"),
    ];
    for round in 0..40 {
        for (n, request) in bad.iter().enumerate() {
            let mut wire = Wire::open(server.address);
            wire.send(request);
            wire.finish();
            match wire.hear() {
                Heard::Answer(answer) => assert!((400..500).contains(&answer.status), "{n}: {answer:?}"),
                Heard::Closed => {}
                Heard::Cut(how) => assert!(round > 0 || how.starts_with("Connection reset"), "{n}: {how}"),
            }
        }
    }
    good.stop();
    let held = server.resident().saturating_sub(before);
    assert!(held < SLACK, "{held} bytes are left of what was refused");
}

#[test]
fn a_flood_of_connections_leaves_nothing_behind() {
    let (server, _database) = serve();
    let good = Good::start(server.address);
    let flood = |count: usize| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let address = server.address;
                thread::spawn(move || {
                    for n in 0..count {
                        let mut wire = Wire::open(address);
                        if n % 2 == 0 {
                            wire.send(&get("/health/live"));
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        thread::sleep(Duration::from_secs(2));
        server.resident()
    };
    let (first, second) = (flood(1_000), flood(3_000));
    good.stop();
    println!("{first} bytes after a flood, {second} after one more");
    assert!(second < first + SLACK / 2, "{first} bytes after a flood, {second} after one more");
}

/// What a client saw of a stop: the addresses whose registration was answered.
fn register_until_the_end(address: SocketAddr, client: usize) -> Vec<String> {
    let mut answered = Vec::new();
    let Ok(mut wire) = Wire::try_open(address) else { return answered };
    for n in 0.. {
        let email = format!("c{client}n{n}@example.com");
        wire.send(&registration(&email));
        match wire.hear() {
            Heard::Answer(answer) if answer.status == 201 => answered.push(email),
            Heard::Answer(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
            Heard::Closed => break,
            Heard::Cut(how) => panic!("cut after {n} answers: {how}"),
        }
    }
    answered
}

fn a_stop_under_load_loses_nothing_that_was_answered(engine: Engine) {
    let database = Database::new(engine);
    let program = Program::on(&database);
    for cycle in 0..3 {
        let mut server = program.serve();
        let address = server.address;
        let clients: Vec<_> =
            (0..16).map(|n| thread::spawn(move || register_until_the_end(address, cycle * 100 + n))).collect();
        thread::sleep(Duration::from_secs(2));
        server.signal("TERM");
        let (code, took) = server.end();
        assert!(code == 0 && took < Duration::from_secs(20), "it ended with {code} after {took:?}: {}", server.err());
        let answered: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        println!("{} were answered; the end took {took:?}", answered.len());
        assert!(answered.len() >= 16, "only {} were answered", answered.len());
        let server = program.serve();
        let mut wire = Wire::open(server.address);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let names: Vec<_> = answered.iter().map(|email| format!("'{email}'")).collect();
        let query = format!("select count(*) from users where email_key in ({})", names.join(", "));
        let stored = runtime.block_on(database.number(&query));
        assert_eq!(stored, i64::try_from(answered.len()).unwrap(), "an answered registration is lost");
        let body = json!({"email": answered.last(), "password": PASSWORD});
        assert_eq!(wire.ask(&post("/api/v1/auth/login", &body)).0.status, 200);
    }
}

/// A request that does not end, and a log that cannot be numbered since somebody else writes to the file.
#[test]
fn a_stop_takes_no_longer_than_it_may() {
    let database = Database::new(Engine::Sqlite);
    let mut server = Program::on(&database).with("GRACEFUL_TIMEOUT", "8").serve();
    let (mut slow, mut quick) = (Wire::open(server.address), Wire::open(server.address));
    let body = registration("slow@example.com");
    slow.send(&body[..body.len() - 40]);
    assert_eq!(quick.ask(&registration("quick@example.com")).0.status, 201);
    let other = database.sqlite();
    other.execute_batch("begin immediate").unwrap();
    server.signal("TERM");
    let (code, took) = server.end();
    println!("the stop took {took:?}");
    assert!(code == 0 && took > Duration::from_secs(5), "it ended with {code} after {took:?}: {}", server.err());
    assert!(took < Duration::from_secs(8), "it ended after {took:?}");
    assert!(!matches!(slow.hear(), Heard::Answer(answer) if answer.status < 400));
}

mod a_stop_under_load_loses_nothing_that_was_answered {
    use super::{Engine, a_stop_under_load_loses_nothing_that_was_answered as a_stop};

    #[test]
    fn sqlite() {
        a_stop(Engine::Sqlite);
    }

    #[test]
    fn postgres() {
        a_stop(Engine::Postgres);
    }
}

impl Serving {
    /// Resident memory in bytes.
    fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
    }
}
