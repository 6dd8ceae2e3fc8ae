//! The contract of the engine room: the same statement means the same on both engines.

mod migrations;
mod statements;
mod tls;
mod transactions;
mod trouble;

use denizen::db::{Db, Migration, Tx, sql};

use crate::kit::TestApp;

const TABLE: &str = "
create table if not exists scratch (
    id {int} not null primary key, b {bool}, n {int}, t {text}, y {bytes}, u {uuid}, z {time}, j {json}
) {table};
create unique index if not exists scratch_n_t on scratch (n, t);";

const SCRATCH: Migration = Migration { version: 1_000, name: "scratch", text: (TABLE, TABLE) };

/// The database with a table to try things in.
async fn scratch(app: &TestApp) -> Db {
    let db = app.app.db.clone();
    assert_eq!(db.migrate(&[SCRATCH]).await.unwrap(), ["scratch"]);
    db
}

async fn insert(tx: &mut Tx, id: i64) -> denizen::error::Result<u64> {
    sql("insert into scratch (id) values ($1)").bind(id).execute(tx).await
}

async fn count(db: &Db) -> i64 {
    sql("select count(*) from scratch").scalar(&mut db.read()).await.unwrap()
}
