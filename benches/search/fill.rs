//! Puts the people into a database, past the service's verbs, which would take much longer: rows in bulk, the large
//! index behind them. What comes of it is what the service would have made, but for the log.

use std::{path::Path, pin::pin, time::Instant};

use denizen::{
    app::App,
    db::{Engine, Value, sql},
};
use futures_util::SinkExt;
use rusqlite::types::Value as Cell;

use super::{
    people::{self, TABLES},
    place::Place,
};

const BATCH: usize = 20_000;

/// Fills a database up to so many people.
pub async fn fill(app: &App, place: &Place, size: u64) {
    let known: i64 = sql("select count(*) from search_users").long().scalar(&mut app.db.read()).await.unwrap();
    if known.unsigned_abs() >= size {
        return;
    }
    assert_eq!(known, 0, "this database was not filled to its end: remove it");
    let begun = Instant::now();
    match app.db.engine() {
        Engine::Sqlite => sqlite(&place.folder.join("denizen.db"), size),
        Engine::Postgres => postgres(&place.url, &place.schema, size).await,
    }
    eprintln!("  {size} people in {:.0} s", begun.elapsed().as_secs_f64());
}

fn sqlite(path: &Path, size: u64) {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch(
        "pragma synchronous = off; pragma cache_size = -400000; begin;
         insert into search_grams (search_grams, rank) values ('hashsize', 50000000);",
    )
    .unwrap();
    // An index that is made at the end is sorted once.
    let indexes = "select name, sql from sqlite_master where type = 'index' and sql is not null
                   and tbl_name in ('users', 'search_users')";
    let indexes: Vec<(String, String)> = {
        let mut found = conn.prepare(indexes).unwrap();
        found.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    for (name, _) in &indexes {
        conn.execute_batch(&format!("drop index {name}")).unwrap();
    }
    let texts = TABLES.map(|(table, columns)| {
        let columns = columns.replace("doc, grams", "rowid, grams");
        let places = vec!["?"; columns.split(", ").count()].join(", ");
        format!("insert into {table} ({columns}) values ({places})")
    });
    for (user, doc) in people::people(size) {
        for (text, row) in texts.iter().zip(people::rows(&user, doc)) {
            let cells = row.into_iter().map(|value| match value {
                Value::Null => Cell::Null,
                Value::Bool(v) => i64::from(v).into(),
                Value::Int(v) => v.into(),
                Value::Text(v) => v.into(),
                Value::Bytes(v) => v.into(),
                Value::Uuid(v) => v.as_bytes().to_vec().into(),
                Value::Time(v) => v.micros().into(),
                Value::Json(_) => "{}".to_owned().into(),
            });
            conn.prepare_cached(text).unwrap().execute(rusqlite::params_from_iter(cells)).unwrap();
        }
        if doc % 100_000 == 0 {
            conn.execute_batch("commit; pragma wal_checkpoint(truncate); begin").unwrap();
        }
    }
    for (_, text) in indexes {
        conn.execute_batch(&text).unwrap();
    }
    conn.execute_batch(
        "insert into search_grams (search_grams, rank) values ('hashsize', 1048576); commit;
         pragma wal_checkpoint(truncate);",
    )
    .unwrap();
}

async fn postgres(url: &str, schema: &str, size: u64) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let begin = "set maintenance_work_mem = '1GB'; set synchronous_commit = off;";
    client.batch_execute(&format!("set search_path = {schema}; {begin}")).await.unwrap();
    // An index that is made at the end is sorted once. Primary keys stay.
    let indexes = "select indexname, indexdef from pg_indexes where schemaname = $1
                   and tablename in ('users', 'search_users', 'search_grams') and indexname not like '%_pkey'";
    let indexes = client.query(indexes, &[&schema]).await.unwrap();
    for index in &indexes {
        client.batch_execute(&format!("drop index {}", index.get::<_, &str>(0))).await.unwrap();
    }
    let mut crowd = people::people(size).peekable();
    while crowd.peek().is_some() {
        let mut texts = TABLES.map(|_| String::new());
        for (user, doc) in crowd.by_ref().take(BATCH) {
            for (text, row) in texts.iter_mut().zip(people::rows(&user, doc)) {
                let is_set = row.len() == 2;
                let cells = row.into_iter().map(|value| match value {
                    Value::Null => "\\N".into(),
                    Value::Bool(v) => v.to_string(),
                    Value::Int(v) => v.to_string(),
                    Value::Text(v) if is_set => format!("{{{}}}", v.replace(' ', ",")),
                    Value::Text(v) => v,
                    Value::Uuid(v) => v.to_string(),
                    Value::Time(v) => v.to_string(),
                    Value::Json(_) => "{}".into(),
                    Value::Bytes(_) => unreachable!("no column holds bytes"),
                });
                text.push_str(&cells.collect::<Vec<_>>().join("\t"));
                text.push('\n');
            }
        }
        for ((table, columns), text) in TABLES.into_iter().zip(texts) {
            let mut sink = pin!(client.copy_in(&format!("copy {table} ({columns}) from stdin")).await.unwrap());
            sink.send(bytes::Bytes::from(text)).await.unwrap();
            sink.close().await.unwrap();
        }
    }
    for index in &indexes {
        client.batch_execute(index.get(1)).await.unwrap();
    }
    let number = "select setval(pg_get_serial_sequence('search_users', 'doc'), (select max(doc) from search_users))";
    client.batch_execute(number).await.unwrap();
    for (table, _) in TABLES {
        client.batch_execute(&format!("vacuum analyze {table}")).await.unwrap();
    }
}
