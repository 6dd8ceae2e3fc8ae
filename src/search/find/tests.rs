//! Which way is chosen among a million: whoever looks for few must not pass many, and the other way round.

use std::time::Duration;

use super::{Count, Estimate, Plan, Reach, SAMPLE_AGE, Sample, Search};
use crate::{
    db::Engine,
    id::UserId,
    search::{Direction, Entry, Facet, Flag, Order, http},
};

const SAMPLE: i64 = 2_048;
const PEOPLE: usize = 1_000_000;

/// One in so many people of the sample, each standing for some five hundred.
fn entry(n: i64, created_at: i64) -> Entry {
    let last_name = match n {
        _ if n % 512 == 9 => "abel",
        _ if n % 256 == 7 => "zimmermann",
        _ => ["miller", "meier", "moreno"][usize::try_from(n % 3).unwrap()],
    };
    Entry {
        doc: n * 488,
        user_id: UserId::from_uuid(uuid::Uuid::from_u128(n.unsigned_abs().into())),
        version: 1,
        facet: Facet::flag(Flag::Active, n % 20 != 0).and(Facet::flag(Flag::Verified, n % 5 != 0)).value,
        role: 0,
        email: format!("{n}@host.example"),
        username: String::new(),
        first_name: format!("first{}", n % 97),
        last_name: last_name.into(),
        full_name: format!("first{} {last_name}", n % 97),
        location: if n % 240 == 3 { "lima, peru".into() } else { format!("town{}", n % 211) },
        current_title: "engineer".into(),
        gender: ["female", "male"][usize::try_from(n % 2).unwrap()].into(),
        ip_address: String::new(),
        external_id: String::new(),
        created_at,
        updated_at: created_at,
        last_login: 0,
    }
}

/// A crowd whose rows lie as they were made, and one where they lie anywhere.
fn as_made() -> Sample {
    Sample::of((0..SAMPLE).map(|n| entry(n, n)).collect(), PEOPLE)
}

fn anyhow() -> Sample {
    Sample::of((0..SAMPLE).map(|n| entry(n, n * 1_237 % SAMPLE)).collect(), PEOPLE)
}

fn estimate(sample: &Sample, query: &str, order: Order, direction: Direction) -> Estimate {
    let filter = http::filter(query).unwrap();
    sample.estimate(&Search { filter, order, direction, cursor: None, limit: 50, offset: 0, count: Count::Quick })
}

fn chosen(sample: &Sample, engine: Engine, query: &str, order: Order, direction: Direction) -> Plan {
    Plan::choose(engine, &estimate(sample, query, order, direction))
}

fn newest(sample: &Sample, engine: Engine, query: &str) -> Plan {
    chosen(sample, engine, query, Order::CreatedAt, Direction::Descending)
}

const fn is_short(plan: Plan) -> bool {
    matches!(plan, Plan::Walk(Reach::Short | Reach::Middle))
}

#[test]
fn what_many_have_is_walked_to_and_what_few_have_is_gathered() {
    for (sample, engine) in [as_made(), anyhow()].iter().flat_map(|it| [(it, Engine::Sqlite), (it, Engine::Postgres)]) {
        let chosen = |query| newest(sample, engine, query);
        for common in ["is_active=true", "is_active=true&gender=female", "gender=female&current_title=engineer"] {
            assert!(is_short(chosen(common)), "{common}: {:?}", chosen(common));
        }
        for rare in ["last_name=nobodyhere", "last_name=nobodyhere&is_active=true", "email_exact=1@host.example"] {
            assert_eq!(chosen(rare), Plan::Grams, "{rare}");
        }
        for between in ["last_name=zimmermann&is_active=true", "last_name=zimmermann&gender=male"] {
            assert!(!is_short(chosen(between)), "{between}: {:?}", chosen(between));
            assert!(!matches!(chosen(between), Plan::Range | Plan::Walk(Reach::Whole)), "{between}");
        }
    }
}

#[test]
fn who_stands_at_the_far_end_of_an_order_is_gathered() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        // Spread evenly they would be met soon.
        let far = chosen(&as_made(), engine, "last_name=abel", Order::LastName, Direction::Descending);
        assert_eq!(far, Plan::Grams, "{engine:?}");
        let near = chosen(&as_made(), engine, "last_name=miller", Order::LastName, Direction::Descending);
        assert!(matches!(near, Plan::Walk(_)), "{engine:?}: {near:?}");
    }
}

#[test]
fn a_part_of_the_text_of_an_order_may_be_anywhere_in_it() {
    let sample = as_made();
    let walk = |query: &str, order| estimate(&sample, query, order, Direction::Descending).walk;
    // One in a hundred, in the order of the addresses as in any other.
    let (own, other) = (walk("email=77@host", Order::Email), walk("email=77@host", Order::CreatedAt));
    assert!(own < other * 2.0 && other < own * 2.0, "{own}, {other}");
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let evenly = chosen(&sample, engine, "email=77@host", Order::Email, Direction::Descending);
        assert_eq!(evenly, Plan::Walk(Reach::Long), "{engine:?}");
    }
    // Whom the sample shows side by side at the far end is as far as he is by what begins the text.
    let (held, begun) = (walk("last_name=abel", Order::LastName), walk("last_name_starts=abel", Order::LastName));
    assert!((held - begun).abs() < 1.0 && held > 900_000.0, "{held}, {begun}");
}

#[test]
fn an_old_sample_does_not_tell_that_there_are_many() {
    let mut sample = as_made();
    let newest = |sample: &Sample| estimate(sample, "gender=female", Order::CreatedAt, Direction::Descending);
    assert!(newest(&sample).is_common);
    sample.drawn -= SAMPLE_AGE + Duration::from_secs(1);
    assert!(!newest(&sample).is_common);
}

#[test]
fn the_rows_of_a_span_are_cheap_where_they_lie_as_they_were_made() {
    let price = |sample: &Sample, engine| {
        let estimate = estimate(sample, "created_after=1970-01-01T00:00:00.001Z", Order::Email, Direction::Descending);
        Plan::gathering(engine, &estimate).into_iter().find(|(plan, _)| *plan == Plan::Range).unwrap().1
    };
    let (near, far) = (as_made(), anyhow());
    assert!(price(&near, Engine::Postgres) * 1.5 < price(&far, Engine::Postgres));
    assert!((price(&near, Engine::Sqlite) - price(&far, Engine::Sqlite)).abs() < 1.0);
}

#[test]
fn a_row_beside_the_way_is_looked_at_and_one_far_off_only_if_the_grams_name_it() {
    let (near, far) = (as_made(), anyhow());
    assert_eq!(newest(&near, Engine::Postgres, "location_ends=peru"), Plan::Walk(Reach::Far));
    assert_eq!(newest(&far, Engine::Postgres, "location_ends=peru"), Plan::Sieve(Reach::Far));
}
