//! The figures: what the service does, beside the limit of the machine in the same run. `./bench` starts it, and
//! `docs/performance.md` says how to read it.
//!
//! `figures DENIZEN WITHOUT_LOG FOLDER POSTGRES_URL [full|people|quick|ROW]`: the program that is measured, this program
//! built without the log, a folder for databases, and a PostgreSQL server.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyhow")]

mod crowd;
mod hello;
mod load;
mod machine;
mod people;
mod room;
mod rows;
mod server;
mod table;

use std::{path::PathBuf, process::ExitCode, time::Duration};

/// The service's allocator, so that no difference comes of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured, and how long.
pub struct Bench {
    denizen: PathBuf,
    /// This program.
    own: PathBuf,
    without_log: PathBuf,
    work: PathBuf,
    postgres: String,
    rounds: usize,
    length: Duration,
}

/// Shows how far it has come.
fn tell(text: &str) {
    eprintln!("  {text}");
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["hello"] => {
            hello::serve();
            ExitCode::SUCCESS
        }
        [denizen, without_log, work, postgres, ref rest @ ..] => {
            let mut bench = Bench {
                denizen: denizen.into(),
                own: std::env::current_exe().unwrap(),
                without_log: without_log.into(),
                work: work.into(),
                postgres: postgres.to_owned(),
                rounds: 5,
                length: Duration::from_secs(4),
            };
            match rest {
                ["work", engine, verb, seconds] => {
                    bench.length = Duration::from_secs(seconds.parse().unwrap());
                    rows::work(&bench, engine, verb);
                    ExitCode::SUCCESS
                }
                _ => figures(bench, rest.first().copied().unwrap_or("full")),
            }
        }
        _ => {
            eprintln!("Run ./bench.");
            ExitCode::from(2)
        }
    }
}

/// Measures and prints; a full run writes the pages too.
fn figures(mut bench: Bench, which: &str) -> ExitCode {
    let chosen: Vec<_> = match which {
        "full" | "quick" => rows::ROWS.iter().collect(),
        "people" => crowd::ROWS.iter().collect(),
        row => rows::ROWS.iter().chain(crowd::ROWS).filter(|(name, _)| *name == row).collect(),
    };
    if chosen.is_empty() {
        eprintln!("There is no row {which}.");
        return ExitCode::from(2);
    }
    if which == "people" {
        bench.rounds = 3;
    }
    if which == "quick" {
        (bench.rounds, bench.length) = (3, Duration::from_secs(1));
    }
    let machine = machine::Machine::look(&bench.work);
    let mut measured = Vec::new();
    for (_, measure) in chosen {
        let rows = measure(&bench);
        for row in &rows {
            eprint!("{}", table::line(row));
        }
        measured.extend(rows);
    }
    let lines: String = measured.iter().map(table::line).collect();
    let table = format!("{}\n\n{}{lines}", machine.told(), table::HEAD);
    println!("{table}");
    match which {
        "full" => {
            table::write("docs/performance.md", "./bench", &table);
            table::write("README.md", "./bench", &table::summary(&measured));
        }
        "people" => table::write("docs/performance.md", "./bench people", &table),
        _ => {}
    }
    if measured.iter().all(table::Row::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
