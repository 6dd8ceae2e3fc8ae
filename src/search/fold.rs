//! The folded form of texts, in which they are compared.

use unicode_normalization::UnicodeNormalization;

/// NFC of the full case folding of NFC (Unicode, 3.13, D145): `ß` is `ss`, the ligature `ﬁ` is `fi`, and `İ` is an
/// `i` with a dot of its own.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    caseless::default_case_fold_str(&text.nfc().collect::<String>()).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_composition_and_ligatures_do_not_matter() {
        for (left, right) in [
            ("Straße", "STRASSE"),
            ("ﬁnn", "FINN"),
            ("Ångström", "A\u{30a}NGSTRO\u{308}M"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("İ", "i\u{307}"),
        ] {
            assert_eq!(fold(left), fold(right), "{left}");
        }
        assert_ne!(fold("ı"), fold("i"));
    }
}
