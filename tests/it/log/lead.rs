//! The lead of the numbering: whoever has it numbers at once what he brings, and nobody else does.

use std::sync::Arc;

use denizen::{
    access::Caller,
    app::App,
    db::sql,
    event::{self, Event, Kind, Lead, MOST, sequencer, sequencer::Sequencer, verify::verify},
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
        // What was recorded before and has no number yet gets one before, unless there is too much of it.
        assert_eq!(bring_behind(&one, &lead, 1).await, 0);
        let order = "select count(*) from events where kind = 'setup.completed' and seq < (select max(seq) from events
                     where kind = 'signing_key.rotated')";
        assert_eq!(database.number(order).await, 2 * MANY);
        assert_eq!(bring_behind(&one, &lead, MOST + 1).await, MOST + 1 + MANY);
        let all = before + 1 + 3 * MANY + 1 + MOST + 1 + MANY;
        eventually("events have no numbers", async || database.number(last).await == all).await;
        // Another node takes over, and the first one does not know yet.
        sequencer::drain(&other.db, &other.keys).await.unwrap();
        assert_eq!(bring(&one, &lead).await, MANY);
        eventually("events have no numbers", async || database.number(last).await == all + MANY).await;
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

/// The same, after so many that have no numbers.
async fn bring_behind(node: &App, lead: &Lead, waiting: i64) -> i64 {
    let rotated = |_| Event::new(Kind::SigningKeyRotated, &Caller::system());
    node.db
        .write(async |tx| {
            event::record_all(tx, event::prepare(move || (0..waiting).map(rotated).collect()), None).await?;
            event::record_all(tx, event::prepare(|| (0..MANY).map(brought).collect()), Some(lead)).await?;
            sql("select count(*) from events_pending").scalar(tx).await
        })
        .await
        .unwrap()
}

fn brought(n: i64) -> Event {
    Event::new(Kind::SetupCompleted, &Caller::system()).with("n", n)
}
