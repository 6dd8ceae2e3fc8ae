//! Payment: who is asked before somebody gets premium.

use super::{
    kind::Maybe,
    setting::settings,
    telemetry::{Endpoint, Headers},
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
