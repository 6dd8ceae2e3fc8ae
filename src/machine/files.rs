//! How many files and connections this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the machine allows. The usual 1 024 is for programs of long ago that could count no further:
/// a thousand idle connections of one stranger would keep everybody out.
pub fn raise_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(from = ?current, to = ?maximum, "the limit of open files is raised"),
        Err(e) => tracing::warn!(cause = %e, files = ?current, "the limit of open files cannot be raised"),
    }
}

/// How many a server may have open once it has raised the limit; nothing when there is none.
#[must_use]
pub fn most_files() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}
