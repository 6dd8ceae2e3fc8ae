//! The passwords that are guessed first.
//!
//! `passwords.txt` holds the common passwords of 8 characters and more, `words.txt` the 400 commonest words
//! among all of them, which are refused in disguise too. Both are sorted, lower-case and ASCII, and are searched
//! where the binary keeps them. They derive from zxcvbn; `LICENSE` lies beside them. The list is
//! short on purpose: attempts are limited, so it need only cover what an attacker tries in those
//! (NIST SP 800-63B-4, section 3.1.1.2, and its appendix A.3).

use zeroize::Zeroizing;

const PASSWORDS: &str = include_str!("passwords.txt");
const WORDS: &str = include_str!("words.txt");

/// So many digits and marks around a word are decoration; more of them count as a secret of their own.
const DECORATION: usize = 6;

/// The shortest word that decoration cannot rescue, in bytes.
const MIN_WORD: usize = 4;

/// Whether a lower-case password is common: listed, a listed word decorated or in leet spelling, the
/// same few characters over and over, or a run along the alphabet or the digits.
pub(super) fn is_common(password: &str) -> bool {
    let bare = password.trim_end_matches(|c: char| !c.is_alphanumeric());
    if holds(PASSWORDS, password) || holds(PASSWORDS, bare) || is_run(password) {
        return true;
    }
    let unit = period(password);
    if unit.len() < password.len() && (unit.chars().count() < 5 || holds(PASSWORDS, unit) || holds(WORDS, unit)) {
        return true;
    }
    let word = password.trim_matches(|c: char| !c.is_alphabetic());
    if is_decoration(password, word) {
        return ['i', 'l'].iter().any(|&one| holds(WORDS, period(&plain(word, one))));
    }
    false
}

/// Whether a lower-case password is no more than an identity (an address, a name, or a part of it), decorated.
pub(super) fn is_identity(password: &str, identity: &str) -> bool {
    std::iter::once(identity)
        .chain(identity.split('@'))
        .chain(identity.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.len() >= MIN_WORD && password.contains(word))
        .any(|word| is_decoration(password, word))
}

/// Whether `password` is `word` with a few digits and marks, and no letters, around it.
fn is_decoration(password: &str, word: &str) -> bool {
    password.split_once(word).is_some_and(|(before, after)| {
        let mut rest = before.chars().chain(after.chars());
        !rest.clone().any(char::is_alphabetic) && rest.nth(DECORATION).is_none()
    })
}

/// The word behind its leet spelling. `1` stands for two letters, so the caller tries both.
fn plain(word: &str, one: char) -> Zeroizing<String> {
    Zeroizing::new(
        word.chars()
            .map(|c| match c {
                '0' => 'o',
                '1' | '!' => one,
                '3' => 'e',
                '4' | '@' => 'a',
                '5' | '$' => 's',
                '7' => 't',
                other => other,
            })
            .collect(),
    )
}

/// The shortest beginning that, written at least twice, gives the whole; the last time may break off.
fn period(text: &str) -> &str {
    let bytes = text.as_bytes();
    (1..=bytes.len() / 2)
        .find(|&p| text.is_char_boundary(p) && bytes[p..] == bytes[..bytes.len() - p])
        .map_or(text, |p| &text[..p])
}

/// Whether nearly every character is the one before it or its neighbour.
fn is_run(text: &str) -> bool {
    let follows = text.chars().zip(text.chars().skip(1));
    follows.filter(|&(a, b)| u32::from(a).abs_diff(u32::from(b)) > 1).count() <= 2
}

/// Whether a sorted list of lines holds `word`.
fn holds(list: &str, word: &str) -> bool {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low.midpoint(high);
        let start = list[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = list[middle..].find('\n').map_or(list.len(), |at| middle + at);
        match list[start..end].cmp(word) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_every_line_is_found() {
        for list in [PASSWORDS, WORDS] {
            assert!(list.is_ascii() && list.ends_with('\n') && !list.contains('\r'));
            assert!(list.lines().is_sorted_by(|a, b| a < b));
            assert!(list.lines().all(|line| line == line.to_lowercase() && holds(list, line)));
        }
        assert!(!holds(WORDS, "") && !holds(WORDS, "zzzz") && !holds(WORDS, "aaaa"));
    }

    #[test]
    fn a_repeated_text_has_a_period() {
        assert_eq!(period("abcabcab"), "abc");
        assert_eq!(period("abcabd"), "abcabd");
        assert_eq!(period("\u{e9}\u{e9}\u{e9}"), "\u{e9}");
    }
}
