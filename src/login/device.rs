//! Devices that an account knows: from there a stranger's failures do not lock its owner out.
//!
//! A device is known by a cookie, or by the address and user agent of an earlier success. Neither proves
//! anything; both are stored as digests.

use super::store;
use crate::{
    access::Caller,
    app::App,
    clock::Time,
    db::{Conn, Tx},
    error::Result,
    id::UserId,
    secret::{Purpose, hex, random, sha256},
};

/// What a client keeps of earlier sign-ins: 128 random bits in a cookie, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device(Option<String>);

impl Device {
    /// A cookie's value as a client sent it. Anything that we did not make is nothing.
    #[must_use]
    pub fn received(value: Option<&str>) -> Self {
        let ours = |value: &&str| value.len() == 32 && value.bytes().all(|c| c.is_ascii_hexdigit());
        Self(value.filter(ours).map(ToOwned::to_owned))
    }

    /// The cookie's value.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.0.as_deref()
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.0.as_ref().map(|value| sha256(&[b"device cookie", value.as_bytes()]))
    }
}

/// The digest under which an account knows this device, if it does.
pub(super) async fn find(
    app: &App,
    conn: &mut Conn,
    user: UserId,
    caller: &Caller,
    device: &Device,
) -> Result<Option<[u8; 32]>> {
    let digests = device.digest().into_iter().chain(origin(app, caller));
    store::known_device(conn, user, digests).await
}

/// When somebody was last seen at each device that he is known by, the newest first; at most `most` of them.
pub(crate) async fn seen(conn: &mut Conn, user: UserId, most: i64) -> Result<Vec<Time>> {
    store::devices_seen(conn, user, most).await
}

/// Makes this device known to an account; gives the device with its cookie.
pub(super) async fn remember(tx: &mut Tx, app: &App, user: UserId, caller: &Caller, device: &Device) -> Result<Device> {
    let device = match &device.0 {
        Some(_) => device.clone(),
        None => Device(Some(hex(&random::<16>()?))),
    };
    for digest in device.digest().into_iter().chain(origin(app, caller)) {
        store::remember_device(tx, user, digest).await?;
    }
    Ok(device)
}

/// Where the caller comes from, as a digest; nothing without an address or a user agent.
fn origin(app: &App, caller: &Caller) -> Option<[u8; 32]> {
    let (ip, agent) = (caller.origin.ip?.to_string(), caller.origin.user_agent.as_ref()?);
    Some(app.keys.mac(Purpose::Device, &[ip.as_bytes(), b"|", agent.as_bytes()]))
}
