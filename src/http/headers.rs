//! Headers of every answer (OWASP Secure Headers; REST Security Cheat Sheet).
//!
//! A handler's own value wins, since the documentation pages need another policy than an API does.
//! Deliberately absent: `Server`, and `X-XSS-Protection`, which browsers no longer have.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const ALWAYS: [(HeaderName, &str); 8] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// A year at least, subdomains included (ASVS 5.0, 3.4.1). Sent only where the public address is https.
const STRICT_TRANSPORT: &str = "max-age=31536000; includeSubDomains";

pub(super) fn add(headers: &mut HeaderMap, https: bool) {
    for (name, value) in &ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static(STRICT_TRANSPORT));
    }
}
