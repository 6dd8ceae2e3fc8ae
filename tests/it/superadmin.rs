//! Rank: nobody acts on his own rank or above, and one superadmin always remains.

use std::time::Duration;

use denizen::{
    access::{Caller, Origin, Role},
    account::{self, Changes},
    error::{Code, Result},
    id::{SessionId, UserId},
    login::change_password,
    password::Password,
    patch::Patch,
};
use serde_json::json;

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::{PASSWORD, Person},
    },
};

/// How a superadmin ceases to be one.
#[derive(Clone, Copy, Debug)]
enum Leave {
    Demoted,
    Deactivated,
    Deleted,
}

/// A person as the caller of a verb.
fn caller(person: &Person, role: Role) -> Caller {
    Caller::user(id(person), SessionId::from_uuid(uuid::Uuid::nil()), role, Origin::default())
}

fn id(person: &Person) -> UserId {
    person.id.parse().unwrap()
}

async fn person(app: &TestApp, name: &str, role: Role) -> Person {
    let person = app.register(name).await;
    app.set_role(&person.id, role).await;
    person
}

async fn leave(app: &denizen::app::App, caller: &Caller, target: UserId, how: Leave) -> Result<()> {
    let grace = Duration::from_secs(60);
    app.db
        .write(async |tx| match how {
            Leave::Demoted => account::set_role(tx, caller, target, Role::User).await.map(|_| ()),
            Leave::Deactivated => account::deactivate(tx, caller, target, |_| Ok(())).await.map(|_| ()),
            Leave::Deleted => account::delete(tx, caller, target, grace, |_| Ok(())).await,
        })
        .await
}

/// Every verb by which one person acts on another; each is to be refused.
async fn try_everything(app: &TestApp, caller: &Caller, target: UserId) -> Vec<(&'static str, Option<Code>)> {
    let db = &app.app.db;
    let code = |result: Result<()>| result.err().map(|error| error.code());
    let bio = Changes { bio: Patch::Set("changed".into()), ..Changes::default() };
    let password = Password::parse("Another-Horse-8-Battery").unwrap();
    let any = |_| Ok(());
    vec![
        (
            "update",
            code(db.write(async |tx| account::update(tx, caller, target, bio.clone(), any).await.map(|_| ())).await),
        ),
        ("verify", code(db.write(async |tx| account::verify(tx, caller, target).await.map(|_| ())).await)),
        (
            "to user",
            code(db.write(async |tx| account::set_role(tx, caller, target, Role::User).await.map(|_| ())).await),
        ),
        (
            "to admin",
            code(db.write(async |tx| account::set_role(tx, caller, target, Role::Admin).await.map(|_| ())).await),
        ),
        (
            "to superadmin",
            code(db.write(async |tx| account::set_role(tx, caller, target, Role::Superadmin).await.map(|_| ())).await),
        ),
        ("deactivate", code(leave(&app.app, caller, target, Leave::Deactivated).await)),
        (
            "activate",
            code(db.write(async |tx| account::activate(tx, caller, target, |_| Ok(())).await.map(|_| ())).await),
        ),
        ("delete", code(leave(&app.app, caller, target, Leave::Deleted).await)),
        ("password", code(change_password::by_operator(&app.app, caller, target, &password).await)),
    ]
}

const ACTIVE: &str = "select count(*) from users where role = 'superadmin' and is_active and deleted_at is null";

