//! Users as a caller sees them.

use serde_json::{Map, Value};

use crate::{
    access::Caller,
    account::{
        User, grant,
        view::{self, Contact},
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

/// Each of them, without what the caller may not see.
pub(crate) async fn views(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    users: &[User],
) -> Result<Vec<Map<String, Value>>> {
    let now = app.db.clock().now();
    let authorities = grant::authorities(conn, app.config.auth.directory, users, now).await?;
    let asks = !caller.sees_everything() && emails(app) == Emails::Hidden;
    let ids: Vec<UserId> = if asks { users.iter().map(|user| user.id).collect() } else { Vec::new() };
    let public = profile::public_contacts(conn, &ids).await?;
    let view = |(user, authority): (&User, _)| {
        let contact = if !asks || public.contains(&user.id) { Contact::Shown } else { Contact::Hidden };
        view::seen(caller, user, authority, contact)
    };
    Ok(users.iter().zip(&authorities).map(view).collect())
}

/// One of them.
pub(super) async fn view(app: &App, conn: &mut Conn, caller: &Caller, user: &User) -> Result<Map<String, Value>> {
    Ok(views(app, conn, caller, std::slice::from_ref(user)).await?.into_iter().next().unwrap_or_default())
}

/// One of them as an answer, with its version.
pub(super) async fn answer(app: &App, conn: &mut Conn, caller: &Caller, user: &User) -> Result<Answer> {
    Ok(Answer::ok(view(app, conn, caller, user).await?).version(user.version))
}
