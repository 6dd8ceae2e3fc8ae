//! Space for the day on which the disk is full.
//!
//! A file beside the database holds it. When the disk is full, it is given up for what takes something away: a logout
//! must work then too. From then on other writes are refused, so that they do not take that space, until the file could
//! be made anew.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::fs::statvfs;

use crate::secret;

/// Enough for some fifty withdrawals, one by one; a thousand at once share a commit.
const SIZE: u64 = 4 << 20;
const CHUNK: usize = 4 << 10;

pub struct Reserve {
    path: PathBuf,
    /// Whether it was given up, by this process or another.
    is_out: AtomicBool,
    /// Whether it has been there since this process began.
    was_there: AtomicBool,
    /// For whoever makes it or gives it up.
    alone: Mutex<()>,
}

impl Reserve {
    /// The reserve of the database at this path, which may have none yet.
    pub fn beside(database: &Path) -> Self {
        let path = database.with_extension("reserve");
        Self { path, is_out: AtomicBool::new(false), was_there: AtomicBool::new(false), alone: Mutex::default() }
    }

    /// Whether its space is in use.
    pub fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Acquire)
    }

    /// Whether all is well.
    pub fn is_kept(&self) -> bool {
        !self.is_out() && self.is_whole()
    }

    /// How much space it holds, in bytes.
    pub fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// Gives its space up. False when there was none to give.
    pub fn release(&self) -> bool {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_whole() || fs::remove_file(&self.path).is_err() {
            return self.is_out();
        }
        self.is_out.store(true, Ordering::Release);
        tracing::error!("the disk is full: sessions can still be ended, all other writes are refused");
        true
    }

    /// Makes the file when it is not there. It blocks its thread for as long as that takes.
    pub fn tend(&self) -> io::Result<()> {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_whole() {
            // A command beside the server may have given it up.
            self.is_out.fetch_or(self.was_there.load(Ordering::Acquire), Ordering::AcqRel);
            self.make()?;
        }
        if self.is_out.swap(false, Ordering::AcqRel) {
            tracing::info!("there is space on the disk again");
        }
        Ok(())
    }

    /// One that is shorter was not finished.
    fn is_whole(&self) -> bool {
        let is_whole = self.size() == SIZE;
        self.was_there.fetch_or(is_whole, Ordering::AcqRel);
        is_whole
    }

    /// Twice the space is asked for: what was given up just now is no space that has returned, and nobody may be
    /// without any while this tries.
    fn make(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let system = statvfs(folder)?;
        if system.f_bavail.saturating_mul(system.f_frsize) < 2 * SIZE {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let made = self.fill();
        if made.is_err() {
            let _ = fs::remove_file(&self.path);
        }
        made
    }

    /// With random bytes: a file system that compresses would hold no space for others.
    fn fill(&self) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&self.path)?;
        for _ in 0..SIZE / CHUNK as u64 {
            file.write_all(&secret::random::<CHUNK>().map_err(io::Error::other)?)?;
        }
        file.sync_all()
    }
}
