//! A person's names: whole, and in two parts.

/// Names that fit together: the whole is "first last", and is split at its last blank when only it is known.
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
                    Some((first, last)) => (first.trim_end().to_owned(), Some(last.to_owned())),
                    None => (full.clone(), None),
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
}
