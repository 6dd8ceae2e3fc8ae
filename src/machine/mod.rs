//! The machine that the program runs on: the user it becomes, the files it may open, and the manager that waits for it.
//!
//! The invariant: what runs after [`run_as`] has no way back to the rights it began with. Begin there.

mod files;
mod notify;
mod user;

pub use files::{most_files, raise_files};
pub use notify::{Word, tell};
pub use user::{could_run_as, run_as};
