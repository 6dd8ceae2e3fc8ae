//! Payment: who is asked before somebody gets premium.

use super::{
    Report,
    kind::Maybe,
    setting::settings,
    telemetry::{Endpoint, Headers},
    values::Values,
};

settings! {
    /// The service that knows who has paid. Without one, everybody who has proved his address gets premium for the asking.
    Payment {
        /// Where `POST /users/me/upgrade` asks whether this person has paid: a JSON document is posted there. 200 to 299
        /// gives him premium, 402 refuses it; anything else, and no answer within 5 s, puts him off.
        PAYMENT_HOOK => hook: Option<Endpoint> as Maybe<Endpoint> = "";
        /// Headers for `PAYMENT_HOOK`, such as `authorization=Bearer%20x`, by which it knows who asks.
        PAYMENT_HOOK_HEADERS => headers: Option<Headers> as Maybe<Headers> = "";
    }
}

impl Payment {
    /// Headers for nobody are a slip, by which everybody would get premium.
    pub(super) fn agree(values: &Values, report: &mut Report) {
        values.must_have(&Self::PAYMENT_HOOK, &Self::PAYMENT_HOOK_HEADERS, report);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Source};

    #[test]
    fn headers_want_somebody_to_be_sent_to() {
        let headers = ("PAYMENT_HOOK_HEADERS", "a=b");
        assert!(Config::load(&Source::of([headers])).is_err());
        assert!(Config::load(&Source::of([headers, ("PAYMENT_HOOK", "https://pay.example.com/paid")])).is_ok());
    }
}
