//! Every step of the schema, in order.

use super::Migration;

/// The files of `migrations/`. Where one text cannot serve both engines, a step names two.
pub const MIGRATIONS: &[Migration] = &[
    one(1, "foundation", include_str!("../../migrations/0001_foundation.sql")),
    one(2, "documents", include_str!("../../migrations/0002_documents.sql")),
    one(3, "access", include_str!("../../migrations/0003_access.sql")),
    one(4, "imports", include_str!("../../migrations/0004_imports.sql")),
    Migration {
        version: 5,
        name: "search",
        text: (
            include_str!("../../migrations/0005_search.sqlite.sql"),
            include_str!("../../migrations/0005_search.postgres.sql"),
        ),
    },
    one(6, "proofs", include_str!("../../migrations/0006_proofs.sql")),
    one(7, "one_order", include_str!("../../migrations/0007_one_order.sql")),
    Migration {
        version: 8,
        name: "waiting_grams",
        text: (
            include_str!("../../migrations/0008_waiting_grams.sqlite.sql"),
            include_str!("../../migrations/0008_waiting_grams.postgres.sql"),
        ),
    },
];

const fn one(version: i64, name: &'static str, text: &'static str) -> Migration {
    Migration { version, name, text: (text, text) }
}
