//! The one door: everything that ends in a session goes through here.
//!
//! Somebody is identified, proves himself, passes a second factor where he has one, and gets a session. The
//! invariant: [`enter`] alone begins sessions, so no way in can pass over an account that is deactivated or
//! deleted, or a password that must be changed first. A try is reserved before its hash is computed
//! ([`crate::limit`]), and a refusal says the same, and costs the same, whatever its reason.
//!
//! Begin with [`with_password`]. A further proof (a mailed link, a bridge) is a further function that ends in
//! [`enter`]; a second factor is a further [`Entry`].

pub mod change_password;
pub(crate) mod device;
mod even;
pub mod http;
pub mod job;
pub mod link;
pub mod reauthenticate;
pub mod register;
mod store;

use futures_util::future::try_join;
use secrecy::SecretString;
use uuid::Uuid;

pub use device::Device;
use even::Even;

use crate::{
    access::Caller,
    account::{self, Identifier, User},
    app::App,
    db::Tx,
    error::{Code, Result},
    event::{self, Event, Kind},
    id::UserId,
    limit::{self, Reservation, Subject},
    password::{self, Hash, Password, Stored, Ticket},
    secret::{Purpose, Token},
    session::{self, Lifetime, Method, Started},
    token::Use,
};

/// A try to sign in with a password.
pub struct Attempt {
    /// Who he says he is.
    pub identifier: Identifier,
    /// What he proves it with.
    pub password: Password,
    /// How the session is to be.
    pub wish: Wish,
}

/// How somebody wants his session to be.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How long it is to last.
    pub lifetime: Lifetime,
    /// What the client keeps of earlier sign-ins.
    pub device: Device,
    /// What an OAuth client asked for.
    pub scope: Option<String>,
}

/// How a try to sign in ended.
pub enum Outcome {
    /// He is in.
    SignedIn(Box<SignedIn>),
    /// He is not. The reason is in the log, and nowhere else.
    Refused,
    /// He proved himself, but his password must be changed first; the token opens that change alone.
    ChangePassword(SecretString),
}

/// Somebody who has just come in.
pub struct SignedIn {
    /// The account.
    pub user: User,
    /// The access token.
    pub access_token: SecretString,
    /// Its life, in seconds.
    pub expires_in: i64,
    /// The refresh token.
    pub refresh_token: Token,
    /// What the client is to keep, so that this device is known the next time.
    pub device: Device,
}

/// What an account that has proved itself enters.
pub(crate) enum Entry {
    /// A session.
    Session(Box<User>, Started, Device),
    /// Nothing but the change of its password.
    PasswordChange(UserId, Stored),
}

/// Signs somebody in with a password, and counts how that ended.
///
/// # Errors
/// `busy` when too many wait for a hash; `too_many_attempts` with the wait; `database_unavailable`.
pub async fn with_password(app: &App, caller: &Caller, attempt: Attempt) -> Result<Outcome> {
    let outcome = prove(app, caller, attempt).await;
    app.meters.sign_ins.count(match &outcome {
        Ok(Outcome::SignedIn(_)) => "ok",
        Ok(Outcome::Refused) => "invalid_credentials",
        Ok(Outcome::ChangePassword(_)) => "password_change_required",
        Err(error) => match error.code() {
            Code::TooManyAttempts => "locked",
            Code::Busy => "busy",
            Code::DatabaseUnavailable => "unavailable",
            _ => "error",
        },
    });
    outcome
}

async fn prove(app: &App, caller: &Caller, attempt: Attempt) -> Result<Outcome> {
    let mut even = Even::begin();
    // The place in the queue comes first: a try that cannot be made is not counted.
    let mut ticket = app.pool.admit()?;
    let key = attempt.identifier.key();
    let user = account::find(&mut app.db.read(), &attempt.identifier).await?.map(|user| user.id);
    // For a name that nobody has, the same is asked of the database in the name of nobody.
    let id = user.unwrap_or_else(|| UserId::from_uuid(Uuid::nil()));
    let (mut one, mut other) = (app.db.read(), app.db.read());
    let known = device::find(app, &mut one, id, caller, &attempt.wish.device);
    let (known, stored) = try_join(known, password::get(&mut other, id)).await?;
    let subject = match (user, &known) {
        (Some(user), Some(device)) => Subject::device(user, device),
        (Some(user), None) => Subject::account(user),
        (None, _) => Subject::unknown(&app.keys.mac(Purpose::Identifier, &[b"try", key.as_bytes()])),
    };
    if let Err(refusal) = reserve(app, caller, subject).await {
        drop(ticket);
        even.end().await;
        return Err(refusal);
    }
    let decoy = app.decoy(&app.keys.mac(Purpose::Identifier, &[b"decoy", key.as_bytes()]));
    let hash = stored.as_ref().map_or(&decoy, |stored| &stored.hash);
    let matches = even.without(ticket.verify(&attempt.password, hash)).await?;
    let Some(stored) = stored.filter(|_| matches) else {
        drop(ticket);
        app.db.write(async |tx| refuse(tx, caller, user).await).await?;
        even.end().await;
        return Ok(Outcome::Refused);
    };
    let (wish, proof) = (&attempt.wish, &stored);
    let entry = app
        .db
        .write(async |tx| {
            let Some(entry) = enter(tx, app, caller, id, proof, wish).await? else {
                refuse(tx, caller, Some(id)).await?;
                return Ok(None);
            };
            limit::clear(tx, subject).await?;
            Ok(Some(entry))
        })
        .await?;
    let Some(entry) = entry else {
        drop(ticket);
        even.end().await;
        return Ok(Outcome::Refused);
    };
    if !stored.hash.is_current() {
        upgrade(app.clone(), ticket, id, attempt.password, stored.hash);
    }
    admit(app, entry)
}

