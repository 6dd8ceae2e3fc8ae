//! Taking an account over from whoever made it under somebody else's address.

use super::{User, present, save, store};
use crate::{access::Caller, db::Tx, error::Result, event::Kind, id::UserId};

/// Somebody proved the mailbox of an account by what he holds. Where nobody had done so before, the account is his from
/// now on: the address counts as proved, and the API keys made until then work no more. Who proves it has ended the
/// sessions and set the password.
///
/// # Errors
/// `not_found`.
pub(crate) async fn claim(tx: &mut Tx, id: UserId) -> Result<User> {
    let before = present(tx, id).await?;
    if before.is_verified {
        return Ok(before);
    }
    store::end_keys(tx, id).await?;
    save(tx, &Caller::system(), Kind::UserVerified, &before, User { is_verified: true, ..before.clone() }).await
}
