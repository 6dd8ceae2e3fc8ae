//! What a terminal sees of work that takes more than a second. It is drawn on the standard error.

use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Failure;
use crate::error::Error;

/// What is over sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar for work that knows how far it is.
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Progress {
    /// A bar that counts `units`. Nothing is drawn yet.
    pub fn new(units: &str) -> Result<Self, Failure> {
        let template = format!("{{bar:40}} {{pos}} of {{len}} {units}, {{per_sec}}, {{eta}} left");
        let style = ProgressStyle::with_template(&template).map_err(Error::internal)?;
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden()).with_style(style);
        Ok(Self { bar, begun: Instant::now() })
    }

    /// Tells how far it is.
    pub fn at(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.begun.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// For rows out of a stream: a bar where its length in bytes is known, otherwise a sign that it goes on.
pub(super) struct Stream {
    bar: ProgressBar,
    begun: Instant,
}

impl Stream {
    /// Draws it.
    pub fn new(length: Option<u64>) -> Result<Self, Failure> {
        let template = match length {
            Some(_) => "{bar:30} {percent}%  {msg}  {elapsed} gone, {eta} left",
            None => "{spinner} {msg}  {elapsed} gone",
        };
        let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = bar.with_style(ProgressStyle::with_template(template).map_err(Error::internal)?);
        Ok(Self { bar: bar.with_message("0 rows"), begun: Instant::now() })
    }

    /// Tells how many bytes and rows are done; `earlier` of the rows were done before this began.
    pub fn at(&self, position: u64, rows: u64, earlier: u64) {
        if self.bar.position() == 0 && earlier > 0 {
            // What was done before took no time, and tells nothing of the time that is left.
            self.bar.set_position(position);
            self.bar.reset_eta();
        }
        self.bar.set_position(position);
        self.bar.set_message(pace(rows, earlier, self.begun.elapsed()));
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn pace(rows: u64, earlier: u64, time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = rows.saturating_sub(earlier).saturating_mul(1_000) / millis;
    format!("{} rows, {}/s", HumanCount(rows), HumanCount(rate))
}

/// Does work that does not know how far it is; after a second the terminal sees that it goes on.
pub(super) async fn waiting<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(Duration::from_millis(120));
    let done = work.await;
    spinner.finish_and_clear();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_counts_what_was_done_since_it_began() {
        assert_eq!(pace(12_000, 2_000, Duration::from_secs(2)), "12,000 rows, 5,000/s");
        assert_eq!(pace(0, 0, Duration::ZERO), "0 rows, 0/s");
    }
}
