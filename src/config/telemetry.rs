//! Traces: where spans of requests are sent, and how many.

use hyper::{
    Uri,
    header::{HeaderName, HeaderValue},
};
use percent_encoding::percent_decode_str;

use super::{
    App,
    kind::{MASK, Maybe},
    setting::{Kind, settings},
    values::Values,
};

settings! {
    /// Traces of requests, sent to a collector as OTLP over HTTP. The names are those of OpenTelemetry. Without an
    /// endpoint nothing is started.
    Telemetry {
        /// The collector's address; `/v1/traces` is appended. Spans are sent as OTLP/HTTP with JSON, which collectors
        /// take on port 4318.
        OTEL_EXPORTER_OTLP_ENDPOINT => endpoint: Option<Endpoint> as Maybe<Endpoint> = "";
        /// Headers for the collector, such as `authorization=Bearer%20x`.
        OTEL_EXPORTER_OTLP_HEADERS => headers: Option<Headers> as Maybe<Headers> = "";
        /// The name that traces of this service have.
        OTEL_SERVICE_NAME => service_name: String = "the value of `APP_NAME`" from app_name;
        /// The share of requests that are traced. A caller that sends a `traceparent` has decided already.
        OTEL_TRACES_SAMPLER_ARG => ratio: f64 as Ratio = "1";
    }
}

fn app_name(values: &Values) -> String {
    values.text(&App::APP_NAME).into_owned()
}

/// An http or https URL without user, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Uri);

impl Endpoint {
    /// The URL.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl Kind for Endpoint {
    type Value = Self;
    fn parse(text: &str) -> Option<Self> {
        let url: Uri = text.parse().ok()?;
        let plain = !text.contains(['?', '#', '@']) && url.host().is_some_and(|host| !host.is_empty());
        (plain && matches!(url.scheme_str(), Some("http" | "https"))).then_some(Self(url))
    }
    fn show(value: &Self) -> String {
        value.0.to_string()
    }
    fn allowed() -> String {
        "an http or https URL without user, query or fragment, such as `http://localhost:4318`".to_owned()
    }
}

/// Headers for another service; they may hold its key, so they are never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// Name by name.
    pub fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter()
    }
}

impl Kind for Headers {
    type Value = Self;
    const SECRET: bool = true;
    fn parse(text: &str) -> Option<Self> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let headers = pairs.map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = percent_decode_str(value.trim()).collect::<Vec<_>>();
            let mut value = HeaderValue::from_bytes(&value).ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse().ok()?, value))
        });
        headers.collect::<Option<_>>().map(Self)
    }
    fn show(_: &Self) -> String {
        MASK.to_owned()
    }
    fn allowed() -> String {
        "a comma-separated list of `name=value`, the values percent-encoded".to_owned()
    }
}

struct Ratio;

impl Kind for Ratio {
    type Value = f64;
    fn parse(text: &str) -> Option<f64> {
        text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
    }
    fn show(value: &f64) -> String {
        value.to_string()
    }
    fn allowed() -> String {
        "a number from 0 to 1".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_headers_and_ratios() {
        for good in ["http://localhost:4318", "https://otel.example.com/base/"] {
            assert!(Endpoint::parse(good).is_some(), "{good}");
        }
        for bad in ["localhost:4318", "grpc://a:4317", "http://u:p@a", "http://a?b"] {
            assert!(Endpoint::parse(bad).is_none(), "{bad}");
        }
        let headers = Headers::parse("authorization=Bearer%20hunter2, x-tenant = a").unwrap();
        assert_eq!(headers.0[0].1, "Bearer hunter2");
        assert!(!format!("{headers:?}{}", Headers::show(&headers)).contains("hunter2"));
        assert!(
            Headers::parse("a").is_none() && Headers::parse("a=%0a").is_none() && Headers::parse("a b=c").is_none()
        );
        assert_eq!((Ratio::parse("0.25"), Ratio::parse("1.01"), Ratio::parse("NaN")), (Some(0.25), None, None));
    }
}
