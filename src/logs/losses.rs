//! How many lines were dropped since writing could not keep up.

use tracing::{Dispatch, Subscriber, dispatcher};
use tracing_appender::non_blocking::ErrorCounter;
use tracing_subscriber::Layer;

/// A layer that hears nothing: it carries the counters of the streams beside them, so that whoever asks needs no
/// global of ours to find them.
pub(super) struct Losses(pub Vec<ErrorCounter>);

impl<S: Subscriber> Layer<S> for Losses {}

/// Lines dropped so far, over all streams; 0 where no logs were started.
#[must_use]
pub fn dropped() -> u64 {
    let of = |dispatch: &Dispatch| {
        let losses = dispatch.downcast_ref::<Losses>();
        losses.map_or(0, |losses| losses.0.iter().map(|counter| counter.dropped_lines() as u64).sum())
    };
    dispatcher::get_default(of)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::mpsc,
    };

    use tracing_appender::non_blocking::NonBlockingBuilder;
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;

    struct Stuck(mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Until the other end is dropped.
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_stuck_stream_drops_are_found_through_the_layers() {
        let (go_on, wait) = mpsc::channel();
        let (out, guard) = NonBlockingBuilder::default().buffered_lines_limit(1).finish(Stuck(wait));
        let layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> =
            vec![Losses(vec![out.error_counter()]).boxed(), tracing_subscriber::fmt::layer().with_writer(out).boxed()];
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layers), || {
            assert_eq!(dropped(), 0);
            (0..50).for_each(|n| tracing::info!(n, "a line"));
            assert!(dropped() > 40, "{}", dropped());
        });
        drop(go_on);
        drop(guard);
    }
}
