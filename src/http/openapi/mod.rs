//! The documentation of the routes, as an `OpenAPI` 3.1 document.
//!
//! Most of it is read from the types of a handler: [`Takes`] says what an argument adds (a body with its fields, a
//! parameter, a sign-in) together with the refusals that reading it can end in. The rest is the route's [`Doc`]: what
//! it is for, what it answers, and the refusals that are its own. [`Routes`](super::Routes) takes both at once, so there
//! is no route without its documentation. `docs/decisions/0014-routes-carry-their-documentation.md` says why so.

mod answer;
mod doc;
mod document;
mod field;
mod operation;
mod refusal;
mod shape;
mod takes;

pub use doc::Doc;
pub use document::{Tag, document};
pub use field::Field;
pub use operation::{Access, Operation};
pub use shape::{Maybe, Schemas, Shape, Taken, named, nullable};
pub use takes::{Described, Takes};
