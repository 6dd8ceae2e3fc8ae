//! Proving oneself again, for what needs a fresh proof.

use super::{refuse, reserve};
use crate::{
    access::Caller,
    app::App,
    db::Tx,
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
    verify(app, caller, password).await?;
    app.db.write(async |tx| proved(tx, caller).await).await
}

/// Whether this is the caller's password.
///
/// # Errors
/// As [`reauthenticate`].
pub async fn verify(app: &App, caller: &Caller, password: &Password) -> Result<()> {
    let (user, session) = caller.signed_in()?;
    let mut ticket = app.pool.admit()?;
    reserve(app, caller, Subject::session(user, session)).await?;
    if let Some(stored) = password::get(&mut app.db.read(), user).await?
        && ticket.verify(password, &stored.hash).await?
    {
        return Ok(());
    }
    drop(ticket);
    app.db.write(async |tx| refuse(tx, caller, Some(user)).await).await?;
    Err(Code::WrongPassword.into())
}

/// Forgives the failed tries of one who has just proved himself, and notes when he did.
///
/// # Errors
/// `token_refused` when his session has ended meanwhile.
pub async fn proved(tx: &mut Tx, caller: &Caller) -> Result<()> {
    let (user, session) = caller.signed_in()?;
    limit::clear(tx, Subject::session(user, session)).await?;
    session::proved(tx, caller, user, session).await
}
