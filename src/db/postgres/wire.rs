//! Values in `PostgreSQL`'s binary format.

use std::error::Error as StdError;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{TryStreamExt, pin_mut};
use postgres_types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{CopyInSink, RowStream, binary_copy::BinaryCopyInWriter};
use uuid::Uuid;

use super::failure;
use crate::{
    clock::Time,
    db::{error::Failure, load::Load, sql::Outcome, value::Value},
};

/// 2000-01-01, from which `PostgreSQL` counts, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// Takes all rows of an answer.
pub(super) async fn collect(stream: RowStream) -> Result<Outcome, Failure> {
    pin_mut!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await.map_err(|e| failure(&e))? {
        let mut cells = Vec::with_capacity(row.len());
        for n in 0..row.len() {
            cells.push(row.try_get(n).map_err(|e| failure(&e))?);
        }
        rows.push(cells);
    }
    let affected = stream.rows_affected().unwrap_or(rows.len() as u64);
    Ok(Outcome { rows, affected })
}

/// Sends all rows of a load.
pub(super) async fn copy(sink: CopyInSink<Bytes>, types: &[Type], load: &Load) -> Result<(), Failure> {
    let writer = BinaryCopyInWriter::new(sink, types);
    pin_mut!(writer);
    for row in &load.rows {
        if row.len() != types.len() {
            return Err(Failure::internal(format!("a row of {} does not fit its columns", load.table)));
        }
        writer.as_mut().write_raw(row).await.map_err(|e| failure(&e))?;
    }
    writer.finish().await.map_err(|e| failure(&e))?;
    Ok(())
}

/// An array of the numbers between blanks: its dimensions, nulls, type of elements, length and lower bound come first.
fn numbers(text: &str, out: &mut BytesMut) -> Result<(), Boxed> {
    let count = text.split_whitespace().count();
    for word in [i32::from(count > 0), 0, i32::try_from(Type::INT4.oid())?] {
        out.put_i32(word);
    }
    if count > 0 {
        out.put_i32(i32::try_from(count)?);
        out.put_i32(1);
    }
    for number in text.split_whitespace() {
        out.put_i32(4);
        out.put_i32(number.parse()?);
    }
    Ok(())
}

type Boxed = Box<dyn StdError + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
        match (self, ty) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Bool(v), &Type::BOOL) => out.put_u8(u8::from(*v)),
            (Self::Int(v), &Type::INT8) => out.put_i64(*v),
            (Self::Int(v), &Type::INT4) => out.put_i32(i32::try_from(*v)?),
            (Self::Text(v), &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME) => {
                out.put_slice(v.as_bytes());
            }
            (Self::Text(v), &Type::INT4_ARRAY) => numbers(v, out)?,
            (Self::Bytes(v), &Type::BYTEA) => out.put_slice(v),
            (Self::Uuid(v), &Type::UUID) => out.put_slice(v.as_bytes()),
            (Self::Time(v), &Type::TIMESTAMPTZ) => out.put_i64(v.micros() - EPOCH),
            (Self::Json(v), &Type::JSONB) => {
                out.put_u8(1);
                out.put_slice(&serde_json::to_vec(v)?);
            }
            (value, ty) => return Err(format!("{value:?} does not fit a parameter of type {ty}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Boxed> {
        Ok(match *ty {
            Type::BOOL => Self::Bool(bool::from_sql(ty, raw)?),
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            Type::UUID => Self::Uuid(Uuid::from_slice(raw)?),
            Type::TIMESTAMPTZ => Self::Time(Time::from_micros(i64::from_be_bytes(raw.try_into()?) + EPOCH)),
            Type::JSONB => Self::Json(serde_json::from_slice(raw.get(1..).unwrap_or_default())?),
            _ => Self::Text(String::from_utf8(raw.to_vec())?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Boxed> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::BOOL
                | Type::INT8
                | Type::INT4
                | Type::BYTEA
                | Type::UUID
                | Type::TIMESTAMPTZ
                | Type::JSONB
                | Type::TEXT
                | Type::VARCHAR
                | Type::BPCHAR
                | Type::NAME
        )
    }
}
