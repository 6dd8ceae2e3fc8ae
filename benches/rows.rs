//! What is measured, row by row. The limit and the service take turns, so that what else the machine does meets both.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::{
    Bench,
    load::{self, Pace, Source, UNANSWERED},
    people::{self, Refreshing, Same, SigningIn},
    room::{self, CALLERS, Work},
    server::{self, Database, Engine, Server},
    table::{Row, Samples},
};

/// Measures some rows.
pub type Measure = fn(&Bench) -> Vec<Row>;

/// The rows by their names, in the order of the table.
pub const ROWS: &[(&str, Measure)] =
    &[("storm", storm), ("me", me), ("refresh", refresh), ("log", log), ("start", start)];

const WARM: Duration = Duration::from_secs(1);
/// Accounts that sign in during a storm: so many that none is tried twice within the time that tries wait.
const SLEEPERS: usize = 6_000;
/// More than there are places in the queue, so that the generator never waits for a connection.
const STORM_CONNECTIONS: usize = 640;
/// Requests a second of those who are signed in already, during a storm.
const OTHERS: f64 = 100.0;

/// Sign-ins at ten times what the machine can hash, and how those who are in fare meanwhile.
fn storm(bench: &Bench) -> Vec<Row> {
    Engine::ALL.into_iter().flat_map(|engine| storm_on(bench, engine)).collect()
}

fn storm_on(bench: &Bench, engine: Engine) -> Vec<Row> {
    let database = Database::new(bench, engine);
    room::populate(&database, SLEEPERS);
    let server = Server::start(bench, &database);
    let mut signed_in = people::register(server.address, 16);
    let (mut signing_in, mut faults) = (SigningIn { people: SLEEPERS, next: 0 }, Vec::new());
    let [mut limit, mut service, mut mes, mut refreshes, mut growth] = [const { Samples(Vec::new()) }; 5];
    for round in 0..bench.rounds {
        super::tell(&format!("storm, {}, round {}", engine.name(), round + 1));
        let capacity = hashes(bench.length);
        let mut refreshing = Refreshing(signed_in.split_off(8));
        let mut asking = Same::me(&signed_in);
        let mut sources = [
            Source { client: &mut signing_in, connections: STORM_CONNECTIONS, pace: Pace::Open(capacity * 10.0) },
            Source { client: &mut asking, connections: 8, pace: Pace::Open(OTHERS) },
            Source { client: &mut refreshing, connections: 8, pace: Pace::Open(OTHERS / 2.0) },
        ];
        // The queue is full after 2 s.
        load::run(server.address, &mut sources, Duration::ZERO, Duration::from_secs(3));
        let before = server.resident();
        let tallies = load::run(server.address, &mut sources, WARM, bench.length * 2);
        growth.0.push((server.resident() / before - 1.0) * 100.0);
        limit.0.push(capacity);
        service.0.push(tallies[0].rate(200));
        mes.0.push(tallies[1].p99(200));
        refreshes.0.push(tallies[2].p99(200));
        signed_in.extend(refreshing.0);
        for (tally, fine) in tallies.iter().zip([&[UNANSWERED, 200, 503][..], &[UNANSWERED, 200], &[UNANSWERED, 200]]) {
            if !tally.others(fine).is_empty() || tally.broken > 0 || tally.without_retry_after > 0 {
                let (others, broken) = (tally.others(fine), tally.broken);
                let silent = tally.without_retry_after;
                faults.push(format!("other answers: {others}, broken: {broken}, 503 without Retry-After: {silent}"));
            }
        }
        if tallies[0].count(503) == 0 {
            faults.push("nobody was refused".to_owned());
        }
        // What waits in the queue is not the next round's.
        thread::sleep(Duration::from_secs(3));
    }
    server.stop();
    let name = engine.name();
    let mut share = Row::share(
        format!("Sign-ins at 10 x capacity, of raw Argon2 on all cores, {name}"),
        limit,
        service,
        " /s",
        90.0,
    );
    share.faults = faults;
    vec![
        share,
        Row::alone(format!("p99 of `GET /users/me` meanwhile, {name}"), mes.0, " ms", 50.0),
        Row::alone(format!("p99 of `POST /auth/refresh` meanwhile, {name}"), refreshes.0, " ms", 50.0),
        Row::alone(format!("Growth of resident memory meanwhile, {name}"), growth.0, " %", 10.0),
    ]
}

