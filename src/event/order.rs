//! In which order the events that wait get their numbers.

use std::collections::HashMap;

use super::{
    seal::Salted,
    store::{self, Pending},
};
use crate::{db::Conn, error::Result, id::UserId};

/// The next events, at most so many, those of one user ascending by the version of his record.
///
/// Ids ascend with time on one node; between nodes whose clocks differ they may not. So the events of one user
/// are put in order here, and those that come after one beyond the batch wait for it.
pub(super) async fn next(conn: &mut Conn, most: i64) -> Result<Vec<(Pending, Salted)>> {
    let salted = |event: Pending| Salted::of(&event.data).map(|salted| (event, salted));
    waiting(conn, most).await?.into_iter().map(salted).collect()
}

async fn waiting(conn: &mut Conn, most: i64) -> Result<Vec<Pending>> {
    let mut events = store::pending(conn, most).await?;
    if let Some(last) = events.get(usize::try_from(most - 1).unwrap_or(0)).map(|event| event.id) {
        let beyond: HashMap<UserId, i64> = store::lowest_after(conn, last, most).await?.into_iter().collect();
        let waits = |event: &Pending| {
            let lowest = event.user_id.and_then(|user| beyond.get(&user));
            event.user_version.zip(lowest).is_some_and(|(version, lowest)| version > *lowest)
        };
        let first = events[0].user_id;
        events.retain(|event| !waits(event));
        if let (true, Some(user)) = (events.is_empty(), first) {
            // All wait. What one of them waits for is the beginning of his own events.
            return store::pending_of(conn, user, most).await;
        }
    }
    let mut places: HashMap<UserId, Vec<usize>> = HashMap::new();
    for (n, event) in events.iter().enumerate() {
        if let (Some(user), Some(_)) = (event.user_id, event.user_version) {
            places.entry(user).or_default().push(n);
        }
    }
    for at in places.into_values() {
        let mut own: Vec<Pending> = at.iter().map(|n| events[*n].clone()).collect();
        own.sort_by_key(|event| event.user_version);
        for (n, event) in at.into_iter().zip(own) {
            events[n] = event;
        }
    }
    Ok(events)
}
