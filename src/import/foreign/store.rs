//! The SQL that reads another service's table. It names no column: what there is is asked.

use serde_json::{Map, Value};

use crate::{
    db::{Conn, sql},
    error::Result,
    record,
};

pub(super) async fn columns(conn: &mut Conn) -> Result<Vec<String>> {
    let columns = sql("select column_name::text from information_schema.columns
                       where table_schema = current_schema() and table_name = 'users' order by ordinal_position");
    Ok(columns.fetch_all::<(String,)>(conn).await?.into_iter().map(|row| row.0).collect())
}

record! {
    /// What the rows of the table stand in: itself, its partitions, and the tables that inherit from it.
    pub(super) struct Extent {
        /// How many of these there are.
        pub parts: i64,
        /// How many of them are no tables of that server, so that their rows stand in no blocks there.
        pub strange: i64,
        /// Of all of them together, in bytes.
        pub length: i64,
        /// Of the longest one.
        pub longest: i64,
        /// The length of a block.
        pub block: i64,
    }
}

pub(super) async fn extent(conn: &mut Conn) -> Result<Extent> {
    sql("with recursive part (id) as (
             select 'users'::regclass::oid
             union
             select i.inhrelid from pg_inherits i join part on i.inhparent = part.id
         )
         select count(*), count(*) filter (where c.relkind not in ('r', 'p', 'm')),
                coalesce(sum(pg_relation_size(c.oid)), 0)::bigint, coalesce(max(pg_relation_size(c.oid)), 0)::bigint,
                current_setting('block_size')::bigint
         from part join pg_class c on c.oid = part.id")
    .fetch_one(conn)
    .await
}

/// The rows that stand in blocks from `from` to before `to`, of each part.
pub(super) async fn rows(conn: &mut Conn, from: i64, to: i64) -> Result<Vec<Map<String, Value>>> {
    let rows = sql("select to_jsonb(u) from users u
                    where u.ctid >= ('(' || $1 || ',0)')::tid and u.ctid < ('(' || $2 || ',0)')::tid
                    order by u.tableoid, u.ctid");
    let rows = rows.bind(from.to_string()).bind(to.to_string()).fetch_all::<(Map<String, Value>,)>(conn).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
