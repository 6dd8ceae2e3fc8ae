//! Who a bearer token speaks for.
//!
//! A token once verified is remembered with what its session and account were found to be, so signature and
//! look-up are paid once. What is remembered counts only while this node has just heard of every change
//! ([`event::watch`]); otherwise each request asks the database, and when that cannot be reached the answer
//! is 503, never memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use uuid::Uuid;

use super::store::{self, Standing, Which};
use crate::{
    access::{Actor, Authority, Basis, Caller, Grant, Origin, Permissions, Role},
    clock::Time,
    config::Directory,
    db::{Conn, Db, Note},
    error::{Code, Result},
    event::{Kind, watch::Watch},
    id::{KeyId, SessionId, UserId},
    secret::sha256,
    token::{Tokens, Use},
};

/// Tokens remembered at most; beyond it the memory starts anew, which costs a look-up each.
const REMEMBERED: usize = 50_000;
/// Changes remembered at most; beyond it everything read before them is forgotten.
const MARKS: usize = 100_000;
const SHARDS: usize = 16;
/// Stands for all accounts where changes are heard of.
const EVERYBODY: Uuid = Uuid::max();

/// What an API key begins with.
pub const KEY_PREFIX: &str = "dzk_";

/// Tells bearers apart.
pub struct Bearers {
    db: Db,
    tokens: Arc<Tokens>,
    directory: Directory,
    shards: [Mutex<HashMap<[u8; 32], Known>>; SHARDS],
    /// Counts the changes heard of.
    changes: AtomicU64,
    marks: RwLock<Marks>,
}

/// When, in changes heard of, a session or account last changed. What was read before that does not count.
#[derive(Default)]
struct Marks {
    at: HashMap<Uuid, u64>,
    floor: u64,
}

/// What a token says of itself, its signature being checked.
#[derive(Clone, Copy)]
enum Claimed {
    /// An access token: it names its session and whose it is.
    Session { user: UserId, session: SessionId, expires_at: Time },
    /// An API key, by its digest.
    Key([u8; 32]),
}

#[derive(Clone)]
struct Known {
    claimed: Claimed,
    actor: Actor,
    /// The session or key.
    id: Uuid,
    user: UserId,
    last_activity: Time,
    /// When it ends; an access token earlier than its session.
    expires_at: Option<Time>,
    is_standing: bool,
    authority: Authority,
    /// The changes heard of before it was read.
    read_after: u64,
}

impl Bearers {
    /// A memory that knows nobody yet.
    #[must_use]
    pub fn new(db: Db, tokens: Arc<Tokens>, directory: Directory) -> Self {
        Self { db, tokens, directory, shards: Default::default(), changes: AtomicU64::new(0), marks: RwLock::default() }
    }

    /// Whose access token or API key this is, with what he may do now.
    ///
    /// # Errors
    /// `token_refused` for anything but a living token of a living session, or a living key; `database_unavailable`.
    pub async fn caller(&self, watch: &Watch, token: &str, origin: Origin) -> Result<Caller> {
        let (key, now) = (sha256(&[token.as_bytes()]), self.db.clock().now());
        let remembered = self.shard(key).get(&key).cloned();
        let known = match remembered {
            Some(known) if watch.is_fresh() && self.is_current(&known, now) => known,
            // Its signature was checked before; what it claims must be asked again.
            Some(known) => self.look_up(watch, key, known.claimed, now, &origin).await?,
            None => {
                let claimed = self.claims(key, token).await?;
                self.look_up(watch, key, claimed, now, &origin).await?
            }
        };
        if !known.is_alive(now) {
            return Err(Code::TokenRefused.into());
        }
        Ok(Caller::new(known.actor, known.authority, origin))
    }

    async fn claims(&self, digest: [u8; 32], token: &str) -> Result<Claimed> {
        if token.starts_with(KEY_PREFIX) {
            return Ok(Claimed::Key(digest));
        }
        let claims = self.tokens.verify(Use::Access, token).await?.ok_or(Code::TokenRefused)?;
        let expires_at = Time::from_micros(claims.exp.saturating_mul(1_000_000));
        Ok(Claimed::Session { user: claims.sub, session: claims.sid, expires_at })
    }

    /// When the person of a session last proved himself.
    ///
    /// # Errors
    /// `token_refused` when the session is gone; `database_unavailable`.
    pub async fn proved_at(&self, session: SessionId) -> Result<Time> {
        let standing = store::standing(&mut self.db.read(), session).await?;
        Ok(standing.first().ok_or(Code::TokenRefused)?.proved_at)
    }

    /// The same caller with what he may do now, for work that took its time since he was asked who he is. What was taken
    /// from him before this is asked does not count any more.
    ///
    /// # Errors
    /// `token_refused` when his session or key has ended, or his account is gone.
    pub async fn again(&self, conn: &mut Conn, caller: &Caller) -> Result<Caller> {
        let standing = match caller.actor {
            Actor::User(_, session) => store::standing(conn, session).await?,
            Actor::Key(_, key) => store::key_standing(conn, Which::Id(key)).await?,
            Actor::Anonymous | Actor::System | Actor::Operator => return Ok(caller.clone()),
        };
        let now = self.db.clock().now();
        let first = standing.first().filter(|first| first.counts() && first.expires_at.is_none_or(|end| end > now));
        first.ok_or(Code::TokenRefused)?;
        Ok(Caller::new(caller.actor, authority(&standing, self.directory, now), caller.origin.clone()))
    }

