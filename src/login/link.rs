//! One-time links by which a person chooses his password: sent for him by others, used without a sign-in.

use super::{change_password::allowed, refuse};
use crate::{
    access::Caller,
    account::{self, PasswordChange, User, claim, rank},
    app::App,
    db::Tx,
    error::{Code, Error, Result},
    event::{self, Event, Kind},
    id::UserId,
    mail::{self, Link, Mail},
    password::{self, Password},
    proof,
    secret::{Keys, Token},
    session::{self, Reason},
};

/// Queues the mail with a new link, in the place of every link before it.
///
/// # Errors
/// Of the database.
pub(crate) async fn send(tx: &mut Tx, caller: &Caller, keys: &Keys, user: &User, link: Link) -> Result<()> {
    let token = proof::issue(tx, proof::Kind::Password, user.id, &user.email).await?;
    mail::queue(tx, &Mail::link(link, user.id, keys, &token)?).await?;
    event::record(tx, Event::new(Kind::PasswordLinkSent, caller).user(user.id)).await
}

/// The support desk sends somebody a link. His password and his sessions stay as they are until he uses it.
///
/// # Errors
/// `not_found`, `forbidden`; `conflict` when the account is deactivated.
pub async fn send_to_other(tx: &mut Tx, caller: &Caller, keys: &Keys, id: UserId) -> Result<()> {
    let user = account::lock(tx, id).await?.ok_or_else(Error::not_found)?;
    rank::must_support(tx, caller, &user).await?;
    if !user.is_active {
        let text = "The user is deactivated, so a link would open nothing. Activate the user first.";
        return Err(Error::new(Code::Conflict).detail(text));
    }
    send(tx, caller, keys, &user, Link::Password).await
}

/// Sets the password of whoever holds the token. Every session of the account ends, and none begins.
///
/// A link proves the mailbox. Of an account whose address was unproved nothing that was there before is left.
///
/// # Errors
/// `invalid_token`, the same for every token that opens nothing; `invalid` (the new password's rule) and `busy`, which
/// leave the link as it was.
pub async fn confirm(app: &App, caller: &Caller, token: &Token, new: &Password) -> Result<()> {
    let Some(user) = holder(app, token).await? else {
        app.db.write(async |tx| refuse(tx, caller, None).await).await?;
        return Err(Code::InvalidToken.into());
    };
    allowed(app, &user, new)?;
    let mut ticket = app.pool.admit()?;
    if user.must_change_password
        && let Some(stored) = password::get(&mut app.db.read(), user.id).await?
        && ticket.verify(new, &stored.hash).await?
    {
        return Err(Error::invalid("new_password", "unchanged", "The new password is the current one."));
    }
    let hash = &ticket.hash(new).await?;
    let is_set = app
        .db
        .write(async |tx| {
            // The account first, as everybody does who makes links useless.
            let user = account::lock(tx, user.id).await?;
            let proof = proof::consume(tx, proof::Kind::Password, token).await?;
            let Some((user, _)) = user.zip(proof).filter(|(user, proof)| opens(user, proof)) else {
                refuse(tx, caller, None).await?;
                return Ok(false);
            };
            password::set(tx, caller, user.id, hash).await?;
            account::require_password_change(tx, caller, user.id, PasswordChange::Done).await?;
            session::revoke_all(tx, caller, user.id, None, Reason::PasswordChanged).await?;
            claim::claim(tx, user.id).await?;
            Ok(true)
        })
        .await?;
    if is_set { Ok(()) } else { Err(Code::InvalidToken.into()) }
}

/// Whose password a token opens, as far as can be told without a lock.
async fn holder(app: &App, token: &Token) -> Result<Option<User>> {
    let conn = &mut app.db.read();
    let Some(proof) = proof::find(conn, proof::Kind::Password, token, app.db.clock().now()).await? else {
        return Ok(None);
    };
    Ok(account::get(conn, proof.user_id).await?.filter(|user| opens(user, &proof)))
}

fn opens(user: &User, proof: &proof::Proof) -> bool {
    user.is_active && user.id == proof.user_id && user.email == proof.email
}
