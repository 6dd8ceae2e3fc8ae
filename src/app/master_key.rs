//! Where the master key comes from, and whether it is the right one.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox};

use crate::{
    config::Config,
    db::{Db, Engine},
    error::{Code, Error, Result},
    secret::{Keys, MASTER_KEY_LEN, Purpose, equal, random},
};

type MasterKey = SecretBox<[u8; MASTER_KEY_LEN]>;

/// The configured key; beside `SQLite` the one in the data folder, made at the first start.
///
/// # Errors
/// `conflict`, with a text that says how to make a key.
pub(super) async fn find(config: &Config, db: &Db) -> Result<MasterKey> {
    if let Some(key) = &config.secrets.master_key {
        return Ok(SecretBox::new(Box::new(*key.expose_secret())));
    }
    if db.engine() == Engine::Postgres {
        return Err(Error::new(Code::Conflict).detail(
            "MASTER_KEY is not set. On PostgreSQL every node needs the same one: make it with 'openssl rand -base64 32', \
             keep it safe, and set MASTER_KEY or MASTER_KEY_FILE.",
        ));
    }
    let path = config.app.data_dir.join("master.key");
    // Asked before the file is looked for: another process that starts now makes the key first, then the check.
    let sealed = super::store::has_key_check(&mut db.read()).await?;
    match fs::read_to_string(&path) {
        Ok(text) => read(&path, &text),
        Err(e) if e.kind() == ErrorKind::NotFound && sealed => Err(Error::new(Code::Conflict).detail(format!(
            "The master key {} is gone, and this database was sealed with it. Restore it from your backup.",
            path.display()
        ))),
        Err(e) if e.kind() == ErrorKind::NotFound => make(&path),
        Err(e) => Err(unreadable(&path, &e)),
    }
}

fn read(path: &Path, text: &str) -> Result<MasterKey> {
    let mode = fs::metadata(path).map_or(0, |file| file.mode());
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others can read the master key: chmod 600 it");
    }
    let key = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    let key = key.ok_or_else(|| unreadable(path, &"it is not 32 bytes in base64"))?;
    Ok(SecretBox::new(Box::new(key)))
}

/// Writes the key under another name first, so that a crash leaves a whole key or none. Of two processes that start
/// at once (a server and a command beside it) one makes the key, and both read it back.
fn make(path: &Path) -> Result<MasterKey> {
    let key = random::<MASTER_KEY_LEN>()?;
    let draft = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&draft)?;
        file.lock()?;
        if path.exists() {
            // Whoever had the lock before made it. The draft is his, under its new name, or a fresh one of ours.
            let _ = fs::remove_file(&draft);
            return Ok(());
        }
        file.set_len(0)?;
        file.write_all(STANDARD.encode(key).as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())?;
        tracing::info!(path = %path.display(), "made the master key: keep a copy of it apart from the database");
        Ok(())
    };
    write().map_err(|e| unreadable(path, &e))?;
    read(path, &fs::read_to_string(path).map_err(|e| unreadable(path, &e))?)
}

fn unreadable(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::new(Code::Conflict).detail(format!("The master key {} cannot be used: {cause}.", path.display()))
}

/// Refuses a key other than the one that this database was made with.
///
/// # Errors
/// `conflict`.
pub(super) async fn check(db: &Db, keys: &Keys) -> Result<()> {
    let ours = keys.mac(Purpose::Check, &[b"denizen"]);
    let stored = super::store::key_check(db, ours).await?;
    if equal(&stored, &ours) {
        return Ok(());
    }
    Err(Error::new(Code::Conflict).detail(
        "MASTER_KEY is not the key that this database was made with. Nothing sealed with the other one could be \
         read: set the right key.",
    ))
}
