//! Instruments: what is counted and measured while the service works, and how it is told.
//!
//! Each room owns its instruments and counts where things happen; [`crate::system`] gathers them when somebody asks.
//! There is no registry that all of them are in, so there is no global. The invariants: an instrument costs a few
//! atomic additions, never a lock and never an allocation once it exists; the number of series is bounded, whatever
//! strangers send. Every name stands once, in [`Family`], from which `docs/metrics.md` is made. Begin there.

mod cell;
mod family;
mod histogram;
mod table;
mod tally;
mod text;

pub use cell::{Counter, Gauge, Up};
pub use family::{Family, Kind};
pub use histogram::{Histogram, SECONDS, SIZES, Scale};
pub use table::Table;
pub use tally::Tally;
pub use text::Text;
