//! Many rows for one table: the fast way in, for those who bring thousands.
//!
//! `SQLite` runs one prepared statement for each row; `PostgreSQL` takes all of them in one `copy`, and a few in one
//! `insert`, since a copy is a conversation. All happens in the caller's transaction, and a broken unique index means
//! what it means everywhere.

use rusqlite::Connection;

use super::{
    Engine, Tx, Value,
    error::Failure,
    sql,
    sqlite::{bind, failure},
};
use crate::error::Result;

/// Rows that are one `insert`.
const FEW: usize = 8;

/// Rows for one table.
#[derive(Debug)]
pub struct Load {
    pub(super) table: &'static str,
    pub(super) columns: &'static str,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Rows for the columns of a table. Each row gives every column, in their order; a few thousand rows are one load.
#[must_use]
pub fn load(table: &'static str, columns: &'static str, rows: Vec<Vec<Value>>) -> Load {
    Load { table, columns, rows }
}

impl Load {
    /// Writes them.
    ///
    /// # Errors
    /// Of the database: see [`super`].
    pub async fn execute(self, tx: &mut Tx) -> Result<()> {
        match self.rows.len() {
            0 => Ok(()),
            1..=FEW if tx.engine() == Engine::Postgres => {
                sql("insert into ")
                    .push(self.table)
                    .push(" (")
                    .push(self.columns)
                    .push(") values")
                    .rows(self.rows)
                    .send(tx)
                    .await
            }
            _ => Ok(tx.load(&self).await?),
        }
    }

    /// Runs a statement for each row.
    pub(super) fn insert_each(&self, conn: &Connection) -> Result<(), Failure> {
        let mut prepared = conn.prepare_cached(&self.insert()).map_err(|e| failure(&e))?;
        for row in &self.rows {
            if row.len() != prepared.parameter_count() {
                return Err(Failure::internal(format!("a row of {} does not fit its columns", self.table)));
            }
            for (n, value) in row.iter().enumerate() {
                bind(&mut prepared, n + 1, value).map_err(|e| failure(&e))?;
            }
            prepared.raw_execute().map_err(|e| failure(&e))?;
        }
        Ok(())
    }

    /// The statement for one row.
    fn insert(&self) -> String {
        let places: Vec<String> = (1..=self.width()).map(|n| format!("${n}")).collect();
        format!("insert into {} ({}) values ({})", self.table, self.columns, places.join(", "))
    }

    /// The statement for all of them.
    pub(super) fn copy(&self) -> String {
        format!("copy {} ({}) from stdin (format binary)", self.table, self.columns)
    }

    /// What tells the types of the columns.
    pub(super) fn types(&self) -> String {
        format!("select {} from {} limit 0", self.columns, self.table)
    }

    fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }
}