/// Hashes a second on all cores, with nothing else going on: the service's crate and parameters.
pub fn hashes(length: Duration) -> f64 {
    let cores = thread::available_parallelism().unwrap().get();
    let one = || {
        let params = Params::new(7_168, 5, 1, Some(32)).unwrap();
        let (argon, mut blocks) = (Argon2::new(Algorithm::Argon2id, Version::V0x13, params), vec![Block::new(); 7_168]);
        let (mut tag, mut count, begun) = ([0u8; 32], 0, Instant::now());
        while begun.elapsed() < length {
            let salt = [7u8; 16];
            argon.hash_password_into_with_memory(people::PASSWORD.as_bytes(), &salt, &mut tag, &mut blocks).unwrap();
            count += 1;
        }
        f64::from(count) / begun.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// Reads by people who are signed in, beside a server that says hello.
fn me(bench: &Bench) -> Vec<Row> {
    let hello = Server::hello(bench);
    let closed = |server: &Server, client: &mut Same| {
        let mut sources = [Source { client, connections: CALLERS, pace: Pace::Closed }];
        let tally = load::run(server.address, &mut sources, WARM, bench.length).remove(0);
        assert!(tally.others(&[200]).is_empty() && tally.broken == 0, "{}", tally.others(&[200]));
        tally.rate(200)
    };
    let row = |(engine, at_least): (Engine, f64)| {
        let server = Server::start(bench, &Database::new(bench, engine));
        let people = people::register(server.address, CALLERS);
        let (mut limit, mut service) = (Samples::default(), Samples::default());
        for round in 0..bench.rounds {
            super::tell(&format!("me, {}, round {}", engine.name(), round + 1));
            limit.0.push(closed(&hello, &mut Same::get("/")));
            service.0.push(closed(&server, &mut Same::me(&people)));
        }
        server.stop();
        let what = format!("`GET /users/me`, of a bare axum hello, {}", engine.name());
        Row::share(what, limit, service, " /s", at_least)
    };
    [(Engine::Sqlite, 45.0), (Engine::Postgres, 20.0)].into_iter().map(row).collect()
}

/// Durable refreshes, beside the same statements without HTTP, without tokens to sign and without a log to number.
fn refresh(bench: &Bench) -> Vec<Row> {
    let row = |engine: Engine| {
        let server = Server::start(bench, &Database::new(bench, engine));
        let mut people = Refreshing(people::register(server.address, CALLERS));
        let (mut limit, mut service) = (Samples::default(), Samples::default());
        for round in 0..bench.rounds {
            super::tell(&format!("refresh, {}, round {}", engine.name(), round + 1));
            limit.0.push(room::bare(&Database::new(bench, engine), Work::Refresh, WARM, bench.length));
            let mut sources = [Source { client: &mut people, connections: CALLERS, pace: Pace::Closed }];
            let tally = load::run(server.address, &mut sources, WARM, bench.length).remove(0);
            assert!(tally.others(&[200]).is_empty() && tally.broken == 0, "{}", tally.others(&[200]));
            service.0.push(tally.rate(200));
            // What was asked last is still answered.
            thread::sleep(Duration::from_millis(500));
        }
        server.stop();
        let what = format!("Refreshes, of the same statements without HTTP, {}", engine.name());
        Row::share(what, limit, service, " /s", 50.0)
    };
    Engine::ALL.into_iter().map(row).collect()
}

/// What the log costs: this program beside one that was built without it, the statements alone.
fn log(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for engine in Engine::ALL {
        for (word, what) in [("register", "registrations"), ("update", "updates")] {
            let (mut limit, mut service) = (Samples::default(), Samples::default());
            for round in 0..bench.rounds {
                super::tell(&format!("log, {word}, {}, round {}", engine.name(), round + 1));
                limit.0.push(child(bench, &bench.without_log, engine, word));
                service.0.push(child(bench, &bench.own, engine, word));
            }
            let what = format!("Cost of the log to {what}, {}", engine.name());
            let mut row = Row::share(what, limit, service, " /s", 0.0);
            for share in &mut row.figure.0 {
                *share = 100.0 - *share;
            }
            row.bound = super::table::Bound::AtMost(35.0);
            rows.push(row);
        }
    }
    rows
}

fn child(bench: &Bench, program: &std::path::Path, engine: Engine, word: &str) -> f64 {
    let mut command = Command::new(program);
    command.args([&bench.denizen, &bench.without_log, &bench.work]).arg(&bench.postgres);
    command.args(["work", engine.name(), word, &bench.length.as_secs().to_string()]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text.trim().parse().unwrap()
}

/// The other side of [`log`]: does the work, and tells the rate.
pub fn work(bench: &Bench, engine: &str, verb: &str) {
    let engine = Engine::ALL.into_iter().find(|known| known.name() == engine).unwrap();
    let work = if verb == "register" { Work::Register } else { Work::Update };
    println!("{}", room::logged(&Database::new(bench, engine), work, bench.length));
}

/// The requests after which memory is looked at, and how often that is done: each takes up to 10 s.
const MANY: usize = 100_000;
const MANY_ROUNDS: usize = 3;

/// What a process holds that was started, and has answered [`MANY`] requests.
fn after_many(bench: &Bench, engine: Engine, round: usize) -> f64 {
    let server = Server::start(bench, &Database::new(bench, engine));
    let people = people::register(server.address, CALLERS);
    let mut refreshing = Refreshing(people.clone());
    let mut asked = 0;
    while asked < MANY {
        super::tell(&format!("start, {}, round {}, {asked} requests", engine.name(), round + 1));
        let mut me = Same::me(&people);
        let mut sources = [
            Source { client: &mut me, connections: CALLERS / 2, pace: Pace::Closed },
            Source { client: &mut refreshing, connections: CALLERS / 2, pace: Pace::Closed },
        ];
        let tallies = load::run(server.address, &mut sources, Duration::ZERO, Duration::from_secs(2));
        asked += tallies.iter().map(|tally| tally.count(200)).sum::<usize>();
    }
    let resident = server.resident();
    server.stop();
    resident
}

/// A start, and what the process holds: at rest, and after many requests.
fn start(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for engine in Engine::ALL {
        let database = Database::new(bench, engine);
        Server::start(bench, &database).stop();
        let (mut starts, mut idle, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..bench.rounds {
            super::tell(&format!("start, {}, round {}", engine.name(), round + 1));
            let (took, server) = server::cold_start(bench, &database);
            starts.push(took.as_secs_f64() * 1_000.0);
            thread::sleep(Duration::from_secs(2));
            idle.push(server.resident());
            server.stop();
        }
        for round in 0..bench.rounds.min(MANY_ROUNDS) {
            after.push(after_many(bench, engine, round));
        }
        let name = engine.name();
        rows.push(Row::alone(format!("Cold start to the first answer, {name}"), starts, " ms", 100.0));
        rows.push(Row::alone(format!("Resident memory at rest, {name}"), idle, " MB", 30.0));
        rows.push(Row::alone(format!("Resident memory after 100 000 requests, {name}"), after, " MB", 60.0));
    }
    rows
}
