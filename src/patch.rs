//! Fields of an update: what becomes of each.

/// A field of an update: left alone, cleared by `null`, or set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not given: the stored value stays.
    #[default]
    Absent,
    /// `null`: the stored value goes.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field is left alone.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// What the field holds afterwards, `stored` being what it holds now.
    #[must_use]
    pub fn apply(self, stored: Option<T>) -> Option<T> {
        match self {
            Self::Absent => stored,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The same with the value made into another.
    #[must_use]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(make(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_have_three_states() {
        let stored = Some("old".to_owned());
        assert_eq!(Patch::Absent.apply(stored.clone()), stored);
        assert_eq!(Patch::Clear.apply(stored.clone()), None);
        assert_eq!(Patch::Set("new".to_owned()).apply(stored), Some("new".to_owned()));
    }
}
