//! What requests are counted by. Strangers choose paths and methods, so neither becomes a label as it is: the route is
//! the template that matched, and a method that no route takes is `OTHER`.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    extract::MatchedPath,
    http::{Method, StatusCode},
};
use tokio::sync::Semaphore;

use crate::metrics::{Counter, Family, Gauge, Histogram, SECONDS, Table, Text, Up};

/// What stands for every path that no route has.
pub(super) const UNMATCHED: &str = "unmatched";

/// Each route with each method; far more than there are.
const SERIES: usize = 2_048;

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER];
const OTHER: &str = "OTHER";

/// The statuses that are told one by one, ascending; any other is told as `other`.
const STATUSES: [u16; 34] = [
    101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413,
    414, 415, 422, 426, 428, 429, 431, 500, 501, 503, 504,
];

/// The requests of this process.
pub struct Traffic {
    routes: Table<Route>,
    in_flight: Gauge,
    abandoned: Counter,
    slots: OnceLock<(Arc<Semaphore>, u32)>,
}

struct Route {
    statuses: [Counter; STATUSES.len() + 1],
    duration: Histogram,
}

impl Default for Route {
    fn default() -> Self {
        Self { statuses: std::array::from_fn(|_| Counter::default()), duration: Histogram::new(SECONDS) }
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            routes: Table::new(SERIES),
            in_flight: Gauge::default(),
            abandoned: Counter::default(),
            slots: OnceLock::new(),
        }
    }
}

impl Traffic {
    /// A request begins. It counts as abandoned unless [`Flight::land`] is reached.
    pub(super) fn begin(&self) -> Flight<'_> {
        Flight { traffic: self, has_landed: false, _up: self.in_flight.up() }
    }

    /// Connections are counted by the slots that they hold.
    pub(super) fn watch(&self, slots: &Arc<Semaphore>, all: u32) {
        let _ = self.slots.set((Arc::clone(slots), all));
    }

    /// Tells everything.
    pub fn tell(&self, text: &mut Text) {
        let routes = self.routes.all();
        for (name, tag, route) in &routes {
            let statuses = STATUSES.iter().map(ToString::to_string).chain(["other".to_owned()]);
            for (status, count) in statuses.zip(&route.statuses).filter(|(_, count)| count.get() > 0) {
                text.sample(Family::HttpRequests, &[METHODS[usize::from(*tag)], name, &status], count.get());
            }
        }
        for (name, tag, route) in &routes {
            text.histogram(Family::HttpDuration, &[METHODS[usize::from(*tag)], name], &route.duration);
        }
        text.sample(Family::HttpInFlight, &[], self.in_flight.get());
        text.sample(Family::HttpAbandoned, &[], self.abandoned.get());
        if let Some((slots, all)) = self.slots.get() {
            text.sample(Family::HttpConnections, &[], (*all as usize).saturating_sub(slots.available_permits()));
        }
    }
}

/// A request under way.
pub(super) struct Flight<'a> {
    traffic: &'a Traffic,
    has_landed: bool,
    _up: Up<'a>,
}

impl Flight<'_> {
    /// The request is answered.
    pub(super) fn land(mut self, method: &Method, route: Option<&MatchedPath>, status: StatusCode, took: Duration) {
        self.has_landed = true;
        let route = self.traffic.routes.get(route.map_or(UNMATCHED, MatchedPath::as_str), tag(method));
        route.statuses[STATUSES.binary_search(&status.as_u16()).unwrap_or(STATUSES.len())].one();
        route.duration.time(took);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.has_landed {
            self.traffic.abandoned.one();
        }
    }
}

/// The place of a method in [`METHODS`].
fn tag(method: &Method) -> u8 {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        _ => 7,
    }
}

/// A method as a label.
pub(super) fn word(method: &Method) -> &'static str {
    METHODS[usize::from(tag(method))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_ascend_and_methods_have_their_places() {
        assert!(STATUSES.is_sorted());
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(word(&method), method.as_str());
        }
        for method in ["TRACE", "CONNECT", "get", "BREW"] {
            assert_eq!(word(&Method::from_bytes(method.as_bytes()).unwrap()), OTHER);
        }
    }

    #[test]
    fn whoever_goes_away_is_counted_as_gone() {
        let traffic = Traffic::default();
        let (first, second) = (traffic.begin(), traffic.begin());
        assert_eq!(traffic.in_flight.get(), 2);
        drop(first);
        second.land(&Method::GET, None, StatusCode::IM_A_TEAPOT, Duration::from_millis(1));
        assert_eq!((traffic.in_flight.get(), traffic.abandoned.get()), (0, 1));
        let mut text = Text::default();
        traffic.tell(&mut text);
        let line = r#"denizen_http_requests_total{method="GET",route="unmatched",status="other"} 1"#;
        assert!(text.finish().contains(line));
    }
}
