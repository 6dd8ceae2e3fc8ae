//! The rules of the house, as tests. They read the checkout and start nothing.
//!
//! A rule with exceptions lists each of them beside its reason, and an exception that is not needed any more fails too.
//! `CONTRIBUTING.md` says the rules in words.

mod dependencies;
mod documents;
mod imports;
mod migrations;
mod mutants;
mod sizes;
pub mod source;
mod tables;
mod words;

/// Fails with every broken rule at once.
#[track_caller]
fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
