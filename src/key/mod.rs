//! API keys: how a program acts for a person.
//!
//! The invariant: a key never does what its maker may not do now. What it was given is cut to what he holds whenever it
//! is used (`src/session/bearer.rs`), it ends with his account, and it never acts on that account itself. Only the
//! digest is stored. Begin with [`create`].

pub mod http;
mod store;

use crate::{
    access::{Caller, Permission, Permissions},
    account::{self, grant},
    clock::Time,
    config::Directory,
    db::{Conn, Tx},
    error::{Code, Error, Result},
    event::{self, Event, Kind},
    id::{KeyId, UserId},
    secret::Token,
    session::bearer::KEY_PREFIX,
};

pub use store::Key;

/// What stands of a key in lists: enough to tell it from others, and far from enough to guess it.
const SHOWN: usize = 10;

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct New {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// When it ends.
    pub expires_at: Option<Time>,
}

/// Makes a key for a person. Gives the key itself, which nobody can read again.
///
/// # Errors
/// `forbidden`: the caller, or the person, lacks what it is to hold; `not_found`; `invalid` when it would be over.
pub async fn create(
    tx: &mut Tx,
    caller: &Caller,
    directory: Directory,
    maker: UserId,
    new: New,
) -> Result<(Key, Token)> {
    caller.must(Permission::KeysWrite)?;
    caller.must_hold(new.permissions)?;
    if new.expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(Error::invalid("expires_at", "past", "This must lie ahead."));
    }
    let person = account::lock(tx, maker).await?.filter(|user| user.is_active).ok_or_else(Error::not_found)?;
    // What he lacks now would sleep in the key, and wake on the day he rises.
    let now = tx.now();
    let lacked = new.permissions.without(grant::authority(tx, directory, &person, now).await?.permissions);
    if lacked != Permissions::default() {
        let names = lacked.names().collect::<Vec<_>>().join(", ");
        let text = format!("Whoever the key acts for does not hold this himself: {names}.");
        return Err(Error::new(Code::Forbidden).detail(text));
    }
    let token = Token::random(KEY_PREFIX)?;
    let key = Key {
        id: tx.new_id()?,
        user_id: maker,
        name: new.name,
        prefix: token.expose().chars().take(SHOWN).collect(),
        permissions: new.permissions.to_text(),
        created_at: tx.now(),
        expires_at: new.expires_at,
        last_used_at: None,
        last_used_ip: None,
    };
    store::insert(tx, &key, token.digest()).await?;
    let event = Event::new(Kind::KeyCreated, caller).user(maker).with("key_id", key.id.to_string());
    event::record(tx, event.with("name", key.name.as_str()).with("permissions", key.permissions.as_str())).await?;
    Ok((key, token))
}

/// The keys that work or will end by themselves, newest first: up to `limit`, below one, without the first `skip` of them;
/// and how many there are in all.
///
/// # Errors
/// `forbidden`.
pub async fn list(
    caller: &Caller,
    conn: &mut Conn,
    below: Option<KeyId>,
    limit: i64,
    skip: i64,
) -> Result<(Vec<Key>, i64)> {
    caller.must(Permission::KeysRead)?;
    Ok((store::list(conn, below, limit, skip).await?, store::count(conn).await?))
}

/// The keys that a person made, ended ones too, with when they were ended: up to `limit`, the newest first, below one.
///
/// # Errors
/// Of the database.
pub async fn made_by(
    conn: &mut Conn,
    user: UserId,
    below: Option<KeyId>,
    limit: i64,
) -> Result<Vec<(Key, Option<Time>)>> {
    store::made_by(conn, user, below, limit).await
}

/// Ends a key.
///
/// # Errors
/// `not_found`; `forbidden`: it is the key of somebody whose rank is not below the caller's.
pub async fn revoke(tx: &mut Tx, caller: &Caller, id: KeyId) -> Result<()> {
    caller.must(Permission::KeysWrite)?;
    let maker = store::maker(tx, id).await?.ok_or_else(Error::not_found)?;
    if let Some(user) = account::lock(tx, maker).await?
        && caller.person() != Some(maker)
    {
        account::rank::must_act_on_other(tx, caller, &user, Permission::KeysWrite).await?;
    }
    if !store::revoke(tx, id).await? {
        return Err(Error::not_found());
    }
    event::record(tx, Event::new(Kind::KeyRevoked, caller).user(maker).with("key_id", id.to_string())).await
}