each_engine! {
    async fn of_two_who_leave_at_once_one_remains(app) {
        // Nobody needs a hash of his own here: thirty rounds of three ways are made of two accounts each.
        for round in 0..30 {
            let how = [Leave::Demoted, Leave::Deactivated, Leave::Deleted][round % 3];
            let other_how = [Leave::Deleted, Leave::Demoted, Leave::Demoted][(round / 3) % 3];
            let ann = person(&app, &format!("ann{round}"), Role::Superadmin).await;
            let bob = person(&app, &format!("bob{round}"), Role::Superadmin).await;
            if round > 0 {
                app.database
                    .execute(&format!("update users set role = 'user' where email_key not like '%{round}@example.com'"))
                    .await;
            }
            let (ann_acts, bob_acts) = (caller(&ann, Role::Superadmin), caller(&bob, Role::Superadmin));
            // Each removes himself, or each the other.
            let (first, second) = if round % 2 == 0 { (id(&ann), id(&bob)) } else { (id(&bob), id(&ann)) };
            let (one, other) = (app.app.clone(), app.app.clone());
            let left = tokio::spawn(async move { leave(&one, &ann_acts, first, how).await });
            let right = tokio::spawn(async move { leave(&other, &bob_acts, second, other_how).await });
            let ends = [left.await.unwrap(), right.await.unwrap()];
            assert_eq!(app.database.number(ACTIVE).await, 1, "round {round}: {ends:?}");
            let refusals: Vec<Code> = ends.into_iter().filter_map(Result::err).map(|error| error.code()).collect();
            assert_eq!(refusals, [Code::LastSuperadmin], "round {round} {how:?} {other_how:?}");
        }
    }

    async fn of_two_who_delete_themselves_at_once_one_remains(app) {
        for round in 0..5 {
            let ann = person(&app, &format!("ann{round}"), Role::Superadmin).await;
            let bob = person(&app, &format!("bob{round}"), Role::Superadmin).await;
            app.database
                .execute(&format!("update users set role = 'user' where email_key not like '%{round}@example.com'"))
                .await;
            let (one, other) = (app.bearer(&ann.access), app.bearer(&bob.access));
            let (left, right) = tokio::join!(one.delete("/api/v1/users/me"), other.delete("/api/v1/users/me"));
            let mut statuses = [left.status, right.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409], "{} {}", left.text, right.text);
            let refused = if left.status == 409 { left } else { right };
            assert_eq!(refused.code(), "last_superadmin");
            assert_eq!(app.database.number(ACTIVE).await, 1);
        }
    }

    async fn the_last_one_stays_whoever_asks(app) {
        let root = person(&app, "root", Role::Superadmin).await;
        let off = person(&app, "off", Role::Superadmin).await;
        app.deactivate(&off.id).await;
        for caller in [Caller::operator(), Caller::system(), caller(&root, Role::Superadmin)] {
            for how in [Leave::Demoted, Leave::Deactivated, Leave::Deleted] {
                let error = leave(&app.app, &caller, id(&root), how).await.unwrap_err();
                assert_eq!(error.code(), Code::LastSuperadmin, "{how:?}");
            }
        }
        let body = json!({"password": PASSWORD}).to_string().into_bytes();
        let client = app.bearer(&root.access);
        let reply = client.send("DELETE", "/api/v1/users/me", Some(("application/json", body))).await.expect(409);
        assert_eq!(reply.code(), "last_superadmin");
        app.me(&root.access).await.expect(200);
        // One who may not sign in is not one who remains, and may go.
        leave(&app.app, &Caller::operator(), id(&off), Leave::Deleted).await.unwrap();
        let next = person(&app, "next", Role::Superadmin).await;
        leave(&app.app, &caller(&root, Role::Superadmin), id(&root), Leave::Demoted).await.unwrap();
        assert_eq!(app.me(&root.access).await.json()["role"], "user");
        assert_eq!(app.me(&next.access).await.json()["role"], "superadmin");
    }

    async fn an_admin_acts_on_no_admin_and_no_superadmin(app) {
        let admin = person(&app, "admin", Role::Admin).await;
        let peer = person(&app, "peer", Role::Admin).await;
        let root = person(&app, "root", Role::Superadmin).await;
        person(&app, "second", Role::Superadmin).await;
        for target in [&peer, &root] {
            let before = app.me(&target.access).await.json();
            for (verb, code) in try_everything(&app, &caller(&admin, Role::Admin), id(target)).await {
                assert_eq!(code, Some(Code::Forbidden), "{verb}");
            }
            assert_eq!(app.me(&target.access).await.json(), before);
            app.login(&target.email).await.expect(200);
        }
        // Nor does he raise anybody to his own rank, himself above it, or make accounts.
        let user = app.register("user").await;
        for (target, role) in
            [(&user, Role::Admin), (&user, Role::Superadmin), (&admin, Role::Superadmin), (&admin, Role::User)]
        {
            let (caller, target) = (caller(&admin, Role::Admin), id(target));
            let refused = app.app.db.write(async |tx| account::set_role(tx, &caller, target, role).await).await;
            assert_eq!(refused.unwrap_err().code(), Code::Forbidden, "{role:?}");
        }
        for how in [Leave::Deactivated, Leave::Demoted] {
            leave(&app.app, &caller(&admin, Role::Admin), id(&user), how).await.unwrap();
        }
        let error = leave(&app.app, &caller(&admin, Role::Admin), id(&user), Leave::Deleted).await.unwrap_err();
        assert_eq!(error.code(), Code::Forbidden);
    }

    async fn a_user_acts_on_nobody_but_himself(app) {
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        for (verb, code) in try_everything(&app, &caller(&ann, Role::User), id(&bob)).await {
            assert_eq!(code, Some(Code::Forbidden), "{verb}");
        }
        for (verb, code) in try_everything(&app, &Caller::anonymous(Origin::default()), id(&bob)).await {
            assert_eq!(code, Some(Code::NotSignedIn), "{verb}");
        }
        for (verb, code) in try_everything(&app, &caller(&ann, Role::User), id(&ann)).await {
            let expected = (!matches!(verb, "update" | "delete")).then_some(Code::Forbidden);
            assert_eq!(code, expected, "{verb} of oneself");
        }
    }
}
