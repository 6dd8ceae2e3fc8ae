//! A fresh database for a test, and what makes it hostile.

use std::{path::PathBuf, sync::Arc};

use denizen::db::{Engine, Place};
use tempfile::TempDir;
use tokio_postgres::{NoTls, error::SqlState};

/// A fresh database. Copies share it; the last one takes it away.
#[derive(Clone)]
pub struct Database(Arc<Fresh>);

struct Fresh {
    engine: Engine,
    folder: TempDir,
    /// `DATA_DIR`: the folder, or one below it that is not there yet.
    data: PathBuf,
    /// Where the `PostgreSQL` server is.
    url: String,
    /// The schema on `PostgreSQL`.
    schema: String,
}

/// One write statement in so many fails with 40001 under `TEST_PROFILE=serializable`.
const ONE_IN: u32 = 100;

impl Database {
    pub fn new(engine: Engine) -> Self {
        let url = if engine == Engine::Postgres { server() } else { String::new() };
        Self::made(engine, "", url)
    }

    /// On `SQLite`, with a `DATA_DIR` that is not there yet.
    pub fn without_folder() -> Self {
        Self::made(Engine::Sqlite, "data", String::new())
    }

    /// On a `PostgreSQL` server of one's own.
    pub fn on_server(url: String) -> Self {
        Self::made(Engine::Postgres, "", url)
    }

    fn made(engine: Engine, below: &str, url: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().file_name().unwrap().to_string_lossy().to_lowercase();
        let schema = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>();
        let data = folder.path().join(below).components().collect();
        Self(Arc::new(Fresh { engine, folder, data, url, schema: format!("t{schema}") }))
    }

    pub fn engine(&self) -> Engine {
        self.0.engine
    }

    /// The folder that is this node's `DATA_DIR`.
    pub fn folder(&self) -> PathBuf {
        self.0.data.clone()
    }

    /// The folder that holds all of it, `DATA_DIR` too.
    pub fn root(&self) -> PathBuf {
        self.0.folder.path().to_owned()
    }

    /// Where it is, for an engine of its own.
    pub fn place(&self) -> Place {
        match self.0.engine {
            Engine::Sqlite => Place::Sqlite(self.folder().join("denizen.db")),
            Engine::Postgres => {
                Place::Postgres { url: self.0.url.clone(), schema: Some(self.0.schema.clone()), pool_size: 4 }
            }
        }
    }

