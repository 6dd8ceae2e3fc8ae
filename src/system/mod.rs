//! The state of the system, for operators and their tools.

pub mod http;
mod store;
