//! One statement, for either engine.

use std::borrow::Cow;

use super::{Cells, Conn, Record, Tx, Value, value::FromValue};
use crate::error::{Error, Result};

/// A statement and its binds.
#[derive(Debug)]
pub struct Sql {
    pub(super) text: Cow<'static, str>,
    pub(super) lock: Lock,
    pub(super) length: Length,
    pub(super) binds: Vec<Value>,
}

/// Whether the rows read are locked until the transaction ends. `SQLite` has one writer and needs no such lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lock {
    None,
    Rows,
}

/// Whether a statement may run on an async worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Short,
    Long,
}

/// What running a statement gave.
pub(super) struct Outcome {
    pub rows: Vec<Vec<Value>>,
    pub affected: u64,
}

/// A statement. The text is constant; data comes in only by [`Sql::bind`], as `$1`, `$2`, ..
#[must_use]
pub fn sql(text: &'static str) -> Sql {
    Sql { text: Cow::Borrowed(text), lock: Lock::None, length: Length::Short, binds: Vec::new() }
}

/// Joins constant fragments (column lists, above all) into one statement text.
#[macro_export]
macro_rules! sql {
    ($($part:expr),+ $(,)?) => { $crate::db::sql(const_format::concatcp!($($part),+)) };
}

impl Sql {
    /// Gives the next `$n` its value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.binds.push(value.into());
        self
    }

    /// Appends `(..), (..)`: rows of values for an `insert`. At most a few dozen, so that the texts stay few.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        for (n, row) in rows.into_iter().enumerate() {
            self.text.to_mut().push_str(if n == 0 { " " } else { ", " });
            self = self.list(row);
        }
        self
    }

    /// Appends `(..)`: the values of an `in`.
    #[must_use]
    pub fn list(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        let text = self.text.to_mut();
        text.push('(');
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                text.push_str(", ");
            }
            self.binds.push(value);
            text.push('$');
            text.push_str(&self.binds.len().to_string());
        }
        text.push(')');
        self
    }

    /// Appends one value.
    #[must_use]
    pub fn value(mut self, value: impl Into<Value>) -> Self {
        self.binds.push(value.into());
        let place = format!("${}", self.binds.len());
        self.text.to_mut().push_str(&place);
        self
    }

    /// Appends constant text.
    #[must_use]
    pub fn push(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Locks the rows read until the transaction ends.
    #[must_use]
    pub fn for_update(mut self) -> Self {
        self.lock = Lock::Rows;
        self
    }

    /// Says that this can take long: outside a transaction it then leaves the async workers.
    #[must_use]
    pub fn long(mut self) -> Self {
        self.length = Length::Long;
        self
    }

    /// Asks how an engine would run it, instead of running it.
    #[must_use]
    pub fn explained(mut self, engine: super::Engine) -> Self {
        let verb = if engine == super::Engine::Sqlite { "explain query plan " } else { "explain " };
        self.text = Cow::Owned(format!("{verb}{}", self.text));
        self
    }

    /// Runs it; gives the number of rows it changed.
    ///
    /// # Errors
    /// Of the database: see [`super`].
    pub async fn execute(self, conn: &mut Conn) -> Result<u64> {
        Ok(conn.run(self).await?.affected)
    }

    /// Runs it and reads nothing of it. `PostgreSQL` gets it with the statement after it or with the commit, which
    /// saves a round trip; it fails where that does.
    ///
    /// # Errors
    /// Of the database: see [`super`].
    pub async fn send(self, tx: &mut Tx) -> Result<()> {
        Ok(tx.send(self).await?)
    }

    /// Runs it; gives every row.
    ///
    /// # Errors
    /// Of the database: see [`super`].
    pub async fn fetch_all<T: Record>(self, conn: &mut Conn) -> Result<Vec<T>> {
        conn.run(self).await?.rows.into_iter().map(|row| T::read(&mut Cells::new(row))).collect()
    }

    /// Runs it; gives its row, if there is one.
    ///
    /// # Errors
    /// Of the database; `internal` when there are several rows.
    pub async fn fetch_optional<T: Record>(self, conn: &mut Conn) -> Result<Option<T>> {
        let text = self.text.clone();
        let mut rows = conn.run(self).await?.rows;
        let row = rows.pop();
        if !rows.is_empty() {
            return Err(Error::internal(format!("several rows where one was expected: {text}")));
        }
        row.map(|row| T::read(&mut Cells::new(row))).transpose()
    }

    /// Runs it; gives its one row.
    ///
    /// # Errors
    /// Of the database; `internal` when there is not exactly one row.
    pub async fn fetch_one<T: Record>(self, conn: &mut Conn) -> Result<T> {
        let text = self.text.clone();
        self.fetch_optional(conn)
            .await?
            .ok_or_else(|| Error::internal(format!("no row where one was expected: {text}")))
    }

    /// Runs it; gives the one column of its one row.
    ///
    /// # Errors
    /// As [`Sql::fetch_one`].
    pub async fn scalar<T: FromValue>(self, conn: &mut Conn) -> Result<T> {
        Ok(self.fetch_one::<(T,)>(conn).await?.0)
    }
}
