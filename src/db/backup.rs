//! A copy of a `SQLite` database, made while others write to it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::sqlite::beside;
use crate::error::{Code, Error, Result};

/// Pages copied between two reports.
const PAGES: i32 = 2_000;

/// What becomes of a file that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the copy is not made.
    Keep,
    /// The copy takes its place, once it is whole.
    Replace,
}

/// Copies the database at `from`, as it is at this instant, to `to`; gives the length in bytes. `progress` is told how
/// far it is, in pages: `(copied, of)`.
///
/// The copy is one file of mode 0600. It is made beside `to` under the ending `.partial`, examined, synced, and renamed
/// only then: there is never half a copy under the right name. Writers go on meanwhile.
///
/// It blocks its thread for as long as it takes.
///
/// # Errors
/// `conflict` with a text that says what to do: the target is there or cannot be written, another copy is under way, or
/// the copy is not sound.
pub fn backup(from: &Path, to: &Path, existing: Existing, mut progress: impl FnMut(u64, u64)) -> Result<u64> {
    if !from.is_file() {
        let text =
            "There is no database at {}. Set DATABASE_URL or DATA_DIR as the server has them: see 'denizen config'.";
        return Err(Error::new(Code::Conflict).detail(text.replace("{}", &from.display().to_string())));
    }
    refuse(to, existing)?;
    let draft = Draft::new(to)?;
    copy(from, &draft.path, &mut progress).map_err(|e| failed(to, &e))?;
    examine(&draft.path)?;
    refuse(to, existing)?;
    draft.keep(to).map_err(|e| failed(to, &e))
}

/// The file under way. What is left of it is removed.
struct Draft {
    path: PathBuf,
    file: fs::File,
    is_kept: bool,
}

impl Draft {
    fn new(to: &Path) -> Result<Self> {
        let path = beside(to, ".partial");
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|e| failed(to, &e))?;
        // Whoever had the lock may have renamed this very file to his finished copy meanwhile.
        let is_ours = file.try_lock().is_ok() && inode(&path) == file.metadata().ok().map(|file| file.ino());
        if !is_ours {
            let path = path.display();
            return Err(Error::new(Code::Conflict)
                .detail(format!("Another backup writes to {path} just now. Wait for it, or name another file.")));
        }
        // Of a backup that died.
        file.set_len(0).map_err(|e| failed(to, &e))?;
        Ok(Self { path, file, is_kept: false })
    }

    fn keep(mut self, to: &Path) -> std::io::Result<u64> {
        self.file.sync_all()?;
        fs::rename(&self.path, to)?;
        self.is_kept = true;
        // A name that is not synced may be gone after a power cut.
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()?;
        Ok(self.file.metadata()?.len())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for ending in ["", "-journal", "-wal", "-shm"].into_iter().filter(|_| !self.is_kept) {
            let _ = fs::remove_file(beside(&self.path, ending));
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.ino())
}

fn refuse(to: &Path, existing: Existing) -> Result<()> {
    if existing == Existing::Replace || !to.exists() {
        return Ok(());
    }
    Err(Error::new(Code::Conflict).detail(format!(
        "{} is there already, so nothing was done. Name another file, or say --force to replace it.",
        to.display()
    )))
}

fn copy(from: &Path, to: &Path, progress: &mut impl FnMut(u64, u64)) -> rusqlite::Result<()> {
    // As one of those who work on it, so that the log is read too. (Whoever may only read opens it all the same.)
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.busy_timeout(std::time::Duration::from_secs(5))?;
    // One view of the database for all steps: without it, each write of somebody else would begin the copy anew.
    source.execute_batch("begin; select count(*) from sqlite_schema")?;
    let mut target = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let copying = Backup::new(&source, &mut target)?;
    while copying.step(PAGES)? != StepResult::Done {
        let done = copying.progress();
        let [left, of] = [done.remaining, done.pagecount].map(|pages| u64::try_from(pages).unwrap_or(0));
        progress(of.saturating_sub(left), of);
    }
    drop(copying);
    // One file, which can be carried away. A server that opens it makes a log beside it again.
    target.pragma_update(None, "journal_mode", "delete")
}

fn examine(copy: &Path) -> Result<()> {
    let conn = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|e| failed(copy, &e))?;
    let verdict: String =
        conn.query_row("pragma integrity_check(1)", [], |row| row.get(0)).map_err(|e| failed(copy, &e))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(Error::new(Code::Conflict).detail(format!(
        "The copy is damaged ({verdict}), so it was removed. Most likely the database is: run 'denizen doctor', and \
         keep your older backups."
    )))
}

fn failed(to: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::new(Code::Conflict).detail(format!(
        "The backup to {} failed: {cause}. Name a file in a folder that can be written to and has room for it.",
        to.display()
    ))
}
