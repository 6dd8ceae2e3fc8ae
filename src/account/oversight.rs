//! What those who look after users change in an account, beside what its person may change himself.

use serde_json::{Map, Value};

use super::{Changes, Email, User, plan, present, rank, save, store};
use crate::{
    access::{Caller, Permission},
    db::Tx,
    error::{Result, Rule},
    event::{self, Event, Kind},
    id::UserId,
    limit,
    mail::{self, Mail, Notice},
    patch::Patch,
    proof,
    session::{self, Reason},
};

/// The longest external id, in bytes.
pub const EXTERNAL_ID_BYTES: usize = 255;

/// Words that stand where an id stands in paths, so that no external id may be one.
const ROUTES: &[&str] =
    &["me", "list", "search", "import", "export", "ws", "ws-ticket", "stream", "create-admin", "events", "register"];

/// The id of a person in the system he came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// Reads one.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let text = text.trim();
        if text.is_empty() || text.len() > EXTERNAL_ID_BYTES || text.chars().any(char::is_control) {
            return Err(Rule::new("length", "An external id has 1 to 255 bytes and no control character."));
        }
        if ROUTES.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(Rule::new("reserved", "This word names a route, so it cannot be an external id."));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is changed of somebody else's account.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of the user, under the same names")]
pub struct Oversight {
    pub email: Option<Email>,
    pub is_verified: Option<bool>,
    pub external_id: Patch<ExternalId>,
    pub ip_address: Patch<String>,
    pub app_metadata: Patch<Map<String, Value>>,
    pub subscription_tier: Option<String>,
}

/// Changes somebody's data. An address that changes is unproved, unless it is said to be proved, and links that were
/// sent to the one before open nothing any more.
///
/// # Errors
/// `stale_version`, `email_taken`, `username_taken`, `external_id_taken`, `not_found`, `forbidden`; `invalid` when there
/// is no such plan.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    changes: Changes,
    oversight: Oversight,
    expected: impl Fn(i64) -> Result<()>,
) -> Result<User> {
    let before = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersUpdate).await?;
    expected(before.version)?;
    let user = changes.apply(before.clone());
    let moved = oversight.email.as_ref().is_some_and(|email| email.as_str() != user.email);
    let after = User {
        is_verified: oversight.is_verified.unwrap_or(user.is_verified && !moved),
        email: oversight.email.map_or(user.email, |email| email.as_str().to_owned()),
        external_id: oversight.external_id.map(|id| id.0).apply(user.external_id),
        ip_address: oversight.ip_address.apply(user.ip_address),
        app_metadata: oversight.app_metadata.apply(Some(user.app_metadata)).unwrap_or_default(),
        ..user
    };
    let after = match oversight.subscription_tier.filter(|tier| *tier != before.subscription_tier) {
        Some(tier) => plan::give(tx, caller, after, tier).await?,
        None => after,
    };
    if after == before {
        return Ok(before);
    }
    if after.external_id != before.external_id {
        store::clear_external_id(tx, id).await?;
        if let Some(external) = &after.external_id {
            store::set_external_id(tx, id, external).await?;
        }
    }
    if moved {
        proof::void(tx, id).await?;
    }
    let kind = match (moved, after.is_verified == before.is_verified) {
        (true, _) => Kind::UserEmailChanged,
        (false, false) => Kind::UserVerified,
        (false, true) if after.subscription_tier != before.subscription_tier => Kind::UserPlanChanged,
        (false, true) => Kind::UserUpdated,
    };
    save(tx, caller, kind, &before, after).await
}

/// Makes somebody change his password at the next sign-in; his sessions end, and a mail tells him.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn force_password_change(tx: &mut Tx, caller: &Caller, id: UserId) -> Result<()> {
    let user = present(tx, id).await?;
    rank::must_support(tx, caller, &user).await?;
    super::require_password_change(tx, caller, id, super::PasswordChange::Required).await?;
    session::revoke_all(tx, caller, id, None, Reason::Revoked).await?;
    mail::queue(tx, &Mail::notice(Notice::PasswordChangeRequired, id)).await
}

/// Forgives the failed tries of an account; a mail tells its person.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn unlock(tx: &mut Tx, caller: &Caller, id: UserId) -> Result<()> {
    let user = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &user, Permission::UsersSupport).await?;
    limit::unlock(tx, id).await?;
    mail::queue(tx, &Mail::notice(Notice::Unlocked, id)).await?;
    event::record(tx, Event::new(Kind::UserUnlocked, caller).user(id)).await
}

/// Ends every session of somebody. Gives how many.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn end_sessions(tx: &mut Tx, caller: &Caller, id: UserId) -> Result<usize> {
    let user = present(tx, id).await?;
    rank::must_act_on_other(tx, caller, &user, Permission::UsersSessions).await?;
    session::revoke_all(tx, caller, id, None, Reason::Revoked).await
}
