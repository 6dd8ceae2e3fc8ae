//! Work that brings many people while no server runs: this process numbers the log then, and writes as it likes.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    error::Result,
    event::{self, sequencer::Sequencer},
    import::{BATCH, WIDE_BATCH},
};

/// Does the work, with as many rows in a transaction as it is told; gives the last events a moment.
pub(super) async fn numbered<T>(app: &App, work: impl AsyncFnOnce(usize) -> Result<T>) -> Result<T> {
    // While a server has the data folder, he numbers, and others wait for the writer.
    let Ok(lock) = app.lock() else { return work(BATCH).await };
    let widened = app.db.widen().await;
    let sequencer = Sequencer::start(app.db.clone(), Arc::clone(&app.keys), Arc::default());
    let done = work(WIDE_BATCH).await;
    for _ in 0..600 {
        if done.is_err() || !event::backlog_is_over(&mut app.db.read(), 0).await? {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sequencer.stop(Duration::MAX).await;
    // It only makes the work faster: on a server that is too busy for it now, it goes without.
    if let Err(error) = widened.and(app.db.narrow().await) {
        tracing::warn!(%error, "the search's index keeps its settings");
    }
    drop(lock);
    done
}
