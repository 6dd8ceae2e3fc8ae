//! The state of the system, for operators and their tools.

pub mod http;
mod process;
mod scrape;
mod store;

/// What `GET /` says, by which a Denizen is known.
pub const GREETING: &str = "Denizen is at your service.";
