//! Removing what is over.

use crate::{app::App, error::Result};

/// Rows a transaction: small, so that nobody waits for it.
const BATCH: i64 = 200;

/// Removes sessions and refresh tokens that are over.
///
/// # Errors
/// Of the database; what was removed until then stays removed.
pub async fn sweep(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::sweep(tx, BATCH).await).await? > 0 {}
    while app.db.write(async |tx| super::sweep_tokens(tx, BATCH).await).await? > 0 {}
    Ok(())
}
