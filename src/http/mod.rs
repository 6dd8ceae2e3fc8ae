//! The edge kit: what every room's `http.rs` is made of.
//!
//! It knows HTTP and nothing of users or the database. Requests are read strictly - a body is either one
//! typed value or one refusal that names every fault - and every answer of 400 and above leaves as a
//! problem document (RFC 9457) with the request's id.
//!
//! Begin at [`shell`], which wraps the routes in everything each request meets; then [`body!`](crate::body)
//! for what a route takes, and [`serve`] for the sockets.

pub mod body;
mod client;
mod connection;
mod etag;
mod extract;
mod guard;
mod headers;
pub mod input;
pub mod json;
mod kept;
mod listener;
mod message;
pub mod openapi;
mod page;
pub mod problem;
mod repeat;
mod request_id;
mod routes;
mod serve;
mod shell;
mod socket;
mod span;
mod traffic;
mod unread;

pub use crate::patch::Patch;
pub use client::Client;
pub use etag::{ETag, IfMatch};
pub use extract::{BODY_LIMIT, Form, Json, Path, Query};
pub use guard::NoTimeLimit;
pub use input::{Input, Int, JsonObject, Line, Rule, Text};
pub use kept::Kept;
pub use listener::Listener;
pub use message::Message;
pub(crate) use page::Part;
pub use page::{Page, Paging, Total};
pub use repeat::{Asked, IDEMPOTENCY_KEY};
pub use request_id::RequestId;
pub use routes::{Router, Routes};
pub use serve::{Limits, serve};
pub use shell::{Shell, shell};
pub use traffic::Traffic;
