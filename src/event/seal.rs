//! The chain: what is digested, what is sealed, in which frame.
//!
//! `digest = SHA-256(salt || data)`. `seal = HMAC-SHA-256(chain key, previous seal || frame)`, where the frame
//! holds every column but data, salt, ip and seal, each with its length in front, so no two events share one.
//! Personal data stands in `data` alone: blanking data and salt leaves the chain whole, and without the salt
//! nobody can test a guess against the digest.

use serde::Deserialize;

use super::store::{Pending, Sealed};
use crate::{
    error::Result,
    secret::{Keys, Purpose, random, sha256},
};

const FORM: &[u8] = b"denizen-event-1";

/// What the seal needs of an event's data, which takes longer than the seal.
pub(super) struct Salted {
    salt: [u8; 16],
    digest: [u8; 32],
    ip: Option<String>,
}

impl Salted {
    pub(super) fn of(data: &str) -> Result<Self> {
        let salt = random::<16>()?;
        Ok(Self { salt, digest: digest(&salt, data), ip: ip(data) })
    }
}

/// Numbers and seals one event.
pub(super) fn seal(keys: &Keys, event: Pending, salted: Salted, seq: i64, previous: &[u8; 32]) -> Sealed {
    let mut sealed = Sealed {
        seq,
        id: event.id,
        at: event.at,
        kind: event.kind,
        outcome: event.outcome,
        actor_kind: event.actor_kind,
        actor: event.actor,
        user_id: event.user_id,
        user_version: event.user_version,
        session_id: event.session_id,
        schema_version: event.schema_version,
        digest: salted.digest.to_vec(),
        ip: salted.ip,
        data: Some(event.data),
        salt: Some(salted.salt.to_vec()),
        seal: Vec::new(),
        key_id: keys.id(),
    };
    sealed.seal = expected(keys, &sealed, previous).to_vec();
    sealed
}

/// The address that data tells. It stands in a column too, so that it can be asked for; what is sealed is the data.
pub(super) fn ip(data: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct From {
        ip: Option<String>,
    }
    serde_json::from_str::<From>(data).ok().and_then(|from| from.ip)
}

/// The digest that data with this salt must have.
pub(super) fn digest(salt: &[u8], data: &str) -> [u8; 32] {
    sha256(&[salt, data.as_bytes()])
}

/// The seal that this event must carry after `previous`.
pub(super) fn expected(keys: &Keys, event: &Sealed, previous: &[u8; 32]) -> [u8; 32] {
    keys.mac(Purpose::Chain, &[previous, &frame(event)])
}

fn frame(event: &Sealed) -> Vec<u8> {
    let mut frame = Vec::with_capacity(256);
    let mut field = |bytes: Option<&[u8]>| {
        // No field is 4 GiB long, so this length stands for null alone.
        let length = bytes.map_or(u32::MAX, |bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1));
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(bytes.unwrap_or_default());
    };
    field(Some(FORM));
    field(Some(event.key_id.as_bytes()));
    field(Some(&event.seq.to_be_bytes()));
    field(Some(event.id.uuid().as_bytes()));
    field(Some(&event.at.micros().to_be_bytes()));
    field(Some(event.kind.as_bytes()));
    field(Some(event.outcome.as_bytes()));
    field(Some(event.actor_kind.as_bytes()));
    field(event.actor.map(|id| id.uuid().into_bytes()).as_ref().map(<[u8; 16]>::as_slice));
    field(event.user_id.map(|id| id.uuid().into_bytes()).as_ref().map(<[u8; 16]>::as_slice));
    field(event.user_version.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    field(event.session_id.map(|id| id.uuid().into_bytes()).as_ref().map(<[u8; 16]>::as_slice));
    field(Some(&event.schema_version.to_be_bytes()));
    field(Some(&event.digest));
    frame
}
