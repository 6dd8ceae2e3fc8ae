//! Random filters against a simple reference, while people come, change and go.

use denizen::{
    access::Caller,
    account::{self, User},
    error::Code,
    search::{Count, Cursor, Direction, Filter, Matches, Order, Plan, Reach, Search, find_by, settle},
};

use super::people::{self, Asked};
use crate::{
    each_engine,
    kit::{TestApp, database::variable, random::Random},
};

const PEOPLE: usize = 300;
/// More than a sample holds, so that it may be wrong.
const MANY: usize = 4_400;
/// Cases for each set of people as it stands.
const CASES: usize = 40;

pub const WAYS: [Option<Plan>; 10] = [
    None,
    Some(Plan::Walk(Reach::Short)),
    Some(Plan::Walk(Reach::Middle)),
    Some(Plan::Walk(Reach::Whole)),
    Some(Plan::Sieve(Reach::Short)),
    Some(Plan::Sieve(Reach::Far)),
    Some(Plan::Sieve(Reach::Whole)),
    Some(Plan::Grams),
    Some(Plan::Range),
    Some(Plan::Both),
];

/// The filter of a query, read as the route reads it.
fn filter(asked: &[Asked]) -> Filter {
    denizen::search::http::filter(&people::query(asked)).unwrap()
}

/// Walks a whole list, page by page.
async fn walked(app: &TestApp, first: &Search, way: Option<Plan>, by_cursor: bool) -> (Vec<String>, Matches) {
    let (mut search, mut ids, mut matches) = (first.clone(), Vec::new(), None);
    loop {
        let found = find_by(&app.app.db, &app.app.search, &search, way).await.unwrap();
        assert!(found.users.len() as u64 <= search.limit);
        ids.extend(found.users.iter().map(ToString::to_string));
        matches.get_or_insert(found.matches);
        match (found.next, by_cursor) {
            (None, _) => return (ids, matches.unwrap()),
            (cursor, true) => {
                let text = cursor.unwrap().to_text(search.order, search.direction);
                search.cursor = Some(Cursor::parse(&text, search.order, search.direction).unwrap());
            }
            (Some(_), false) => search.offset += search.limit,
        }
    }
}

async fn change_something(app: &TestApp, random: &mut Random, people: &[(User, i64)]) {
    let somebody = people[random.below(people.len())].0.id;
    let random = random.fork();
    let what = random.clone().below(4);
    let written = app.app.db.write(async |tx| {
        let mut random = random.clone();
        match what {
            0 => account::signed_in(tx, somebody).await,
            1 => people::touch(tx, &mut random, somebody).await,
            2 => people::one(tx, &mut random).await.map(drop),
            _ => account::delete(tx, &Caller::operator(), somebody, std::time::Duration::ZERO, |_| Ok(())).await,
        }
    });
    // The last superadmin cannot go, and who is gone cannot go again.
    if let Err(error) = written.await {
        assert!([Code::LastSuperadmin, Code::NotFound].contains(&error.code()), "{error:?}");
    }
}

each_engine! {
    async fn any_filters_in_any_order_find_the_right_people_by_every_way(app) {
        let cases: usize = variable("SEARCH_CASES").map_or(500, |cases| cases.parse().unwrap());
        let seed: u64 = variable("SEARCH_SEED").map_or(7, |seed| seed.parse().unwrap());
        let mut random = Random::new(seed);
        people::make(&app.app, &mut random, PEOPLE).await;
        let mut found_some = 0;
        for round in 0..cases.div_ceil(CASES) {
            let everybody = people::everybody(&app).await;
            assert!(everybody.len() > PEOPLE / 2, "too few are left");
            if random.one_in(3) {
                app.app.search.renew(&mut app.app.db.read()).await.unwrap();
            }
            for case in 0..CASES {
                let asked = people::some_asked(&mut random, &everybody);
                let order = Order::ALL[random.below(Order::ALL.len())];
                let direction = if random.one_in(2) { Direction::Ascending } else { Direction::Descending };
                let way = WAYS[random.below(WAYS.len())];
                let limit = 5 + random.next() % 96;
                let count = if random.one_in(3) { Count::Exact } else { Count::Quick };
                let filter = filter(&asked);
                let search = Search { filter, order, direction, cursor: None, limit, offset: 0, count };
                let expected = people::expected(&everybody, &asked, order, direction);
                let (ids, matches) = walked(&app, &search, way, random.one_in(2)).await;
                let what = || format!("seed {seed}, round {round}, case {case}: {asked:?} {search:?} {way:?}");
                assert_eq!(ids, expected, "{}", what());
                assert_eq!(matches, Matches::Exact(expected.len() as u64), "{}", what());
                found_some += usize::from(!expected.is_empty());
            }
            for _ in 0..10 {
                change_something(&app, &mut random, &everybody).await;
            }
            // The others are asked about while they wait.
            if random.one_in(2) {
                settle(&app.app.db).await.unwrap();
            }
        }
        assert!(found_some > cases / 3, "only {found_some} of {cases} searches found anybody");
    }

    async fn a_sample_that_misleads_costs_time_and_nothing_else(app) {
        // So many rows at once would hardly ever get by.
        app.database.make_calm().await;
        let mut random = Random::new(variable("SEARCH_SEED").map_or(7, |seed| seed.parse().unwrap()));
        people::make_by(&app.app, &mut random, MANY, 200).await;
        let everybody = people::everybody(&app).await;
        let mut estimates = 0;
        for case in 0..80 {
            if case % 20 == 0 {
                app.app.search.renew(&mut app.app.db.read()).await.unwrap();
            }
            let mut asked = people::some_asked(&mut random, &everybody);
            asked.truncate(random.below(3));
            let order = Order::ALL[random.below(Order::ALL.len())];
            let direction = if random.one_in(2) { Direction::Ascending } else { Direction::Descending };
            let count = if random.one_in(4) { Count::Exact } else { Count::Quick };
            let (limit, offset) = (1 + random.next() % 60, if random.one_in(3) { random.next() % 200 } else { 0 });
            let search = Search { filter: filter(&asked), order, direction, cursor: None, limit, offset, count };
            let expected = people::expected(&everybody, &asked, order, direction);
            let way = WAYS[random.below(WAYS.len())].filter(|_| random.one_in(2));
            let found = find_by(&app.app.db, &app.app.search, &search, way).await.unwrap();
            let what = || format!("case {case}: {asked:?} {search:?} {way:?}");
            let page: Vec<_> = expected.iter().skip(usize::try_from(offset).unwrap()).take(usize::try_from(limit).unwrap()).collect();
            assert_eq!(found.users.iter().map(ToString::to_string).collect::<Vec<_>>().iter().collect::<Vec<_>>(), page, "{}", what());
            let all = expected.len() as u64;
            match found.matches {
                Matches::Exact(told) => assert_eq!(told, all, "{}", what()),
                Matches::About(told) => {
                    estimates += 1;
                    assert!(count == Count::Quick && all > 100 && told > 100, "{told} of {all}: {}", what());
                    assert!(told < all * 3 && told * 3 > all, "{told} of {all}: {}", what());
                }
                Matches::Unknown => panic!("{}", what()),
            }
        }
        println!("{estimates} totals were estimates");
    }
}
