//! The whole list of differences between the engines.

use std::borrow::Cow;

use super::{Engine, sql::Lock};

/// Words of the migrations, as `(word, SQLite, PostgreSQL)`.
const WORDS: &[(&str, &str, &str)] = &[
    ("{bool}", "integer", "boolean"),
    ("{int}", "integer", "bigint"),
    ("{text}", "text", "text"),
    ("{bytes}", "blob", "bytea"),
    ("{uuid}", "blob", "uuid"),
    ("{time}", "integer", "timestamptz"),
    ("{json}", "text", "jsonb"),
    ("{true}", "1", "true"),
    ("{false}", "0", "false"),
    // Each closes a `create table`. Small rows live in the primary key's own tree; large ones would thin it out.
    ("{table}", "strict", ""),
    ("{small_table}", "strict, without rowid", ""),
];

/// A migration's text in the engine's own words.
pub(super) fn expand(engine: Engine, text: &str) -> String {
    WORDS.iter().fold(text.to_owned(), |text, (word, sqlite, postgres)| {
        text.replace(word, if engine == Engine::Sqlite { sqlite } else { postgres })
    })
}

/// A statement's text for `PostgreSQL`, with its row lock.
pub(super) fn postgres(text: &str, lock: Lock) -> Cow<'_, str> {
    match lock {
        Lock::None => Cow::Borrowed(text),
        Lock::Rows => Cow::Owned(format!("{text} for update")),
    }
}

/// The name both engines give a broken unique index: `<table>_<column>[_<column>]`.
/// `SQLite` tells the columns (`UNIQUE constraint failed: users.email_key`), `PostgreSQL` the index.
pub(super) fn unique_index(sqlite_message: &str) -> String {
    let columns = sqlite_message.rsplit(": ").next().unwrap_or_default();
    let mut name = String::new();
    for column in columns.split(", ") {
        let (table, column) = column.split_once('.').unwrap_or(("", column));
        if name.is_empty() {
            name.push_str(table);
        }
        name.push('_');
        name.push_str(column);
    }
    name
}

#[cfg(test)]
mod tests {
    #[test]
    fn unique_indexes_have_one_name() {
        assert_eq!(super::unique_index("UNIQUE constraint failed: users.email_key"), "users_email_key");
        assert_eq!(
            super::unique_index("UNIQUE constraint failed: identities.source, identities.subject"),
            "identities_source_subject"
        );
    }
}
