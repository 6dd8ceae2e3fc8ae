//! Setup: the one-time way to the first superadmin. There is no default account.
//!
//! As long as nobody can administer this deployment, each start of a server makes a code and shows it to whoever
//! started it; the database keeps its SHA-256. The invariant: a code makes one superadmin at most. It is consumed by
//! one conditional write in the transaction that makes the account, and closed for ever once there is one.
//! Begin with [`offer`].

mod store;

use crate::{
    access::{Caller, Role},
    account::{self, Email, Names, New, User, Verification},
    app::App,
    db::Tx,
    error::{Code, Error, Result},
    event::{self, Event, Kind},
    login::register,
    password::Password,
    secret::Token,
};

/// What a setup code begins with.
pub const PREFIX: &str = "dzs_";

/// Who is to be the first superadmin.
pub struct Founder {
    /// His address. He who holds the code vouches for it.
    pub email: Email,
    /// His names.
    pub names: Names,
    /// His password.
    pub password: Password,
}

/// A new code in place of the one before; none once setup is over.
///
/// Of several nodes that start at once, the code of the last one counts.
///
/// # Errors
/// Of the database.
pub async fn offer(app: &App) -> Result<Option<Token>> {
    let code = Token::random(PREFIX)?;
    let digest = code.digest();
    let offered = app
        .db
        .write(async |tx| {
            if account::has_superadmin(tx).await? {
                store::close(tx).await?;
                return Ok(false);
            }
            store::replace(tx, digest).await
        })
        .await?;
    Ok(offered.then_some(code))
}

/// Makes the first superadmin, once.
///
/// # Errors
/// `conflict` when there is a superadmin already; `invalid_token` when the code is not the one that counts;
/// `invalid` (the password's rule), `email_taken`, `busy`.
pub async fn complete(app: &App, caller: &Caller, code: &Token, founder: Founder) -> Result<User> {
    let new = New {
        email: founder.email,
        username: None,
        names: founder.names,
        gender: None,
        phone: None,
        ip_address: None,
        role: Role::Superadmin,
        verification: Verification::Proved,
    };
    let hash = register::hash(app, &new, &founder.password).await?;
    let (new, hash, digest) = (&new, &hash, code.digest());
    let completed = app.db.write(async |tx| {
        if account::has_superadmin(tx).await? {
            return refused(tx, caller, Code::Conflict).await;
        }
        if !store::consume(tx, digest).await? {
            return refused(tx, caller, Code::InvalidToken).await;
        }
        let (user, _) = register::create(tx, caller, new, hash).await?;
        event::record(tx, Event::new(Kind::SetupCompleted, caller).user(user.id)).await?;
        Ok(Ok(user))
    });
    completed.await?.map_err(|code| if code == Code::Conflict { closed() } else { unknown() })
}

/// Leaves a trace of a refusal, which is to be committed.
async fn refused(tx: &mut Tx, caller: &Caller, code: Code) -> Result<Result<User, Code>> {
    let event = Event::new(Kind::SetupCompleted, caller).refused().with("reason", code.as_str());
    event::record(tx, event).await?;
    Ok(Err(code))
}

fn closed() -> Error {
    Error::new(Code::Conflict).detail(
        "There is a superadmin already, so setup is over. Make another one with 'denizen user create --role superadmin'.",
    )
}

fn unknown() -> Error {
    Error::new(Code::InvalidToken).detail(
        "This setup code is unknown, used, or was replaced by a later start. Start the server again: it prints a new \
         one as long as there is no superadmin.",
    )
}
