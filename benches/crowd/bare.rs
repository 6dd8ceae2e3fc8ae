//! The limits: the same rows through the engine's own door, with nothing of the service around it.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    pin::pin,
    time::Instant,
};

use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::{Client, NoTls};

use super::super::{
    Bench, room,
    server::{Database, Engine},
};

const TABLE: &str = "create table bare_people (id text, first_name text, last_name text, email text, gender text,
                     ip_address text); create unique index bare_people_email on bare_people (email)";
/// Rows that are written in one transaction.
const ROWS: usize = 1_000;

/// Seconds to bring a file into a table of its own columns that has one index, durably.
pub fn load(bench: &Bench, engine: Engine, folder: &Path, file: &Path) -> f64 {
    match engine {
        Engine::Sqlite => load_sqlite(folder, file),
        Engine::Postgres => load_postgres(&bench.postgres, file),
    }
}

fn load_sqlite(folder: &Path, file: &Path) -> f64 {
    let begun = Instant::now();
    let mut conn = rusqlite::Connection::open(folder.join("bare.sqlite")).unwrap();
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    conn.pragma_update(None, "synchronous", "full").unwrap();
    conn.execute_batch(TABLE).unwrap();
    let mut reader = csv::Reader::from_path(file).unwrap();
    let mut records = reader.records().peekable();
    while records.peek().is_some() {
        let tx = conn.transaction().unwrap();
        let mut insert = tx.prepare_cached("insert into bare_people values (?, ?, ?, ?, ?, ?)").unwrap();
        for record in records.by_ref().take(ROWS) {
            insert.execute(rusqlite::params_from_iter(record.unwrap().iter())).unwrap();
        }
        drop(insert);
        tx.commit().unwrap();
    }
    begun.elapsed().as_secs_f64()
}

fn load_postgres(url: &str, file: &Path) -> f64 {
    room::runtime().block_on(async {
        let client = connect(url).await;
        let begun = Instant::now();
        client.batch_execute(TABLE).await.unwrap();
        let copy = client.copy_in::<_, bytes::Bytes>("copy bare_people from stdin (format csv, header)").await.unwrap();
        let mut copy = pin!(copy);
        for chunk in std::fs::read(file).unwrap().chunks(1 << 16) {
            copy.send(bytes::Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        copy.finish().await.unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        client.batch_execute("drop table bare_people").await.unwrap();
        seconds
    })
}

/// Seconds to write all columns of all users into a file, as the engine tells them.
pub fn unload(bench: &Bench, engine: Engine, database: &Database) -> f64 {
    let file = BufWriter::with_capacity(1 << 16, File::create(database.folder.join("bare.csv")).unwrap());
    match engine {
        Engine::Sqlite => unload_sqlite(&database.folder, file),
        Engine::Postgres => unload_postgres(bench, database, file),
    }
}

fn unload_sqlite(folder: &Path, mut file: BufWriter<File>) -> f64 {
    use rusqlite::types::ValueRef;
    let begun = Instant::now();
    let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let path = found.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "db")).unwrap();
    let conn = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut all = conn.prepare("select * from users order by id").unwrap();
    let width = all.column_count();
    let mut rows = all.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for n in 0..width {
            match row.get_ref(n).unwrap() {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => file.write_all(bytes).unwrap(),
                ValueRef::Integer(number) => write!(file, "{number}").unwrap(),
                ValueRef::Null | ValueRef::Real(_) => {}
            }
            file.write_all(if n + 1 == width { b"\n" } else { b"," }).unwrap();
        }
    }
    end(file);
    begun.elapsed().as_secs_f64()
}

fn unload_postgres(bench: &Bench, database: &Database, mut file: BufWriter<File>) -> f64 {
    let schema = &database.settings.iter().find(|(name, _)| name == "DATABASE_SCHEMA").unwrap().1;
    room::runtime().block_on(async {
        let client = connect(&bench.postgres).await;
        let begun = Instant::now();
        let copy = format!("copy (select * from {schema}.users order by id) to stdout (format csv)");
        let mut rows = pin!(client.copy_out(&copy).await.unwrap());
        while let Some(row) = rows.try_next().await.unwrap() {
            file.write_all(&row).unwrap();
        }
        end(file);
        begun.elapsed().as_secs_f64()
    })
}

/// Lets the server do at once what it does in the minutes behind an import: vacuum its tables, and write back their pages.
pub fn settle(bench: &Bench, engine: Engine) {
    if engine == Engine::Postgres {
        room::runtime().block_on(async {
            let client = connect(&bench.postgres).await;
            client.batch_execute("vacuum (analyze)").await.unwrap();
            client.batch_execute("checkpoint").await.unwrap();
        });
    }
}

fn end(file: BufWriter<File>) {
    file.into_inner().unwrap().sync_all().unwrap();
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&format!("{url}?sslmode=disable"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
