//! A million people: in, out, and page by page.

use super::{
    super::{
        Bench,
        people::PASSWORD,
        server::{Database, Engine},
        table::{Bound, Row},
    },
    admin, bare, beside, file, list, process,
};

const PEOPLE: u32 = 1_000_000;

/// Brings them in, gives them away and lists them, on each engine.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let path = file::people(&bench.work, PEOPLE);
    let on = |(engine, at_most)| {
        let database = Database::new(bench, engine);
        let name = Engine::name(engine);
        let mut rows = Vec::new();
        super::super::tell(&format!("import, {name}"));
        let limit = bare::load(bench, engine, &database.folder, &path);
        process::run(bench, &database, &["migrate"], "");
        let words = ["import", path.to_str().unwrap(), "--default-password", PASSWORD];
        let run = process::run(bench, &database, &words, "");
        assert!(run.out.contains("created   1000000\n"), "{}", run.out);
        let what = format!("Import of 1 000 000 rows, {name}");
        rows.push(beside(what, vec![limit], vec![run.seconds], " s", Bound::AtMost(at_most)));
        rows.push(Row::alone(format!("Most memory meanwhile, {name}"), vec![run.peak], " MB", 150.0));
        super::super::tell(&format!("export, {name}"));
        let limit = bare::unload(bench, engine, &database);
        let run = process::run(bench, &database, &["export", "people.csv"], "");
        assert!(run.out.starts_with("1000000 users"), "{}", run.out);
        let what = format!("Export of 1 000 000 users, {name}");
        rows.push(beside(what, vec![limit], vec![run.seconds], " s", Bound::AtMost(20.0)));
        rows.push(Row::alone(format!("Growth of its memory, {name}"), vec![run.growth()], " %", 10.0));
        bare::settle(bench, engine);
        let key = admin(bench, &database);
        rows.extend(list::rows(bench, &database, &key, name));
        rows
    };
    [(Engine::Sqlite, 120.0), (Engine::Postgres, 150.0)].into_iter().flat_map(on).collect()
}
