//! The id of a request: what a client quotes and the log is searched by.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::{clock::Clock, id::Id};

/// Its header, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's, when it is harmless in a log; else a new one.
    pub(super) fn of(headers: &HeaderMap, clock: &Clock) -> Self {
        let given = headers.get(X_REQUEST_ID).filter(|value| is_harmless(value.as_bytes()));
        Self(given.cloned().unwrap_or_else(|| fresh(clock)))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_harmless(id: &[u8]) -> bool {
    matches!(id.len(), 1..=64) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

/// A `UUIDv7`. Without randomness the nil one: a request must not fail for want of its name.
fn fresh(clock: &Clock) -> HeaderValue {
    let id = Id::<RequestId>::new(clock).map_or(Uuid::nil(), Id::uuid);
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
        .unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_id_is_taken_only_when_it_is_harmless() {
        let clock = Clock::default();
        let of = |given: &str| {
            let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_str(given).unwrap())]);
            RequestId::of(&headers, &clock).as_str().to_owned()
        };
        assert_eq!(of("Job-7.retry_2"), "Job-7.retry_2");
        for bad in ["", "a b", "a\tb", "a=b", &"x".repeat(65)] {
            assert_eq!(of(bad).parse::<Uuid>().unwrap().get_version_num(), 7, "{bad:?}");
        }
    }
}
