//! Every kind of mail, in one table.

use std::time::Duration;

/// A mail with a one-time link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// To somebody for whom an account was made: it lets him choose his first password.
    Welcome,
    /// To somebody who is to choose another password.
    Password,
}

/// A mail that tells a person what others did with his account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// His password was set.
    PasswordSet,
    /// He must change it at the next sign-in.
    PasswordChangeRequired,
    /// His failed tries were forgiven.
    Unlocked,
}

/// What a mail tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With a link.
    Link(Link),
    /// Without.
    Notice(Notice),
}

const DAY: Duration = Duration::from_secs(86_400);

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Link(Link::Welcome),
        Self::Link(Link::Password),
        Self::Notice(Notice::PasswordSet),
        Self::Notice(Notice::PasswordChangeRequired),
        Self::Notice(Notice::Unlocked),
    ];

    /// The kinds of their jobs, in the same order.
    pub const NAMES: &[&str] = &[
        Self::ALL[0].as_str(),
        Self::ALL[1].as_str(),
        Self::ALL[2].as_str(),
        Self::ALL[3].as_str(),
        Self::ALL[4].as_str(),
    ];

    /// The kind of its job.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link(Link::Welcome) => "mail.welcome",
            Self::Link(Link::Password) => "mail.password_link",
            Self::Notice(Notice::PasswordSet) => "mail.password_set",
            Self::Notice(Notice::PasswordChangeRequired) => "mail.password_change_required",
            Self::Notice(Notice::Unlocked) => "mail.unlocked",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// How long it is worth sending: a link as long as it opens something, a notice while it is news.
    #[must_use]
    pub const fn life(self) -> Duration {
        match self {
            Self::Link(_) => LINK,
            Self::Notice(_) => NEWS,
        }
    }
}

/// How long a mailed link opens what it is for (NIST SP 800-63B-4, 4.2.1.2: at most 24 hours by e-mail).
pub const LINK: Duration = DAY;
const NEWS: Duration = Duration::from_secs(7 * 86_400);
