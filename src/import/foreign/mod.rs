//! The table `users` of another service, on `PostgreSQL`: each of its columns is one of a CSV.
//!
//! It is read from its first block to its last, its partitions and heirs beside it, in short reads that lock nothing.
//! What its service writes meanwhile may or may not be seen: stop it first.

mod store;

use serde_json::Value;

use super::csv::{Cells, malformed};
use crate::{
    clock::Clock,
    db::{Db, Place},
    error::Result,
};

/// Blocks that are read at once, one of each part at least.
const BLOCKS: i64 = 16;

/// The table, read from the beginning.
pub struct Table {
    db: Db,
    columns: Vec<String>,
    next: i64,
    /// Of its longest part.
    blocks: i64,
    /// Blocks of each part that are read at once.
    step: i64,
    /// How far it was read, in bytes.
    pub position: u64,
    /// How long it is, in bytes.
    pub length: u64,
}

impl Table {
    /// Finds it in the database of this URL; gives its columns too. Nothing is written there.
    ///
    /// # Errors
    /// `database_unavailable`; `malformed` when there is no such table, or its rows do not stand there.
    pub async fn open(url: &str) -> Result<(Self, Vec<String>)> {
        let place = Place::Postgres { url: url.to_owned(), schema: None, pool_size: 1 };
        let db = Db::open(&place, Clock::default())?;
        let columns = store::columns(&mut db.read()).await?;
        if columns.is_empty() {
            return Err(malformed("There is no table 'users' in that database's default schema."));
        }
        let extent = store::extent(&mut db.read()).await?;
        if extent.strange > 0 {
            return Err(malformed(
                "'users' is no table there, or a part of it is none: it is a view, or on another server. Copy it into a \
                 table of its own first: create table to_import.users as select * from users; then name that schema \
                 by ?options=-csearch_path%3Dto_import.",
            ));
        }
        let blocks = extent.longest / extent.block.max(1);
        let step = (BLOCKS / extent.parts.max(1)).max(1);
        let length = u64::try_from(extent.length).unwrap_or(0);
        Ok((Self { db, columns: columns.clone(), next: 0, blocks, step, position: 0, length }, columns))
    }

    /// The next rows; nothing at the end.
    ///
    /// # Errors
    /// `database_unavailable`.
    pub async fn page(&mut self) -> Result<Option<Vec<Cells>>> {
        if self.next > self.blocks {
            return Ok(None);
        }
        let rows = store::rows(&mut self.db.read(), self.next, self.next + self.step).await?;
        self.next += self.step;
        let share = u64::try_from(self.next.min(self.blocks)).unwrap_or(0);
        self.position = self.length / u64::try_from(self.blocks.max(1)).unwrap_or(1) * share;
        let cells =
            |row: serde_json::Map<String, Value>| Ok(self.columns.iter().map(|column| text(row.get(column))).collect());
        Ok(Some(rows.into_iter().map(cells).collect()))
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
