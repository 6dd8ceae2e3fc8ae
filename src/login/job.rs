//! Forgetting failures, devices and keys; telling of refusals that were summed up.

use std::time::Duration;

use super::store;
use crate::{app::App, error::Result, event, limit, token};

const BATCH: i64 = 200;
/// A device that was not seen for so long is a stranger again.
const DEVICES: Duration = Duration::from_secs(400 * 86_400);
/// Longer than any token of a retired key lives.
const KEYS: Duration = Duration::from_secs(86_400 + 3_600);

/// Removes what is over.
///
/// # Errors
/// Of the database; what was removed until then stays removed.
pub async fn sweep(app: &App) -> Result<()> {
    while app.db.write(async |tx| limit::sweep(tx, BATCH).await).await? > 0 {}
    let now = app.db.clock().now();
    while app.db.write(async |tx| store::forget_devices(tx, now - DEVICES, BATCH).await).await? > 0 {}
    app.db.write(async |tx| token::forget(tx, now - KEYS).await).await?;
    Ok(())
}

/// Makes events of the refusals that were summed up.
///
/// # Errors
/// Of the database; what was told until then stays told.
pub async fn tally(app: &App) -> Result<()> {
    while app.db.write(async |tx| event::tell_tally(tx, BATCH).await).await? > 0 {}
    Ok(())
}
