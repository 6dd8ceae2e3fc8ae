//! A sample of the people, kept in memory: how many meet a filter, and how far in an order the first of them stand.
//!
//! It only chooses between ways to the same answer, so it may be old. It knows of values that go together or exclude
//! each other, which counts of single values do not.

use std::{collections::HashMap, time::Instant};

use super::{SAMPLE_AGE, Search};
use crate::{
    db::Conn,
    error::{Error, Result},
    search::{
        Cursor, Direction, Entry, Filter, How, Moment, Order, Test,
        gram::{self, Needs},
        store,
    },
    secret,
};

/// So many are few.
const FEW: f64 = 100.0;
/// How many people are in it.
const SIZE: usize = 2_048;
/// So few are all in it.
const WHOLE: i64 = 4_096;
/// How many rows one statement asks for.
const BATCH: usize = 256;
/// A gram that more than this part of all people have narrows a text down no further.
const COMMON: f64 = 0.4;
/// A condition that fewer meet is always asked of the grams.
const RARE: f64 = 0.02;
/// So few of the sample are looked at sooner than a further list is leapt through.
const FEWEST: usize = 2;
/// Most conditions that are asked for because they are rare.
const MOST_NEEDS: usize = 4;
/// Most grams that are asked for a text: the rarest.
const MOST_GRAMS: usize = 4;
/// So many of the sample tell that one gram of a text is hardly more frequent than the text itself.
const TELLING: usize = 5;

/// The people of the sample.
pub struct Sample {
    pub(super) drawn: Instant,
    entries: Vec<Entry>,
    /// For each order the places of the entries in it.
    sorted: Vec<Vec<usize>>,
    /// For each order how far apart those lie that follow each other in it: 0 as they were made, 1 anywhere.
    apart: Vec<f64>,
    grams: HashMap<u32, u32>,
    people: f64,
}

/// What to expect of a search: numbers of rows.
#[derive(Clone, Debug, Default)]
pub struct Estimate {
    /// All people.
    pub people: f64,
    /// Those who meet the filter.
    pub matches: f64,
    /// Whether so many in the sample meet it that there are more than a few. An old sample does not say so: they may
    /// have gone since.
    pub is_common: bool,
    /// Rows that a walk along the order passes until the page is full.
    pub walk: f64,
    /// Whether the order's index answers the filter.
    pub is_held: bool,
    /// Where it does not, the part of the rows that it does not rule out.
    pub looked: f64,
    /// How far apart the rows lie that follow each other in the order: 0 as they were made, 1 anywhere.
    pub apart: f64,
    /// The grams that are worth asking for.
    pub needs: Needs,
    /// The shortest of their lists: so many are leapt through.
    pub leaps: f64,
    /// Those whom these name; nothing where there are none.
    pub grams: Option<f64>,
    /// The time of the narrowest span.
    pub moment: Option<Moment>,
    /// Those in that span; nothing where there is none.
    pub range: Option<f64>,
    /// How far apart the rows lie that follow each other in the order of that time.
    pub range_apart: f64,
}

impl Sample {
    /// Draws a new one.
    pub(super) async fn draw(conn: &mut Conn) -> Result<Self> {
        let (least, most) = store::span(conn).await?;
        let span = most - least + 1;
        if span <= WHOLE {
            let entries = store::between(conn, least, most).await?;
            let people = entries.len();
            return Self::made(entries, people).await;
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
        Self::made(entries, usize::try_from(people).unwrap_or(usize::MAX)).await
    }

    /// Whether there are people who are not in it.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn is_part(&self) -> bool {
        self.people > self.entries.len() as f64
    }

    /// Hashing and sorting takes some ten milliseconds, for which no request waits.
    async fn made(entries: Vec<Entry>, people: usize) -> Result<Self> {
        tokio::task::spawn_blocking(move || Self::of(entries, people)).await.map_err(Error::internal)
    }

