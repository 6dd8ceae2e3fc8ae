//! A simulated power cut.
//!
//! [`Shadow::over`] takes what a folder holds as durable. A process started with [`Shadow::watch`] runs under the
//! preload shim `tests/powercut/shadow.c`, which writes down what it asks of its disk. After it was killed,
//! [`Shadow::cut`] replaces the folder by what a disk would still hold. The model of a disk is [`disk::Disk`].

mod disk;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use disk::Disk;
use tempfile::TempDir;

/// How much of the work that was under way outlives the cut.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Nothing that was not synced.
    Clean,
    /// Of what was not synced, the part that this seed draws: single sectors of writes, a first part of the changes
    /// to names. The same seed over the same journal draws the same part.
    Torn(u64),
}

/// A folder and the journal of what happens to it, from one power-on to the next power cut.
pub struct Shadow {
    root: PathBuf,
    journal: TempDir,
    disk: Disk,
}

impl Shadow {
    /// Takes all that `root` holds now as durable.
    pub fn over(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let disk = Disk::read(&root)?;
        Ok(Self { root, journal: tempfile::tempdir()?, disk })
    }

    /// Lets this process write under the shim. It must be killed before the cut; several may follow one another.
    pub fn watch<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LD_PRELOAD", shim()).env("SHADOW_ROOT", &self.root).env("SHADOW_DIR", self.journal.path())
    }

    /// Whether a process got so far as to write anything down.
    pub fn has_begun(&self) -> bool {
        self.journal.path().join("journal.0").exists()
    }

    /// Cuts the power: the folder holds afterwards what the disk still holds.
    pub fn cut(mut self, how: Cut) -> io::Result<()> {
        for n in 0.. {
            match fs::read(self.journal.path().join(format!("journal.{n}"))) {
                Ok(journal) => self.disk.replay(&journal),
                Err(error) if error.kind() == io::ErrorKind::NotFound && n > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if let Cut::Torn(seed) = how {
            self.disk.keep_some(seed);
        }
        self.disk.write(&self.root)
    }
}

/// Builds the shim, once per run.
fn shim() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/shadow.c");
        let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shadow-{}.so", std::process::id()));
        let target = object.with_file_name("shadow.so");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-std=gnu11", "-U_FORTIFY_SOURCE", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&object, &source])
            .status()
            .expect("cc, the linker that Rust needs too");
        assert!(status.success(), "{} does not compile", source.display());
        // Another run may have the old one loaded: it keeps it.
        fs::rename(&object, &target).expect("the shim in its place");
        target
    })
}