    /// The settings that lead here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("DATA_DIR", self.folder().display().to_string())];
        if self.0.engine == Engine::Postgres {
            settings.push(("DATABASE_URL", self.0.url.clone()));
            settings.push(("DATABASE_SCHEMA", self.0.schema.clone()));
            settings.push(("DB_POOL_SIZE", "10".into()));
            settings.push(("DB_MAX_OVERFLOW", "0".into()));
            settings.push(("MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()));
        }
        settings
    }

    /// Under `TEST_PROFILE=serializable`: now and then a write fails as if another one had been in the way.
    pub async fn make_hostile(&self) {
        if self.0.engine == Engine::Sqlite || variable("TEST_PROFILE").as_deref() != Some("serializable") {
            return;
        }
        // Another node of this database has been here. Each statement locks one table alone: two would invite a deadlock
        // with whoever is serving.
        let client = self.postgres().await;
        if client.query_one("select to_regproc('hostile') is not null", &[]).await.unwrap().get(0) {
            return;
        }
        let function = format!(
            "create function hostile() returns trigger language plpgsql as $f$ begin
                 if current_setting('application_name') = 'denizen' and random() < 1.0 / {ONE_IN} then
                     raise exception 'injected' using errcode = '40001';
                 end if;
                 return null;
             end $f$"
        );
        client.batch_execute(&function).await.unwrap();
        let tables = "select quote_ident(tablename) from pg_tables where schemaname = current_schema()";
        for table in client.query(tables, &[]).await.unwrap() {
            let table: &str = table.get(0);
            let trigger = format!(
                "create trigger hostile before insert or update or delete on {table}
                     for each statement execute function hostile()"
            );
            client.batch_execute(&trigger).await.unwrap();
        }
        // Some hear it of their commit, when every statement was answered well: one in as many transactions, however many
        // rows each of them has.
        let late = format!(
            "create function hostile_late() returns trigger language plpgsql as $f$ begin
                 if current_setting('application_name') = 'denizen'
                     and coalesce(current_setting('hostile.draw', true), '') = ''
                 then
                     perform set_config('hostile.draw', 'made', true);
                     if random() < 1.0 / {ONE_IN} then
                         raise exception 'injected' using errcode = '40001';
                     end if;
                 end if;
                 return null;
             end $f$;
             create constraint trigger hostile_late after insert on events_pending
                 deferrable initially deferred for each row execute function hostile_late()"
        );
        client.batch_execute(&late).await.unwrap();
    }

    /// Has every insert into a table fail, as a mistake of ours would.
    pub async fn forbid(&self, table: &str) {
        let text = match self.0.engine {
            Engine::Sqlite => {
                format!("create trigger forbidden before insert on {table} begin select raise(abort, 'forbidden'); end")
            }
            Engine::Postgres => format!(
                "create function forbidden() returns trigger language plpgsql as $f$ begin
                     raise exception 'forbidden' using errcode = 'XX000'; end $f$;
                 create trigger forbidden before insert on {table} for each statement execute function forbidden()"
            ),
        };
        self.execute(&text).await;
    }

    /// Takes back what [`Database::forbid`] did.
    pub async fn allow(&self, table: &str) {
        match self.0.engine {
            Engine::Sqlite => self.execute("drop trigger forbidden").await,
            Engine::Postgres => {
                self.execute(&format!("drop trigger forbidden on {table}; drop function forbidden()")).await;
            }
        }
    }

    /// Takes back what [`Database::make_hostile`] did.
    pub async fn make_calm(&self) {
        if self.0.engine == Engine::Postgres {
            self.execute("drop function if exists hostile(), hostile_late() cascade").await;
        }
    }

    /// Runs SQL behind the application's back.
    pub async fn execute(&self, text: &str) {
        if self.0.engine == Engine::Sqlite {
            return self.sqlite().execute_batch(text).unwrap();
        }
        let client = self.postgres().await;
        // All of a text is one transaction, which may meet one of the application's.
        while let Err(error) = client.batch_execute(text).await {
            assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{text}: {error}");
        }
    }

    /// Asks for one number behind the application's back.
    pub async fn number(&self, text: &str) -> i64 {
        self.numbers(&[text]).await[0]
    }

    /// Asks for one number in each of these, all of the same instant.
    pub async fn numbers(&self, texts: &[&str]) -> Vec<i64> {
        match self.0.engine {
            Engine::Sqlite => {
                let conn = self.sqlite();
                conn.execute_batch("begin").unwrap();
                texts.iter().map(|text| conn.query_row(text, [], |row| row.get(0)).unwrap()).collect()
            }
            Engine::Postgres => {
                let client = self.postgres().await;
                client.batch_execute("begin isolation level repeatable read").await.unwrap();
                let mut numbers = Vec::new();
                for text in texts {
                    numbers.push(client.query_one(*text, &[]).await.unwrap().get(0));
                }
                client.batch_execute("commit").await.unwrap();
                numbers
            }
        }
    }

    /// Every text of every column of every table, behind the application's back. Bytes are told as texts too.
    pub async fn texts(&self) -> Vec<String> {
        match self.0.engine {
            Engine::Sqlite => {
                let conn = self.sqlite();
                let mut tables = conn.prepare("select name from sqlite_schema where type = 'table'").unwrap();
                let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
                names.flat_map(|name| sqlite_texts(&conn, &name)).collect()
            }
            Engine::Postgres => {
                let client = self.postgres().await;
                let columns = "select format('select %s::text as text from %I',
                        case data_type when 'bytea' then format('encode(%I, ''escape'')', column_name)
                            else quote_ident(column_name) end, table_name)
                    from information_schema.columns where table_schema = current_schema()";
                let mut texts = Vec::new();
                for column in client.query(columns, &[]).await.unwrap() {
                    let rows = client.query(column.get::<_, &str>(0), &[]).await.unwrap();
                    texts.extend(rows.iter().filter_map(|row| row.get::<_, Option<String>>(0)));
                }
                texts
            }
        }
    }

    /// A connection of one's own to the tables.
    pub async fn postgres(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.0.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("set search_path = {}", self.0.schema)).await.unwrap();
        client
    }

    /// A connection of one's own to the file.
    pub fn sqlite(&self) -> rusqlite::Connection {
        let conn = rusqlite::Connection::open(self.folder().join("denizen.db")).unwrap();
        conn.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        conn
    }
}

fn sqlite_texts(conn: &rusqlite::Connection, table: &str) -> Vec<String> {
    use rusqlite::types::ValueRef;
    let mut rows = conn.prepare(&format!("select * from \"{table}\"")).unwrap();
    let (width, mut texts) = (rows.column_count(), Vec::new());
    let mut rows = rows.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..width {
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column).unwrap() {
                texts.push(String::from_utf8_lossy(bytes).into_owned());
            }
        }
    }
    texts
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.engine == Engine::Sqlite {
            return;
        }
        let drop = format!("drop schema if exists {} cascade", self.schema);
        let url = self.url.clone();
        // The test's runtime may be gone or busy ending: a thread with its own waits for nobody.
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                // A server of its own may have been stopped before.
                let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else { return };
                tokio::spawn(connection);
                let _ = client.batch_execute(&drop).await;
            });
        });
        let _ = ended.join();
    }
}

/// The `PostgreSQL` server that `./test` started.
pub fn server() -> String {
    let url = variable("TEST_POSTGRES_URL");
    url.expect("TEST_POSTGRES_URL names no PostgreSQL server: run the tests by ./test, which starts one")
}

/// What whoever runs the tests asks for.
#[expect(clippy::disallowed_methods, reason = "the tests have no settings but these")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
