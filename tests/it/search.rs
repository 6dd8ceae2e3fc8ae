//! Search: right, whatever is asked and whichever way leads there; and never a table from end to end.

mod api;
mod aside;
mod crowd;
mod hostile;
mod people;
mod plans;
mod random;
mod totals;
mod walking;
