//! The lead of the numbering: whoever has it numbers at once what he brings, and nobody else does.

use std::sync::Arc;

use denizen::{
    access::Caller,
    app::App,
    db::sql,
    event::{self, Event, Kind, Lead, sequencer, sequencer::Sequencer, verify::verify},
    metrics::Gauge,
};

use super::{create, two_clocks};
use crate::{each_engine, kit::eventually};

const MANY: i64 = 97;

each_engine! {
    async fn who_leads_numbers_at_once_and_who_does_not_waits(app) {
        let (database, one, other) = two_clocks(app).await;
        database.make_calm().await;
        let before = sequencer::drain(&other.db, &other.keys).await.unwrap();
        let leads = Arc::new(Gauge::default());
        let sequencer = Sequencer::start(one.db.clone(), one.keys.clone(), Arc::clone(&leads));
        let lead = sequencer.lead();
        eventually("nobody leads", async || leads.get() == 1).await;
        assert_eq!(bring(&one, &lead).await, 0);
        // One that waited is numbered behind them.
        create(&one, "ann").await;
        let last = "select head from log_head";
        eventually("an event has no number", async || database.number(last).await == before + MANY + 1).await;
        assert_eq!(bring(&one, &lead).await, 0);
        // What was recorded before has no number yet, and comes first.
        assert_eq!(bring_behind(&one, &lead).await, 1 + MANY);
        eventually("events have no numbers", async || database.number(last).await == before + 3 * MANY + 2).await;
        let order = "select count(*) from events where kind = 'setup.completed' and seq < (select max(seq) from events
                     where kind = 'signing_key.rotated')";
        assert_eq!(database.number(order).await, 2 * MANY);
        // Another node takes over, and the first one does not know yet.
        sequencer::drain(&other.db, &other.keys).await.unwrap();
        assert_eq!(bring(&one, &lead).await, MANY);
        eventually("events have no numbers", async || database.number(last).await == before + 4 * MANY + 2).await;
        sequencer.stop(std::time::Duration::MAX).await;
        // It left the row to whoever comes, although it did not see it move at last.
        assert_eq!(database.number("select beat from log_head").await, -1);
        let report = verify(&one.db, &one.keys, |_, _| {}).await.unwrap();
        assert!(report.is_sound(), "{:?}", report.faults);
    }
}

/// Records many events; gives how many of them wait for a number in their own transaction.
async fn bring(node: &App, lead: &Lead) -> i64 {
    node.db
        .write(async |tx| {
            event::record_all(tx, event::prepare(|| (0..MANY).map(brought).collect()), Some(lead)).await?;
            sql("select count(*) from events_pending").scalar(tx).await
        })
        .await
        .unwrap()
}

/// The same, after an event that has no number yet.
async fn bring_behind(node: &App, lead: &Lead) -> i64 {
    node.db
        .write(async |tx| {
            event::record(tx, Event::new(Kind::SigningKeyRotated, &Caller::system())).await?;
            event::record_all(tx, event::prepare(|| (0..MANY).map(brought).collect()), Some(lead)).await?;
            sql("select count(*) from events_pending").scalar(tx).await
        })
        .await
        .unwrap()
}

fn brought(n: i64) -> Event {
    Event::new(Kind::SetupCompleted, &Caller::system()).with("n", n)
}
