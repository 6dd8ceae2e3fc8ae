//! Series that come into being when they are first counted, and never more than there is room for.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A thing for each name and tag. Looking one up takes no lock and, once it exists, no allocation.
///
/// When half of the places are taken, all further names share one thing: the bound holds even where a name comes from
/// outside.
pub struct Table<T> {
    places: Box<[OnceLock<Entry<T>>]>,
    taken: AtomicUsize,
    rest: T,
}

struct Entry<T> {
    name: Box<str>,
    tag: u8,
    value: T,
}

impl<T: Default> Table<T> {
    /// A table for at most half of so many things.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let places = std::iter::repeat_with(OnceLock::new).take(places.max(2)).collect();
        Self { places, taken: AtomicUsize::new(0), rest: T::default() }
    }

    /// The thing of this name and tag.
    #[must_use]
    pub fn get(&self, name: &str, tag: u8) -> &T {
        let mut place = hash(name, tag) % self.places.len();
        loop {
            let slot = &self.places[place];
            let entry = match slot.get() {
                Some(entry) => entry,
                None if self.taken.load(Relaxed) >= self.places.len() / 2 => return &self.rest,
                None => slot.get_or_init(|| {
                    self.taken.fetch_add(1, Relaxed);
                    Entry { name: name.into(), tag, value: T::default() }
                }),
            };
            // Somebody else may have taken the place meanwhile.
            if entry.tag == tag && *entry.name == *name {
                return &entry.value;
            }
            place = (place + 1) % self.places.len();
        }
    }

    /// All things with their names and tags, in order; what shares one thing is `("other", tag 0)`, at the end.
    #[must_use]
    pub fn all(&self) -> Vec<(&str, u8, &T)> {
        let entries = self.places.iter().filter_map(OnceLock::get);
        let mut all: Vec<_> = entries.map(|entry| (&*entry.name, entry.tag, &entry.value)).collect();
        all.sort_unstable_by_key(|(name, tag, _)| (*name, *tag));
        if self.taken.load(Relaxed) >= self.places.len() / 2 {
            all.push(("other", 0, &self.rest));
        }
        all
    }
}

/// FNV-1a: short names, and nobody outside chooses them.
fn hash(name: &str, tag: u8) -> usize {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = name.bytes().chain([tag]).fold(0xcbf2_9ce4_8422_2325, step);
    usize::try_from(hash >> 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Counter;

    #[test]
    fn each_name_and_tag_has_its_own_until_the_table_is_full() {
        let table = Table::<Counter>::new(8);
        for _ in 0..3 {
            table.get("a", 0).one();
            table.get("a", 1).one();
            table.get("b", 0).one();
        }
        let told = |table: &Table<Counter>| {
            table.all().iter().map(|(name, tag, count)| format!("{name}{tag} {}", count.get())).collect::<Vec<_>>()
        };
        assert_eq!(told(&table), ["a0 3", "a1 3", "b0 3"]);
        for n in 0..1_000 {
            table.get(&format!("x{n}"), 0).one();
        }
        assert_eq!(told(&table), ["a0 3", "a1 3", "b0 3", "x00 1", "other0 999"]);
    }

    #[test]
    fn threads_that_meet_count_together() {
        let table = Table::<Counter>::new(256);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..6_400).for_each(|n| table.get(&format!("r{}", n % 64), 7).one()));
            }
        });
        let all = table.all();
        assert_eq!((all.len(), all.iter().map(|(.., count)| count.get()).sum::<u64>()), (64, 25_600));
    }
}
