//! A list that changes while somebody walks along it.

use std::collections::BTreeSet;

use denizen::{
    access::Caller,
    account,
    search::{Count, Direction, Field, Filter, How, Order, Search, find_by},
};

use super::people;
use super::random::WAYS;
use crate::{each_engine, kit::random::Random};

each_engine! {
    async fn whoever_stays_is_met_once_while_others_come_and_go(app) {
        let mut random = Random::new(3);
        people::make(&app.app, &mut random, 200).await;
        let before = people::everybody(&app).await;
        // Every third may go, nobody else changes.
        let stay: BTreeSet<_> = before.iter().enumerate().filter(|(n, _)| n % 3 > 0).map(|(_, (user, _))| user.id).collect();
        let mut going: Vec<_> = before.iter().map(|(user, _)| user.id).filter(|id| !stay.contains(id)).collect();
        random.shuffle(&mut going);
        for (n, order) in Order::ALL.iter().enumerate() {
            // Some leave during each of the walks.
            let of_this = going.len() / Order::ALL.len();
            let mut leaving = going[n * of_this..(n + 1) * of_this].to_vec();
            let direction = if random.one_in(2) { Direction::Ascending } else { Direction::Descending };
            let filter = Filter::default().text(Field::Email, How::Contains, "p");
            let mut search =
                Search { filter, order: *order, direction, cursor: None, limit: 13, offset: 0, count: Count::None };
            let mut met = Vec::new();
            loop {
                // Page by page in another way: each leads to the same place.
                let found = find_by(&app.app.db, &app.app.search, &search, WAYS[met.len() % WAYS.len()]).await.unwrap();
                met.extend(found.users);
                for _ in 0..2 {
                    let (random, leaves) = (random.fork(), leaving.pop());
                    app.app.db.write(async |tx| {
                        people::one(tx, &mut random.clone()).await?;
                        match leaves {
                            Some(id) => account::delete(tx, &Caller::operator(), id, std::time::Duration::ZERO, |_| Ok(())).await,
                            None => Ok(()),
                        }
                    }).await.map_or_else(|error| assert_eq!(error.code(), denizen::error::Code::LastSuperadmin), drop);
                }
                // Those who come would never let it end in some orders.
                match found.next {
                    Some(cursor) if met.len() < 2_000 => search.cursor = Some(cursor),
                    _ => break,
                }
            }
            let distinct: BTreeSet<_> = met.iter().copied().collect();
            assert_eq!(distinct.len(), met.len(), "somebody is met twice by {order:?}");
            let missed: Vec<_> = stay.difference(&distinct).collect();
            assert!(missed.is_empty(), "{} of {} are missed by {order:?}", missed.len(), stay.len());
        }
    }
}
