//! Decoys: what is verified when there is no hash, so that an unknown identifier costs what a known one does.

use super::Hash;

/// A hash that is nobody's, of the kind that is made here.
const CURRENT: &str =
    "$argon2id$v=19$m=7168,t=5,p=1$xW7v0pRk3LqUuJ5sY1nB8g$0c0JXvG9m2c8l4oQ1d6Z7bRk5tYpWfHnUe3sAiLxKzM";

/// Sample hashes in the proportions in which the store holds their kinds.
#[derive(Clone)]
pub struct Decoys {
    /// Never empty. Each sample with the sum of the counts up to and including its own; the sums ascend.
    samples: Vec<(u64, Hash)>,
}

impl Decoys {
    /// From one sample for each kind (format and cost) and how often the store holds it. Without any, every
    /// decoy is of the kind that is made here.
    ///
    /// A sample is somebody's hash, so its tag is altered: no decoy matches a password that anybody has.
    #[must_use]
    pub fn new(counts: Vec<(u64, Hash)>) -> Self {
        let mut sum = 0u64;
        let mut samples = Vec::with_capacity(counts.len());
        for (count, hash) in counts.into_iter().filter(|(count, _)| *count > 0) {
            sum = sum.saturating_add(count);
            samples.push((sum, altered(&hash)));
        }
        if samples.is_empty() {
            samples.push((1, Hash::stored(CURRENT)));
        }
        Self { samples }
    }

    /// The decoy of an identifier, given an HMAC of it: always the same one while the samples stay, and a
    /// kind as often as the store holds it.
    #[must_use]
    pub fn pick(&self, mac: &[u8; 32]) -> &Hash {
        let drawn = mac.iter().take(8).fold(0u128, |drawn, byte| drawn << 8 | u128::from(*byte));
        let total = self.samples.last().map_or(0, |(sum, _)| u128::from(*sum));
        // 64 random bits times the total, over 2^64, lies evenly in 0..total.
        let place = (drawn * total) >> 64;
        &self.samples[self.samples.partition_point(|(sum, _)| u128::from(*sum) <= place)].1
    }
}

impl Default for Decoys {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// The hash with another tag. In every format the tenth character from the end belongs to the tag, and
/// every alphabet has both letters.
pub(super) fn altered(hash: &Hash) -> Hash {
    let mut text = hash.as_str().to_owned();
    if let Some(at) =
        text.len().checked_sub(10).filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(at + 1))
    {
        let other = if text[at..].starts_with('a') { "b" } else { "a" };
        text.replace_range(at..=at, other);
    }
    Hash::stored(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        password::{Format, Password, argon::Memory, format::verify},
        secret::sha256,
    };

    const BCRYPT: &str = "$2b$04$GAhbHJCjcpB/b3r.FF26KeEqDBvhPWH1VkyzgA2V91DDQaaEnv.l.";

    #[test]
    fn kinds_come_in_their_proportions_and_stay() {
        let decoys = Decoys::new(vec![
            (30, Hash::stored(BCRYPT)),
            (0, Hash::stored("$5$VqjU9rn6foeBuvpG$O8dzzM1bVLNWBlSXZyU.zIrNJQt.VUCcac4z6MORmu6")),
            (70, Hash::stored(CURRENT)),
        ]);
        let format = |n: u32| Format::of(decoys.pick(&sha256(&[&n.to_be_bytes()])));
        let count = |format_wanted| (0..10_000).filter(|n| format(*n) == Some(format_wanted)).count();
        assert!((2_700..3_300).contains(&count(Format::Bcrypt)));
        assert_eq!(count(Format::ShaCrypt), 0);
        assert_eq!(count(Format::Bcrypt) + count(Format::Argon2), 10_000);
        assert!((0..100).all(|n| format(n) == format(n)));
    }

    #[test]
    fn no_decoy_matches_the_password_of_its_sample() {
        let password = Password::parse(&"x".repeat(72)).unwrap();
        assert!(verify(&password, &Hash::stored(BCRYPT), &mut Memory::default()).unwrap());
        let decoys = Decoys::new(vec![(1, Hash::stored(BCRYPT))]);
        for mac in [[0u8; 32], [255u8; 32]] {
            assert!(!verify(&password, decoys.pick(&mac), &mut Memory::default()).unwrap());
        }
    }

    #[test]
    fn without_samples_it_is_what_is_made_here() {
        let decoys = Decoys::default();
        assert!(decoys.pick(&[7; 32]).is_current());
        assert_eq!(Format::of(decoys.pick(&[7; 32])), Some(Format::Argon2));
    }
}
