//! Where the master key comes from, and whether it is the right one.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox};

use crate::{
    config::{Config, DatabaseUrl},
    db::{Db, Engine},
    error::{Code, Error, Result},
    secret::{Keys, MASTER_KEY_LEN, Purpose, equal, random},
};

type MasterKey = SecretBox<[u8; MASTER_KEY_LEN]>;

/// How a key stands to a database.
pub enum KeyState {
    /// It is the one that the database was made with.
    Right(Box<Keys>),
    /// It can be used, and nothing was sealed with it yet.
    Unproved,
    /// There is none yet; the first start makes it.
    Absent,
    /// There is none, and one must be given.
    Required,
    /// It is another one.
    Wrong,
}

/// The keys of the configured master key; beside `SQLite` of the one in the data folder, made at the first start.
///
/// # Errors
/// `conflict`, with a text that says how to make a key, or that this is not the one this database was made with.
pub(super) async fn keys(config: &Config, db: &Db) -> Result<Keys> {
    if config.secrets.master_key.is_none() && db.engine() == Engine::Postgres {
        return Err(Error::new(Code::Conflict).detail(
            "MASTER_KEY is not set. On PostgreSQL every node needs the same one: make it with 'openssl rand -base64 32', \
             keep it safe, and set MASTER_KEY or MASTER_KEY_FILE.",
        ));
    }
    // Asked before the file is looked for: another process that starts now makes the key first, then the check.
    let check = super::store::stored_key_check(&mut db.read()).await?;
    let key = match stored(config)? {
        Some(key) => key,
        None if check.is_some() => return Err(gone(config)),
        None => make(&path(config))?,
    };
    let keys = Keys::derive(&key)?;
    let ours = proof(&keys);
    let check = match check {
        Some(check) => check,
        None => super::store::key_check(db, ours).await?,
    };
    if equal(&check, &ours) {
        return Ok(keys);
    }
    Err(Error::new(Code::Conflict).detail(
        "MASTER_KEY is not the key that this database was made with. Nothing sealed with the other one could be \
         read: set the right key.",
    ))
}

/// As [`keys`], for one who only looks.
///
/// # Errors
/// `conflict` when it cannot be read, or is gone.
pub(super) async fn look(config: &Config, db: Option<&Db>) -> Result<KeyState> {
    let check = match db {
        Some(db) => super::store::stored_key_check(&mut db.read()).await?,
        None => None,
    };
    let key = match config.database.url {
        DatabaseUrl::Postgres(_) if config.secrets.master_key.is_none() => return Ok(KeyState::Required),
        _ => stored(config)?,
    };
    Ok(match (key, check) {
        (None, None) => KeyState::Absent,
        (None, Some(_)) => return Err(gone(config)),
        (Some(_), None) => KeyState::Unproved,
        (Some(key), Some(check)) => {
            let keys = Keys::derive(&key)?;
            if equal(&check, &proof(&keys)) { KeyState::Right(Box::new(keys)) } else { KeyState::Wrong }
        }
    })
}

fn path(config: &Config) -> PathBuf {
    config.app.data_dir.join("master.key")
}

fn stored(config: &Config) -> Result<Option<MasterKey>> {
    if let Some(key) = &config.secrets.master_key {
        return Ok(Some(SecretBox::new(Box::new(*key.expose_secret()))));
    }
    let path = path(config);
    match fs::read_to_string(&path) {
        Ok(text) => read(&path, &text).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable(&path, &e)),
    }
}

fn gone(config: &Config) -> Error {
    Error::new(Code::Conflict).detail(format!(
        "The master key {} is gone, and this database was sealed with it. Restore it from your backup.",
        path(config).display()
    ))
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

/// What the database keeps to recognise its key.
fn proof(keys: &Keys) -> [u8; 32] {
    keys.mac(Purpose::Check, &[b"denizen"])
}
