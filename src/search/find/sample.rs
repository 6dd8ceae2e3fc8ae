//! A sample of the people, kept in memory: how many meet a filter, and how far in an order the first of them stand.
//!
//! It only chooses between ways to the same answer, so it may be old. It knows of values that go together or exclude
//! each other, which counts of single values do not.

use std::collections::HashMap;

use super::Search;
use crate::{
    db::Conn,
    error::Result,
    search::{Cursor, Direction, Entry, Filter, Order, Test, gram, store},
    secret,
};

/// How many people are in it.
const SIZE: usize = 2_048;
/// So few are all in it.
const WHOLE: i64 = 4_096;
/// How many rows one statement asks for.
const BATCH: usize = 256;
/// A gram that more than this part of all people have narrows a text down no further.
const COMMON: f64 = 0.4;
/// Most grams that are asked for a text: the rarest.
const MOST_GRAMS: usize = 4;

/// The people of the sample.
#[derive(Default)]
pub struct Sample {
    entries: Vec<Entry>,
    /// For each order the places of the entries in it.
    sorted: Vec<Vec<usize>>,
    grams: HashMap<u32, u32>,
    people: f64,
}

/// What to expect of a search: numbers of rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// All people.
    pub people: f64,
    /// Those who meet the filter.
    pub matches: f64,
    /// Rows that a walk along the order passes until the page is full.
    pub walk: f64,
    /// Those who meet what grams answer; nothing where they answer nothing.
    pub grams: Option<f64>,
    /// Those in the narrowest span of time; nothing where there is none.
    pub range: Option<f64>,
}

impl Sample {
    /// Draws a new one.
    pub async fn draw(conn: &mut Conn) -> Result<Self> {
        let (least, most) = store::span(conn).await?;
        let span = most - least + 1;
        if span <= WHOLE {
            let entries = store::between(conn, least, most).await?;
            let people = entries.len();
            return Ok(Self::of(entries, people));
        }
        let mut docs = Vec::with_capacity(SIZE);
        while docs.len() < SIZE {
            let drawn = (i128::from(u64::from_le_bytes(secret::random::<8>()?)) * i128::from(span)) >> 64;
            docs.push(least + i64::try_from(drawn).unwrap_or(0));
        }
        docs.sort_unstable();
        docs.dedup();
        let mut entries = Vec::with_capacity(docs.len());
        for batch in docs.chunks(BATCH) {
            entries.extend(store::some(conn, batch).await?);
        }
        let people = u128::try_from(span).unwrap_or(0) * entries.len() as u128 / docs.len() as u128;
        Ok(Self::of(entries, usize::try_from(people).unwrap_or(usize::MAX)))
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn of(entries: Vec<Entry>, people: usize) -> Self {
        let mut grams = HashMap::new();
        for gram in entries.iter().flat_map(gram::of) {
            *grams.entry(gram).or_insert(0) += 1;
        }
        let sorted = Order::ALL.iter().map(|order| {
            let mut places: Vec<usize> = (0..entries.len()).collect();
            places.sort_by_cached_key(|place| (entries[*place].key(*order), entries[*place].doc));
            places
        });
        Self { sorted: sorted.collect(), grams, people: people as f64, entries }
    }

    /// How many people there are, about.
    #[must_use]
    pub fn people(&self) -> f64 {
        self.people
    }

    /// What to expect of a search.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn estimate(&self, search: &Search) -> Estimate {
        let weight = if self.entries.is_empty() { 1.0 } else { self.people / self.entries.len() as f64 };
        let mut seen = Seen::default();
        let places = self.sorted.get(search.order as usize).map(Vec::as_slice).unwrap_or_default();
        let place = |n: usize| if search.direction == Direction::Ascending { n } else { places.len() - 1 - n };
        for entry in (0..places.len()).map(|n| &self.entries[places[place(n)]]) {
            seen.look(entry, search);
        }
        let has = |is: fn(&Test) -> bool| search.filter.tests().iter().any(is);
        // Half a person more, because what is not in the sample may be there all the same.
        let rows = |hits: usize| (hits as f64 + 0.5) * weight;
        Estimate {
            people: self.people,
            matches: seen.matches as f64 * weight,
            walk: seen.walk(weight, (search.offset + search.limit + 1) as f64),
            grams: has(|test| !matches!(test, Test::Range { .. })).then(|| rows(seen.grams)),
            range: has(|test| matches!(test, Test::Range { .. })).then(|| rows(seen.range)),
        }
    }