    /// The sample that these are of so many people.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn of(entries: Vec<Entry>, people: usize) -> Self {
        let mut grams = HashMap::new();
        for gram in entries.iter().flat_map(gram::of) {
            *grams.entry(gram).or_insert(0) += 1;
        }
        let sorted = Order::ALL.iter().map(|order| {
            let mut places: Vec<usize> = (0..entries.len()).collect();
            places.sort_by_cached_key(|place| (entries[*place].key(*order), entries[*place].doc));
            places
        });
        let sorted: Vec<_> = sorted.collect();
        let apart = sorted.iter().map(|places| apart(&entries, places)).collect();
        Self { drawn: Instant::now(), sorted, apart, grams, people: people as f64, entries }
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
        // Half a person more, because what is not in the sample may be there all the same.
        let rows = |hits: usize| (hits as f64 + 0.5) * weight;
        let seen = Seen::of(&self.entries, search);
        let (needs, grams, shortest) = self.needs(&search.filter, &seen);
        let ranges = search.filter.tests().iter().enumerate().filter_map(|(n, test)| match test {
            Test::Range { moment, .. } => Some((seen.count(1 << n), *moment)),
            _ => None,
        });
        let (range, moment): (Option<usize>, Option<Moment>) = ranges.min_by_key(|(hits, _)| *hits).unzip();
        let matches = seen.count(seen.all);
        let is_common = matches as f64 > surely(FEW / weight) && self.drawn.elapsed() < SAMPLE_AGE;
        Estimate {
            people: self.people,
            matches: matches as f64 * weight,
            is_common,
            walk: seen.walk(self.ahead(search), weight, (search.offset + search.rows(is_common)) as f64),
            is_held: search.filter.is_held(search.order.as_str()),
            apart: self.apart(search.order),
            looked: (seen.count(seen.held) as f64 / seen.count(seen.bounds).max(1) as f64).min(1.0),
            grams: (!needs.is_empty()).then(|| rows(grams)),
            leaps: shortest * self.people,
            needs,
            moment,
            range: range.map(rows),
            range_apart: moment.map_or(0.0, |moment| self.apart(moment.order())),
        }
    }

    fn apart(&self, order: Order) -> f64 {
        self.apart.get(order as usize).copied().unwrap_or_default()
    }

    /// The places of those behind the cursor, from the beginning of the order on.
    fn ahead(&self, search: &Search) -> Vec<usize> {
        let sorted = self.sorted.get(search.order as usize).map(Vec::as_slice).unwrap_or_default();
        let stands = |place: &usize, cursor: &Cursor| {
            let entry = &self.entries[*place];
            entry.key(search.order).cmp(&cursor.key).then(entry.doc.cmp(&cursor.doc))
        };
        let cursor = search.cursor.as_ref();
        if search.direction == Direction::Ascending {
            let from = cursor.map_or(0, |cursor| sorted.partition_point(|place| stands(place, cursor).is_le()));
            sorted[from..].to_vec()
        } else {
            let to =
                cursor.map_or(sorted.len(), |cursor| sorted.partition_point(|place| stands(place, cursor).is_lt()));
            sorted[..to].iter().rev().copied().collect()
        }
    }

    /// The grams that are worth asking for, the rarest condition first, how many of the sample have them, and which part
    /// of all people is in the shortest list. A condition that hardly rules anybody out costs more than it saves.
    fn needs(&self, filter: &Filter, seen: &Seen) -> (Needs, usize, f64) {
        let single = (filter.tests().iter().enumerate()).filter_map(|(n, test)| Some((1u64 << n, gram::needed(test)?)));
        let mut needs: Vec<_> = (single.chain(gram::together(filter.tests())))
            .map(|(bits, need)| (seen.count(bits), self.thinned(need, seen.count(bits)), bits))
            .collect();
        needs.sort_by(|(left, (one, _), _), (right, (other, _), _)| left.cmp(right).then(one.total_cmp(other)));
        let (mut chosen, mut mask, mut count, mut shortest) = (Vec::new(), 0, self.entries.len(), 1.0);
        for (_, (part, need), bit) in needs {
            let narrowed = seen.count(mask | bit);
            // What is known of two conditions together says nothing new where one of them was asked for alone.
            let is_new = mask | bit != mask;
            let narrows = count > FEWEST && ((part < RARE && chosen.len() < MOST_NEEDS) || narrowed * 2 < count);
            if is_new && (chosen.is_empty() || narrows) {
                chosen.push(need);
                (mask, count, shortest) = (mask | bit, narrowed, part.min(shortest));
            }
        }
        (chosen, count, shortest)
    }

    /// The rarest grams of each way, and which part of all people may have one of the ways. One gram is enough where so
    /// many of the sample meet the condition that the others hardly rule out anybody.
    fn thinned(&self, need: Vec<Vec<u32>>, hits: usize) -> (f64, Vec<Vec<u32>>) {
        let mut sum = 0.0;
        let is_only = need.len() == 1;
        let ways = need.into_iter().map(|mut way| {
            way.sort_unstable();
            way.dedup();
            way.sort_by_key(|gram| self.grams.get(gram).copied().unwrap_or(0));
            way.truncate(MOST_GRAMS);
            sum += way.first().map_or(1.0, |gram| self.part(*gram));
            let rare = way.iter().filter(|gram| self.part(**gram) < COMMON).count().max(1);
            let rarest = way.first().and_then(|gram| self.grams.get(gram)).map_or(0, |count| *count as usize);
            let is_enough = is_only && hits >= TELLING && rarest * 10 <= hits * 11;
            way.truncate(if is_enough { 1 } else { rare });
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

/// How far apart those lie that follow each other: of two who stand anywhere, a third of all are between them.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn apart(entries: &[Entry], places: &[usize]) -> f64 {
    let mut docs: Vec<_> = entries.iter().map(|entry| entry.doc).collect();
    docs.sort_unstable();
    let lies = |place: usize| docs.partition_point(|doc| *doc < entries[place].doc);
    let between = places.windows(2).map(|two| lies(two[0]).abs_diff(lies(two[1])).saturating_sub(1));
    let (sum, all) = (between.sum::<usize>() as f64, places.len() as f64);
    (3.0 * sum / (all * all).max(1.0)).min(1.0)
}

/// More hits than so many mean that there are more people than these of whom so many hits are expected.
fn surely(expected: f64) -> f64 {
    expected + 6.0 * expected.sqrt() + 6.0
}

/// What the sample says of a search: which conditions each of its people meets, a bit for each.
struct Seen {
    masks: Vec<u64>,
    /// All conditions.
    all: u64,
    /// Those that the index of the order answers.
    held: u64,
    /// Those that bound a walk along it.
    bounds: u64,
    /// Whether one of them is about the beginning of the text of the order, so that those who match stand together.
    is_together: bool,
    /// Whether one of them is about that text, so that they may.
    may_be_together: bool,
}

impl Seen {
    fn of(entries: &[Entry], search: &Search) -> Self {
        // More conditions than bits cannot be asked over HTTP. Who asks them otherwise gets an estimate of the first.
        let tests = &search.filter.tests()[..search.filter.tests().len().min(63)];
        let bits = |is: &dyn Fn(&Test) -> bool| {
            tests.iter().enumerate().filter(|(_, test)| is(test)).fold(0, |bits, (n, _)| bits | 1 << n)
        };
        let order = search.order.as_str();
        let is_own = |test: &Test, hows: &[How]| match test {
            Test::Text { field, how, .. } => field.as_str() == order && hows.contains(how),
            _ => false,
        };
        Self {
            masks: entries.iter().map(|entry| bits(&|test| test.matches(entry))).collect(),
            all: bits(&|_| true),
            held: bits(&|test| test.is_held(order)),
            bounds: bits(&|test| matches!(test, Test::Range { moment, .. } if moment.as_str() == order)),
            is_together: tests.iter().any(|test| is_own(test, &[How::Exact, How::Starts])),
            may_be_together: tests.iter().any(|test| is_own(test, &How::ALL)),
        }
    }

    /// How many meet these.
    fn count(&self, mask: u64) -> usize {
        self.masks.iter().filter(|met| **met & mask == mask).count()
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    fn walk(&self, ahead: Vec<usize>, weight: f64, needed: f64) -> f64 {
        let on_the_way = ahead.into_iter().filter(|place| self.masks[*place] & self.bounds == self.bounds);
        let (mut passed, mut places) = (0u32, Vec::new());
        for place in on_the_way {
            passed += 1;
            if self.masks[place] == self.all {
                places.push(passed);
            }
        }
        let whole = (f64::from(passed) + 0.5) * weight;
        let Some(first) = places.first() else { return whole };
        let gap = f64::from(passed) / places.len() as f64;
        let evenly = needed * gap;
        let is_together = self.is_together || self.may_be_together && are_close(&places, passed);
        let late = if is_together || are_late(&places, passed) { f64::from(*first) * weight } else { 0.0 };
        let last = (needed / weight).ceil() as usize;
        let reached =
            if last > 1 { places.get(last - 1).map_or(whole, |place| f64::from(*place) * weight) } else { 0.0 };
        evenly.max(late).max(reached).min(whole)
    }
}

/// Whether those who match stand far from where the walk begins: spread evenly, the first of them would stand so far away
/// by a chance of one in some hundreds.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn are_late(places: &[u32], passed: u32) -> bool {
    let ahead = places.first().map_or(1.0, |first| 1.0 - f64::from(*first) / (f64::from(passed) + 1.0));
    places.len() as f64 * ahead.ln() < -6.0
}

/// Whether they stand so close to each other as they would by a chance of two in a hundred.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn are_close(places: &[u32], passed: u32) -> bool {
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return false };
    let (hits, within) = (places.len() as f64, f64::from(last - first + 1) / f64::from(passed));
    hits.ln() + (hits - 1.0) * within.ln() < -4.0
}
