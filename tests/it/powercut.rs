//! The power-cut simulation is itself put to the test: it must find what is lost, and nothing else.
//!
//! The writers are this very binary, started again as [`writer`] under the shim and killed.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, Result, params};
use tempfile::TempDir;

use crate::kit::shadow::{Cut, Shadow};

/// How many of the newest rows the writer leaves in the table.
const ROWS: u32 = 300;

#[test]
fn synced_files_survive_and_others_do_not() {
    let place = Place::new();
    for name in ["overwritten", "replaced", "removed", "tail"] {
        fs::write(place.root.join(name), "old").unwrap();
    }
    place.run("files", 0, Cut::Clean);
    let held = |name: &str| fs::read_to_string(place.root.join(name)).ok();
    assert_eq!(held("created").as_deref(), Some("new"));
    assert_eq!(held("copied").as_deref(), Some("new"));
    assert_eq!(held("linked").as_deref(), Some("new"));
    assert_eq!(held("folder/inside").as_deref(), Some("new"));
    assert_eq!(held("replaced").as_deref(), Some("new"));
    assert_eq!(held("replaced.tmp"), None);
    let numbers: Vec<_> = (0..2_000).map(|n| format!("{n:08}")).collect();
    assert_eq!(held("threads"), Some(numbers.concat()));
    assert_eq!(held("tail").as_deref(), Some("old, synced"));
    assert_eq!(held("overwritten").as_deref(), Some("old"));
    assert_eq!(held("removed").as_deref(), Some("old"));
    assert_eq!(held("unnamed"), None);
}

#[test]
fn sqlite_full_loses_no_acknowledged_commit() {
    let place = Place::new();
    for cut in 0..200 {
        let acknowledged = place.run("FULL", cut, how(cut));
        let newest = newest(&place.root).unwrap_or_else(|error| panic!("cut {cut}: the database is damaged: {error}"));
        let expected = acknowledged..=acknowledged + 1;
        assert!(expected.contains(&newest), "cut {cut}: {acknowledged} was acknowledged, {newest} is there");
    }
}

#[test]
fn sqlite_normal_loses_commits_but_is_not_damaged() {
    let place = Place::new();
    let mut lost = 0;
    for cut in 0..40 {
        let acknowledged = place.run("NORMAL", cut, how(cut));
        match newest(&place.root) {
            Ok(newest) => lost += acknowledged.saturating_sub(newest),
            Err(error) => panic!("cut {cut}: the database is damaged: {error}"),
        }
    }
    assert!(lost > 0, "a commit that was never synced cannot survive every cut");
}

#[test]
fn sqlite_off_loses_commits_or_is_damaged() {
    let place = Place::new();
    let survived = (0..20).all(|cut| {
        let acknowledged = place.run("OFF", cut, how(cut));
        newest(&place.root).is_ok_and(|newest| newest >= acknowledged)
    });
    assert!(!survived, "what was never synced cannot survive every cut");
}

/// Every fourth cut is a clean one.
fn how(cut: u64) -> Cut {
    if cut.is_multiple_of(4) { Cut::Clean } else { Cut::Torn(cut) }
}

