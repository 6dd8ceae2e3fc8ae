//! People in and out, many at once: CSV and other databases in, CSV and JSON lines out, and people who do not exist.
//!
//! The invariant: however often an import is killed and begun again, each row of its source ends as one account, one
//! refusal or nothing - how far it has come is written in the transaction of each batch. Memory does not grow with the
//! source: rows are read, hashed and written in batches, each stage a few batches ahead of the next. (A rehearsal alone
//! remembers a few bytes of each row.)
//!
//! Begin with [`run`]. What a column can hold is in [`field`], what becomes of a row in `row.rs` and `fate.rs`.

mod batch;
pub mod csv;
pub mod export;
pub mod fake;
mod fate;
pub mod field;
mod flow;
pub mod foreign;
mod hashing;
pub mod http;
pub mod mapping;
mod reading;
mod rehearsal;
mod row;
mod standing;
mod store;
mod turn;

use std::{path::PathBuf, sync::Arc};

pub use csv::Csv;
pub use field::Field;
pub use flow::run;
pub use hashing::default_hash;
pub use mapping::Mapping;

use crate::{
    error::Fault,
    event::Lead,
    password::{Hash, Policy},
};

/// Where the rows come from.
pub enum Source {
    /// A CSV, behind its header.
    Csv(Box<Csv>),
    /// The table of users of another service.
    Foreign(foreign::Table),
    /// Nowhere.
    Fake(Box<fake::Crowd>),
}

/// How rows become people.
#[derive(Clone, Debug)]
pub struct Options {
    /// What becomes of somebody who is here already, by his address or external id.
    pub conflict: Conflict,
    /// What becomes of passwords that were written down.
    pub passwords: Passwords,
    /// The hash of the password of whoever brings none.
    pub default_hash: Option<Hash>,
    /// Whether a role above `user` may come in.
    pub roles: Roles,
    /// Whether anything is written.
    pub mode: Mode,
    /// Rows that are written in one transaction.
    pub batch: usize,
    /// By which the events of who comes are numbered at once, if this process numbers the log and does nothing else.
    pub lead: Option<Arc<Lead>>,
}

/// So many that others who write wait for little.
pub const BATCH: usize = 1_000;
/// The same where nobody else writes. A page that many rows change is then written once for more of them.
pub const WIDE_BATCH: usize = 3_000;

/// What becomes of somebody who is here already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// He stays as he is.
    Skip,
    /// He is changed to what the row says; his address, role, state and password stay.
    Update,
    /// The import ends.
    Fail,
}

impl Conflict {
    /// The one of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "skip" => Some(Self::Skip),
            "update" => Some(Self::Update),
            "fail" => Some(Self::Fail),
            _ => None,
        }
    }
}

/// What becomes of passwords that were written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// They must be changed at the first sign-in.
    MustChange,
    /// They stay, when they keep the policy.
    Keep(Policy),
}

/// Whether a role above `user` may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// It may not.
    Refused,
    /// It may, as far as the importer may grant it.
    Allowed,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Write,
    /// Nothing is; the report tells what would be.
    DryRun,
}

/// Where an import keeps what outlives it.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// What it is: the same source with the same options. Without it an import cannot be resumed.
    pub id: Option<[u8; 32]>,
    /// The file that the rejected rows go to.
    pub rejects: Option<PathBuf>,
}

/// How an import has gone so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rows that are done with, those of an earlier try too.
    pub rows: u64,
    /// Of these, those that an earlier try did.
    pub resumed: u64,
    /// Accounts made.
    pub created: u64,
    /// Accounts changed.
    pub updated: u64,
    /// Rows of people who are here already.
    pub skipped: u64,
    /// Rows refused.
    pub rejected: u64,
    /// How far the source was read, in bytes.
    pub position: u64,
    /// Why rows were refused: the first [`REJECTS`] of this try.
    pub rejects: Vec<Reject>,
}

/// The most refusals that a report tells one by one.
pub const REJECTS: usize = 1_000;

/// A row that was refused.
#[derive(Clone, Debug)]
pub struct Reject {
    /// Its number; the header is 1.
    pub row: u64,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}
