//! The indexes that are set aside while very many come in, and those who wait for theirs.

use denizen::{
    account,
    db::{Engine, sql},
    search::{self, Count, Direction, Order, Search, aside, find_by},
};

use super::people;
use crate::{
    each_engine,
    kit::{TestApp, random::Random},
};

/// The indexes of the search, each with what it is made of.
async fn indexes(app: &TestApp) -> Vec<String> {
    let text = match app.database.engine() {
        Engine::Sqlite => {
            "select sql from sqlite_schema where type = 'index' and sql is not null
                           and tbl_name like 'search%' order by name"
        }
        Engine::Postgres => {
            "select indexdef from pg_indexes where schemaname = current_schema()
                             and tablename like 'search%' order by indexname"
        }
    };
    let rows: Vec<(String,)> = sql(text).fetch_all(&mut app.app.db.read()).await.unwrap();
    rows.into_iter().map(|row| row.0).collect()
}

/// Everybody whom a filter of his first name finds, by the way that suits.
async fn found(app: &TestApp) -> usize {
    let filter = search::http::filter("first_name=an").unwrap();
    let (order, direction) = (Order::CreatedAt, Direction::Ascending);
    let search = Search { filter, order, direction, cursor: None, limit: 500, offset: 0, count: Count::None };
    find_by(&app.app.db, &app.app.search, &search, None).await.unwrap().users.len()
}

each_engine! {
    async fn indexes_that_were_set_aside_are_there_again_behind_it(app) {
        app.database.make_calm().await;
        let mut random = Random::new(7);
        people::make(&app.app, &mut random, 60).await;
        let (before, known) = (indexes(&app).await, found(&app).await);
        aside::set_aside(&app.app.db).await.unwrap();
        assert!(aside::is_set(&app.app.db).await.unwrap());
        let left = indexes(&app).await;
        assert!(left.iter().all(|index| before.contains(index)) && left.len() + 8 <= before.len(), "{left:?}");
        // What comes in now is found, more slowly.
        people::make(&app.app, &mut random, 60).await;
        let meanwhile = found(&app).await;
        assert!(meanwhile > known, "{meanwhile} after {known}");
        // Whoever set them aside was killed: the job of a server brings them back.
        account::job::index(&app.app).await.unwrap();
        assert!(!aside::is_set(&app.app.db).await.unwrap());
        assert_eq!(indexes(&app).await, before);
        assert_eq!(found(&app).await, meanwhile);
        // Once more changes nothing.
        aside::bring_back(&app.app.db).await.unwrap();
        assert_eq!(indexes(&app).await, before);
    }

    async fn nobody_waits_for_long(app) {
        people::make(&app.app, &mut Random::new(7), 300).await;
        if app.database.engine() == Engine::Postgres {
            return;
        }
        let waiting = "select count(*) from search_waiting";
        for _ in 0..500 {
            if app.database.number(waiting).await == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(app.database.number(waiting).await, 0);
        assert_eq!(app.database.number("select count(*) from search_grams").await, app.database.number("select count(*) from search_users").await);
    }
}
