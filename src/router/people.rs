//! `/api/v1/users`: lists, and others by their id.

use crate::{
    access::Permission,
    account::http::{
        create, list, others, roles,
        shape::{SeenUser, Users},
        support,
    },
    app::App,
    error::Code,
    http::{
        Line, Routes,
        openapi::{Doc, Tag},
    },
    profile::http::{self as profile, Preferences, Profile},
    session::http::Sessions,
};

const TAG: Tag = Tag {
    name: "People",
    about: "Other users. Wherever `{id}` stands, an external id works too; a UUID wins. Nobody acts on a user of his own \
            rank or above, except a superadmin, nor on one who holds what he lacks.",
};

pub(super) fn routes() -> Routes<App> {
    let lists = |id| {
        Doc::new(id, "List users")
            .about("Page numbers reach row 10 000; go on by `cursor`.")
            .needs(Permission::UsersList.as_str())
            .gives::<Users>(200, "A page of them.")
            .refuses(&[Code::FieldNotVisible])
    };
    let seen = |doc: Doc| doc.gives::<SeenUser>(200, "The user as he is now.").with_etag();
    let changes = |id| {
        seen(on(id, "Change a user", Permission::UsersUpdate))
            .about("Changes only the fields given; `null` clears one that can be empty. Of oneself the same as `/users/me`.")
            .refuses(&[Code::EmailTaken, Code::UsernameTaken, Code::ExternalIdTaken])
    };
    let makes = |id, summary| {
        Doc::new(id, summary)
            .needs(Permission::UsersCreate.as_str())
            .gives::<SeenUser>(201, "The user.")
            .with_etag()
            .refuses(&[Code::EmailTaken, Code::UsernameTaken, Code::ExternalIdTaken])
    };
    Routes::new("/api/v1/users", TAG)
        .get("", list::list, lists("listUsers"))
        .get("/list", list::list, lists("listUsersToo"))
        .post(
            "",
            create::create,
            makes("createUser", "Make a user").about(
                "Without `password` a one-time link, good for 24 hours, goes to the address by mail; see \
                 `/auth/password-reset-confirm`.",
            ),
        )
        .post(
            "/create-admin",
            create::create_admin,
            makes("createAdmin", "Make an admin").about("Needs `users.grant` too."),
        )
        .get("/{id}", others::get, seen(on("getUser", "Read a user", Permission::UsersRead)))
        .put("/{id}", others::update, changes("putUser"))
        .patch("/{id}", others::update, changes("patchUser"))
        .delete(
            "/{id}",
            others::delete,
            on("deleteUser", "Delete a user", Permission::UsersDelete)
                .about("Of oneself the same as `DELETE /users/me`, with the password in the body.")
                .says(200, "The account is gone, and erased after `DELETE_GRACE_DAYS`.")
                .refuses(&[Code::LastSuperadmin, Code::WrongPassword, Code::ReauthRequired, Code::TooManyAttempts]),
        )
        .get(
            "/{id}/profile",
            profile::profile_of,
            on("getProfile", "A user's profile", Permission::UsersReadProfile)
                .about("404 when he does not show it, except to those who may change him.")
                .gives::<Profile>(200, "The profile."),
        )
        .get(
            "/{id}/preferences",
            profile::preferences_of,
            on("getPreferences", "A user's preferences", Permission::UsersReadProfile)
                .about("Shown as his profile is.")
                .gives::<Preferences>(200, "The preferences."),
        )
        .and(authority())
        .and(desk())
}

fn authority() -> Routes<App> {
    let seen = |doc: Doc| doc.gives::<SeenUser>(200, "The user as he is now.").with_etag();
    Routes::new("/api/v1/users", TAG)
        .put(
            "/{id}/role",
            roles::set,
            seen(on("setRole", "Set the built-in role", Permission::UsersGrant))
                .about("Nobody grants what he lacks, nor his own rank, except a superadmin. Only `admin` can end.")
                .refuses(&[Code::LastSuperadmin]),
        )
        .post(
            "/{id}/roles",
            roles::add,
            seen(on("addRole", "Grant a custom role", Permission::UsersGrant))
                .about("Nobody grants what he lacks. The role counts until the second it ends."),
        )
        .delete(
            "/{id}/roles/{role}",
            roles::remove,
            seen(on("removeRole", "Take a custom role back", Permission::UsersGrant))
                .path::<Line<1, 50>>("role", "The role's name.")
                .such_as("support"),
        )
        .put(
            "/{id}/status",
            others::set_status,
            seen(on("setStatus", "Deactivate or activate a user", Permission::UsersDeactivate))
                .about("Deactivating ends all sessions and API keys of the user.")
                .refuses(&[Code::LastSuperadmin]),
        )
        .post(
            "/{id}/restore",
            others::restore,
            seen(on("restoreUser", "Bring a deleted user back", Permission::UsersDelete)).refuses(&[
                Code::EmailTaken,
                Code::UsernameTaken,
                Code::ExternalIdTaken,
            ]),
        )
}

fn desk() -> Routes<App> {
    Routes::new("/api/v1/users", TAG)
        .get(
            "/{id}/sessions",
            support::sessions,
            on("getUserSessions", "A user's sessions", Permission::UsersSessions)
                .about("Where they come from is told to whoever holds `users.update`.")
                .gives::<Sessions>(200, "All of them; they are not paged."),
        )
        .delete(
            "/{id}/sessions",
            support::end_sessions,
            on("endUserSessions", "End a user's sessions", Permission::UsersSessions).says(200, "They have ended."),
        )
        .post(
            "/{id}/force-password-change",
            support::force_password_change,
            on("forcePasswordChange", "Make a user change his password", Permission::UsersSupport)
                .about("His sessions end, and a mail tells him.")
                .says(200, "He must, at his next sign-in."),
        )
        .post(
            "/{id}/unlock",
            support::unlock,
            on("unlockUser", "Forgive failed attempts", Permission::UsersSupport)
                .about("A mail tells the user.")
                .says(200, "They are forgiven."),
        )
        .post(
            "/{id}/password",
            support::set_password,
            on("setPassword", "Set a user's password, or mail him a link", Permission::UsersSupport)
                .about(
                    "With `password`: he has it, his sessions end, and a mail tells him. Without: a one-time link goes to \
                     him by mail, good for 24 hours, and takes the place of the one before; see \
                     `/auth/password-reset-confirm`.",
                )
                .says(200, "It is done.")
                .refuses(&[Code::Conflict]),
        )
}

/// What is done to somebody, by whoever has the permission.
fn on(id: &'static str, summary: &'static str, permission: Permission) -> Doc {
    Doc::new(id, summary)
        .needs(permission.as_str())
        .path::<Line<1, 255>>("id", "The user: a UUID or an external id.")
        .such_as("01890a5d-ac96-774b-bcce-b302099a8057")
}
