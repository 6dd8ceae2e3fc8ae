//! A file that is written at its end, and opened anew when somebody has moved it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::make_folder;

/// How often the files were to be opened anew. Copies share it.
#[derive(Clone, Default)]
pub(super) struct Turn(Arc<AtomicU64>);

impl Turn {
    /// Asks every file to be opened anew, at its next line.
    pub(super) fn next(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn number(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One file under one name for ever.
pub(super) struct Appended {
    path: PathBuf,
    file: File,
    turn: Turn,
    opened: u64,
}

impl Appended {
    pub(super) fn open(path: &Path, turn: Turn) -> io::Result<Self> {
        make_folder(path)?;
        Ok(Self { path: path.to_owned(), file: append(path)?, opened: turn.number(), turn })
    }
}

/// Opens a file at its end, or makes it.
pub(super) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Write for Appended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let turn = self.turn.number();
        if turn != self.opened {
            // When that fails, the old file goes on.
            self.opened = turn;
            self.file = append(&self.path).or_else(|_| self.file.try_clone())?;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
