//! Bringing a deleted account back, as long as it is not erased.

use super::{User, rank, store, view};
use crate::{
    access::{Caller, Permission},
    db::Tx,
    error::{Error, Result},
    event::{self, Event, Kind},
    id::UserId,
};

/// Brings a deleted account back. Its sessions and API keys stay ended.
///
/// # Errors
/// `not_found` when it is not deleted, or erased; `email_taken`, `username_taken`, `external_id_taken` when somebody
/// has them by now; `forbidden`.
pub async fn restore(tx: &mut Tx, caller: &Caller, id: UserId) -> Result<User> {
    caller.must(Permission::UsersDelete)?;
    let before = store::lock_deleted(tx, id).await?.ok_or_else(Error::not_found)?;
    rank::must_act_on_other(tx, caller, &before, Permission::UsersDelete).await?;
    let after = User {
        version: before.version + 1,
        authority_version: before.authority_version + 1,
        updated_at: tx.now(),
        ..before
    };
    store::undelete(tx, id).await?;
    store::update(tx, &after).await?;
    if let Some(external) = &after.external_id {
        store::set_external_id(tx, id, external).await?;
    }
    let event = Event::new(Kind::UserRestored, caller).user(id).version(after.version);
    event::record(tx, event.with("user", view::record(&after))).await?;
    Ok(after)
}
