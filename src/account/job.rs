//! Erasing deleted accounts whose grace has passed, and telling of grants that have ended.

use crate::{app::App, error::Result};

const BATCH: i64 = 50;

/// Erases what is due, in the log too.
///
/// # Errors
/// Of the database; what was erased until then stays erased.
pub async fn erase(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::erase(tx, BATCH).await).await? > 0 {}
    Ok(())
}

/// Tells of grants that have ended.
///
/// # Errors
/// Of the database; what was told until then stays told.
pub async fn sweep(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::grant::sweep(tx, BATCH).await).await? > 0 {}
    Ok(())
}
