//! Removing what is not worth sending any more.

use crate::{app::App, error::Result};

/// Rows a transaction and kind: small, so that nobody waits for it.
const BATCH: i64 = 200;

/// Removes mails that waited for too long.
///
/// # Errors
/// Of the database; what was removed until then stays removed.
pub async fn sweep(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::sweep(tx, BATCH).await).await? > 0 {}
    Ok(())
}
