//! What the doctor asks the database. He only reads.

use crate::{
    clock::Time,
    db::{Conn, sql},
    error::Result,
};

/// The version of the server, and as one number.
pub(super) async fn version(conn: &mut Conn) -> Result<(String, i64)> {
    sql("select current_setting('server_version'), current_setting('server_version_num')::bigint").fetch_one(conn).await
}

/// The clock of the server.
pub(super) async fn now(conn: &mut Conn) -> Result<Time> {
    sql("select clock_timestamp()").scalar(conn).await
}

/// The first thing that is damaged in a file, or `ok`.
pub(super) async fn quick_check(conn: &mut Conn) -> Result<String> {
    sql("pragma quick_check(1)").long().scalar(conn).await
}
