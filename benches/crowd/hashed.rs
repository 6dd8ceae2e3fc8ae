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
        super::super::tell(&format!("hashed, {}", engine.name()));
        let database = Database::new(bench, engine);
        process::run(bench, &database, &["migrate"], "");
        let before = rows::hashes(bench.length);
        let run = process::run(bench, &database, &["import", path.to_str().unwrap()], "");
        let after = rows::hashes(bench.length);
        assert!(run.out.contains("created   5000\n"), "{}", run.out);
        let what = format!("Import of 5 000 passwords, of raw Argon2 on all cores, {}", engine.name());
        let (limit, service) = (f64::midpoint(before, after), f64::from(PEOPLE) / run.seconds);
        Row::share(what, Samples(vec![limit]), Samples(vec![service]), " /s", 90.0)
    };
    Engine::ALL.into_iter().map(on).collect()
}
