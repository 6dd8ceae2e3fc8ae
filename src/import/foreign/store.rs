//! The SQL that reads another service's table. It names no column: what there is is asked.

use serde_json::{Map, Value};

use crate::{
    db::{Conn, sql},
    error::Result,
};

pub(super) async fn columns(conn: &mut Conn) -> Result<Vec<String>> {
    let columns = sql("select column_name::text from information_schema.columns
                       where table_schema = current_schema() and table_name = 'users' order by ordinal_position");
    Ok(columns.fetch_all::<(String,)>(conn).await?.into_iter().map(|row| row.0).collect())
}

/// Its length and that of a block, in bytes.
pub(super) async fn size(conn: &mut Conn) -> Result<(i64, i64)> {
    sql("select pg_relation_size('users'), current_setting('block_size')::bigint").fetch_one(conn).await
}

/// The rows that stand in blocks from `from` to before `to`.
pub(super) async fn rows(conn: &mut Conn, from: i64, to: i64) -> Result<Vec<Map<String, Value>>> {
    let rows = sql("select to_jsonb(u) from users u
                    where u.ctid >= ('(' || $1 || ',0)')::tid and u.ctid < ('(' || $2 || ',0)')::tid order by u.ctid");
    let rows = rows.bind(from.to_string()).bind(to.to_string()).fetch_all::<(Map<String, Value>,)>(conn).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
