//! The fields that hold a text.

/// A field whose text is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the user, under the same names")]
pub enum Field {
    Email,
    Username,
    FirstName,
    LastName,
    FullName,
    Location,
    CurrentTitle,
    Gender,
    IpAddress,
    ExternalId,
}

impl Field {
    /// All of them; the place of each is its number in a gram.
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::Username,
        Self::FirstName,
        Self::LastName,
        Self::FullName,
        Self::Location,
        Self::CurrentTitle,
        Self::Gender,
        Self::IpAddress,
        Self::ExternalId,
    ];

    /// Those that `query` looks into, the e-mail address apart.
    pub const NAMES: [Self; 6] =
        [Self::Username, Self::FirstName, Self::LastName, Self::FullName, Self::Location, Self::CurrentTitle];

    /// Those that `query` looks into.
    pub const WORDS: [Self; 7] = [
        Self::Email,
        Self::Username,
        Self::FirstName,
        Self::LastName,
        Self::FullName,
        Self::Location,
        Self::CurrentTitle,
    ];

    /// Its name, which is its column too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Username => "username",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::FullName => "full_name",
            Self::Location => "location",
            Self::CurrentTitle => "current_title",
            Self::Gender => "gender",
            Self::IpAddress => "ip_address",
            Self::ExternalId => "external_id",
        }
    }

    /// Whether parts of it are searched, or the whole only.
    #[must_use]
    pub const fn has_parts(self) -> bool {
        !matches!(self, Self::Gender | Self::IpAddress | Self::ExternalId)
    }
}

/// How a text is compared with that of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is in it; a text of less than three characters begins it.
    Contains,
    /// It begins it.
    Starts,
    /// It ends it.
    Ends,
    /// It is the whole.
    Exact,
}

impl How {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Contains, Self::Starts, Self::Ends, Self::Exact];

    /// What this means for a text so short.
    #[must_use]
    pub fn of(self, text: &str) -> Self {
        if self == Self::Contains && text.chars().nth(2).is_none() { Self::Starts } else { self }
    }

    /// Whether it holds. Both texts are folded.
    #[must_use]
    pub fn holds(self, text: &str, of: &str) -> bool {
        match self {
            Self::Contains => of.contains(text),
            Self::Starts => of.starts_with(text),
            Self::Ends => of.ends_with(text),
            Self::Exact => of == text,
        }
    }
}
