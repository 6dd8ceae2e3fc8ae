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

use super::store::{self, Standing};
use crate::{
    access::{Caller, Origin},
    clock::Time,
    db::{Db, Note},
    error::{Code, Result},
    event::{Kind, watch::Watch},
    id::{SessionId, UserId},
    secret::sha256,
    token::{Tokens, Use},
};

/// Tokens remembered at most; beyond it the memory starts anew, which costs a look-up each.
const REMEMBERED: usize = 50_000;
/// Changes remembered at most; beyond it everything read before them is forgotten.
const MARKS: usize = 100_000;
const SHARDS: usize = 16;

/// Tells bearers apart.
pub struct Bearers {
    db: Db,
    tokens: Arc<Tokens>,
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
struct Claimed {
    user: UserId,
    session: SessionId,
    expires_at: Time,
}

#[derive(Clone, Copy)]
struct Known {
    claimed: Claimed,
    standing: Standing,
    /// The changes heard of before it was read.
    read_after: u64,
}

impl Bearers {
    /// A memory that knows nobody yet.
    #[must_use]
    pub fn new(db: Db, tokens: Arc<Tokens>) -> Self {
        Self { db, tokens, shards: Default::default(), changes: AtomicU64::new(0), marks: RwLock::default() }
    }

    /// The person whose access token this is.
    ///
    /// # Errors
    /// `token_refused` for anything but a living token of a living session; `database_unavailable`.
    pub async fn caller(&self, watch: &Watch, token: &str, origin: Origin) -> Result<Caller> {
        let (key, now) = (sha256(&[token.as_bytes()]), self.db.clock().now());
        let remembered = self.shard(key).get(&key).copied();
        let known = match remembered {
            Some(known) if watch.is_fresh() && self.is_current(&known) && !known.is_idle(now) => known,
            // Its signature was checked before; what it claims must be asked again.
            Some(known) => self.look_up(watch, key, known.claimed, now).await?,
            None => {
                let claims = self.tokens.verify(Use::Access, token).await?.ok_or(Code::TokenRefused)?;
                let expires_at = Time::from_micros(claims.exp.saturating_mul(1_000_000));
                let claimed = Claimed { user: claims.sub, session: claims.sid, expires_at };
                self.look_up(watch, key, claimed, now).await?
            }
        };
        if !known.is_alive(now) {
            return Err(Code::TokenRefused.into());
        }
        Ok(Caller::user(known.standing.user_id, known.claimed.session, known.standing.role, origin))
    }

    /// When the person of a session last proved himself.
    ///
    /// # Errors
    /// `token_refused` when the session is gone; `database_unavailable`.
    pub async fn proved_at(&self, session: SessionId) -> Result<Time> {
        let standing = store::standing(&mut self.db.read(), session).await?;
        Ok(standing.ok_or(Code::TokenRefused)?.proved_at)
    }

    async fn look_up(&self, watch: &Watch, key: [u8; 32], claimed: Claimed, now: Time) -> Result<Known> {
        // Nobody will tell what changed before the first hearing, so what is read until then is not remembered.
        let will_hear = watch.has_heard();
        let read_after = self.changes.load(Ordering::Acquire);
        let standing = store::standing(&mut self.db.read(), claimed.session).await?;
        // A token names its session and whose it is: both must be so.
        let standing = standing.filter(|standing| standing.user_id == claimed.user).ok_or(Code::TokenRefused)?;
        let mut known = Known { claimed, standing, read_after };
        let mut shard = self.shard(key);
        if known.is_alive(now) && will_hear {
            if shard.len() >= REMEMBERED / SHARDS {
                shard.clear();
            }
            if known.is_idle(now) {
                self.touch(&known);
                known.standing.last_activity = now;
            }
            shard.insert(key, known);
        } else {
            shard.remove(&key);
        }
        Ok(known)
    }

    /// Hears of changes of authority. Costs a few look-ups; it is called in commits.
    pub fn hear(&self, notes: &[Note]) {
        // A session's end concerns that session; any other change concerns the whole account.
        let mut touched = notes.iter().filter_map(|note| match Kind::parse(note.kind)? {
            kind if !kind.changes_authority() => None,
            Kind::SessionRevoked | Kind::SessionProved => note.session,
            _ => note.user,
        });
        let Some(first) = touched.next() else { return };
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.changes.fetch_add(1, Ordering::AcqRel) + 1;
        if marks.at.len() > MARKS {
            marks.at.clear();
            marks.floor = now;
        }
        marks.at.extend(touched.chain([first]).map(|id| (id, now)));
    }

    /// Forgets what has expired.
    pub fn sweep(&self) {
        let now = self.db.clock().now();
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, known| known.is_alive(now));
        }
    }

    fn is_current(&self, known: &Known) -> bool {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        let after = |id: Uuid| marks.at.get(&id).is_none_or(|mark| *mark <= known.read_after);
        known.read_after >= marks.floor && after(known.claimed.session.uuid()) && after(known.standing.user_id.uuid())
    }

    fn shard(&self, key: [u8; 32]) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.shards[usize::from(key[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes activity behind the request's back: it is no change, and losing it loses nothing.
    fn touch(&self, known: &Known) {
        let (db, session, user) = (self.db.clone(), known.claimed.session, known.standing.user_id);
        tokio::spawn(async move { db.write(async |tx| store::touch_both(tx, session, user).await).await });
    }
}

impl Known {
    /// Whether its activity is to be noted again.
    fn is_idle(&self, now: Time) -> bool {
        now >= self.standing.last_activity + super::ACTIVITY
    }

    fn is_alive(&self, now: Time) -> bool {
        let standing = &self.standing;
        self.claimed.expires_at > now
            && standing.expires_at > now
            && standing.ended_at.is_none()
            && standing.is_active
            && standing.deleted_at.is_none()
    }
}
