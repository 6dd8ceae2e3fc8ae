//! Migrations can be interrupted and run again, on both engines and on distributed ones.

use denizen::db::MIGRATIONS;

use super::{assert_none, source};

/// Statements about the schema; each can be repeated. `alter table .. add column` cannot, on `SQLite`: a new
/// column comes as a new table beside the old one, or with the next table that is made anew.
const SCHEMA: &[&str] = &[
    "create table if not exists ",
    "create index if not exists ",
    "create virtual table if not exists ",
    "create unique index if not exists ",
    "drop table if exists ",
    "drop index if exists ",
];

/// Statements about data. That each can be repeated is for the reader to see.
const DATA: &[&str] = &["insert into ", "update ", "delete from "];

#[test]
fn every_file_is_a_step_and_the_steps_are_dense() {
    let list = source::read("src/db/migrations.rs");
    let unlisted = source::files("migrations").into_iter().filter(|path| !list.contains(&format!("/{path}\"")));
    assert_none(&unlisted.map(|path| format!("{path} is not in src/db/migrations.rs")).collect::<Vec<_>>());
    for (n, step) in (1..).zip(MIGRATIONS) {
        assert_eq!(step.version, n, "the numbers of the steps are not 1, 2, 3, ..");
        let name = format!("{n:04}_{}", step.name);
        let is_own = |path: &String| path.starts_with(&format!("migrations/{name}."));
        assert!(source::files("migrations").iter().any(is_own), "step {n} is not in a file {name}.sql");
    }
}

#[test]
fn a_step_is_schema_or_data_and_can_be_repeated() {
    let mut broken = Vec::new();
    for step in MIGRATIONS {
        for text in [step.text.0, step.text.1] {
            let statements = statements(text);
            let begins = |statement: &str, with: &[&str]| with.iter().any(|verb| statement.starts_with(verb));
            let unknown = statements.iter().filter(|s| !begins(s, SCHEMA) && !begins(s, DATA));
            broken.extend(unknown.map(|s| format!("step {}: not a repeatable statement: {:.60}", step.version, s)));
            if statements.iter().any(|s| begins(s, SCHEMA)) && statements.iter().any(|s| begins(s, DATA)) {
                broken.push(format!("step {} is both schema and data: make it two", step.version));
            }
        }
    }
    assert_none(&broken);
}

/// `SQLite` names the columns of a broken unique index and `PostgreSQL` its name: they agree while this holds.
#[test]
fn unique_indexes_are_named_after_their_columns() {
    let mut broken = Vec::new();
    for statement in MIGRATIONS.iter().flat_map(|step| [step.text.0, step.text.1]).flat_map(statements) {
        let Some(rest) = statement.strip_prefix("create unique index if not exists ") else { continue };
        let (name, rest) = rest.split_once(" on ").unwrap();
        let (table, rest) = rest.split_once(" (").unwrap();
        let columns = rest.split_once(')').unwrap().0.replace(", ", "_");
        if name != format!("{table}_{columns}") {
            broken.push(format!("the unique index {name} must be named {table}_{columns}"));
        }
    }
    assert_none(&broken);
}

/// The statements of a step, without comments, their blanks folded.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<_> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let folded = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
    code.join("\n").split(';').map(folded).filter(|statement| !statement.is_empty()).collect()
}
