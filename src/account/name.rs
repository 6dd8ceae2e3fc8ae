//! A person's names: whole, and in two parts.

/// The longest of a name's parts, in characters.
const PART: usize = 100;

/// Names that fit together: the whole is "first last", and is split at its last blank when only it is known. A part that
/// would be longer than a part may be is its beginning; the whole has all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The whole.
    pub full: Option<String>,
    /// What comes first.
    pub first: Option<String>,
    /// What comes last.
    pub last: Option<String>,
}

impl Names {
    /// Completes what was given. Names that were given are kept, even where they differ.
    #[must_use]
    pub fn complete(full: Option<String>, first: Option<String>, last: Option<String>) -> Self {
        match (full, first, last) {
            (Some(full), None, None) => {
                let (first, last) = match full.rsplit_once(' ') {
                    Some((first, last)) => (part(first), Some(part(last))),
                    None => (part(&full), None),
                };
                Self { full: Some(full), first: Some(first), last }
            }
            (None, Some(first), Some(last)) => {
                Self { full: Some(format!("{first} {last}")), first: Some(first), last: Some(last) }
            }
            (None, first, last) => Self { full: first.clone().or_else(|| last.clone()), first, last },
            (full, first, last) => Self { full, first, last },
        }
    }
}

fn part(text: &str) -> String {
    text.chars().take(PART).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_whole_complete_each_other() {
        let text = |text: &str| Some(text.to_owned());
        let split = Names::complete(text("Ann Mary Lee"), None, None);
        assert_eq!((split.first.as_deref(), split.last.as_deref()), (Some("Ann Mary"), Some("Lee")));
        assert_eq!(Names::complete(None, text("Ann"), text("Lee")).full.as_deref(), Some("Ann Lee"));
        assert_eq!(Names::complete(text("Plato"), None, None).last, None);
    }

    #[test]
    fn parts_of_a_long_name_are_no_longer_than_parts_may_be() {
        let (first, last) = ("\u{e9}".repeat(153), "y".repeat(101));
        let names = Names::complete(Some(format!("{first} {last}")), None, None);
        assert_eq!(names.full, Some(format!("{first} {last}")));
        assert_eq!((names.first, names.last), (Some("\u{e9}".repeat(100)), Some("y".repeat(100))));
        assert_eq!(Names::complete(Some(first), None, None).first, Some("\u{e9}".repeat(100)));
    }
}
