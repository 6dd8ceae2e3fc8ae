//! The data folder: there, ours, closed to others, with room.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use super::{Finding, file};
use crate::{
    config::{Config, DatabaseUrl},
    db::beside,
};

const MIB: u64 = 1024 * 1024;
/// Less free space than this is soon none: a full disk refuses writes.
const LITTLE: u64 = 1024 * MIB;
const NEXT_TO_NOTHING: u64 = 64 * MIB;

/// Nothing on `PostgreSQL`, where a node keeps no files but logs.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let DatabaseUrl::Sqlite(database) = &config.database.url else { return Vec::new() };
    let mut folders = BTreeSet::from([parent(database)]);
    let mut files: Vec<PathBuf> = ["", "-wal", "-shm"].iter().map(|ending| beside(database, ending)).collect();
    if config.secrets.master_key.is_none() {
        folders.insert(config.app.data_dir.clone());
        files.push(config.app.data_dir.join("master.key"));
    }
    let mut found: Vec<_> = folders.iter().flat_map(|folder| one(folder)).collect();
    found.extend(files.iter().filter_map(|path| closed(path)));
    found
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn one(folder: &Path) -> Vec<Finding> {
    let shown = folder.display();
    let Ok(about) = fs::metadata(folder) else { return vec![absent(folder)] };
    if !about.is_dir() {
        return vec![Finding::fault(
            "data",
            format!("{shown} is no folder."),
            "Set DATA_DIR to a folder, or take the file away.",
        )];
    }
    if let Err(why) = file::writable(folder) {
        return vec![Finding::fault(
            "data",
            format!("The data folder {shown} cannot be written to: {why}."),
            owned(folder),
        )];
    }
    let mut found = vec![Finding::ok("data", format!("The data folder {shown} can be written to."))];
    if about.mode() & 0o077 != 0 {
        let cure = format!("chmod 700 {shown}");
        let text = |may: &str| format!("Others may {may} the data folder {shown} (mode {:o}).", about.mode() & 0o777);
        found.push(if about.mode() & 0o022 == 0 {
            Finding::warning("data", text("look into"), cure)
        } else {
            Finding::fault("data", text("write to"), cure)
        });
    }
    if !geteuid().is_root() && about.uid() != geteuid().as_raw() {
        found.push(Finding::warning(
            "data",
            format!(
                "The data folder {shown} belongs to user {}, and this is user {}.",
                about.uid(),
                geteuid().as_raw()
            ),
            "Run every command as the user whom the service runs as.",
        ));
    }
    found.extend(space(folder));
    found
}

fn absent(folder: &Path) -> Finding {
    let shown = folder.display();
    match file::writable(&file::nearest(folder)) {
        Ok(()) => Finding::ok("data", format!("The data folder {shown} is not there yet; the first start makes it.")),
        Err(why) => Finding::fault(
            "data",
            format!("The data folder {shown} is not there, and cannot be made: {why}."),
            owned(&file::nearest(folder)),
        ),
    }
}

fn owned(folder: &Path) -> String {
    format!(
        "Give {} to the user whom the service runs as (chown), see that its file system is mounted writable, or set \
         DATA_DIR to another folder.",
        folder.display()
    )
}

fn space(folder: &Path) -> Option<Finding> {
    let system = rustix::fs::statvfs(folder).ok()?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let text = format!("{} MiB are free where {} is.", free / MIB, folder.display());
    let cure = "Make room, or move DATA_DIR to a larger disk: when it is full, every write is refused with 503.";
    Some(match free {
        ..NEXT_TO_NOTHING => Finding::fault("space", text, cure),
        NEXT_TO_NOTHING..LITTLE => Finding::warning("space", text, cure),
        _ => Finding::ok("space", text),
    })
}

/// What holds personal data or keys is its owner's alone, and that is the folder's owner.
fn closed(path: &Path) -> Option<Finding> {
    let about = fs::metadata(path).ok()?;
    let (shown, mode) = (path.display(), about.mode() & 0o777);
    if mode & 0o077 != 0 {
        return Some(Finding::fault(
            "mode",
            format!("Others may read {shown} (mode {mode:o})."),
            format!("chmod 600 {shown}"),
        ));
    }
    let owner = fs::metadata(parent(path)).ok()?.uid();
    if about.uid() != owner {
        return Some(Finding::fault(
            "owner",
            format!("{shown} belongs to user {}, and its folder to user {owner}.", about.uid()),
            format!("chown {owner} {shown}, and run every command as that user."),
        ));
    }
    Some(Finding::ok("mode", format!("{shown} is its owner's alone.")))
}
