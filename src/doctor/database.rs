//! The database: there, sound, ours, up to date.

use std::{fs, io::Read, path::Path};

use super::{Finding, file, store};
use crate::{
    account,
    app::App,
    config::{Config, DatabaseUrl},
    db::{Db, Engine, MIGRATIONS, OLDEST_POSTGRES, beside},
    error::{Code, Error},
};

/// A write-ahead log longer than this is held by somebody.
const LONG_LOG: u64 = 1024 * 1024 * 1024;

/// A database that can be read, and whether it is up to date.
pub(super) struct State {
    pub db: Db,
    pub is_current: bool,
}

pub(super) async fn examine(config: &Config) -> (Vec<Finding>, Option<State>) {
    if let DatabaseUrl::Sqlite(path) = &config.database.url
        && !path.exists()
    {
        let text = format!("{} is not there yet; the first start makes it.", path.display());
        return (vec![Finding::ok("database", text)], None);
    }
    let (mut found, db) = match open(config).await {
        Ok(opened) => opened,
        Err(finding) => return (vec![finding], None),
    };
    let schema = schema(&db).await;
    let is_current = schema.is_ok();
    found.push(schema.unwrap_or_else(|finding| finding));
    if is_current {
        found.push(superadmin(&db).await);
    }
    (found, Some(State { db, is_current }))
}

async fn open(config: &Config) -> Result<(Vec<Finding>, Db), Finding> {
    let db = App::look(config).map_err(|error| unreachable(config, &error))?;
    match &config.database.url {
        DatabaseUrl::Sqlite(path) => Ok((sqlite(path, &db).await.map_err(|error| unreachable(config, &error))?, db)),
        DatabaseUrl::Postgres(_) => {
            let (text, number) = store::version(&mut db.read()).await.map_err(|error| unreachable(config, &error))?;
            if number / 10_000 < i64::from(OLDEST_POSTGRES) {
                let cure = format!("Move to PostgreSQL {OLDEST_POSTGRES} or newer.");
                return Err(Finding::fault("database", format!("The server is PostgreSQL {text}."), cure));
            }
            Ok((vec![Finding::ok("database", format!("PostgreSQL {text} answers at {}.", config.database.url))], db))
        }
    }
}

fn unreachable(config: &Config, error: &Error) -> Finding {
    let cause = error.cause().unwrap_or(error.text());
    let text = format!("The database {} cannot be used: {cause}.", config.database.url);
    let cure = match &config.database.url {
        DatabaseUrl::Sqlite(_) => {
            "If it is no database at all, set DATABASE_URL or DATA_DIR right. If it is damaged, put a backup in its place."
        }
        DatabaseUrl::Postgres(_) => {
            "See that PostgreSQL runs there and lets this user in (psql with the same URL tells), and that DATABASE_URL \
             names the right host, port, database, user, password and sslmode."
        }
    };
    Finding::fault("database", text, cure)
}

async fn sqlite(path: &Path, db: &Db) -> Result<Vec<Finding>, Error> {
    let shown = path.display();
    let mut found = vec![match store::quick_check(&mut db.read()).await? {
        verdict if verdict == "ok" => Finding::ok("database", format!("{shown} is sound.")),
        verdict => Finding::fault(
            "database",
            format!("{shown} is damaged: {verdict}."),
            "Keep a copy of it as it is, put a backup in its place, and have the disk and the memory tested.",
        ),
    }];
    if let Err(why) = file::writable(path) {
        found.push(Finding::fault(
            "database",
            format!("{shown} cannot be written to: {why}."),
            "Give it to the user whom the service runs as (chown), with mode 600.",
        ));
    }
    if !is_wal(path) {
        found
            .push(Finding::ok("journal", "There is no write-ahead log yet, as in a backup; the next start makes one."));
    }
    match fs::metadata(beside(path, "-wal")).map(|log| log.len()) {
        Ok(length @ LONG_LOG..) => found.push(Finding::warning(
            "journal",
            format!("The write-ahead log has {} MiB.", length / 1024 / 1024),
            "Look for somebody who reads the file for hours, a backup or an open sqlite3 shell, and end him.",
        )),
        Ok(length) => found.push(Finding::ok("journal", format!("The write-ahead log has {} KiB.", length / 1024))),
        Err(_) => {}
    }
    Ok(found)
}

/// Byte 18 of the file's head: 2 where it is written by way of a log (SQLite, Database File Format, 1.3).
fn is_wal(path: &Path) -> bool {
    let mut head = [0u8; 20];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head[18] == 2
}

async fn schema(db: &Db) -> Result<Finding, Finding> {
    match db.pending(MIGRATIONS).await {
        Ok(pending) if pending.is_empty() => Ok(Finding::ok("schema", "The schema is up to date.")),
        Ok(pending) => Err(Finding::warning(
            "schema",
            format!("The schema is not up to date: {} to be applied.", pending.join(", ")),
            "Run 'denizen migrate', or start the server, which does it too.",
        )),
        Err(error) if error.code() == Code::Conflict => Err(Finding::fault(
            "schema",
            error.text(),
            match db.engine() {
                Engine::Sqlite => "Set DATABASE_URL or DATA_DIR to Denizen's own file.",
                Engine::Postgres => "Set DATABASE_SCHEMA or DATABASE_URL to a place of Denizen's own.",
            },
        )),
        Err(error) => {
            Err(Finding::fault("schema", error.cause().unwrap_or(error.text()), "Correct what is told above."))
        }
    }
}

async fn superadmin(db: &Db) -> Finding {
    match account::has_superadmin(&mut db.read()).await {
        Ok(true) => Finding::ok("superadmin", "There is a superadmin."),
        Ok(false) => Finding::warning(
            "superadmin",
            "There is no superadmin yet.",
            "Start the server: it prints a setup command that works once. Or 'denizen user create --role superadmin ..'.",
        ),
        Err(error) => {
            Finding::fault("superadmin", error.cause().unwrap_or(error.text()), "See the database's own log.")
        }
    }
}
