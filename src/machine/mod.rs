//! The machine that the program runs on: the user it becomes, and the manager that waits for it.
//!
//! The invariant: what runs after [`run_as`] has no way back to the rights it began with. Begin there.

mod notify;
mod user;

pub use notify::{Word, tell};
pub use user::{could_run_as, run_as};