    /// The grams that are worth asking for: the rarest of each condition, the rarest condition first. Common ones are
    /// asked for too, because two of them may exclude each other.
    #[must_use]
    pub fn needs(&self, filter: &Filter) -> gram::Needs {
        let mut needs: Vec<_> = filter.tests().iter().filter_map(gram::needed).map(|need| self.thinned(need)).collect();
        needs.sort_by(|(left, _), (right, _)| left.total_cmp(right));
        needs.into_iter().map(|(_, need)| need).collect()
    }

    /// The rarest grams of each way, and which part of all people may have one of the ways.
    fn thinned(&self, need: Vec<Vec<u32>>) -> (f64, Vec<Vec<u32>>) {
        let mut sum = 0.0;
        let ways = need.into_iter().map(|mut way| {
            way.sort_unstable();
            way.dedup();
            way.sort_by_key(|gram| self.grams.get(gram).copied().unwrap_or(0));
            way.truncate(MOST_GRAMS);
            sum += way.first().map_or(1.0, |gram| self.part(*gram));
            let rare = way.iter().filter(|gram| self.part(**gram) < COMMON).count().max(1);
            way.truncate(rare);
            way
        });
        let ways = ways.collect();
        (sum, ways)
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn part(&self, gram: u32) -> f64 {
        f64::from(self.grams.get(&gram).copied().unwrap_or(0)) / (self.entries.len() as f64).max(1.0)
    }
}

/// What was seen of a search while going through the sample in its order.
#[derive(Default)]
struct Seen {
    matches: usize,
    grams: usize,
    range: usize,
    /// Entries behind the cursor and within the bounds that a walk has.
    passed: usize,
    /// Of these, where the ones stand that match.
    places: Vec<usize>,
}

impl Seen {
    fn look(&mut self, entry: &Entry, search: &Search) {
        let (mut in_grams, mut in_range, mut in_walk) = (true, true, true);
        for test in search.filter.tests() {
            let matches = test.matches(entry);
            match test {
                Test::Range { moment, .. } => {
                    in_range &= matches;
                    in_walk &= matches || moment.as_str() != search.order.as_str();
                }
                _ => in_grams &= matches,
            }
        }
        let behind = search.cursor.as_ref().is_none_or(|cursor| is_behind(entry, cursor, search));
        self.grams += usize::from(in_grams);
        self.range += usize::from(in_range);
        self.matches += usize::from(in_grams && in_range);
        if behind && in_walk {
            self.passed += 1;
            if in_grams && in_range {
                self.places.push(self.passed);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    fn walk(&self, weight: f64, needed: f64) -> f64 {
        let whole = self.passed as f64 * weight;
        let Some(first) = self.places.first() else { return whole };
        let gap = self.passed as f64 / self.places.len() as f64;
        let evenly = needed * gap;
        // Those who match stand together, far from where the walk begins.
        let late = if *first as f64 > 6.0 * gap { *first as f64 * weight } else { 0.0 };
        let last = (needed / weight).ceil() as usize;
        let reached =
            if last > 1 { self.places.get(last - 1).map_or(whole, |place| *place as f64 * weight) } else { 0.0 };
        evenly.max(late).max(reached).min(whole)
    }
}

fn is_behind(entry: &Entry, cursor: &Cursor, search: &Search) -> bool {
    let (here, there) = ((entry.key(search.order), entry.doc), (cursor.key.clone(), cursor.doc));
    if search.direction == Direction::Ascending { here > there } else { here < there }
}
