//! What a disk holds after a power cut.
//!
//! The model is the strict reading of POSIX, as a careful program must expect it:
//!
//! - fsync and fdatasync of a file make its content and length durable, not its name.
//! - fsync of a folder makes the names in it durable: creations, removals and renamings, in their order. A name that
//!   was never synced may be lost with a fully synced file behind it; a removed or replaced file may come back.
//! - What was under way survives in part: of writes any sectors, of changes to names a first part of them, because
//!   file systems journal those in order. Bytes beside a written sector never change.
//! - A sync that had not returned is no sync.
//!
//! Beyond it: a folder that is renamed takes its content along at once; modes are as last seen; files named `*-shm`
//! are dropped, since shared memory never outlives a cut. A disk that lies about its cache, or decays, is
//! not modelled.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::kit::random::Random;

/// The unit in which a write is torn, in bytes: the smallest that disks write whole.
const SECTOR: usize = 512;

/// A tree of files, as it is durable and as it is about to be.
#[derive(Default)]
pub struct Disk {
    nodes: Vec<Node>,
    durable: Names,
    live: Names,
    namings: Pending<Naming>,
    inodes: HashMap<u64, usize>,
    syncs: HashMap<u64, (Target, usize)>,
}

type Names = BTreeMap<PathBuf, usize>;

struct Node {
    kind: Kind,
    mode: u32,
    content: Vec<u8>,
    changes: Pending<Change>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Folder,
}

/// What is done but not durable, numbered from the beginning so that a sync can name a point in it.
struct Pending<T> {
    list: Vec<(usize, T)>,
    next: usize,
}

enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

enum Naming {
    Put(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

enum Target {
    File(usize),
    Folder(PathBuf),
}

impl Disk {
    /// All that `root` holds, as durable.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut disk = Self::default();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let (path, meta) = (folder.join(entry.file_name()), entry.metadata()?);
                let (kind, content) = if meta.is_dir() {
                    folders.push(path.clone());
                    (Kind::Folder, Vec::new())
                } else {
                    (Kind::File, fs::read(entry.path())?)
                };
                let node = disk.add(kind, meta.permissions().mode());
                disk.nodes[node].content = content;
                disk.durable.insert(path, node);
            }
        }
        disk.live = disk.durable.clone();
        Ok(disk)
    }

    /// Replaces what `root` holds by what is durable.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        for entry in fs::read_dir(root)? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        for (name, node) in &self.durable {
            let (node, path) = (&self.nodes[*node], root.join(name));
            let lost = path.parent().is_none_or(|folder| !folder.is_dir());
            if lost || name.to_string_lossy().ends_with("-shm") {
                continue;
            }
            match node.kind {
                Kind::Folder => fs::create_dir(&path)?,
                Kind::File => fs::write(&path, &node.content)?,
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(node.mode))?;
        }
        Ok(())
    }

    /// Plays one journal. A last entry that its process did not live to finish is left out.
    pub fn replay(&mut self, mut journal: &[u8]) {
        while let Some((head, rest)) = journal.split_first_chunk::<32>() {
            let word = |n: usize| u64::from_ne_bytes(std::array::from_fn(|byte| head[8 * n + byte]));
            let Some((bytes, rest)) = rest.split_at_checked(size(word(3))) else { break };
            self.apply(word(0), word(1), word(2), bytes);
            journal = rest;
        }
    }

    /// The letters are those of `enum` in shadow.c.
    fn apply(&mut self, op: u64, inode: u64, at: u64, bytes: &[u8]) {
        match u8::try_from(op).unwrap_or(0) {
            b'o' => self.open(inode, at, &path(bytes)),
            b'c' => {
                let node = self.add(Kind::File, mode(at));
                self.inodes.insert(inode, node);
                self.name(Naming::Put(path(bytes), node));
            }
            b'w' => self.change(inode, Change::Write(size(at), bytes.to_vec())),
            b't' => self.change(inode, Change::Truncate(size(at))),
            b'm' => {
                let node = self.add(Kind::Folder, 0o700);
                self.name(Naming::Put(path(bytes), node));
            }
            b'u' => self.name(Naming::Remove(path(bytes))),
            b'r' => self.name(Naming::Rename(path(&bytes[..size(at)]), path(&bytes[size(at)..]))),
            b'l' => {
                if let Some(node) = self.live.get(&path(&bytes[..size(at)])) {
                    self.name(Naming::Put(path(&bytes[size(at)..]), *node));
                }
            }
            b's' if inode == 0 => {
                self.syncs.insert(at, (Target::Folder(path(bytes)), self.namings.next));
            }
            b's' => {
                let node = self.inodes[&inode];
                self.syncs.insert(at, (Target::File(node), self.nodes[node].changes.next));
            }
            b'd' => self.settle(at),
            _ => panic!("the journal holds an entry of an unknown kind: {op}"),
        }
    }

    /// An inode number may serve again after its file is gone, so the name decides; a file whose creation was not
    /// seen has no name here and is lost.
    fn open(&mut self, inode: u64, at: u64, name: &Path) {
        let node = match self.live.get(name).or_else(|| self.inodes.get(&inode)) {
            Some(node) => *node,
            None => self.add(Kind::File, mode(at)),
        };
        self.nodes[node].mode = mode(at);
        self.inodes.insert(inode, node);
    }

    fn add(&mut self, kind: Kind, mode: u32) -> usize {
        self.nodes.push(Node { kind, mode, content: Vec::new(), changes: Pending::default() });
        self.nodes.len() - 1
    }

    fn change(&mut self, inode: u64, change: Change) {
        self.nodes[self.inodes[&inode]].changes.push(change);
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.live);
        self.namings.push(naming);
    }

    /// A sync has succeeded: what was pending when it began is durable.
    fn settle(&mut self, sync: u64) {
        match self.syncs.remove(&sync) {
            Some((Target::File(node), point)) => {
                let Node { content, changes, .. } = &mut self.nodes[node];
                for change in changes.take(|n, _| n < point) {
                    change.apply(content);
                }
            }
            Some((Target::Folder(folder), point)) => {
                let settled = self.namings.take(|n, naming| n < point && naming.folder() == folder);
                for naming in settled {
                    naming.apply(&mut self.durable);
                }
            }
            None => {}
        }
    }

    /// Makes the part durable that `seed` draws of what is pending.
    pub fn keep_some(&mut self, seed: u64) {
        let mut random = Random::new(seed);
        let quarters = random.below(5);
        for Node { content, changes, .. } in &mut self.nodes {
            for change in changes.take(|_, _| true) {
                for part in change.sectors() {
                    if random.below(4) < quarters {
                        part.apply(content);
                    }
                }
            }
        }
        let namings = self.namings.take(|_, _| true);
        let kept = random.below(namings.len() + 1);
        for naming in &namings[..kept] {
            naming.apply(&mut self.durable);
        }
    }
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { list: Vec::new(), next: 0 }
    }
}

