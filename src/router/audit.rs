//! `/api/v1/events` and `/api/v1/users/{id}/events`: the audit trail.

use crate::{
    access::Permission,
    app::App,
    error::Code,
    event::http::{self as event, shape::Events},
    http::{
        Line, Routes,
        openapi::{Doc, Tag},
    },
};

const TAG: Tag = Tag { name: "Audit trail", about: "Who did what, and when: the log, which nobody can alter unseen." };

pub(super) fn routes() -> Routes<App> {
    let trail = |id, summary, about| {
        Doc::new(id, summary)
            .about(about)
            .needs(Permission::EventsRead.as_str())
            .gives::<Events>(200, "A page of them, the newest first.")
            .refuses(&[Code::FieldNotVisible])
    };
    Routes::new("/api/v1", TAG)
        .get(
            "/events",
            event::list,
            trail(
                "listEvents",
                "What happened",
                "Any number of filters, all of which must hold. A page may be short and not the last: go on while there is \
                 a `next_cursor`.",
            ),
        )
        .get(
            "/users/{id}/events",
            event::of_user,
            trail("listUserEvents", "What happened to a user", "As of all, for one; he may be deleted or erased.")
                .path::<Line<1, 255>>("id", "The user: a UUID or an external id.")
                .such_as("01890a5d-ac96-774b-bcce-b302099a8057"),
        )
}
