//! Becoming another user for good.

use std::{collections::BTreeSet, ffi::CString, fs, os::unix::fs::MetadataExt, path::Path};

use nix::{
    errno::Errno,
    unistd::{
        Gid, Group, Uid, User, getgrouplist, getgroups, getresgid, getresuid, initgroups, seteuid, setgroups,
        setresgid, setresuid, setuid,
    },
};

use crate::{
    config::{Config, Machine},
    error::{Error, Result},
};

/// Makes this process that of `RUN_AS_USER` and `RUN_AS_GROUP`, with that user's other groups and no more. To be called
/// before there are threads. Without the settings nothing changes.
///
/// # Errors
/// `internal`, with a text that says what to do: no such user, not started by root, a way back that is still open, or
/// files in `DATA_DIR` that the user cannot work with.
pub fn run_as(config: &Config) -> Result<()> {
    let Some(someone) = Someone::find(&config.machine)? else { return Ok(()) };
    if !someone.is_already() {
        if !Uid::effective().is_root() {
            return Err(refused(format!(
                "RUN_AS_USER is {}, but this process belongs to user {}, and only root can become another. Start it as \
                 root, or leave RUN_AS_USER out",
                someone.text,
                Uid::effective()
            )));
        }
        someone.enter().map_err(|e| {
            refused(format!(
                "RUN_AS_USER is {}, which this process may not become: {e}. A container needs the capabilities SETUID \
                 and SETGID for it",
                someone.text
            ))
        })?;
        someone.verify()?;
    }
    someone.must_own(&config.app.data_dir)
}

/// What [`run_as`] would refuse, as far as it can be told without becoming another: `Ok` with the name of the user, or
/// nothing without the settings.
///
/// # Errors
/// As [`run_as`].
pub fn could_run_as(config: &Config) -> Result<Option<String>> {
    let Some(someone) = Someone::find(&config.machine)? else { return Ok(None) };
    someone.must_own(&config.app.data_dir)?;
    Ok(Some(someone.text))
}

/// Whom the settings name.
struct Someone {
    text: String,
    /// As the machine's list of users has it; a bare number need not stand there.
    name: Option<CString>,
    uid: Uid,
    gid: Gid,
}

impl Someone {
    fn find(machine: &Machine) -> Result<Option<Self>> {
        let Some(text) = &machine.run_as_user else { return Ok(None) };
        let number = text.parse().ok().map(Uid::from_raw);
        let listed = match User::from_name(text) {
            Ok(None) => number.map_or(Ok(None), User::from_uid),
            found => found,
        };
        let listed = listed.map_err(|e| refused(format!("RUN_AS_USER is {text}, which cannot be looked up: {e}")))?;
        let Some(uid) = listed.as_ref().map(|user| user.uid).or(number) else {
            return Err(refused(format!(
                "RUN_AS_USER is {text}, and this machine has no such user. Make it, or name another"
            )));
        };
        if uid.is_root() {
            return Err(refused("RUN_AS_USER is root, who has every right already. Name a user of its own"));
        }
        let gid = match (&machine.run_as_group, &listed) {
            (Some(group), _) => find_group(group)?,
            (None, Some(user)) => user.gid,
            (None, None) => {
                return Err(refused(format!(
                    "RUN_AS_USER is {text}, which is on no list of users, so its group is unknown. Set RUN_AS_GROUP"
                )));
            }
        };
        let name = listed.and_then(|user| CString::new(user.name).ok());
        Ok(Some(Self { text: text.clone(), name, uid, gid }))
    }

    fn is_already(&self) -> bool {
        Uid::current() == self.uid && Uid::effective() == self.uid && Gid::effective() == self.gid
    }

    /// Groups first: whoever is no longer root cannot change them.
    fn enter(&self) -> nix::Result<()> {
        match &self.name {
            Some(name) => initgroups(name, self.gid)?,
            None => setgroups(&[self.gid])?,
        }
        setresgid(self.gid, self.gid, self.gid)?;
        setresuid(self.uid, self.uid, self.uid)
    }

    /// Tries every way back.
    fn verify(&self) -> Result<()> {
        let users = getresuid().is_ok_and(|now| [now.real, now.effective, now.saved] == [self.uid; 3]);
        let groups = getresgid().is_ok_and(|now| [now.real, now.effective, now.saved] == [self.gid; 3]);
        let expected = match &self.name {
            Some(name) => getgrouplist(name, self.gid),
            None => Ok(vec![self.gid]),
        };
        let set =
            |groups: nix::Result<Vec<Gid>>| groups.map(|all| all.into_iter().map(Gid::as_raw).collect::<BTreeSet<_>>());
        let others = matches!((set(getgroups()), set(expected)), (Ok(now), Ok(expected)) if now == expected);
        let root = Uid::from_raw(0);
        let is_shut = |tried: nix::Result<()>| tried == Err(Errno::EPERM);
        if users && groups && others && is_shut(setuid(root)) && is_shut(seteuid(root)) {
            return Ok(());
        }
        Err(refused(format!(
            "RUN_AS_USER is {}, but rights of root would remain. Do not start it with kept capabilities",
            self.text
        )))
    }

    /// What the service keeps was perhaps made by another user, root most of all, and would fail one by one later.
    fn must_own(&self, folder: &Path) -> Result<()> {
        let is_ours = |path: &Path| fs::metadata(path).is_ok_and(|found| found.uid() == self.uid.as_raw());
        let is_kept = |name: &str| name.starts_with("denizen.") || name == "master.key";
        let strangers: Vec<_> = match fs::read_dir(folder) {
            Ok(entries) => entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_kept))
                .chain([folder.to_owned()])
                .filter(|path| !is_ours(path))
                .collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) => vec![folder.to_owned()],
        };
        let Some(path) = strangers.first() else { return Ok(()) };
        Err(refused(format!(
            "{} belongs to another user than RUN_AS_USER, which is {}: chown -R {} {}",
            path.display(),
            self.text,
            self.text,
            folder.display()
        )))
    }
}

fn find_group(text: &str) -> Result<Gid> {
    let listed = Group::from_name(text)
        .map_err(|e| refused(format!("RUN_AS_GROUP is {text}, which cannot be looked up: {e}")))?;
    listed.map(|group| group.gid).or_else(|| text.parse().ok().map(Gid::from_raw)).ok_or_else(|| {
        refused(format!("RUN_AS_GROUP is {text}, and this machine has no such group. Make it, or name another"))
    })
}

fn refused(text: impl std::fmt::Display) -> Error {
    Error::internal(format!("{text}."))
}
