//! The people of the published figures, those of `denizen fake`, put past the accounts into the search alone.

use denizen::{
    db::Engine,
    search::{self, Entry},
};

use crate::kit::TestApp;

#[expect(dead_code, reason = "the figures need their accounts too")]
#[path = "../../../benches/search/people.rs"]
mod figures;

/// Rows that are written at once.
const BATCH: usize = 500;

/// The first so many of them, with what is drawn for nobody there: an address and an id of elsewhere for each.
pub fn people(size: u64) -> Vec<Entry> {
    let entry = |(user, doc): (_, i64)| Entry {
        doc,
        ip_address: format!("10.0.{}.{}", doc / 250, doc % 250),
        external_id: doc.to_string(),
        ..Entry::from(&user)
    };
    figures::people(size).map(entry).collect()
}

/// Makes them known, and draws the sample. So many rows at once would hardly ever get by a hostile database.
pub async fn fill(app: &TestApp, entries: &[Entry]) {
    app.database.make_calm().await;
    for some in entries.chunks(BATCH) {
        let add = app.app.db.write(async |tx| {
            let some = some.to_vec();
            search::add_all(tx, search::prepare(move || some)).await
        });
        add.await.unwrap();
    }
    if app.database.engine() == Engine::Postgres {
        app.database.execute("vacuum analyze search_users").await;
        app.database.execute("vacuum analyze search_grams").await;
    }
    app.app.search.renew(&mut app.app.db.read()).await.unwrap();
}