/// Lets a person in who has just proved himself by his password: the only place where sessions begin.
///
/// Nothing when the account or the password is not what it was when the proof began.
pub(crate) async fn enter(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: UserId,
    proof: &Stored,
    wish: &Wish,
) -> Result<Option<Entry>> {
    // Locked, so that a password change or a deactivation at the same time ends this session too.
    let Some(mut user) = account::lock(tx, id).await?.filter(|user| user.is_active) else { return Ok(None) };
    if password::get(tx, id).await?.is_none_or(|stored| stored.since != proof.since) {
        return Ok(None);
    }
    if user.must_change_password {
        let event = Event::new(Kind::LoginSucceeded, caller).user(id).with("method", Method::Password.amr());
        event::record(tx, event.with("reason", Code::PasswordChangeRequired.as_str())).await?;
        return Ok(Some(Entry::PasswordChange(id, proof.clone())));
    }
    let started = session::start(tx, caller, id, Method::Password, wish.lifetime, wish.scope.as_deref()).await?;
    account::signed_in(tx, id).await?;
    (user.last_login, user.last_activity) = (Some(tx.now()), Some(tx.now()));
    let device = device::remember(tx, app, id, caller, &wish.device).await?;
    let event = Event::new(Kind::LoginSucceeded, caller).user(id).session(started.id);
    event::record(tx, event.with("method", Method::Password.amr())).await?;
    Ok(Some(Entry::Session(Box::new(user), started, device)))
}

/// Makes the tokens for an entry that is committed.
pub(crate) fn admit(app: &App, entry: Entry) -> Result<Outcome> {
    match entry {
        Entry::Session(user, started, device) => {
            let (access_token, expires_in) =
                app.tokens.issue(Use::Access, user.id, started.id, user.authority_version)?;
            let refresh_token = started.refresh_token;
            let access_token = access_token.into();
            Ok(Outcome::SignedIn(Box::new(SignedIn { user: *user, access_token, expires_in, refresh_token, device })))
        }
        Entry::PasswordChange(user, stored) => {
            let nobody = session::none();
            let (token, _) = app.tokens.issue(Use::PasswordChange, user, nobody, stored.since.micros())?;
            Ok(Outcome::ChangePassword(token.into()))
        }
    }
}

/// Counts a try, or says how long to wait. Whoever must wait was refused without a hash, as often as he likes, so that is
/// summed up; for an account and for a name that nobody has by the same statements.
async fn reserve(app: &App, caller: &Caller, subject: Subject) -> Result<()> {
    let reserved = app.db.write(async |tx| {
        let reserved = limit::reserve(tx, subject).await?;
        if reserved != Reservation::Granted {
            let event = Event::new(Kind::LoginFailed, caller).user(subject.user());
            event::tally(tx, event.with("reason", Code::TooManyAttempts.as_str())).await?;
        }
        Ok(reserved)
    });
    match reserved.await? {
        Reservation::Granted => Ok(()),
        Reservation::Locked(until) => Err(Reservation::refusal(until, app.db.clock().now())),
    }
}

/// Leaves a trace of a refusal: an event of the account, of which there are as many as tries are granted; or a tally where
/// there is none.
async fn refuse(tx: &mut Tx, caller: &Caller, user: Option<UserId>) -> Result<()> {
    let event = Event::new(Kind::LoginFailed, caller).refused().user(user);
    if user.is_some() { event::record(tx, event).await } else { event::tally(tx, event).await }
}

/// Renews a hash made elsewhere, behind the answer's back: losing it loses nothing.
fn upgrade(app: App, mut ticket: Ticket, user: UserId, password: Password, old: Hash) {
    tokio::spawn(async move {
        let new = ticket.hash(&password).await?;
        app.db.write(async |tx| password::upgrade(tx, user, &old, &new).await).await
    });
}