/// A watched folder, and beside it what the writer acknowledges.
struct Place {
    root: PathBuf,
    acks: PathBuf,
    _folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        fs::create_dir(&root).unwrap();
        Self { root, acks: folder.path().join("acks"), _folder: folder }
    }

    /// Starts a writer, kills it some time after its first acknowledgement, cuts the power. What it acknowledged last.
    fn run(&self, task: &str, cut: u64, how: Cut) -> u32 {
        fs::write(&self.acks, "").unwrap();
        let shadow = Shadow::over(&self.root).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["powercut::writer", "--exact", "--ignored"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("POWERCUT_TASK", task).env("POWERCUT_ROOT", &self.root).env("POWERCUT_ACKS", &self.acks);
        let mut child = shadow.watch(&mut command).spawn().unwrap();
        let started = Instant::now();
        while self.acknowledged().is_none() {
            assert!(started.elapsed() < Duration::from_secs(30), "the writer does nothing");
            assert!(child.try_wait().unwrap().is_none(), "the writer ended before it was killed");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(cut * 7_919 % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        shadow.cut(how).unwrap();
        self.acknowledged().unwrap()
    }

    fn acknowledged(&self) -> Option<u32> {
        fs::read_to_string(&self.acks).unwrap().lines().last().map(|line| line.parse().unwrap())
    }
}

/// The newest row, 0 before the first, if the database is whole.
fn newest(root: &Path) -> Result<u32, String> {
    let read = || -> Result<(String, u32, u32, u32)> {
        let db = Connection::open_with_flags(root.join("db"), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let verdict = db.query_row("pragma integrity_check", (), |row| row.get(0))?;
        if !db.table_exists(None, "rows")? {
            return Ok((verdict, 0, 0, 0));
        }
        let (newest, rows) =
            db.query_row("select coalesce(max(n), 0), count(*) from rows", (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let total = db.query_row("select n from total", (), |row| row.get(0))?;
        Ok((verdict, newest, rows, total))
    };
    let (verdict, newest, rows, total) = read().map_err(|error| error.to_string())?;
    match verdict.as_str() {
        "ok" if total == newest && rows == newest.min(ROWS) => Ok(newest),
        "ok" => Err(format!("{newest} is the newest of {rows} rows, of {total} written")),
        _ => Err(verdict),
    }
}

#[test]
#[ignore = "the process that the other tests start and kill"]
#[expect(clippy::disallowed_methods, reason = "this is how the parent tells its child what to do")]
fn writer() {
    let variable = |name| std::env::var(name).expect("the tests of this file set it");
    let root = PathBuf::from(variable("POWERCUT_ROOT"));
    let mut acks = File::options().append(true).open(variable("POWERCUT_ACKS")).unwrap();
    let mut acknowledge = |n: u32| acks.write_all(format!("{n}\n").as_bytes()).unwrap();
    match variable("POWERCUT_TASK").as_str() {
        "files" => {
            write_files(&root);
            acknowledge(1);
            thread::sleep(Duration::from_secs(60));
        }
        synchronous => loop {
            write_rows(&root, synchronous, &mut acknowledge).unwrap();
        },
    }
}

fn write_files(root: &Path) {
    let write = |name: &str| {
        let mut file = File::create(root.join(name)).unwrap();
        file.write_all(b"new").unwrap();
        file.sync_all().unwrap();
    };
    write("created");
    fs::copy(root.join("created"), root.join("copied")).unwrap();
    File::open(root.join("copied")).unwrap().sync_all().unwrap();
    fs::hard_link(root.join("created"), root.join("linked")).unwrap();
    let shared = File::create(root.join("threads")).unwrap();
    thread::scope(|scope| {
        for numbers in [0..500, 500..1_000, 1_000..1_500, 1_500..2_000] {
            scope.spawn(|| {
                for n in numbers {
                    shared.write_all_at(format!("{n:08}").as_bytes(), n * 8).unwrap();
                    shared.sync_data().unwrap();
                }
            });
        }
    });
    fs::create_dir(root.join("folder")).unwrap();
    write("folder/inside");
    File::open(root.join("folder")).unwrap().sync_all().unwrap();
    write("replaced.tmp");
    fs::rename(root.join("replaced.tmp"), root.join("replaced")).unwrap();
    File::open(root).unwrap().sync_all().unwrap();

    let mut tail = File::options().write(true).open(root.join("tail")).unwrap();
    tail.seek(SeekFrom::End(0)).unwrap();
    tail.write_all(b", synced, cut off").unwrap();
    tail.set_len(11).unwrap();
    tail.sync_data().unwrap();
    tail.write_all(b", not synced").unwrap();
    fs::write(root.join("overwritten"), "new").unwrap();
    fs::remove_file(root.join("removed")).unwrap();
    write("unnamed");
}

/// One connection's life. Small checkpoints and the end of the connection make every state of the log file common.
fn write_rows(root: &Path, synchronous: &str, acknowledge: &mut impl FnMut(u32)) -> Result<()> {
    let mut db = Connection::open(root.join("db"))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "wal_autocheckpoint", 16)?;
    db.execute_batch(
        "begin immediate;
         create table if not exists rows (n integer primary key, body blob not null);
         create table if not exists total (id integer primary key, n integer not null);
         insert into total values (1, 0) on conflict do nothing;
         commit;",
    )?;
    for _ in 0..25 {
        let tx = db.transaction()?;
        let n: u32 = tx.query_row("update total set n = n + 1 returning n", (), |row| row.get(0))?;
        tx.execute("insert into rows values (?1, randomblob(?2))", params![n, n * 131 % 3_000])?;
        tx.execute("delete from rows where n <= ?1", [n.saturating_sub(ROWS)])?;
        tx.commit()?;
        acknowledge(n);
    }
    Ok(())
}
