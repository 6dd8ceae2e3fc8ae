//! An import is killed again and again, and begun again: in the end exactly the people of the file are there.

use std::{
    fmt::Write,
    process::{Command, Stdio},
    time::Duration,
};

use denizen::db::Engine;

use super::foreign::elsewhere;
use crate::kit::{
    database::{Database, variable},
    program::Program,
    random::Random,
};

/// Rows that are written at once: so few that there is much to kill.
const BATCH: usize = 200;
/// Batches of the source for each kill, and the most that are written between two.
const BATCHES: usize = 16;
const MOST: u64 = 8;
/// One row in so many is refused.
const BAD: usize = 100;

/// What is imported.
#[derive(Clone, Copy)]
enum Source {
    File,
    Table,
}

fn text(people: usize) -> String {
    let mut text = "id,email,full_name\n".to_owned();
    for n in 0..people {
        let at = if n % BAD == 7 { "" } else { "@" };
        writeln!(text, "{n},person{n}{at}example.com,Person {n}").unwrap();
    }
    text
}

/// The same people in a table of another service; row by row as in the file.
fn table(people: usize) -> String {
    format!(
        "create table users (id int, email text, full_name text);
         insert into users select n, 'person' || n || case n % {BAD} when 7 then '' else '@' end || 'example.com',
             'Person ' || n from generate_series(0, {people} - 1) as n"
    )
}

/// How often it is killed: `IMPORT_KILLS`, or a fifth as often as servers are, and five times at least.
fn kills() -> usize {
    let number =
        |name| variable(name).map(|text| text.parse::<usize>().unwrap_or_else(|_| panic!("{name} is no number")));
    number("IMPORT_KILLS").unwrap_or_else(|| number("CRASH_CYCLES").map_or(5, |cycles| (cycles / 5).max(5)))
}

async fn killed(engine: Engine, source: Source) {
    let (database, cycles) = (Database::new(engine), kills());
    let program = Program::on(&database);
    let count = BATCH * cycles * BATCHES;
    let (file, rejects) = (database.root().join("people.csv"), database.root().join("rejects.csv"));
    let (_elsewhere, path) = match source {
        Source::File => {
            std::fs::write(&file, text(count)).unwrap();
            (None, file.display().to_string())
        }
        Source::Table => {
            let (elsewhere, url) = elsewhere(&table(count)).await;
            (Some(elsewhere), url)
        }
    };
    let (path, rejects, batch) = (path.as_str(), rejects.to_str().unwrap(), BATCH.to_string());
    let command = ["import", path, "--rejects", rejects, "--batch", &batch];
    let start = |mut program: Command| {
        program.args(command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    program.run(&["migrate"]).expect(0);
    let mut random = Random::new(variable("CRASH_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(11));
    let (users, rows) = ("select count(*) from users", "select cast(coalesce(sum(rows), 0) as bigint) from imports");
    let mut reached = 0;
    for kill in 0..cycles {
        // Killed once it has written some batches more, at any moment of the next.
        let more = i64::try_from(random.next() % MOST).unwrap() * i64::try_from(BATCH).unwrap();
        let until = database.number(users).await + more;
        let mut child = start(program.command(env!("CARGO_BIN_EXE_denizen")));
        while database.number(users).await <= until {
            assert!(child.try_wait().unwrap().is_none(), "it ended before kill {kill}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.next() % 10)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // What it sent last may still be on its way through the server.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let [users, rows] = database.numbers(&[users, rows]).await[..] else { unreachable!() };
        assert!(rows > reached, "it went back from {reached} to {rows}");
        // Every row that is done is a person or a refusal, and no other person is there.
        let bad = (0..rows).filter(|n| n % i64::try_from(BAD).unwrap() == 7).count();
        assert_eq!(users, rows - i64::try_from(bad).unwrap(), "after {rows} rows");
        reached = rows;
    }
    let answer = program.run(&["import", path, "--rejects", rejects]);
    let good = i64::try_from((0..count).filter(|n| n % BAD != 7).count()).unwrap();
    println!("killed {cycles} times");
    let created = "select count(distinct user_id) * 1000000 + count(*) from (select kind, user_id from events union all
                   select kind, user_id from events_pending) as log where kind = 'user.created'";
    let people = "select count(distinct external_id) from users";
    let told = database
        .numbers(&[users, people, "select count(*) from identities", created, "select count(*) from imports"])
        .await;
    assert_eq!(told, [good, good, good, good * 1_000_000 + good, 0], "{answer:?}");
    assert!(answer.out.contains("resumed") && answer.out.contains(&format!("created   {good}")), "{answer:?}");
    let rejects = std::fs::read_to_string(rejects).unwrap();
    let numbers: Vec<usize> =
        rejects.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (0..count).filter(|n| n % BAD == 7).map(|n| n + 2).collect::<Vec<_>>());
    assert!(program.run(&["audit", "verify"]).expect(0).out.contains("sound"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on_on_sqlite() {
    killed(Engine::Sqlite, Source::File).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on_on_postgres() {
    killed(Engine::Postgres, Source::File).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_of_a_table_goes_on_on_sqlite() {
    killed(Engine::Sqlite, Source::Table).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_of_a_table_goes_on_on_postgres() {
    killed(Engine::Postgres, Source::Table).await;
}
