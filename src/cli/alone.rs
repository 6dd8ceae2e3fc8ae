//! Work that brings many people while no server runs: this process numbers the log then, and writes as it likes.

use std::{sync::Arc, time::Duration};

use super::progress::waiting;
use crate::{
    app::App,
    error::Result,
    event::{self, Lead, sequencer::Sequencer},
    import::{BATCH, WIDE_BATCH},
    search::aside,
};

/// Does the work, which is told how many rows to put in a transaction, and the lead of the log where this process may
/// have it; gives the last events a moment. Where it brings `many` among few, the indexes of the search are made behind it.
pub(super) async fn numbered<T>(
    app: &App,
    many: bool,
    work: impl AsyncFnOnce(usize, Option<Arc<Lead>>) -> Result<T>,
) -> Result<T> {
    // While a server has the data folder, he numbers, and others wait for the writer.
    let Ok(lock) = app.lock() else { return work(BATCH, None).await };
    let widened = app.db.widen().await;
    let aside = if many { Box::pin(aside::set_aside(&app.db)).await } else { Ok(()) };
    let sequencer = Sequencer::start(app.db.clone(), Arc::clone(&app.keys), Arc::default());
    let done = work(WIDE_BATCH, Some(sequencer.lead())).await;
    let back = Box::pin(waiting("making the indexes of the search", aside::bring_back(&app.db))).await;
    for _ in 0..600 {
        if done.is_err() || !event::backlog_is_over(&mut app.db.read(), 0).await? {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sequencer.stop(Duration::MAX).await;
    // They only make the work faster: on a server that is too busy for them now, it goes without.
    if let Err(error) = widened.and(aside).and(app.db.narrow().await) {
        tracing::warn!(%error, "the indexes of the search keep their settings");
    }
    if let Err(error) = back {
        tracing::warn!(%error, "searches are slow until the indexes are made: a server tries within the hour");
    }
    drop(lock);
    done
}
