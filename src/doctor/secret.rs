//! The files that hold secrets beside the data: settings, the keys that they name, and the key of the certificate.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt, path::Path};

use super::Finding;
use crate::config::Config;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let files: BTreeSet<&Path> = config.secret_files().chain(config.machine.tls_key.as_deref()).collect();
    files.into_iter().filter_map(closed).collect()
}

/// Its group may read it: so a service reads what root keeps.
fn closed(path: &Path) -> Option<Finding> {
    let (shown, mode) = (path.display(), fs::metadata(path).ok()?.mode() & 0o777);
    Some(if mode & 0o004 == 0 {
        Finding::ok("mode", format!("{shown} is not for everybody to read."))
    } else {
        let text = format!("Everybody on this machine may read {shown} (mode {mode:o}), and it holds a secret.");
        Finding::warning("mode", text, format!("chmod o= {shown}"))
    })
}
