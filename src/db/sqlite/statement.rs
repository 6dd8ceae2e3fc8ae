//! A statement on a connection, and what its failure means.

use rusqlite::{Connection, ErrorCode, ffi, types::ValueRef};

use crate::db::{
    Value, dialect,
    error::Failure,
    sql::{Outcome, Sql},
};

/// Runs it, and reads all of its rows.
pub(super) fn run(conn: &Connection, statement: &Sql) -> Result<Outcome, Failure> {
    let mut prepared = conn.prepare_cached(&statement.text).map_err(|e| failure(&e))?;
    let mut used = 0;
    for index in 1..=prepared.parameter_count() {
        // `$2` may be the first parameter that SQLite sees: go by the name.
        let number = prepared.parameter_name(index).and_then(|name| name[1..].parse::<usize>().ok()).unwrap_or(0);
        let value = number.checked_sub(1).and_then(|n| statement.binds.get(n)).ok_or_else(|| binds(statement))?;
        used = used.max(number);
        bind(&mut prepared, index, value).map_err(|e| failure(&e))?;
    }
    if used != statement.binds.len() {
        return Err(binds(statement));
    }
    let width = prepared.column_count();
    let mut rows = Vec::new();
    let mut cursor = prepared.raw_query();
    while let Some(row) = cursor.next().map_err(|e| failure(&e))? {
        let mut cells = Vec::with_capacity(width);
        for n in 0..width {
            cells.push(cell(row.get_ref(n).map_err(|e| failure(&e))?)?);
        }
        rows.push(cells);
    }
    drop(cursor);
    let affected = if width == 0 { conn.changes() } else { rows.len() as u64 };
    Ok(Outcome { rows, affected })
}

fn binds(statement: &Sql) -> Failure {
    Failure::internal(format!("{} binds do not fit: {}", statement.binds.len(), statement.text))
}

pub(in crate::db) fn bind(prepared: &mut rusqlite::Statement<'_>, index: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::Null => prepared.raw_bind_parameter(index, rusqlite::types::Null),
        Value::Bool(v) => prepared.raw_bind_parameter(index, v),
        Value::Int(v) => prepared.raw_bind_parameter(index, v),
        Value::Text(v) => prepared.raw_bind_parameter(index, v),
        Value::Bytes(v) => prepared.raw_bind_parameter(index, v),
        Value::Uuid(v) => prepared.raw_bind_parameter(index, v.as_bytes().as_slice()),
        Value::Time(v) => prepared.raw_bind_parameter(index, v.micros()),
        Value::Json(v) => prepared.raw_bind_parameter(index, serde_json::to_string(v).unwrap_or_default()),
    }
}

fn cell(value: ValueRef<'_>) -> Result<Value, Failure> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Int(v),
        ValueRef::Text(v) => {
            Value::Text(std::str::from_utf8(v).map_err(|_| Failure::internal("stored text is not UTF-8"))?.to_owned())
        }
        ValueRef::Blob(v) => Value::Bytes(v.to_vec()),
        ValueRef::Real(_) => return Err(Failure::internal("a real number where none is stored")),
    })
}

pub(in crate::db) fn failure(error: &rusqlite::Error) -> Failure {
    let Some(code) = error.sqlite_error() else { return Failure::internal(error) };
    match (code.code, code.extended_code) {
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Failure::retry(error),
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => Failure::unique(&dialect::unique_index(message)),
            _ => Failure::internal(error),
        },
        // The second is a quota, or a file system that has no other word for it; the third a log that cannot be indexed.
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => Failure::full(error),
        (
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied,
            _,
        ) => Failure::unavailable(error),
        _ => Failure::internal(error),
    }
}