    async fn look_up(
        &self,
        watch: &Watch,
        key: [u8; 32],
        claimed: Claimed,
        now: Time,
        origin: &Origin,
    ) -> Result<Known> {
        // Nobody will tell what changed before the first hearing, so what is read until then is not remembered.
        let will_hear = watch.has_heard();
        let read_after = self.changes.load(Ordering::Acquire);
        let standing = match claimed {
            Claimed::Session { session, .. } => store::standing(&mut self.db.read(), session).await?,
            Claimed::Key(digest) => store::key_standing(&mut self.db.read(), Which::Digest(digest)).await?,
        };
        let mut known = known(claimed, &standing, self.directory, now, read_after).ok_or(Code::TokenRefused)?;
        let mut shard = self.shard(key);
        if known.is_alive(now) && will_hear {
            if shard.len() >= REMEMBERED / SHARDS {
                shard.clear();
            }
            if known.is_idle(now) {
                self.touch(&known, origin);
                known.last_activity = now;
            }
            shard.insert(key, known.clone());
        } else {
            shard.remove(&key);
        }
        Ok(known)
    }

    /// Hears of changes of authority. Costs a few look-ups; it is called in commits.
    pub fn hear(&self, notes: &[Note]) {
        // A session's end concerns that session, what a role allows all who have it, and any other change the whole
        // account.
        let mut touched = notes.iter().filter_map(|note| match Kind::parse(note.kind)? {
            kind if !kind.changes_authority() => None,
            Kind::SessionRevoked | Kind::SessionExpired | Kind::SessionProved => note.session,
            Kind::RoleUpdated | Kind::RoleDeleted | Kind::PlanUpdated => Some(EVERYBODY),
            _ => note.user,
        });
        let Some(first) = touched.next() else { return };
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.changes.fetch_add(1, Ordering::AcqRel) + 1;
        if marks.at.len() > MARKS {
            marks.at.clear();
            marks.floor = now;
        }
        for id in touched.chain([first]) {
            if id == EVERYBODY {
                marks.floor = now;
            } else {
                marks.at.insert(id, now);
            }
        }
    }

    /// Forgets what has expired.
    pub fn sweep(&self) {
        let now = self.db.clock().now();
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, known| known.is_alive(now));
        }
    }

    /// Whether what is remembered still holds: nothing was heard of it, and no grant in it has expired.
    fn is_current(&self, known: &Known, now: Time) -> bool {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        let after = |id: Uuid| marks.at.get(&id).is_none_or(|mark| *mark <= known.read_after);
        let unheard = known.read_after >= marks.floor && after(known.id) && after(known.user.uuid());
        unheard && known.authority.lasts(now) && !known.is_idle(now)
    }

    fn shard(&self, key: [u8; 32]) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.shards[usize::from(key[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes activity behind the request's back: it is no change, and losing it loses nothing.
    fn touch(&self, known: &Known, origin: &Origin) {
        let (db, actor, ip) = (self.db.clone(), known.actor, origin.ip.map(|ip| ip.to_string()));
        tokio::spawn(async move {
            db.write(async |tx| match actor {
                Actor::Key(_, key) => store::touch_key(tx, key, ip.clone()).await,
                Actor::User(user, session) => store::touch_both(tx, session, user).await,
                _ => Ok(()),
            })
            .await
        });
    }
}

/// What was found of a bearer, one row for each grant. Nothing when there is no such session or key, or it is not of
/// him whom the token names: a token names its session and whose it is, and both must be so.
fn known(claimed: Claimed, rows: &[Standing], directory: Directory, now: Time, read_after: u64) -> Option<Known> {
    let first = rows.first()?;
    let user = first.user_id;
    let (actor, expires_at) = match claimed {
        Claimed::Session { user: named, .. } if named != user => return None,
        Claimed::Session { session, expires_at, .. } => {
            (Actor::User(user, session), Some(first.expires_at.map_or(expires_at, |end| end.min(expires_at))))
        }
        Claimed::Key(_) => (Actor::Key(user, KeyId::from_uuid(first.id)), first.expires_at),
    };
    Some(Known {
        claimed,
        actor,
        id: first.id,
        user,
        last_activity: first.last_activity,
        expires_at,
        is_standing: first.counts(),
        authority: authority(rows, directory, now),
        read_after,
    })
}

/// What a bearer may do, of whom this was found.
fn authority(rows: &[Standing], directory: Directory, now: Time) -> Authority {
    let Some(first) = rows.first() else { return Authority::of_role(Role::User) };
    let grants = rows.iter().filter_map(|row| {
        let (role, expires_at) = (row.granted.clone()?, row.grant_expires_at);
        Some(Grant { role, expires_at, permissions: row.grant_permissions.clone() })
    });
    let basis =
        Basis { role: first.role, is_verified: first.is_verified, tier: &first.tier, plan: first.plan.as_deref() };
    let mut authority = Authority::of(directory, basis, &grants.collect::<Vec<_>>(), now);
    // A key holds what it was given, as long as its maker holds it too.
    if let Some(limit) = &first.limit {
        authority.permissions = authority.permissions.within(Permissions::stored(limit));
    }
    authority
}

impl Standing {
    /// Whether neither the session or key was ended, nor the account closed.
    fn counts(&self) -> bool {
        self.ended_at.is_none() && self.is_active && self.deleted_at.is_none()
    }
}

impl Known {
    /// Whether its activity is to be noted again.
    fn is_idle(&self, now: Time) -> bool {
        now >= self.last_activity + super::ACTIVITY
    }

    fn is_alive(&self, now: Time) -> bool {
        self.is_standing && self.expires_at.is_none_or(|end| end > now)
    }
}
