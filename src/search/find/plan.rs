//! Which way leads to the page at the least cost.
//!
//! A walk goes along the sorted rows and keeps those that match: quick when many do. Gathering takes everybody whom an
//! index names for the rarest conditions, and sorts them: quick when they are few. Between the two is the sieve: a walk
//! along the bare index of the order that looks only at those whom the grams name. It pays for a number of each of
//! those, and for a step of each row that it passes, and both are far cheaper than a look.
//!
//! A walk has a limit: when the sample was wrong about it, gathering follows, and costs no more than it would have at
//! first.

use super::sample::Estimate;
use crate::db::Engine;

/// What is done with a row, in microseconds, for each engine.
type Cost = [f64; 2];
/// To pass it on the way along an index.
const PASS: Cost = [0.15, 0.2];
/// To look at it where the way passes it.
const STOP: Cost = [1.5, 1.2];
/// The same where the rows lie along the way, as they were made.
const NEXT: Cost = [1.5, 0.3];
/// To look at it by its number.
const LOOK: Cost = [1.5, 5.0];
/// To look at it when all are read from end to end.
const SCAN: Cost = [0.4, 0.3];
/// To leap to it in the list of a gram.
const LEAP: Cost = [0.1, 0.1];
/// To hear its number from the grams: on `PostgreSQL` from the set itself.
const NAME: Cost = [0.15, 1.2];
/// To keep its number for a sieve.
const KEEP: Cost = [0.25, 0.2];
/// To keep it until all are sorted.
const SORT: Cost = [1.0, 0.5];
/// How far over the estimate a walk may go.
const SLACK: f64 = 3.0;

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Along the order, at most so far.
    Walk(Reach),
    /// Along the order, at most so far, looking only at those whom the grams name.
    Sieve(Reach),
    /// All whom the grams name.
    Grams,
    /// All in the narrowest span of time.
    Range,
    /// All in the narrowest span of time whom the grams name.
    Both,
}

/// How many rows a walk passes. They are few, because each is a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named by their size")]
pub enum Reach {
    Short,
    Middle,
    Long,
    Far,
    Whole,
}

impl Reach {
    const LIMITED: [Self; 4] = [Self::Short, Self::Middle, Self::Long, Self::Far];