impl<T> Pending<T> {
    fn push(&mut self, item: T) {
        self.list.push((self.next, item));
        self.next += 1;
    }

    fn take(&mut self, which: impl Fn(usize, &T) -> bool) -> Vec<T> {
        self.list.extract_if(.., |(n, item)| which(*n, item)).map(|(_, item)| item).collect()
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                content.resize(content.len().max(at + bytes.len()), 0);
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Truncate(len) => content.resize(*len, 0),
        }
    }

    fn sectors(self) -> Vec<Self> {
        let Self::Write(mut at, bytes) = self else { return vec![self] };
        let mut rest = bytes.as_slice();
        let mut sectors = Vec::new();
        while !rest.is_empty() {
            let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            sectors.push(Self::Write(at, sector.to_vec()));
            at += sector.len();
            rest = after;
        }
        sectors
    }
}

impl Naming {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Put(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                names.remove(to);
                let moved: Vec<_> = names.keys().filter(|path| path.starts_with(from)).cloned().collect();
                for path in moved {
                    let below = path.components().skip(from.components().count());
                    let renamed = to.components().chain(below).collect();
                    let node = names[&path];
                    names.remove(&path);
                    names.insert(renamed, node);
                }
            }
        }
    }

    /// The folder whose sync makes it durable; of a renaming, the one it leads to.
    fn folder(&self) -> &Path {
        let (Self::Put(path, _) | Self::Remove(path) | Self::Rename(_, path)) = self;
        path.parent().unwrap_or(path)
    }
}

fn size(word: u64) -> usize {
    usize::try_from(word).expect("64-bit Linux")
}

fn mode(word: u64) -> u32 {
    u32::try_from(word).expect("the mode of a file")
}

fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_write_survives_by_the_sector_and_a_synced_one_whole() {
        let mut seen = [false; 2];
        for seed in 0..200 {
            let mut disk = Disk::default();
            disk.apply(b'c'.into(), 7, 0o600, b"file");
            disk.apply(b's'.into(), 0, 1, b"");
            disk.apply(b'd'.into(), 0, 1, b"");
            disk.apply(b'w'.into(), 7, 0, &[1; 2 * SECTOR]);
            disk.apply(b's'.into(), 7, 2, b"");
            disk.apply(b'w'.into(), 7, 100, &[2; SECTOR]);
            disk.apply(b'd'.into(), 0, 2, b"");
            disk.apply(b'u'.into(), 0, 4, b"file");
            disk.keep_some(seed);
            let Some(node) = disk.durable.get(Path::new("file")) else { continue };
            let content = &disk.nodes[*node].content;
            assert_eq!(content.len(), 2 * SECTOR);
            assert!(content[..100].iter().chain(&content[SECTOR + 100..]).all(|byte| *byte == 1));
            let (first, second) = (&content[100..SECTOR], &content[SECTOR..SECTOR + 100]);
            assert!([first, second].iter().all(|part| part.iter().all(|byte| *byte == part[0])));
            seen[usize::from(first[0] != second[0])] = true;
        }
        assert_eq!(seen, [true; 2]);
    }
}
