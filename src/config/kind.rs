//! The kinds of value that several sections share.

use std::{marker::PhantomData, net::IpAddr, path::PathBuf, time::Duration};

use super::setting::Kind;

/// Declares an enum that is a choice among words, read in any case. Words after the first mean the same.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $(
        $(#[doc = $text:literal])+
        $variant:ident = $word:literal $(| $same:literal)*;
    )+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $text])+ $variant),+ }

        impl $name {
            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::config::setting::Kind for $name {
            type Value = Self;
            fn parse(text: &str) -> Option<Self> {
                let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
                $(if is(&[$word $(, $same)*]) { return Some(Self::$variant) })+
                None
            }
            fn show(value: &Self) -> String {
                value.as_str().to_owned()
            }
            fn allowed() -> String {
                $crate::config::kind::one_of(&[$($word),+])
            }
        }
    };
}
pub(super) use words;

/// "`a`, `b` or `c`".
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// What stands for a secret wherever settings are shown.
pub(super) const MASK: &str = "********";

words! {
    /// On or off.
    Switch {
        /// It is on.
        On = "on" | "true" | "yes" | "1";
        /// It is off.
        Off = "off" | "false" | "no" | "0";
    }
}

impl Kind for String {
    type Value = Self;
    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
    }
    fn show(value: &Self) -> String {
        value.clone()
    }
    fn allowed() -> String {
        "one line of text".to_owned()
    }
}

impl Kind for PathBuf {
    type Value = Self;
    fn parse(text: &str) -> Option<Self> {
        String::parse(text).map(Self::from)
    }
    fn show(value: &Self) -> String {
        value.display().to_string()
    }
    fn allowed() -> String {
        "a path".to_owned()
    }
}

impl Kind for u16 {
    type Value = Self;
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(value: &Self) -> String {
        value.to_string()
    }
    fn allowed() -> String {
        "a port number from 0 to 65535".to_owned()
    }
}

impl Kind for IpAddr {
    type Value = Self;
    fn parse(text: &str) -> Option<Self> {
        // The one name that needs no resolver.
        let text = if text.eq_ignore_ascii_case("localhost") { "127.0.0.1" } else { text };
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
    }
    fn show(value: &Self) -> String {
        value.to_string()
    }
    fn allowed() -> String {
        "an IP address of this machine, `0.0.0.0` or `::` for all of them, or `localhost`".to_owned()
    }
}

/// A number within bounds, both included.
pub(super) struct Count<const MIN: usize, const MAX: usize>;

impl<const MIN: usize, const MAX: usize> Kind for Count<MIN, MAX> {
    type Value = usize;
    fn parse(text: &str) -> Option<usize> {
        text.parse().ok().filter(|number| (MIN..=MAX).contains(number))
    }
    fn show(value: &usize) -> String {
        value.to_string()
    }
    fn allowed() -> String {
        format!("a whole number from {MIN} to {MAX}")
    }
}

/// A whole number of units of `UNIT` seconds, within bounds, both included.
pub(super) struct Span<const UNIT: u64, const MIN: u64, const MAX: u64>;
pub(super) type Seconds<const MIN: u64, const MAX: u64> = Span<1, MIN, MAX>;
pub(super) type Minutes<const MIN: u64, const MAX: u64> = Span<60, MIN, MAX>;
pub(super) type Days<const MIN: u64, const MAX: u64> = Span<86_400, MIN, MAX>;

impl<const UNIT: u64, const MIN: u64, const MAX: u64> Kind for Span<UNIT, MIN, MAX> {
    type Value = Duration;
    fn parse(text: &str) -> Option<Duration> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number))?;
        number.checked_mul(UNIT).map(Duration::from_secs)
    }
    fn show(value: &Duration) -> String {
        (value.as_secs() / UNIT).to_string()
    }
    fn allowed() -> String {
        let unit = match UNIT {
            1 => "seconds",
            60 => "minutes",
            _ => "days",
        };
        format!("a whole number of {unit} from {MIN} to {MAX}")
    }
}

/// A setting that may be left out.
pub(super) struct Maybe<K>(PhantomData<K>);

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;
    const SECRET: bool = K::SECRET;
    fn parse(text: &str) -> Option<Self::Value> {
        if text.is_empty() { Some(None) } else { K::parse(text).map(Some) }
    }
    fn show(value: &Self::Value) -> String {
        value.as_ref().map(K::show).unwrap_or_default()
    }
    fn allowed() -> String {
        K::allowed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_included_and_units_counted() {
        assert_eq!(Minutes::<1, 1_440>::parse("1440"), Some(Duration::from_secs(86_400)));
        assert_eq!(Minutes::<1, 1_440>::parse("1441"), None);
        assert_eq!(Minutes::<1, 1_440>::parse("0"), None);
        assert_eq!(Days::<0, 30>::show(&Duration::from_secs(2 * 86_400)), "2");
        assert_eq!((Count::<1, 9>::parse("9"), Count::<1, 9>::parse("-1")), (Some(9), None));
    }

    #[test]
    fn words_are_read_in_any_case() {
        assert_eq!((Switch::parse("TRUE"), Switch::parse("Off")), (Some(Switch::On), Some(Switch::Off)));
        assert_eq!((Switch::parse("maybe"), Switch::parse("")), (None, None));
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
