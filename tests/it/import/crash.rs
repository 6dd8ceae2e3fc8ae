//! An import is killed again and again, and begun again: in the end exactly the people of the file are there.

use std::{
    fmt::Write,
    process::{Child, Stdio},
    time::Duration,
};

use denizen::db::Engine;

use crate::kit::{
    database::{Database, variable},
    program::Program,
    random::Random,
};

/// Rows that are written at once: so few that there is much to kill.
const BATCH: usize = 200;
/// One row in so many is refused.
const BAD: usize = 100;

fn text(people: usize) -> String {
    let mut text = "id,email,full_name\n".to_owned();
    for n in 0..people {
        let at = if n % BAD == 7 { "" } else { "@" };
        writeln!(text, "{n},person{n}{at}example.com,Person {n}").unwrap();
    }
    text
}

fn start(program: &Program, path: &str) -> Child {
    let mut command = program.command(env!("CARGO_BIN_EXE_denizen"));
    command
        .args(["import", path, "--batch", &BATCH.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn killed(engine: Engine) {
    let database = Database::new(engine);
    let program = Program::on(&database);
    let path = database.root().join("people.csv");
    let cycles = variable("CRASH_CYCLES").and_then(|cycles| cycles.parse().ok()).unwrap_or(5);
    // Some batches are written between two kills.
    let count = BATCH * (cycles * 4).max(60);
    std::fs::write(&path, text(count)).unwrap();
    let path = path.to_str().unwrap();
    program.run(&["migrate"]).expect(0);
    let mut random = Random::new(variable("CRASH_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(11));
    let (users, rows) = ("select count(*) from users", "select cast(coalesce(sum(rows), 0) as bigint) from imports");
    let (mut kills, mut reached) = (0, 0);
    for _ in 0..cycles {
        let before = database.number(users).await;
        let mut child = start(&program, path);
        // Killed once it writes, at any moment after.
        let mut ended = false;
        while !ended && database.number(users).await == before {
            ended = child.try_wait().unwrap().is_some();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.next() % 120)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // What it sent last may still be on its way through the server.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let [users, rows] = database.numbers(&[users, rows]).await[..] else { unreachable!() };
        if rows == 0 && users > 0 {
            break;
        }
        assert!(rows >= reached, "it went back from {reached} to {rows}");
        // Every row that is done is a person or a refusal, and no other person is there.
        let bad = (0..rows).filter(|n| n % i64::try_from(BAD).unwrap() == 7).count();
        assert_eq!(users, rows - i64::try_from(bad).unwrap(), "after {rows} rows");
        (kills, reached) = (kills + 1, rows);
    }
    let answer = program.run(&["import", path]);
    let good = i64::try_from((0..count).filter(|n| n % BAD != 7).count()).unwrap();
    println!("killed {kills} times");
    assert!(kills > 0, "it was never killed while it worked");
    let created = "select count(distinct user_id) * 1000000 + count(*) from (select kind, user_id from events union all
                   select kind, user_id from events_pending) as log where kind = 'user.created'";
    let people = "select count(distinct external_id) from users";
    let told = database
        .numbers(&[users, people, "select count(*) from identities", created, "select count(*) from imports"])
        .await;
    assert_eq!(told, [good, good, good, good * 1_000_000 + good, 0], "{answer:?}");
    if answer.out.contains("resumed") {
        assert!(answer.out.contains(&format!("created   {good}")), "{answer:?}");
        let rejects = std::fs::read_to_string(format!("{path}.rejects.csv")).unwrap();
        let numbers: Vec<usize> =
            rejects.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (0..count).filter(|n| n % BAD == 7).map(|n| n + 2).collect::<Vec<_>>());
    }
    assert!(program.run(&["audit", "verify"]).expect(0).out.contains("sound"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on_on_sqlite() {
    killed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on_on_postgres() {
    killed(Engine::Postgres).await;
}
