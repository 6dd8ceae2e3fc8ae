//! How many match, among so many that not all of them are counted.

use std::sync::Arc;

use denizen::{
    access::Role,
    id::UserId,
    search::{self, Count, Direction, Entry, Knowledge, Matches, Order, Search, find_by},
};
use futures_util::future::join_all;
use serde_json::Value;

use super::crowd;
use crate::{
    each_engine,
    kit::{TestApp, client::Client},
};

const SEARCH: &str = "/api/v1/users/search";
const PEOPLE: i64 = 12_000;

/// Half of them are women, a quarter are men in Lima, a hundred are called Brown.
fn entry(n: i64) -> Entry {
    Entry {
        doc: 0,
        user_id: UserId::from_uuid(uuid::Uuid::from_u128(n.unsigned_abs().into())),
        version: 1,
        facet: 0,
        role: 0,
        email: format!("{n}@host.example"),
        username: String::new(),
        first_name: String::new(),
        last_name: if n % 120 == 0 { "brown" } else { "" }.into(),
        full_name: String::new(),
        location: if n % 4 == 1 { "lima" } else { "" }.into(),
        current_title: String::new(),
        gender: if n % 2 == 0 { "female" } else { "male" }.into(),
        ip_address: String::new(),
        external_id: String::new(),
        created_at: n * 1_000_000,
        updated_at: n * 1_000_000,
        last_login: 0,
    }
}

async fn fill(app: &TestApp) -> Client {
    let ann = app.register("ann").await;
    app.set_role(&ann.id, Role::Admin).await;
    let ann = app.login("ann@example.com").await.expect(200).person();
    crowd::fill(app, &(0..PEOPLE).map(entry).collect::<Vec<_>>()).await;
    app.bearer(&ann.access)
}

async fn page(client: &Client, query: &str) -> Value {
    client.get(&format!("{SEARCH}?{query}")).await.expect(200).json()
}

/// A total that is said to be exact.
#[track_caller]
fn exact(page: &Value) -> u64 {
    assert_eq!(page.get("total_is_estimate"), None, "{page}");
    page["total"].as_u64().unwrap()
}

each_engine! {
    async fn many_are_estimated_and_it_is_said_so(app) {
        let client = fill(&app).await;
        let shapes =
            [("gender=female", "total", "pages", 50), ("gender=female&page_size=20", "total_count", "total_pages", 20)];
        for (query, total, pages, size) in shapes {
            let page = page(&client, query).await;
            assert_eq!(page["total_is_estimate"], true, "{page}");
            let told = page[total].as_u64().unwrap();
            assert!((4_500..7_500).contains(&told), "{told}");
            assert_eq!(page[pages], told.div_ceil(size), "{page}");
            // So it is further on.
            let next = format!("{query}&cursor={}", page["next_cursor"].as_str().unwrap());
            assert_eq!(self::page(&client, &next).await["total_is_estimate"], true);
        }
        assert_eq!(exact(&page(&client, "gender=female&total=exact").await), 6_000);
        let without = page(&client, "gender=female&total=none").await;
        for member in ["total", "pages", "total_is_estimate"] {
            assert_eq!(without.get(member), None, "{without}");
        }
        let filter = search::http::filter("gender=female").unwrap();
        let (order, direction) = (Order::CreatedAt, Direction::Descending);
        let mut search = Search { filter, order, direction, cursor: None, limit: 50, offset: 0, count: Count::Quick };
        let knowledge = &app.app.search;
        let found = find_by(&app.app.db, knowledge, &search, None).await.unwrap();
        assert!(matches!(found.matches, Matches::About(4_500..7_500)), "{:?}", found.matches);
        // Nothing is counted for it, and everybody where somebody waits for that.
        let explained = search::explain(&mut app.app.db.read(), knowledge, &search).await.unwrap();
        assert!(explained.count.is_none(), "{explained:?}");
        search.count = Count::Exact;
        let explained = search::explain(&mut app.app.db.read(), knowledge, &search).await.unwrap();
        assert!(explained.count.is_some(), "{explained:?}");
    }

    async fn up_to_a_hundred_are_exact_whatever_the_sample_says(app) {
        let client = fill(&app).await;
        for query in ["last_name=brown", "last_name=brown&size=1", "last_name=brown&gender=female&sort_by=email"] {
            assert_eq!(exact(&page(&client, query).await), 100, "{query}");
        }
        assert_eq!(exact(&page(&client, "last_name=brown&gender=male").await), 0);
        // Many are common each, and together nobody.
        assert_eq!(exact(&page(&client, "gender=female&location=lima").await), 0);
        // All men but the oldest forty go, of which the sample does not know.
        assert_eq!(page(&client, "gender=male").await["total_is_estimate"], true);
        app.database.execute("delete from search_users where gender = 'male' and created_at >= 80000000").await;
        for query in ["gender=male", "gender=male&sort_order=asc", "gender=male&sort_by=email"] {
            assert_eq!(exact(&page(&client, query).await), 40, "{query}");
        }
        // A page that is full hides it for as long as the sample is young, the last one does not.
        let first = page(&client, "gender=male&size=30").await;
        let last = format!("gender=male&size=30&cursor={}", first["next_cursor"].as_str().unwrap());
        assert_eq!(exact(&page(&client, &last).await), 40);
        app.app.search.renew(&mut app.app.db.read()).await.unwrap();
        assert_eq!(exact(&page(&client, "gender=male&size=30").await), 40);
    }

    async fn one_sample_is_drawn_for_all_who_ask_at_once(app) {
        let app = &app.app;
        let knowledge = Knowledge::default();
        let asking = (0..8).map(|_| async { knowledge.sample(&mut app.db.read()).await.unwrap() });
        let samples = join_all(asking).await;
        assert!(samples.iter().all(|sample| Arc::ptr_eq(sample, &samples[0])));
    }

    async fn the_first_sample_of_many_is_drawn_before_anybody_asks(app) {
        let people = async |knowledge: &Knowledge| knowledge.sample(&mut app.app.db.read()).await.unwrap().people();
        let [of_few, of_many] = [(); 2].map(|()| Knowledge::default());
        of_few.prepare(&mut app.app.db.read()).await.unwrap();
        fill(&app).await;
        of_many.prepare(&mut app.app.db.read()).await.unwrap();
        assert!(people(&of_few).await > 1_000.0, "a sample of nobody was kept");
        app.database.execute("delete from search_users").await;
        assert!(people(&of_many).await > 1_000.0, "no sample was kept");
    }
}
