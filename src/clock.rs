//! Time: one clock for the process, instants in microseconds.
//!
//! The invariant: the clock never falls below the newest instant it has seen, its own or a stored one
//! ([`Clock::witness`]), and it never stands still: from there it goes on at the pace of the monotonic clock.
//! A wall clock that is set back can therefore neither reopen a window that has closed nor keep one open.
//! Waiting is measured by the runtime's monotonic timer, never by this clock.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch: `NumericDate` of RFC 7519, section 2.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long it is from `earlier` to here; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// Reads an RFC 3339 text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
        i64::try_from(nanos.div_euclid(1_000)).ok().map(Self)
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl std::ops::Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).map_err(|_| fmt::Error)?;
        f.write_str(&at.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

/// The clock. Copies share their state.
#[derive(Clone, Default)]
pub struct Clock(Arc<State>);

struct State {
    begun: Instant,
    /// The most by which the clock was ever seen ahead of the monotonic one, in microseconds.
    lead: AtomicI64,
    offset: AtomicI64,
    /// The last instant that [`Clock::tick`] gave.
    ticked: AtomicI64,
}

impl Default for State {
    fn default() -> Self {
        let zero = || AtomicI64::new(0);
        Self { begun: Instant::now(), lead: zero(), offset: zero(), ticked: zero() }
    }
}

impl Clock {
    /// Now, never before anything witnessed.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the home of the wall clock")]
    pub fn now(&self) -> Time {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros);
        Time(self.reach(wall.saturating_add(self.0.offset.load(Ordering::Relaxed))))
    }

    /// Now, or where somebody was given that instant already the next one that nobody was.
    #[must_use]
    pub fn tick(&self) -> Time {
        let now = self.now().0;
        let next = |last: i64| now.max(last.saturating_add(1));
        let last = self.0.ticked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        Time(next(last.unwrap_or_else(|last| last)))
    }

    /// Learns of an instant that is stored, so that `now` stays at or above it.
    pub fn witness(&self, stored: Time) {
        self.reach(stored.0);
    }

    /// Where the clock stands, which is at `instant` at least.
    fn reach(&self, instant: i64) -> i64 {
        let elapsed = micros(self.0.begun.elapsed());
        let lead = instant.saturating_sub(elapsed);
        elapsed.saturating_add(self.0.lead.fetch_max(lead, Ordering::Relaxed).max(lead))
    }

    /// Moves this clock ahead, as tests do.
    pub fn advance(&self, by: Duration) {
        // The lead is known from the first reading on.
        let _ = self.now();
        self.0.offset.fetch_add(micros(by), Ordering::Relaxed);
        self.0.lead.fetch_add(micros(by), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_falls_below_what_it_witnessed() {
        let clock = Clock::default();
        let ahead = clock.now() + Duration::from_secs(3_600);
        clock.witness(ahead);
        assert!(clock.now() >= ahead);
    }

    #[test]
    fn goes_on_from_what_it_witnessed() {
        let clock = Clock::default();
        clock.witness(clock.now() + Duration::from_secs(3_600));
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() >= before + Duration::from_millis(2));
    }

    #[test]
    fn no_two_ticks_are_one() {
        let clock = Clock::default();
        let ticks = || (0..50_000).map(|_| clock.tick().micros()).collect::<Vec<_>>();
        let (mut all, others) = std::thread::scope(|scope| {
            let others = scope.spawn(ticks);
            (ticks(), others.join().unwrap())
        });
        assert!(all.is_sorted() && others.is_sorted());
        all.extend(others);
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn text_and_back() {
        let at = Time::from_micros(1_700_000_000_123_456);
        assert_eq!(at.to_string(), "2023-11-14T22:13:20.123456Z");
        assert_eq!(Time::parse(&at.to_string()), Some(at));
        assert_eq!(Time::parse("2023-11-14T23:13:20.123456+01:00"), Some(at));
        assert_eq!(Time::parse("yesterday"), None);
    }
}