    /// The rows; nothing for all of them.
    #[must_use]
    pub const fn rows(self) -> Option<u64> {
        match self {
            Self::Short => Some(1_000),
            Self::Middle => Some(5_000),
            Self::Long => Some(25_000),
            Self::Far => Some(125_000),
            Self::Whole => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn over(rows: f64) -> Self {
        let enough = |reach: &Self| reach.rows().is_none_or(|most| rows <= most as f64);
        Self::LIMITED.into_iter().find(enough).unwrap_or(Self::Whole)
    }
}

impl Plan {
    /// The way of least cost.
    #[must_use]
    pub fn choose(engine: Engine, estimate: &Estimate) -> Self {
        let along = Self::along(engine, estimate);
        let all = along.into_iter().chain(Self::gathering(engine, estimate));
        all.min_by(|(_, left), (_, right)| left.total_cmp(right)).map_or(Self::Walk(Reach::Whole), |(plan, _)| plan)
    }

    /// This way, or where nothing leads along it the one beside it.
    #[must_use]
    pub fn possible(self, estimate: &Estimate) -> Self {
        match self {
            Self::Sieve(reach) if estimate.needs.is_empty() => Self::Walk(reach),
            Self::Grams | Self::Both if estimate.needs.is_empty() => Self::Range,
            Self::Both if estimate.moment.is_none() => Self::Grams,
            plan => plan,
        }
    }

    /// The way to follow a walk that did not reach far enough: it has no limit.
    #[must_use]
    pub fn instead(engine: Engine, estimate: &Estimate) -> Self {
        let whole = (Self::Walk(Reach::Whole), (estimate.people + 1.0) * LOOK[engine as usize]);
        let all = Self::gathering(engine, estimate).into_iter().chain([whole]);
        all.min_by(|(_, left), (_, right)| left.total_cmp(right)).map_or(Self::Walk(Reach::Whole), |(plan, _)| plan)
    }

    /// The way to count all who match.
    #[must_use]
    pub fn counting(engine: Engine, estimate: &Estimate) -> Self {
        let whole = (Self::Walk(Reach::Whole), (estimate.people + 1.0) * SCAN[engine as usize]);
        let all = Self::gathering(engine, estimate).into_iter().chain([whole]);
        all.min_by(|(_, left), (_, right)| left.total_cmp(right)).map_or(whole.0, |(plan, _)| plan)
    }

    /// Whether a walk asks the index first, and looks by their numbers at those whom it does not rule out. `PostgreSQL`
    /// looks at a row for less where the way passes it, so there the index must rule out most.
    #[must_use]
    pub fn asks_the_index(engine: Engine, estimate: &Estimate) -> bool {
        let n = engine as usize;
        engine == Engine::Sqlite || estimate.is_held || estimate.looked * LOOK[n] < Self::stop(n, estimate.apart)
    }

    /// What it costs to look at a row where the way passes it, with the rows of the way so far apart.
    fn stop(n: usize, apart: f64) -> f64 {
        NEXT[n] + (STOP[n] - NEXT[n]) * apart
    }

    /// The ways along the order, with what they cost.
    #[must_use]
    pub fn along(engine: Engine, estimate: &Estimate) -> Vec<(Self, f64)> {
        let n = engine as usize;
        let reach = Reach::over(estimate.walk * SLACK);
        let look = match engine {
            _ if estimate.is_held => 0.0,
            _ if !Self::asks_the_index(engine, estimate) => Self::stop(n, estimate.apart),
            Engine::Sqlite => estimate.looked * Self::stop(n, estimate.apart),
            Engine::Postgres => estimate.looked * LOOK[n],
        };
        let walk = (Self::Walk(reach), estimate.walk * (PASS[n] + look));
        let sieve = estimate.grams.map(|named| {
            let part = (named / estimate.people.max(1.0)).min(estimate.looked);
            let looks = if estimate.is_held { 0.0 } else { estimate.walk * part };
            let cost = Self::naming(n, estimate, named) + named * KEEP[n];
            (Self::Sieve(reach), cost + estimate.walk * PASS[n] * 1.5 + looks * LOOK[n])
        });
        [walk].into_iter().chain(sieve).collect()
    }

    /// The ways that gather, with what they cost.
    #[must_use]
    pub fn gathering(engine: Engine, estimate: &Estimate) -> Vec<(Self, f64)> {
        let n = engine as usize;
        let kept = estimate.matches * SORT[n];
        let naming = |named| Self::naming(n, estimate, named);
        let grams = estimate.grams.map(|named| (Self::Grams, naming(named) + named * LOOK[n] + kept));
        // `PostgreSQL` looks at a row where the span's index passes it.
        let look = if engine == Engine::Sqlite { LOOK[n] } else { Self::stop(n, estimate.range_apart) };
        let range = estimate.range.map(|rows| (Self::Range, rows * (PASS[n] + look) + kept));
        let both = estimate.grams.zip(estimate.range).map(|(named, rows)| {
            let looks = rows * named / estimate.people.max(1.0);
            (Self::Both, naming(named) + named * KEEP[n] + rows * PASS[n] * 1.5 + looks * LOOK[n] + kept)
        });
        grams.into_iter().chain(range).chain(both).collect()
    }

    /// What it costs to hear all whom the grams name.
    fn naming(n: usize, estimate: &Estimate, named: f64) -> f64 {
        estimate.leaps.max(named) * LEAP[n] + named * NAME[n]
    }
}

#[cfg(test)]
mod tests {
    // Which way is chosen among a million: whoever looks for few must not pass many, and the other way round.

    use std::time::Duration;

    use super::{
        super::{Count, SAMPLE_AGE, Sample, Search},
        *,
    };
    use crate::{
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
        for (sample, engine) in
            [as_made(), anyhow()].iter().flat_map(|it| [(it, Engine::Sqlite), (it, Engine::Postgres)])
        {
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
            let estimate =
                estimate(sample, "created_after=1970-01-01T00:00:00.001Z", Order::Email, Direction::Descending);
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
}
