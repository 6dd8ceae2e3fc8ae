//! The one error of the house, named by meaning.
//!
//! Every refusal that a client can meet is a [`Code`]: a stable, machine-readable word with a meaning
//! (which fixes the HTTP status) and one sentence for people. The table below is their only home; the
//! documentation and the tests are read from it.
//!
//! Which constructor to use: a field is wrong - [`Error::invalid`]; the database or a queue cannot serve
//! now - [`Error::unavailable`]; our own mistake - [`Error::internal`]; anything else - [`Error::new`].

use std::{borrow::Cow, fmt, time::Duration};

/// What almost every function of the house returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a refusal means. Each meaning is one HTTP status (RFC 9110, section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// 400: the request cannot be read.
    Malformed,
    /// 401: the caller is not signed in, or what he showed is not accepted.
    Unauthenticated,
    /// 402: it costs something, and is not paid for.
    Unpaid,
    /// 403: signed in, but not permitted.
    Forbidden,
    /// 404: absent, or not visible to the caller.
    NotFound,
    /// 405: the path exists, the method does not.
    Method,
    /// 408: the request took too long to arrive.
    Timeout,
    /// 409: it contradicts what is stored.
    Conflict,
    /// 412: the stored version is not the one the caller named.
    Precondition,
    /// 413: the body is over its limit.
    TooLarge,
    /// 415: the body is of a kind that the route does not take.
    MediaType,
    /// 422: a field breaks its rule.
    Invalid,
    /// 429: too many attempts; wait.
    TooMany,
    /// 500: our mistake.
    Internal,
    /// 503: not now; wait and repeat.
    Unavailable,
}

impl Meaning {
    /// The HTTP status of this meaning.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Unpaid => 402,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Timeout => 408,
            Self::Conflict => 409,
            Self::Precondition => 412,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::Invalid => 422,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The short human title of this meaning: the `title` member of RFC 9457.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::Unauthenticated => "Not signed in",
            Self::Unpaid => "Not paid for",
            Self::Forbidden => "Not permitted",
            Self::NotFound => "Not found",
            Self::Method => "Method not allowed",
            Self::Timeout => "Too slow",
            Self::Conflict => "Conflict",
            Self::Precondition => "Precondition failed",
            Self::TooLarge => "Too large",
            Self::MediaType => "Unsupported media type",
            Self::Invalid => "A field is invalid",
            Self::TooMany => "Too many attempts",
            Self::Internal => "Internal error",
            Self::Unavailable => "Unavailable",
        }
    }
}

macro_rules! codes {
    ($($name:ident $text:literal $meaning:ident $sentence:literal)+) => {
        /// Every refusal a client can meet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $sentence] $name),+ }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word a client matches on: the `code` member of a problem document.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text),+ } }

            /// What it means, and so its status.
            #[must_use]
            pub const fn meaning(self) -> Meaning { match self { $(Self::$name => Meaning::$meaning),+ } }

            /// The sentence for people, used as `detail` unless there is more to say.
            #[must_use]
            pub const fn sentence(self) -> &'static str { match self { $(Self::$name => $sentence),+ } }
        }
    };
}

codes! {
    Malformed "malformed" Malformed "The request cannot be read."
    MalformedJson "malformed_json" Malformed "The body is not valid JSON."
    WrongPassword "wrong_password" Malformed "The current password is not right."
    InvalidToken "invalid_token" Malformed "The token is unknown, used or expired. Ask for a new one."
    NotSignedIn "not_signed_in" Unauthenticated "This needs a sign-in: send an access token as 'Authorization: Bearer ..'."
    TokenRefused "token_refused" Unauthenticated "The access token is not accepted. Refresh it or sign in again."
    InvalidCredentials "invalid_credentials" Unauthenticated "The name or the password is not right."
    RefreshExpired "refresh_expired" Unauthenticated "The refresh token is unknown or expired. Sign in again."
    RefreshReused "refresh_reused" Unauthenticated "The refresh token was used before, so the session was ended. Sign in again."
    PaymentRequired "payment_required" Unpaid "This plan is paid for first."
    Forbidden "forbidden" Forbidden "You do not have the permission for this."
    PasswordChangeRequired "password_change_required" Forbidden "The password must be changed before anything else: POST /api/v1/auth/change-password with the token given here."
    VerificationRequired "verification_required" Forbidden "This needs a proved e-mail address."
    FieldNotVisible "field_not_visible" Forbidden "You do not see this field in others."
    ReauthRequired "reauth_required" Forbidden "This needs a sign-in of the last 10 minutes: POST /api/v1/auth/reauthenticate."
    RegistrationClosed "registration_closed" Forbidden "Registration is closed here. Ask an administrator for an account."
    NotFound "not_found" NotFound "There is nothing here."
    MethodNotAllowed "method_not_allowed" Method "This path does not take this method."
    TooSlow "too_slow" Timeout "The request took too long."
    EmailTaken "email_taken" Conflict "Another account has this e-mail address."
    UsernameTaken "username_taken" Conflict "Another account has this username."
    ExternalIdTaken "external_id_taken" Conflict "Another account has this external id."
    LastSuperadmin "last_superadmin" Conflict "This is the last superadmin; make another one first."
    IdempotencyInProgress "idempotency_in_progress" Conflict "The first request with this Idempotency-Key still runs. Repeat it later."
    IdempotencyDone "idempotency_done" Conflict "The first request with this Idempotency-Key was done. Its answer held a secret, so it is not told again."
    Conflict "conflict" Conflict "This contradicts what is stored."
    StaleVersion "stale_version" Precondition "The record has changed since you read it. Read it again and repeat."
    BodyTooLarge "body_too_large" TooLarge "The body is over its limit."
    UnsupportedMediaType "unsupported_media_type" MediaType "Send the body as this route's content type."
    Invalid "invalid" Invalid "A field is invalid; see 'errors'."
    IdempotencyMismatch "idempotency_mismatch" Invalid "This Idempotency-Key was used for another request. Choose a new one."
    TooManyAttempts "too_many_attempts" TooMany "Too many failed attempts. Wait, then try again."
    Busy "busy" Unavailable "More is asked than can be served now. Wait, then try again."
    DatabaseUnavailable "database_unavailable" Unavailable "The database cannot be reached now. Wait, then try again."
    PaymentUnavailable "payment_unavailable" Unavailable "The service that knows who has paid does not answer now. Wait, then try again."
    Internal "internal" Internal "Something went wrong on our side. The request id finds it in the log."
}

