//! Proving oneself again, for what needs a fresh proof.

use super::reserve;
use crate::{
    access::Caller,
    app::App,
    error::{Code, Result},
    limit::{self, Subject},
    password::{self, Password},
    session,
};

/// The caller proves himself by his password: his session counts as fresh for 10 minutes.
///
/// # Errors
/// `wrong_password`, `too_many_attempts`, `busy`.
pub async fn reauthenticate(app: &App, caller: &Caller, password: &Password) -> Result<()> {
    let (user, session) = caller.signed_in()?;
    let mut ticket = app.pool.admit()?;
    let subject = Subject::session(user, session);
    reserve(app, subject).await?;
    let stored = password::get(&mut app.db.read(), user).await?.ok_or(Code::WrongPassword)?;
    if !ticket.verify(password, &stored.hash).await? {
        return Err(Code::WrongPassword.into());
    }
    app.db
        .write(async |tx| {
            limit::clear(tx, subject).await?;
            session::proved(tx, caller, user, session).await
        })
        .await
}
