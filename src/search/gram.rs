//! Grams: a person's searched fields as a set of numbers, and a condition as numbers that whoever meets it has.
//!
//! A gram is a hash of a field and of a piece of its text: each three characters in a row, one and two at either end,
//! the whole; and of each field of few values. Two pieces may have one number, so a gram only says who may match: the
//! row decides. The numbers are stored, so what they are made of never changes.

use std::collections::BTreeSet;

use super::{Entry, Facet, Field, Flag, How, Test};

/// Conditions that must all hold: each is a list of ways, and each way is the grams that it needs.
pub type Needs = Vec<Vec<Vec<u32>>>;

/// All grams of a person.
#[must_use]
pub fn of(entry: &Entry) -> BTreeSet<u32> {
    let mut grams = BTreeSet::new();
    for field in Field::ALL {
        let text = entry.text(field);
        if text.is_empty() {
            continue;
        }
        grams.insert(gram(field, b'=', text));
        if !field.has_parts() {
            continue;
        }
        grams.extend(pieces(field, How::Starts, text, 2));
        grams.extend(pieces(field, How::Ends, text, 2));
        grams.extend(triples(field, text));
    }
    grams.extend(facets(entry.facet));
    grams
}

/// What whoever meets this condition has; nothing for one that grams do not answer.
#[must_use]
pub fn needed(test: &Test) -> Option<Vec<Vec<u32>>> {
    match test {
        Test::Text { field, how, text } => Some(vec![way(*field, *how, text)]),
        Test::Word { fields, text } => {
            let how = How::Contains.of(text);
            Some(fields.iter().map(|field| way(*field, how, text)).collect())
        }
        Test::Facet(facet) => Some(vec![vec![gram_of_facet(*facet)]]),
        Test::Range { .. } => None,
    }
}

fn way(field: Field, how: How, text: &str) -> Vec<u32> {
    match how {
        How::Exact => vec![gram(field, b'=', text)],
        How::Contains => triples(field, text).collect(),
        // The longest piece at the end, and what lies between.
        How::Starts | How::Ends => {
            let end = pieces(field, how, text, 2).last();
            triples(field, text).chain(end).collect()
        }
    }
}

/// The first or last one, two, .. characters.
fn pieces(field: Field, how: How, text: &str, most: usize) -> impl Iterator<Item = u32> {
    let starts = how == How::Starts;
    let kind = if starts { b'^' } else { b'$' };
    let cuts: Vec<usize> = if starts {
        text.char_indices().map(|(at, c)| at + c.len_utf8()).take(most).collect()
    } else {
        text.char_indices().rev().map(|(at, _)| at).take(most).collect()
    };
    cuts.into_iter().map(move |at| gram(field, kind, if starts { &text[..at] } else { &text[at..] }))
}

/// Each three characters in a row.
fn triples(field: Field, text: &str) -> impl Iterator<Item = u32> {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let count = ends.len().saturating_sub(3);
    (0..count).map(move |n| gram(field, b'~', &text[ends[n]..ends[n + 3]]))
}

/// Whether somebody has a premium plan, and which: either is common where both together are rare, or nobody's.
const PLAN: i64 = Facet::PREMIUM | Facet::TIER;

/// The conditions that are asked for together by a gram of their own: a bit for each of them, and the gram.
#[must_use]
pub fn together(tests: &[Test]) -> Option<(u64, Vec<Vec<u32>>)> {
    let (mut bits, mut both) = (0, Facet::default());
    for (n, test) in tests.iter().enumerate().take(63) {
        if let Test::Facet(facet) = test
            && facet.mask & PLAN == facet.mask
            && both.mask & facet.mask == 0
        {
            (bits, both) = (bits | 1 << n, both.and(*facet));
        }
    }
    (both.mask == PLAN).then(|| (bits, vec![vec![gram_of_facet(both)]]))
}

/// Each field of few values that a packed number holds.
fn facets(facet: i64) -> impl Iterator<Item = u32> {
    let fields = Flag::ALL.into_iter().map(|flag| Facet::flag(flag, true).mask).chain([0b11, Facet::TIER, PLAN]);
    fields.map(move |mask| gram_of_facet(Facet { mask, value: facet & mask }))
}

fn gram_of_facet(facet: Facet) -> u32 {
    hash([&facet.mask.to_le_bytes()[..], &facet.value.to_le_bytes()].concat().into_iter())
}

fn gram(field: Field, kind: u8, piece: &str) -> u32 {
    hash([field as u8, kind].into_iter().chain(piece.bytes()))
}

/// FNV-1a of 64 bit, folded to 31: a number that both engines take as one without a sign.
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    u32::try_from((hash ^ (hash >> 32)) & 0x7fff_ffff).unwrap_or(0)
}
