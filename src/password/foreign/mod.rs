//! Hashes that were made elsewhere: they are verified, never made, and replaced at the next sign-in.
//!
//! Every format has a file with one type, `Stored`: `parse` refuses what would cost more than a second or so of
//! one core, or 256 MiB, and `verify` compares in constant time. Where a scheme ignores part of
//! a long password, that password never matches, rather than being cut short.

pub(super) mod bcrypt;
pub(super) mod firebase;
pub(super) mod pbkdf2;
pub(super) mod scrypt;
pub(super) mod sha_crypt;

/// Asserts that a hash made elsewhere reads as `format` and matches "Très-Sûr 42" alone, and as a decoy nothing.
#[cfg(test)]
fn assert_known(text: &str, format: super::Format) {
    use super::{Format, Hash, Password, argon::Memory, decoy, format::verify};

    let hash = Hash::parse(text).unwrap_or_else(|rule| panic!("{text}: {rule:?}"));
    assert_eq!(Format::of(&hash), Some(format), "{text}");
    let verify =
        |password: &str, hash| verify(&Password::parse(password).unwrap(), hash, &mut Memory::default()).unwrap();
    assert!(verify("Tr\u{e8}s-S\u{fb}r 42", &hash), "{text}");
    assert!(!verify("Tr\u{e8}s-S\u{fb}r 43", &hash), "{text}");
    assert!(!verify("Tr\u{e8}s-S\u{fb}r 42", &decoy::altered(&hash)), "{text}");
}
