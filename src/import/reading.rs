//! The source, read in batches.

use tokio::sync::mpsc;

use super::{
    Field, Mapping, Options, Source,
    csv::{Cells, unreadable},
    row::{Form, Row},
};
use crate::error::Result;

/// Rows that are written in one transaction where each costs a hash, so that a kill loses little.
const HASHED_ROWS: usize = 200;

/// Rows that are written together.
pub(super) struct Batch {
    pub rows: Vec<Row>,
    /// How far the source was read for them, in bytes.
    pub position: u64,
}

/// Reads the source on a thread of its own, from behind the rows that are done.
pub(super) fn reading(source: Source, mapping: Mapping, options: Options, done: u64) -> mpsc::Receiver<Result<Batch>> {
    let (send, batches) = mpsc::channel(1);
    let is_hashed = mapping.place(Field::Password).is_some();
    let size = if is_hashed { options.batch.min(HASHED_ROWS) } else { options.batch };
    match source {
        Source::Csv(mut csv) => {
            tokio::task::spawn_blocking(move || {
                let mut left = done;
                loop {
                    let mut rows = Vec::with_capacity(size);
                    while rows.len() < size {
                        match csv.record() {
                            Ok(None) => break,
                            Ok(Some(_)) if left > 0 => left -= 1,
                            Ok(Some(cells)) => {
                                rows.push(Row::read(&mapping, &options, Form::Escaped, csv.number, cells));
                            }
                            Err(e) => return drop(send.blocking_send(Err(unreadable(&e)))),
                        }
                    }
                    if rows.is_empty() || send.blocking_send(Ok(Batch { rows, position: csv.position })).is_err() {
                        return;
                    }
                }
            });
        }
        Source::Fake(mut crowd) => {
            tokio::task::spawn_blocking(move || {
                loop {
                    let rows: Vec<_> = std::iter::from_fn(|| crowd.row()).take(size).collect();
                    if rows.is_empty() || send.blocking_send(Ok(Batch { rows, position: 0 })).is_err() {
                        return;
                    }
                }
            });
        }
        Source::Foreign(mut table) => {
            tokio::spawn(async move {
                let (mut number, mut rows) = (1, Vec::new());
                loop {
                    let page: Vec<Cells> = match table.page().await {
                        Ok(Some(page)) => page,
                        Ok(None) => break,
                        Err(error) => return drop(send.send(Err(error)).await),
                    };
                    for cells in page {
                        number += 1;
                        if number > done + 1 {
                            rows.push(Row::read(&mapping, &options, Form::Plain, number, cells));
                        }
                        if rows.len() == size {
                            let rows = std::mem::take(&mut rows);
                            if send.send(Ok(Batch { rows, position: table.position })).await.is_err() {
                                return;
                            }
                        }
                    }
                }
                if !rows.is_empty() {
                    let _ = send.send(Ok(Batch { rows, position: table.position })).await;
                }
            });
        }
    }
    batches
}
