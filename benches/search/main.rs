//! The figures of the search. `./bench search` starts it, and `docs/search.md` says how to read it.
//!
//! `search_figures DENIZEN FOLDER POSTGRES_URL [SIZE ..]` measures, with the people kept in the folder and in schemas of
//! the server. `look ENGINE SIZE TIMES`, `choices ENGINE SIZE`, `callers ENGINE SIZE SECONDS` and `fill ENGINE SIZE`
//! instead of sizes do a part.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyhow")]
#![expect(clippy::print_stdout, reason = "it is there to print")]

mod busiest;
mod callers;
mod choice;
mod cost;
mod figures;
mod fill;
#[path = "../load.rs"]
mod load;
#[path = "../machine.rs"]
mod machine;
mod page;
mod people;
mod place;
mod plot;
mod shapes;
mod ways;

use std::{path::Path, process::ExitCode, time::Duration};

use denizen::db::Engine;

use place::Place;

/// The service's allocator, so that no difference comes of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [denizen, work, url, rest @ ..] = &words[..] else {
        eprintln!("Run ./bench search.");
        return ExitCode::from(2);
    };
    let (denizen, work) = (Path::new(denizen), Path::new(work));
    let place = |engine: &str, size: &str| {
        let engine = if engine == "sqlite" { Engine::Sqlite } else { Engine::Postgres };
        Place::new(engine, work, url, size.parse().unwrap())
    };
    match rest {
        ["fill", engine, size] => {
            let place = place(engine, size);
            fill::fill(&place.open().await, &place, size.parse().unwrap()).await;
        }
        ["callers", engine, size, seconds] => {
            let length = Duration::from_secs(seconds.parse().unwrap());
            let rate = callers::measure(denizen, &place(engine, size), length);
            println!("{:.0}/s, p99 {:.2} ms, me {:.2} ms {}", rate.searches, rate.p99, rate.mine, rate.faults);
        }
        ["look", engine, size, times] => {
            let app = place(engine, size).open().await;
            for timed in figures::look(&app, size.parse().unwrap(), times.parse().unwrap()).await {
                let (found, Timed { median, p99, what, .. }) = (&timed.found, &timed);
                println!("{median:8.2} {p99:8.2}  {what:70} {:?} {:?}", found.plan, found.matches);
            }
        }
        ["choices", engine, size] => {
            let app = place(engine, size).open().await;
            for choice in choice::each(&app).await {
                let (chosen, quickest) = (choice.chosen, choice.quickest);
                println!("{:5.2} x  {:70} {chosen:?} {quickest:?}", choice.ratio(), choice.what);
            }
        }
        sizes => {
            let mut sizes: Vec<u64> = sizes.iter().map(|size| size.parse().unwrap()).collect();
            if sizes.is_empty() {
                sizes = vec![100_000, 1_000_000];
            }
            return figures::all(denizen, work, url, &sizes).await;
        }
    }
    ExitCode::SUCCESS
}

use ways::Timed;
