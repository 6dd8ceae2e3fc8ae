//! Passwords that are written down in a file, each hashed as it comes in.

use super::{
    super::{
        Bench, rows,
        server::{Database, Engine},
        table::{Row, Samples},
    },
    file, process,
};

const PEOPLE: u32 = 5_000;

/// Brings them in, beside nothing but hashing before and after.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let path = file::with_passwords(&bench.work, PEOPLE);
    let on = |engine: Engine| {
        let (mut limits, mut rates) = (Vec::new(), Vec::new());
        for round in 0..bench.rounds {
            super::super::tell(&format!("hashed, {}, round {}", engine.name(), round + 1));
            let database = Database::new(bench, engine);
            process::run(bench, &database, &["migrate"], "");
            let before = rows::hashes(bench.length);
            let run = process::run(bench, &database, &["import", path.to_str().unwrap()], "");
            let after = rows::hashes(bench.length);
            assert!(run.out.contains("created   5000\n"), "{}", run.out);
            limits.push(f64::midpoint(before, after));
            rates.push(f64::from(PEOPLE) / run.seconds);
        }
        let what = format!("Import of 5 000 passwords, of raw Argon2 on all cores, {}", engine.name());
        Row::share(what, Samples(limits), Samples(rates), " /s", 90.0)
    };
    Engine::ALL.into_iter().map(on).collect()
}
