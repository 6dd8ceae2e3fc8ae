//! How often what came of something.

use super::Counter;

/// A count for each of a few words that are known beforehand. The last one stands for all others.
pub struct Tally<const N: usize> {
    words: [&'static str; N],
    counts: [Counter; N],
}

impl<const N: usize> Tally<N> {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(words: [&'static str; N]) -> Self {
        Self { words, counts: std::array::from_fn(|_| Counter::default()) }
    }

    /// One more of this.
    pub fn count(&self, word: &str) {
        let place = self.words.iter().position(|own| *own == word).unwrap_or(N.saturating_sub(1));
        if let Some(count) = self.counts.get(place) {
            count.one();
        }
    }

    /// All words and their counts, those of which there are none too: a rate needs a beginning.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.words.iter().zip(&self.counts).map(|(word, count)| (*word, count.get()))
    }
}
