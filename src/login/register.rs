//! Making an account of one's own, and coming in with it.

use super::{Outcome, Wish, admit, enter, link};
use crate::{
    access::{Caller, Permission, Role},
    account::{self, Email, Names, New, User, Username, Verification},
    app::App,
    config::Registration,
    db::Tx,
    error::{Code, Error, Result},
    mail::Link,
    password::{self, Hash, Password},
    secret::Keys,
};

/// Who wants an account.
pub struct Applicant {
    /// His address.
    pub email: Email,
    /// The name he wants to sign in with.
    pub username: Option<Username>,
    /// His names.
    pub names: Names,
    /// His gender, as told.
    pub gender: Option<String>,
    /// His telephone number.
    pub phone: Option<String>,
    /// His address in the network, as told; otherwise the one he comes from.
    pub ip_address: Option<String>,
    /// His password.
    pub password: Password,
}

/// Makes the account and signs its person in.
///
/// # Errors
/// `registration_closed`, `invalid` (the password's rule), `email_taken`, `username_taken`, `busy`.
pub async fn register(app: &App, caller: &Caller, applicant: Applicant, wish: Wish) -> Result<Outcome> {
    let (new, hash) = prepare(app, caller, applicant).await?;
    let (new, hash, wish) = (&new, &hash, &wish);
    let entry = app
        .db
        .write(async |tx| {
            let (user, stored) = create(tx, caller, new, hash).await?;
            enter(tx, app, caller, user.id, &stored, wish).await?.ok_or_else(|| Error::internal("nobody entered"))
        })
        .await?;
    admit(app, entry)
}

/// Makes the account and no session.
///
/// # Errors
/// As [`register`].
pub async fn sign_up(app: &App, caller: &Caller, applicant: Applicant) -> Result<User> {
    let (new, hash) = prepare(app, caller, applicant).await?;
    app.db.write(async |tx| Ok(create(tx, caller, &new, &hash).await?.0)).await
}

/// Everything that needs no transaction: the rules, then the hash.
async fn prepare(app: &App, caller: &Caller, applicant: Applicant) -> Result<(New, Hash)> {
    if app.config.auth.registration == Registration::Closed {
        return Err(Code::RegistrationClosed.into());
    }
    let password = applicant.password;
    let new = New {
        email: applicant.email,
        username: applicant.username,
        names: applicant.names,
        gender: applicant.gender,
        phone: applicant.phone,
        ip_address: applicant.ip_address.or_else(|| caller.origin.ip.map(|ip| ip.to_string())),
        role: Role::User,
        verification: Verification::Pending,
    };
    let hash = hash(app, &new, &password).await?;
    Ok((new, hash))
}

/// Makes an account for somebody else, with a password and no session.
///
/// # Errors
/// `invalid` (the password's rule), `email_taken`, `username_taken`, `forbidden`, `busy`.
pub async fn by_operator(app: &App, caller: &Caller, new: New, password: &Password) -> Result<User> {
    caller.must(Permission::UsersCreate)?;
    let hash = hash(app, &new, password).await?;
    app.db.write(async |tx| Ok(create(tx, caller, &new, &hash).await?.0)).await
}

/// The hash of the password that an account is to begin with.
///
/// # Errors
/// `invalid` (the password's rule), `busy`.
pub(crate) async fn hash(app: &App, new: &New, password: &Password) -> Result<Hash> {
    let identity = [new.email.as_str(), new.username.as_ref().map_or("", Username::as_str)];
    app.policy().check(password, &identity).map_err(|rule| rule.error("password"))?;
    app.pool.admit()?.hash(password).await
}

/// Makes an account for somebody else without a password: a one-time link lets its person choose one.
///
/// # Errors
/// Those of [`account::create`].
pub(crate) async fn invite(tx: &mut Tx, caller: &Caller, keys: &Keys, new: &New) -> Result<User> {
    let user = account::create(tx, caller, new.clone()).await?;
    link::send(tx, caller, keys, &user, Link::Welcome).await?;
    Ok(user)
}

/// An account with a password, in one transaction.
///
/// # Errors
/// Those of [`account::create`].
pub async fn create(tx: &mut Tx, caller: &Caller, new: &New, hash: &Hash) -> Result<(User, password::Stored)> {
    let user = account::create(tx, caller, new.clone()).await?;
    password::set(tx, caller, user.id, hash).await?;
    Ok((user, password::Stored { hash: hash.clone(), since: tx.now() }))
}
