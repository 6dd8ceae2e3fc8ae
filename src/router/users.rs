//! `/api/v1/users`.

use serde_json::json;

use crate::{
    access::Permission,
    account::http::{
        self as account,
        dossier::{self, shape::Dossier},
        own,
        shape::{Stats, User, Users},
    },
    app::App,
    error::Code,
    http::{
        Input, Routes,
        openapi::{Doc, Tag},
    },
    import::http as import,
    password::Password,
    profile::http::{self as profile, Preferences, Profile},
    search::http as search,
};

const TAG: Tag = Tag { name: "Users", about: "One's own account, profile and preferences." };

const CHANGES: &str = "Changes only the fields given; `null` clears one. `PUT` and `PATCH` do the same.";

pub(super) fn routes() -> Routes<App> {
    let changed = |id| {
        Doc::new(id, "Change my account")
            .about(CHANGES)
            .gives::<User>(200, "The user as he is now.")
            .with_etag()
            .refuses(&[Code::UsernameTaken])
    };
    let changes_profile =
        |id| Doc::new(id, "Change my profile").about(CHANGES).gives::<Profile>(200, "The profile as it is now.");
    let changes_preferences = |id| {
        Doc::new(id, "Change my preferences")
            .about(CHANGES)
            .gives::<Preferences>(200, "The preferences as they are now.")
    };
    Routes::new("/api/v1/users", TAG)
        .get("/me", account::me, Doc::new("getMe", "My account").gives::<User>(200, "The user.").with_etag())
        .put("/me", account::update, changed("putMe"))
        .patch("/me", account::update, changed("patchMe"))
        .delete(
            "/me",
            account::delete,
            Doc::new("deleteMe", "Delete my account")
                .about(
                    "Needs the password, or a sign-in of the last 10 minutes. The account is gone at once and erased \
                     after `DELETE_GRACE_DAYS`.",
                )
                .says(200, "The account was deleted.")
                .refuses(&[Code::WrongPassword, Code::ReauthRequired, Code::LastSuperadmin, Code::TooManyAttempts]),
        )
        .get(
            "/me/profile",
            profile::profile,
            Doc::new("getMyProfile", "My profile")
                .about("Defaults stand where nothing was ever set.")
                .gives::<Profile>(200, "The profile."),
        )
        .put("/me/profile", profile::set_profile, changes_profile("putMyProfile"))
        .patch("/me/profile", profile::set_profile, changes_profile("patchMyProfile"))
        .get(
            "/me/preferences",
            profile::preferences,
            Doc::new("getMyPreferences", "My preferences")
                .about("Defaults stand where nothing was ever set.")
                .gives::<Preferences>(200, "The preferences."),
        )
        .put("/me/preferences", profile::set_preferences, changes_preferences("putMyPreferences"))
        .patch("/me/preferences", profile::set_preferences, changes_preferences("patchMyPreferences"))
        .get("/me/stats", own::stats, Doc::new("getMyStats", "Figures of my account").gives::<Stats>(200, "They."))
        .get(
            "/me/export",
            dossier::export,
            Doc::new("exportMe", "Everything that is held about me")
                .about("One JSON document, streamed: it may be long. It holds no secret.")
                .gives::<Dossier>(200, "The document."),
        )
        .post(
            "/me/upgrade",
            own::upgrade,
            Doc::new("upgradeMe", "Get the premium plan")
                .about("Where `PAYMENT_HOOK` is set, the service there says whether it is paid for.")
                .gives::<User>(200, "The user as he is now.")
                .with_etag()
                .refuses(&[
                    Code::Conflict,
                    Code::VerificationRequired,
                    Code::PaymentRequired,
                    Code::PaymentUnavailable,
                ]),
        )
        .post(
            "/me/downgrade",
            own::downgrade,
            Doc::new("downgradeMe", "Go back to the basic plan")
                .gives::<User>(200, "The user as he is now.")
                .with_etag()
                .refuses(&[Code::Conflict, Code::VerificationRequired]),
        )
        .and(crowd())
}

fn crowd() -> Routes<App> {
    Routes::new("/api/v1/users", TAG)
        .post(
            "/import",
            import::import,
            Doc::new("importUsers", "Import users")
                .about(
                    "A CSV of any length, up to 1 GiB. Rows are written in batches: when it breaks off, send it again, \
                     and who is here already is skipped. It ends with 401 or 403 when whoever sends it is let in no \
                     more.",
                )
                .needs(Permission::UsersImport.as_str())
                .narrows("X-Default-Password", Password::schema())
                .narrows("on_conflict", json!({"enum": ["skip", "update", "fail"], "maxLength": 6}))
                .gives::<import::Told>(200, "What became of the rows.")
                .refuses(&[Code::Conflict]),
        )
        .get(
            "/export",
            import::export,
            Doc::new("exportUsers", "Export users")
                .about(
                    "Everybody, streamed, without what the caller does not see in others. Cells that a spreadsheet would \
                     run begin with an apostrophe. `search` needs `users.search` too.",
                )
                .needs(Permission::UsersExport.as_str())
                .narrows("format", json!({"enum": ["csv", "jsonl"], "maxLength": 5}))
                .refuses(&[Code::FieldNotVisible, Code::Busy])
                .gives_text("text/csv", 200, "A row for each user.")
                .gives_text("application/jsonl", 200, "A JSON object for each user."),
        )
        .get(
            "/search",
            search::search,
            Doc::new("searchUsers", "Find users")
                .about(
                    "Any number of filters, all of which must hold. A total beyond a hundred may be an estimate, and is \
                     marked so.",
                )
                .needs(Permission::UsersSearch.as_str())
                .gives::<Users>(200, "A page of them.")
                .refuses(&[Code::FieldNotVisible, Code::Busy]),
        )
}
