//! `/api/v1/permissions`, `/roles`, `/plans` and `/keys`.

use crate::{
    access::Permission,
    app::App,
    error::Code,
    http::{
        Line, Routes,
        openapi::{Doc, Tag},
    },
    id::KeyId,
    key::http::{self as key, Keys, NewKey},
    role::http::{
        self as role, AllPermissions, RoleView, Roles,
        plan::{self, PlanView, Plans},
    },
};

const TAG: Tag = Tag {
    name: "Access",
    about: "Roles, plans and API keys. Nobody writes a role, plan or key that holds what he lacks.",
};

pub(super) fn routes() -> Routes<App> {
    let reads = |id, summary| Doc::new(id, summary).needs(Permission::RolesRead.as_str());
    let writes = |id, summary| Doc::new(id, summary).needs(Permission::RolesWrite.as_str());
    let role = |doc: Doc| doc.path::<Line<1, 50>>("name", "The role's name.").such_as("support");
    let tier = |doc: Doc| doc.path::<Line<1, 50>>("tier", "The plan's name.").such_as("premium");
    Routes::new("/api/v1", TAG)
        .get(
            "/permissions",
            role::permissions,
            Doc::new("listPermissions", "Every permission")
                .gives::<AllPermissions>(200, "A page, each with a sentence."),
        )
        .get("/roles", role::list, reads("listRoles", "Every role").gives::<Roles>(200, "A page."))
        .post(
            "/roles",
            role::create,
            writes("createRole", "Make a role").gives::<RoleView>(201, "The role.").refuses(&[Code::Conflict]),
        )
        .get("/roles/{name}", role::get, role(reads("getRole", "Read a role")).gives::<RoleView>(200, "The role."))
        .put(
            "/roles/{name}",
            role::update,
            role(writes("putRole", "Change a role"))
                .about("Counts at once for all who have it. Built-in roles cannot be changed.")
                .gives::<RoleView>(200, "The role as it is now.")
                .refuses(&[Code::Conflict]),
        )
        .delete(
            "/roles/{name}",
            role::delete,
            role(writes("deleteRole", "Take a role away"))
                .about("From all who have it.")
                .says(200, "It is gone.")
                .refuses(&[Code::Conflict]),
        )
        .get("/plans", plan::list, reads("listPlans", "Every plan").gives::<Plans>(200, "A page."))
        .post(
            "/plans",
            plan::create,
            writes("createPlan", "Make a plan")
                .about("Whoever may change users gives it to them: `subscription_tier` of `PATCH /users/{id}`.")
                .gives::<PlanView>(201, "The plan.")
                .refuses(&[Code::Conflict]),
        )
        .get("/plans/{tier}", plan::get, tier(reads("getPlan", "Read a plan")).gives::<PlanView>(200, "The plan."))
        .put(
            "/plans/{tier}",
            plan::update,
            tier(writes("putPlan", "Change what a plan adds"))
                .about("Counts at once for all who have it.")
                .gives::<PlanView>(200, "The plan as it is now."),
        )
        .delete(
            "/plans/{tier}",
            plan::delete,
            tier(writes("deletePlan", "Take a plan away"))
                .about("Not while somebody has it, and not `basic`, `premium` and `enterprise`.")
                .says(200, "It is gone.")
                .refuses(&[Code::Conflict]),
        )
        .get(
            "/keys",
            key::list,
            Doc::new("listKeys", "Every API key").needs(Permission::KeysRead.as_str()).gives::<Keys>(200, "A page."),
        )
        .post(
            "/keys",
            key::create,
            Doc::new("createKey", "Make an API key")
                .about(
                    "It never holds more than its maker holds at the time, never acts on his account, and ends with it.",
                )
                .needs(Permission::KeysWrite.as_str())
                .gives::<NewKey>(201, "The key, told this once.")
                .refuses(&[Code::NotFound]),
        )
        .delete(
            "/keys/{id}",
            key::revoke,
            Doc::new("revokeKey", "End an API key")
                .needs(Permission::KeysWrite.as_str())
                .path::<KeyId>("id", "The key, as listed.")
                .says(200, "It works no more."),
        )
}
