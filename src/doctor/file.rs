//! Asking the system about files.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::Finding;
use crate::{
    config::{Config, Sink},
    machine,
};

/// Fewer than this do not hold the connections of a busy hour.
const FILES: u64 = 4_096;

/// Whether this process may write there. Nothing is written.
pub(super) fn writable(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::WRITE_OK)?)
}

/// The nearest folder above that is there, or the thing itself.
pub(super) fn nearest(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|path| path.exists() && !path.as_os_str().is_empty());
    above.unwrap_or(Path::new(".")).to_owned()
}

/// The files that the log goes to.
pub(super) fn logs(config: &Config) -> Vec<Finding> {
    let sink = |name, sink: &Sink| match sink {
        Sink::File(path) => Some((name, path.clone())),
        Sink::Off | Sink::Terminal => None,
    };
    let log = &config.log;
    let files = [
        log.file.clone().map(|path| ("LOG_FILE", path)),
        sink("ACCESS_LOG", &log.access),
        sink("ERROR_LOG", &log.error),
    ];
    let one = |(name, path): (&str, PathBuf)| {
        // The file of a day lies beside the name that leads to it.
        let place = nearest(path.parent().unwrap_or(&path));
        let why = if place.is_dir() { writable(&place).err() } else { Some(io::ErrorKind::NotADirectory.into()) };
        match why {
            None => Finding::ok("log", format!("{name} {} can be written.", path.display())),
            Some(why) => Finding::fault(
                "log",
                format!("{name} {} cannot be written: {}: {why}.", path.display(), place.display()),
                format!("Set {name} to a file in a folder of the service's user, or to nothing, which turns it off."),
            ),
        }
    };
    files.into_iter().flatten().map(one).collect()
}

/// How many files and connections the service may have open: at its start it raises the soft limit to the hard one.
pub(super) fn limit() -> Finding {
    match machine::most_files() {
        Some(files @ ..FILES) => Finding::warning(
            "files",
            format!("A process may have {files} files open here, and each connection is one."),
            "Let root say 'ulimit -Hn 65536' before the start, or LimitNOFILE=65536 in its systemd unit.",
        ),
        Some(files) => Finding::ok("files", format!("A process may have {files} files open.")),
        None => Finding::ok("files", "A process may have any number of files open."),
    }
}
