//! A filter: conditions that must all hold. It is asked of the database and of one person in memory alike.

use super::{Entry, Facet, Field, Flag, How, Order, fold::fold};
use crate::{access::Role, clock::Time};

/// Conditions that must all hold; none holds for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    tests: Vec<Test>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// A field's text.
    Text {
        /// Of which field.
        field: Field,
        /// In which way.
        how: How,
        /// What, folded.
        text: String,
    },
    /// A word in one of these fields.
    Word {
        /// Where it may stand.
        fields: &'static [Field],
        /// The word, folded.
        text: String,
    },
    /// A field of few values.
    Facet(Facet),
    /// A time: not before the first, and before the second, in microseconds.
    Range {
        /// Which.
        moment: Moment,
        /// From here.
        from: i64,
        /// To here, which is not in it.
        to: i64,
    },
}

/// A time of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the fields of the user")]
pub enum Moment {
    CreatedAt,
    LastLogin,
}

impl Filter {
    /// All conditions, as they were put; times of one kind are one condition.
    #[must_use]
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// A field holds this text.
    #[must_use]
    pub fn text(mut self, field: Field, how: How, text: &str) -> Self {
        let text = if field == Field::ExternalId { text.to_owned() } else { fold(text) };
        self.tests.push(Test::Text { field, how: how.of(&text), text });
        self
    }

    /// Each of these words is in one of the fields.
    #[must_use]
    pub fn words(mut self, fields: &'static [Field], text: &str) -> Self {
        let words = fold(text);
        self.tests.extend(words.split_whitespace().map(|word| Test::Word { fields, text: word.to_owned() }));
        self
    }

    /// A flag is so.
    #[must_use]
    pub fn flag(mut self, flag: Flag, is: bool) -> Self {
        self.tests.push(Test::Facet(Facet::flag(flag, is)));
        self
    }

    /// The role is this one.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.tests.push(Test::Facet(Facet::role(role)));
        self
    }

    /// The plan is this one.
    #[must_use]
    pub fn tier(mut self, tier: &str) -> Self {
        self.tests.push(Test::Facet(Facet::tier(tier)));
        self
    }

    /// A time is this one or later. Who never signed in did not do so after anything.
    #[must_use]
    pub fn after(self, moment: Moment, time: Time) -> Self {
        let least = if moment == Moment::LastLogin { 1 } else { i64::MIN };
        self.range(moment, time.micros().max(least), i64::MAX)
    }

    /// A time is earlier than this one. Who never signed in did not do so before anything.
    #[must_use]
    pub fn before(self, moment: Moment, time: Time) -> Self {
        let least = if moment == Moment::LastLogin { 1 } else { i64::MIN };
        self.range(moment, least, time.micros())
    }

    /// Whether there was a sign-in.
    #[must_use]
    pub fn never_logged_in(self, never: bool) -> Self {
        if never { self.range(Moment::LastLogin, 0, 1) } else { self.range(Moment::LastLogin, 1, i64::MAX) }
    }

    fn range(mut self, moment: Moment, from: i64, to: i64) -> Self {
        for test in &mut self.tests {
            if let Test::Range { moment: known, from: least, to: most } = test
                && *known == moment
            {
                (*least, *most) = (from.max(*least), to.min(*most));
                return self;
            }
        }
        self.tests.push(Test::Range { moment, from, to });
        self
    }

    /// Whether an index along this column answers it all.
    #[must_use]
    pub fn is_held(&self, column: &str) -> bool {
        self.tests.iter().all(|test| test.is_held(column))
    }

    /// Whether this person meets every condition.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        self.tests.iter().all(|test| test.matches(entry))
    }
}

impl Test {
    /// Whether an index along this column answers it: the fields of few values are in each.
    #[must_use]
    pub fn is_held(&self, column: &str) -> bool {
        match self {
            Self::Text { field, .. } => field.as_str() == column,
            Self::Word { .. } => false,
            Self::Facet(_) => true,
            Self::Range { moment, .. } => moment.as_str() == column,
        }
    }

    /// Whether this person meets it.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        match self {
            Self::Text { field, how, text } => how.holds(text, entry.text(*field)),
            Self::Word { fields, text } => {
                let how = How::Contains.of(text);
                fields.iter().any(|field| how.holds(text, entry.text(*field)))
            }
            Self::Facet(facet) => facet.matches(entry.facet),
            Self::Range { moment, from, to } => (*from..*to).contains(&moment.of(entry)),
        }
    }
}

impl Moment {
    /// Its column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::LastLogin => "last_login",
        }
    }

    /// The order by it.
    #[must_use]
    pub const fn order(self) -> Order {
        match self {
            Self::CreatedAt => Order::CreatedAt,
            Self::LastLogin => Order::LastLogin,
        }
    }

    const fn of(self, entry: &Entry) -> i64 {
        match self {
            Self::CreatedAt => entry.created_at,
            Self::LastLogin => entry.last_login,
        }
    }
}
