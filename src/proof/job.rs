//! Removing what is over.

use crate::{app::App, error::Result};

const BATCH: i64 = 200;

/// Removes links that have expired.
///
/// # Errors
/// Of the database; what was removed until then stays removed.
pub async fn sweep(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::sweep(tx, BATCH).await).await? > 0 {}
    Ok(())
}
