//! Refusals that cost whoever is refused nothing. An event each would let him fill the disk, so they are summed up by who
//! was refused what, and each sum is one event when its minute is over, with its `count`.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Event, Kind, Outcome, record, store};
use crate::{
    access::Actor,
    clock::Time,
    db::Tx,
    error::{Error, Result},
    id::{SessionId, UserId},
};

const MINUTE: i64 = 60_000_000;

/// What a sum is of: an event but for its kind, which has a column of its own.
#[derive(Serialize, Deserialize)]
struct Sum {
    actor: Actor,
    user: Option<UserId>,
    session: Option<SessionId>,
    data: Map<String, Value>,
}

/// Counts a refusal among those of its minute that differ from it in nothing.
///
/// What a client calls himself is left out, since he may call himself something else each time. For the same reason an
/// IPv6 address stands for its /64.
///
/// # Errors
/// Of the database.
pub async fn tally(tx: &mut Tx, refusal: Event) -> Result<()> {
    let Event { kind, actor, user, session, mut data, .. } = refusal;
    data.remove("user_agent");
    if let Some(Value::String(ip)) = data.get_mut("ip")
        && let Ok(address) = ip.parse()
    {
        *ip = client(address).to_string();
    }
    let sum = serde_json::to_string(&Sum { actor, user, session, data }).map_err(Error::internal)?;
    store::tally(tx, this_minute(tx), &sum, kind).await
}

/// Makes events of up to `limit` sums whose minutes are over. Gives how many sums there were.
///
/// # Errors
/// Of the database.
pub async fn tell_tally(tx: &mut Tx, limit: i64) -> Result<usize> {
    let sums = store::take_tally(tx, this_minute(tx), limit).await?;
    for (sum, kind, count) in &sums {
        // What another version wrote down in another way is not told.
        let (Ok(sum), Some(kind)) = (serde_json::from_str(sum), Kind::parse(kind)) else { continue };
        let Sum { actor, user, session, data } = sum;
        let event = Event { kind, outcome: Outcome::Refused, actor, user, user_version: None, session, data };
        record(tx, event.with("count", *count)).await?;
    }
    Ok(sums.len())
}

fn this_minute(tx: &Tx) -> Time {
    Time::from_micros(tx.now().micros() / MINUTE * MINUTE)
}

/// The first address of the network that counts as one client.
fn client(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_household_is_one_client() {
        let client = |ip: &str| super::client(ip.parse().unwrap()).to_string();
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!((client("192.0.2.9"), client("::ffff:192.0.2.9")), ("192.0.2.9".into(), "192.0.2.9".into()));
    }
}
