//! A file for each day, and another whenever one is large; the oldest are taken away.
//!
//! `a.log` is the link to the newest of `a.2030-01-31.log`, `a.2030-01-31.1.log`, ..

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::{
    appended::{Turn, append},
    kept::{Day, Name, Series},
};
use crate::clock::Clock;

/// What is kept, in days and bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub days: u64,
    pub bytes: u64,
    /// The size at which the next file begins.
    pub rotate: u64,
}

/// The file of today.
pub(super) struct Daily {
    series: Series,
    link: PathBuf,
    limits: Limits,
    clock: Clock,
    turn: Turn,
    opened: u64,
    name: Name,
    file: File,
    size: u64,
}

impl Daily {
    /// Opens the newest file of today. `path` is absolute and becomes the link.
    pub(super) fn open(path: &Path, limits: Limits, turn: Turn, clock: Clock) -> io::Result<Self> {
        let series = Series::of(path).ok_or_else(|| io::Error::other("it is not the name of a file"))?;
        let name = series.newest(Day::of(&clock))?;
        let file = append(&series.path(name))?;
        let size = file.metadata()?.len();
        let opened = turn.number();
        let daily = Self { series, link: path.to_owned(), limits, clock, turn, opened, name, file, size };
        daily.settle();
        Ok(daily)
    }

    /// Sees that this line goes into the right file.
    fn turn_over(&mut self, more: u64) -> io::Result<()> {
        let (today, turn) = (Day::of(&self.clock), self.turn.number());
        let is_full = self.size > 0 && self.size + more > self.limits.rotate;
        if today == self.name.day && turn == self.opened && !is_full {
            return Ok(());
        }
        let newest = self.series.newest(today)?;
        self.name = if is_full && newest == self.name { newest.next() } else { newest };
        self.opened = turn;
        self.file = append(&self.series.path(self.name))?;
        self.size = self.file.metadata()?.len();
        self.settle();
        Ok(())
    }

    /// Moves the link and takes away what is over the limits. A line is worth more than either, so failures only show
    /// in the folder.
    fn settle(&self) {
        let path = self.series.path(self.name);
        if fs::read_link(&self.link).ok().as_deref() != Some(path.as_path()) {
            // Made aside and moved, so that there is always a link.
            let aside = self.link.with_extension(format!("link.{}", std::process::id()));
            let _ = symlink(&path, &aside).and_then(|()| fs::rename(&aside, &self.link));
        }
        self.series.prune(self.name, self.limits);
    }
}

impl Write for Daily {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // When the next file cannot be had, the old one goes on.
        let _ = self.turn_over(bytes.len() as u64);
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn open(folder: &Path, clock: &Clock) -> Daily {
        let limits = Limits { days: 3, bytes: 100, rotate: 30 };
        Daily::open(&folder.join("a.log"), limits, Turn::default(), clock.clone()).unwrap()
    }

    /// The lengths of the log's files, without the link.
    fn sizes(folder: &Path) -> BTreeMap<String, u64> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files.map(|f| (f.file_name().into_string().unwrap(), f.metadata().unwrap().len())).collect()
    }

    #[test]
    fn a_day_and_a_size_begin_a_file_and_the_oldest_go() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
        let folder = folder.path();
        for foreign in ["b.2001-01-01.log", "a.2001-01-01.log.gz", "a.b.2001-01-01.log", "a.txt"] {
            fs::write(folder.join(foreign), "x").unwrap();
        }
        fs::write(folder.join("a.2001-01-01.log"), "ours").unwrap();
        let mut log = open(folder, &clock);
        assert_eq!(sizes(folder).len(), 5, "{:?}", sizes(folder));
        let first = log.series.path(log.name);
        for _ in 0..5 {
            log.write_all(&[b'x'; 10]).unwrap();
        }
        assert_eq!(fs::metadata(&first).unwrap().len(), 30);
        assert_eq!(fs::metadata(log.series.path(log.name)).unwrap().len(), 20);
        assert_eq!(fs::read(folder.join("a.log")).unwrap().len(), 20, "the link leads to the newest");
        // Whoever starts again goes on where he was.
        log = open(folder, &clock);
        log.write_all(&[b'x'; 10]).unwrap();
        assert_eq!(fs::metadata(log.series.path(log.name)).unwrap().len(), 30);
        for _ in 0..20 {
            log.write_all(&[b'x'; 10]).unwrap();
            assert!(sizes(folder).values().sum::<u64>() <= 100 + 4);
        }
        assert!(!first.exists());
        clock.advance(DAY);
        log.write_all(b"a new day").unwrap();
        assert_eq!(fs::read(folder.join("a.log")).unwrap(), b"a new day");
        clock.advance(DAY * 4);
        log.write_all(b"much later").unwrap();
        let left: Vec<_> = sizes(folder).into_keys().filter(|name| !name.contains("2001") && name != "a.txt").collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(sizes(folder).len(), 5, "{:?}", sizes(folder));
    }

    #[test]
    fn a_file_that_was_moved_is_made_anew_when_asked() {
        let (folder, turn) = (tempfile::tempdir().unwrap(), Turn::default());
        let limits = Limits { days: 3, bytes: 1 << 20, rotate: 1 << 20 };
        let mut log = Daily::open(&folder.path().join("a"), limits, turn.clone(), Clock::default()).unwrap();
        let (path, moved) = (log.series.path(log.name), folder.path().join("moved"));
        fs::rename(&path, &moved).unwrap();
        log.write_all(b"old").unwrap();
        turn.next();
        log.write_all(b"new").unwrap();
        assert_eq!((fs::read(moved).unwrap(), fs::read(path).unwrap()), (b"old".to_vec(), b"new".to_vec()));
    }
}
