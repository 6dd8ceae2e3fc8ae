//! A `PostgreSQL` server of one's own, set as a test needs it, to be stopped as a crash stops it.

use std::{path::Path, process::Command};

use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres.sh");

/// A server. Dropping it stops it.
pub struct Server {
    folder: TempDir,
    url: String,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings of `postgresql.conf`, each as `name=value`.
    pub fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = run("start", folder.path(), &[&["0"], settings].concat());
        Self { folder, url }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// With no checkpoint and no farewell (`pg_ctl stop -m immediate`).
    pub fn stop_immediately(&self) {
        run("stop", self.folder.path(), &["immediate"]);
    }

    /// Recovers, at the same address. Syncing every file of a new installation would take seconds.
    pub fn start_again(&self) {
        assert_eq!(run("restart", self.folder.path(), &["recovery_init_sync_method=syncfs"]), self.url);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_immediately();
    }
}

fn run(verb: &str, folder: &Path, rest: &[&str]) -> String {
    let done = Command::new(SCRIPT).arg(verb).arg(folder).args(rest).output().unwrap();
    assert!(done.status.success(), "postgres.sh {verb}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
