//! Denizen: one binary that owns an application's users.
//!
//! The modules stand in reading order: each may use those above it, and none below. What a file may hold
//! follows from its name: `store.rs` all SQL of its room, `http.rs` the edge, `job.rs` the background edge,
//! `mod.rs` the rules. `ARCHITECTURE.md` is the way in.

pub mod error;
pub mod clock;
pub mod id;
pub mod secret;
pub mod patch;
pub mod config;
pub mod logs;
pub mod machine;
pub mod tls;
pub mod metrics;
pub mod trust;
pub mod client;
pub mod trace;
pub mod db;
pub mod access;
pub mod event;
pub mod job;
pub mod mail;
pub mod proof;
pub mod limit;
pub mod once;
pub mod password;
pub mod token;
pub mod session;
pub mod search;
pub mod account;
pub mod profile;
pub mod role;
pub mod payment;
pub mod key;
pub mod http;
pub mod app;
pub mod import;
pub mod login;
pub mod setup;
pub mod system;
pub mod doctor;
pub mod router;
pub mod jobs;
pub mod server;
pub mod cli;
