//! The integration tests: one binary, one file per room.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod account;
mod backup;
mod canary;
mod cli;
mod commands;
mod crash;
mod deletion;
mod doctor;
mod engine;
mod guessing;
mod input;
mod job;
mod kit;
mod limit;
mod log;
mod login;
mod machine;
mod metrics;
mod migrating;
mod openapi;
mod password;
mod powercut;
mod profile;
mod revocation;
mod route;
mod session;
mod setup;
mod superadmin;
mod tidy;
mod tls;
mod token;
mod trace;
mod watch;
mod web;
