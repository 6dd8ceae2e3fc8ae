//! Users as a caller sees them.

use std::collections::HashSet;

use futures_util::future::try_join3;
use serde_json::{Map, Value};

use crate::{
    access::Caller,
    account::{
        self, User,
        grant::{self, Holdings},
        view::{self, Contact, Written},
    },
    app::App,
    config::Directory,
    db::Conn,
    error::Result,
    id::UserId,
    once::Answer,
    profile,
    search::Emails,
};

/// Whether this deployment shows everybody's address.
pub(crate) fn emails(app: &App) -> Emails {
    if app.config.auth.directory == Directory::Open { Emails::Shown } else { Emails::Hidden }
}

/// Whether this caller may search by the addresses of others.
pub(crate) fn searched(app: &App, caller: &Caller) -> Emails {
    if caller.sees_everything() { Emails::Shown } else { emails(app) }
}

/// The people of these ids, without what the caller may not see. All that this takes is asked for at once: one after the
/// other, a page would wait for each answer.
pub(crate) async fn people(app: &App, caller: &Caller, ids: &[UserId]) -> Result<Vec<Written>> {
    let (mut one, mut other) = (app.db.read(), app.db.read());
    let shown = Shown::of(app, &mut other, caller, ids);
    let asked = try_join3(account::some(&mut one, ids), Holdings::at_once(&app.db, ids), shown);
    let (users, holdings, shown) = Box::pin(asked).await?;
    let (directory, now) = (app.config.auth.directory, app.db.clock().now());
    let seen = |user: User| {
        let (authority, contact) = (holdings.authority(directory, &user, now), shown.contact(user.id));
        Written::seen(caller, user, authority, contact)
    };
    Ok(users.into_iter().map(seen).collect())
}

/// One of them.
pub(super) async fn view(app: &App, conn: &mut Conn, caller: &Caller, user: &User) -> Result<Map<String, Value>> {
    let authority = grant::authority(conn, app.config.auth.directory, user, app.db.clock().now()).await?;
    let shown = Shown::of(app, conn, caller, &[user.id]).await?;
    Ok(view::seen(caller, user, &authority, shown.contact(user.id)))
}

/// Whose address the caller sees.
enum Shown {
    Everybodys,
    Of(HashSet<UserId>),
}

impl Shown {
    async fn of(app: &App, conn: &mut Conn, caller: &Caller, ids: &[UserId]) -> Result<Self> {
        if caller.sees_everything() || emails(app) == Emails::Shown {
            return Ok(Self::Everybodys);
        }
        Ok(Self::Of(profile::public_contacts(conn, ids).await?))
    }

    fn contact(&self, user: UserId) -> Contact {
        match self {
            Self::Of(public) if !public.contains(&user) => Contact::Hidden,
            _ => Contact::Shown,
        }
    }
}

/// One of them as an answer, with its version.
pub(super) async fn answer(app: &App, conn: &mut Conn, caller: &Caller, user: &User) -> Result<Answer> {
    Ok(Answer::ok(view(app, conn, caller, user).await?).version(user.version))
}
