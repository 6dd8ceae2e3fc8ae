//! Forgetting what was done a day ago.

use crate::{app::App, error::Result};

const BATCH: i64 = 200;

/// Forgets keys whose time is over.
///
/// # Errors
/// Of the database; what was forgotten until then stays so.
pub async fn sweep(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::sweep(tx, BATCH).await).await? > 0 {}
    Ok(())
}
