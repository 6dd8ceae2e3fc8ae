//! Batches that are written side by side, and those whose people are all new: what comes of it is what one batch after
//! the other would make.

use std::{collections::HashSet, fmt::Write, time::Instant};

use denizen::db::Engine;

use super::counts;
use crate::kit::{database::Database, program::Program};

/// Rows that are written at once.
const BATCH: usize = 20;
const ROWS: usize = 60 * BATCH;
/// Behind so many rows come those of people who are in the file already.
const NEW: usize = 10 * BATCH;

/// Rows, and how many of them are new people, people who are here already, and bad ones.
fn rows() -> (String, [u64; 3]) {
    let (mut text, mut told) = ("id,email,full_name\n".to_owned(), [0; 3]);
    let (mut ids, mut emails) = (HashSet::new(), HashSet::new());
    for n in 0..ROWS {
        let (mut id, mut email) = (n, n);
        if n > NEW && n % 3 == 0 {
            // Of the batch before, which may still be on its way.
            email = n - BATCH;
        } else if n > NEW && n % 7 == 0 {
            id = n - 2 * BATCH;
        } else if n > NEW && n % 11 == 0 {
            (id, email) = (n - 1, n - 1);
        }
        if n % 50 == 3 {
            writeln!(text, "x{n},nobody,Person {n}").unwrap();
            told[2] += 1;
            continue;
        }
        writeln!(text, "x{id},person{email}@example.com,Person {n}").unwrap();
        let is_here = ids.contains(&id) || emails.contains(&email);
        told[usize::from(is_here)] += 1;
        if !is_here {
            ids.insert(id);
            emails.insert(email);
        }
    }
    (text, told)
}

async fn side_by_side(engine: Engine) {
    let database = Database::new(engine);
    let program = Program::on(&database);
    program.run(&["migrate"]).expect(0);
    let (text, [created, skipped, rejected]) = rows();
    assert!(created > 500 && skipped > 200 && rejected > 10, "{created}, {skipped}, {rejected}");
    let (file, refused) = (database.root().join("people.csv"), database.root().join("refused.csv"));
    std::fs::write(&file, text).unwrap();
    let (file, refused) = (file.to_str().unwrap(), refused.to_str().unwrap());
    let batch = BATCH.to_string();
    let begun = Instant::now();
    let answer = program.run(&["import", file, "--batch", &batch, "--rejects", refused]);
    // Batches that waited for one another would do so until the server ends a statement.
    assert!(begun.elapsed().as_secs() < 25, "{:?}", begun.elapsed());
    assert_eq!(counts(&answer), [created, 0, skipped, rejected], "{answer:?}");
    let refused = std::fs::read_to_string(refused).unwrap();
    let numbers: Vec<usize> =
        refused.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (0..ROWS).filter(|n| n % 50 == 3).map(|n| n + 2).collect::<Vec<_>>());
    // The events tell of the people in the order of their rows.
    let order = "select count(*) from (select u.external_id, e.seq,
                     lag(e.seq) over (order by cast(substr(u.full_name, 8) as integer)) as earlier
                     from users u join events e on e.user_id = u.id and e.kind = 'user.created') as told
                 where seq < earlier";
    let events = "select count(*) from events where kind = 'user.created'";
    let created = i64::try_from(created).unwrap();
    let users = "select count(distinct external_id) from users";
    assert_eq!(database.numbers(&[users, events, order]).await, [created, created, 0]);
    assert!(program.run(&["audit", "verify"]).expect(0).out.contains("sound"));
    let again = program.run(&["import", file, "--batch", &batch]);
    assert_eq!(counts(&again)[..3], [0, 0, u64::try_from(ROWS).unwrap() - rejected], "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_side_by_side_are_as_one_after_the_other_on_sqlite() {
    side_by_side(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_side_by_side_are_as_one_after_the_other_on_postgres() {
    side_by_side(Engine::Postgres).await;
}
