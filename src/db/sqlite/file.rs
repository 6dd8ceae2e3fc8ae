//! The database's file, those beside it, and the folder around them.

use std::{
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// How long a statement waits for another process that holds the write lock: short, since it blocks a worker. The
/// transaction is tried again after a pause that does not.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);
/// How long the log grows before it goes into the file, in pages.
pub(super) const LOG_PAGES: i64 = 4_000;
const STATEMENTS: usize = 256;
/// Most of the file that a reader maps, in bytes: all of it, where `SQLite` was built as `.cargo/config.toml` says.
const MAPPED: i64 = 1 << 40;
/// All that means something in a URI.
const PLAIN: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Makes a folder whose name outlives a power cut: what is synced inside a lost folder is lost with it.
pub(super) fn make(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make(parent)?;
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    std::fs::File::open(parent)?.sync_all()
}

/// The file that `SQLite` keeps beside this one: `-wal` holds what is not in the file yet.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The path as `SQLite` reads it in a URI.
pub(super) fn uri(path: &Path, options: &str) -> PathBuf {
    let text = percent_encoding::percent_encode(path.as_os_str().as_bytes(), PLAIN);
    let root = if path.is_absolute() { "//" } else { "" };
    format!("file:{root}{text}?{options}").into()
}

/// Opens a connection.
pub(super) fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    if access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // Whoever is told of a commit must find it again after a power cut.
        conn.pragma_update(None, "journal_mode", "wal")?;
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        // What a savepoint can undo. In a file, all but the first pages of it would be written there at each of them.
        conn.pragma_update(None, "temp_store", "memory")?;
    }
    conn.pragma_update(None, "foreign_keys", "on")?;
    conn.pragma_update(None, "trusted_schema", "off")?;
    // A plan that looks at what is bound (to a `limit`, above all) is made anew each time a statement runs.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(conn)
}

/// Lets a reader map the file.
pub(super) fn map(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "mmap_size", MAPPED)
}
