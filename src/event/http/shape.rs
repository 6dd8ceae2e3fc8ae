//! What the audit trail looks like.

use serde_json::{Map, Value};

use crate::{
    clock::Time,
    http::openapi::Maybe,
    id::{SessionId, UserId},
    shape,
};

shape! {
    /// Something that happened.
    pub(crate) struct EventView {
        /// Its number in the log: 1, 2, 3, .. without gaps.
        #[example(4711)]
        cursor: u64,
        /// When it took place.
        at: Time,
        /// What happened.
        #[example("user.role_changed")]
        kind: String,
        /// `success`, or `refused`: it was tried and did not take place.
        #[example("success")]
        outcome: String,
        /// The id of the user who acted, also by an API key; or `anonymous`, `operator` (the command line), `system`.
        #[example("01890a5d-ac96-774b-bcce-b302099a8057")]
        actor: String,
        /// The id of the user whom it concerns.
        user: Option<UserId>,
        /// The id of the session which it concerns, or in which the actor acted.
        session: Option<SessionId>,
        /// From which address; null also where the caller may not see it.
        #[example("192.0.2.7")]
        ip: Option<String>,
        /// Everything else that the caller may see; null once erased.
        #[example({"reason": "logout"})]
        data: Option<Map<String, Value>>,
    }
}

shape! {
    /// A page of the audit trail.
    pub(crate) struct Events {
        /// The newest first. There may be fewer than `size`, or none, and more to come: only `next_cursor` tells.
        items: Vec<EventView>,
        /// How many there are in all, where that is known.
        total: Maybe<u64>,
        /// Always 1.
        page: u64,
        /// How many a page holds.
        size: u64,
        /// How many pages there are, where that is known.
        pages: Maybe<u64>,
        /// Where the next page begins; null on the last one.
        #[example("1700000000000001-7")]
        next_cursor: Option<String>,
    }
}
