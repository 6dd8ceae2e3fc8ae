//! Changing one's password: by the current one in a session, or by the token of a change that is required.

use super::{Device, Outcome, Wish, admit, enter, refuse, reserve};
use crate::{
    access::{Caller, Permission},
    account::{self, PasswordChange, User},
    app::App,
    clock::Time,
    db::Tx,
    error::{Code, Error, Result},
    id::UserId,
    limit::{self, Subject},
    mail::{self, Mail, Notice},
    once::{self, Repeat},
    password::{self, Hash, Password, Stored},
    session::{self, Lifetime, Reason},
    token::Claims,
};

/// A change that may be written: the hash of the new password, and since when the one was in force that was proved.
pub struct Proved {
    hash: Hash,
    since: Time,
}

/// Proves the caller by his password, and hashes the new one.
///
/// # Errors
/// `wrong_password`, `invalid` (the new password's rule), `too_many_attempts`, `busy`.
pub async fn prove(app: &App, caller: &Caller, current: &Password, new: &Password) -> Result<Proved> {
    let (id, session) = caller.signed_in()?;
    let user = account::get(&mut app.db.read(), id).await?.ok_or(Code::TokenRefused)?;
    allowed(app, &user, new)?;
    let mut ticket = app.pool.admit()?;
    let subject = Subject::session(id, session);
    reserve(app, caller, subject).await?;
    let stored = password::get(&mut app.db.read(), id).await?;
    let hash = stored.as_ref().map_or_else(|| app.decoy(&[0; 32]), |stored| stored.hash.clone());
    let matches = ticket.verify(current, &hash).await?;
    let Some(stored) = stored.filter(|_| matches) else {
        drop(ticket);
        app.db.write(async |tx| refuse(tx, caller, Some(id)).await).await?;
        return Err(Code::WrongPassword.into());
    };
    if current.expose() == new.expose() {
        app.db.write(async |tx| limit::clear(tx, subject).await).await?;
        return Err(Error::invalid("new_password", "unchanged", "The new password is the current one."));
    }
    Ok(Proved { hash: ticket.hash(new).await?, since: stored.since })
}

/// Changes the password of the caller; his other sessions end.
///
/// # Errors
/// `wrong_password` when it is another one by now; `token_refused` when the session has ended.
pub async fn in_session(tx: &mut Tx, caller: &Caller, proved: &Proved) -> Result<()> {
    let (id, session) = caller.signed_in()?;
    unchanged(tx, id, proved.since).await?.ok_or(Code::WrongPassword)?;
    // A session that was ended while the hash was computed changes nothing.
    session::proved(tx, caller, id, session).await?;
    password::set(tx, caller, id, &proved.hash).await?;
    account::require_password_change(tx, caller, id, PasswordChange::Done).await?;
    session::revoke_all(tx, caller, id, Some(session), Reason::PasswordChanged).await?;
    Ok(())
}

/// Changes a password that must be changed; every session ends, and a new one begins.
///
/// # Errors
/// `token_refused` when the token has done its work; `invalid` (the new password's rule); `busy`; `idempotency_done`.
pub async fn required(
    app: &App,
    caller: &Caller,
    claims: &Claims,
    new: &Password,
    device: Device,
    repeat: Option<&Repeat>,
) -> Result<Outcome> {
    let id = claims.sub;
    let user = account::get(&mut app.db.read(), id).await?.filter(|user| user.is_active).ok_or(Code::TokenRefused)?;
    allowed(app, &user, new)?;
    // The token names the password it was given for: it works once, and not after another change. This is asked
    // before anything is verified, or a spent token would tell whether a guess is the password.
    let since = Time::from_micros(claims.ver);
    let stored = password::get(&mut app.db.read(), id).await?;
    let stored = stored.filter(|stored| stored.since == since).ok_or(Code::TokenRefused)?;
    let mut ticket = app.pool.admit()?;
    if ticket.verify(new, &stored.hash).await? {
        return Err(Error::invalid("new_password", "unchanged", "The new password is the current one."));
    }
    let hash = ticket.hash(new).await?;
    let lifetime = Lifetime::Usual(app.config.auth.refresh_token_lifetime);
    let wish = Wish { lifetime, device, scope: None };
    let (wish, hash) = (&wish, &hash);
    let entry = app
        .db
        .write(async |tx| {
            once::mark(tx, repeat).await?;
            unchanged(tx, id, since).await?.ok_or(Code::TokenRefused)?;
            password::set(tx, caller, id, hash).await?;
            account::require_password_change(tx, caller, id, PasswordChange::Done).await?;
            session::revoke_all(tx, caller, id, None, Reason::PasswordChanged).await?;
            let proof = Stored { hash: hash.clone(), since: tx.now() };
            enter(tx, app, caller, id, &proof, wish).await?.ok_or_else(|| Code::TokenRefused.into())
        })
        .await?;
    admit(app, entry)
}

/// Gives an account a new password, by an operator: every session ends, every failed try is forgiven.
///
/// # Errors
/// `invalid` (the password's rule), `not_found`, `forbidden`, `busy`.
pub async fn by_operator(app: &App, caller: &Caller, id: UserId, new: &Password) -> Result<()> {
    let hash = for_other(app, caller, id, new).await?;
    app.db.write(async |tx| set_for_other(tx, app, caller, id, &hash).await).await
}

/// The hash of a new password for somebody else.
///
/// # Errors
/// As [`by_operator`].
pub(crate) async fn for_other(app: &App, caller: &Caller, id: UserId, new: &Password) -> Result<Hash> {
    caller.must(Permission::UsersSupport)?;
    let user = account::get(&mut app.db.read(), id).await?.ok_or_else(Error::not_found)?;
    caller.must_outrank(user.role)?;
    allowed(app, &user, new)?;
    app.pool.admit()?.hash(new).await
}

/// Sets it, and tells the person by mail. Everything is asked again: while the hash was computed the account may have
/// risen, or gone, and the caller may have fallen, or left.
///
/// # Errors
/// `not_found`, `forbidden`; `token_refused` when the caller's session or key has ended.
pub(crate) async fn set_for_other(tx: &mut Tx, app: &App, caller: &Caller, id: UserId, hash: &Hash) -> Result<()> {
    let user = account::lock(tx, id).await?.ok_or_else(Error::not_found)?;
    let caller = &app.bearers.again(tx, caller).await?;
    account::rank::must_support(tx, caller, &user).await?;
    password::set(tx, caller, id, hash).await?;
    account::require_password_change(tx, caller, id, PasswordChange::Done).await?;
    session::revoke_all(tx, caller, id, None, Reason::PasswordChanged).await?;
    mail::queue(tx, &Mail::notice(Notice::PasswordSet, id)).await
}

pub(super) fn allowed(app: &App, user: &User, new: &Password) -> Result<()> {
    let identity = [user.email.as_str(), user.username.as_deref().unwrap_or_default()];
    app.policy().check(new, &identity).map_err(|rule| rule.error("new_password"))
}

/// The account, locked, if its password is still the one that was proved.
async fn unchanged(tx: &mut Tx, id: UserId, since: Time) -> Result<Option<()>> {
    account::lock(tx, id).await?;
    let stored = password::get(tx, id).await?;
    Ok(stored.filter(|stored| stored.since == since).map(|_| ()))
}