/// One broken rule of one field: an element of `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, dotted when nested (`user_metadata.theme`).
    pub field: Cow<'static, str>,
    /// The rule, machine-readable (`required`, `too_long`, `unknown_field`, ..).
    pub code: &'static str,
    /// The rule, for people.
    pub message: Cow<'static, str>,
}

/// A rule that a value breaks: a [`Fault`] whose field is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule, machine-readable.
    pub code: &'static str,
    /// The rule, for people: what a right value is.
    pub message: Cow<'static, str>,
}

impl Rule {
    /// A broken rule.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// The value is of another JSON type than `kind` ("a text", "true or false", ..).
    #[must_use]
    pub fn wrong_type(kind: &str) -> Self {
        Self::new("wrong_type", format!("This must be {kind}."))
    }

    /// The field is not there.
    #[must_use]
    pub fn required() -> Self {
        Self::new("required", "This field is required.")
    }

    /// Says which field breaks it.
    #[must_use]
    pub fn of(self, field: impl Into<Cow<'static, str>>) -> Fault {
        Fault { field: field.into(), code: self.code, message: self.message }
    }
}

/// A failure. It rolls back the transaction it leaves.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    detail: Option<Cow<'static, str>>,
    faults: Vec<Fault>,
    retry_after: Option<Duration>,
    cause: Option<String>,
    members: serde_json::Map<String, serde_json::Value>,
}

impl Error {
    /// A refusal that says what its code's sentence says.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            detail: None,
            faults: Vec::new(),
            retry_after: None,
            cause: None,
            members: serde_json::Map::new(),
        }))
    }

    /// 422: one field breaks one rule.
    #[must_use]
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::faults(vec![Fault { field: field.into(), code, message: message.into() }])
    }

    /// 422: some fields break some rules.
    #[must_use]
    pub fn faults(faults: Vec<Fault>) -> Self {
        let mut error = Self::new(Code::Invalid);
        error.0.faults = faults;
        error
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// 503: the database cannot serve now. The cause goes to the log, never to the client.
    #[must_use]
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        Self::new(Code::DatabaseUnavailable).after(Duration::from_secs(2)).because(cause)
    }

    /// 500: our mistake. The cause goes to the log, never to the client.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal).because(cause)
    }

    /// Says more than the code's sentence does.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names the field that is at fault beside a code of its own.
    #[must_use]
    pub fn field(mut self, field: &'static str) -> Self {
        let (code, message) = (self.0.code.as_str(), self.0.code.sentence());
        self.0.faults.push(Fault { field: field.into(), code, message: message.into() });
        self
    }

    /// Says when it is worth trying again.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps what went wrong for the log.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Adds a member to the problem document (RFC 9457, 3.2), such as the token of the next step.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// The members added.
    #[must_use]
    pub fn members(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0.members
    }

    /// The text for people, with every broken rule. Where rules are broken, the sentence of the code says no more
    /// than they do.
    #[must_use]
    pub fn advice(&self) -> String {
        let text = if self.0.faults.is_empty() { Some(self.text()) } else { self.0.detail.as_deref() };
        let rules = self.0.faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
        text.map(ToOwned::to_owned).into_iter().chain(rules).collect::<Vec<_>>().join(" ")
    }

    /// The machine-readable word.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The text for people.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.detail.as_deref().unwrap_or(self.0.code.sentence())
    }

    /// The broken rules, field by field.
    #[must_use]
    pub fn broken(&self) -> &[Fault] {
        &self.0.faults
    }

    /// When it is worth trying again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What went wrong underneath, for the log only.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.advice())?;
        self.0.cause.as_ref().map_or(Ok(()), |cause| write!(f, " ({cause})"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.code.as_str())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_says_everything_once() {
        let taken = Error::new(Code::EmailTaken).field("email");
        assert_eq!(taken.advice(), "email: Another account has this e-mail address.");
        let two = Error::invalid("a", "x", "One.").detail("Two fields, one rule.");
        assert_eq!(two.advice(), "Two fields, one rule. a: One.");
        assert_eq!(Error::not_found().advice(), "There is nothing here.");
    }
}
