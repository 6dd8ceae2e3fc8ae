//! Asking the database whether it is there.

use crate::{
    db::{Conn, sql},
    error::Result,
};

pub(super) async fn ping(conn: &mut Conn) -> Result<()> {
    sql("select 1").scalar::<i64>(conn).await.map(|_| ())
}
