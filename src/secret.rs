//! Secrets: the master key and what derives from it, opaque tokens, randomness.
//!
//! Everything that must be read back (signing keys, TOTP seeds, webhook secrets) is sealed with
//! AES-256-GCM under a key that lives outside the database; everything that need only be recognised
//! (refresh tokens, API keys) is stored as a SHA-256 digest. The working keys derive from the master key
//! by HKDF (RFC 5869), one for each [`Purpose`], so no key serves two ends. A sealed value begins with
//! the id of its master key.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    constant_time, digest, hkdf, hmac,
};
use base64::{Engine, engine::general_purpose};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::error::{Error, Result};

/// Length of the master key, in bytes.
pub const MASTER_KEY_LEN: usize = 32;

const ID_LEN: usize = 4;

/// What a derived key is for. The text is part of the derivation: changing one orphans what it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sealing what is stored.
    Seal,
    /// Making the successors of refresh tokens.
    Refresh,
    /// Sealing the log.
    Chain,
    /// Comparing the bodies of repeated requests.
    Idempotency,
    /// Naming an identifier without keeping it.
    Identifier,
    /// Signing the cookie of a known device.
    Device,
    /// Recognising a wrong master key.
    Check,
}

impl Purpose {
    const ALL: [Self; 7] =
        [Self::Seal, Self::Refresh, Self::Chain, Self::Idempotency, Self::Identifier, Self::Device, Self::Check];

    const fn info(self) -> &'static [u8] {
        match self {
            Self::Seal => b"denizen seal 1",
            Self::Refresh => b"denizen refresh 1",
            Self::Chain => b"denizen chain 1",
            Self::Idempotency => b"denizen idempotency 1",
            Self::Identifier => b"denizen identifier 1",
            Self::Device => b"denizen device 1",
            Self::Check => b"denizen check 1",
        }
    }
}

/// The working keys of this process.
pub struct Keys {
    id: [u8; ID_LEN],
    seal: RandomizedNonceKey,
    macs: [hmac::Key; Purpose::ALL.len()],
}

impl Keys {
    /// Derives the working keys.
    ///
    /// # Errors
    /// `internal` when the cryptographic library refuses, which it does not for 32 bytes.
    pub fn derive(master: &SecretBox<[u8; MASTER_KEY_LEN]>) -> Result<Self> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"denizen master key").extract(master.expose_secret());
        let derive = |info: &[u8]| -> Result<[u8; 32]> {
            let mut key = [0u8; 32];
            root.expand(&[info], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key)).map_err(broken)?;
            Ok(key)
        };
        let mut macs = Vec::with_capacity(Purpose::ALL.len());
        for purpose in Purpose::ALL {
            macs.push(hmac::Key::new(hmac::HMAC_SHA256, &derive(purpose.info())?));
        }
        let mut id = [0u8; ID_LEN];
        id.copy_from_slice(&derive(b"denizen key id 1")?[..ID_LEN]);
        Ok(Self {
            id,
            seal: RandomizedNonceKey::new(&AES_256_GCM, &derive(Purpose::Seal.info())?).map_err(broken)?,
            macs: macs.try_into().map_err(|_| Error::internal("key table"))?,
        })
    }

    /// The id of the master key, in hexadecimal. It tells nothing about the key.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// HMAC-SHA-256 (RFC 2104) of the parts, one after the other, under the key of `purpose`.
    /// The caller frames the parts where their borders matter.
    #[must_use]
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.macs[purpose as usize]);
        for part in parts {
            context.update(part);
        }
        let mut tag = [0u8; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Seals `plain` so that it opens only under the same `label`.
    ///
    /// # Errors
    /// `internal` when the random source fails.
    pub fn seal(&self, label: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut body = plain.to_vec();
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(label.as_bytes()), &mut body).map_err(broken)?;
        Ok([&self.id, nonce.as_ref().as_slice(), &body].concat())
    }

    /// Opens what [`Keys::seal`] made.
    ///
    /// # Errors
    /// `internal` when it was sealed under another key or label, or altered.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<SecretBox<[u8]>> {
        let (id, rest) = sealed.split_at_checked(ID_LEN).ok_or_else(|| Error::internal("sealed value is too short"))?;
        if id != self.id {
            let (theirs, ours) = (hex(id), self.id());
            return Err(Error::internal(format!("sealed under master key {theirs}, this one is {ours}")));
        }
        let (nonce, body) =
            rest.split_at_checked(NONCE_LEN).ok_or_else(|| Error::internal("sealed value is too short"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(broken)?;
        let mut body = body.to_vec();
        let plain = self
            .seal
            .open_in_place(nonce, Aad::from(label.as_bytes()), &mut body)
            .map_err(|_| Error::internal(format!("the sealed value '{label}' does not open")))?;
        Ok(SecretBox::new(plain.to_vec().into_boxed_slice()))
    }
}

fn broken(_: aws_lc_rs::error::Unspecified) -> Error {
    Error::internal("the cryptographic library refused")
}

/// `N` random bytes.
///
/// # Errors
/// `internal` when the system's random source fails.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// An opaque token: a prefix that says what it is, and 256 bits in base64url.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// A new random token.
    ///
    /// # Errors
    /// `internal` when the system's random source fails.
    pub fn random(prefix: &str) -> Result<Self> {
        Ok(Self::of(prefix, &random::<32>()?))
    }

    /// The token of these 32 bytes.
    #[must_use]
    pub fn of(prefix: &str, bytes: &[u8; 32]) -> Self {
        Self(format!("{prefix}{}", general_purpose::URL_SAFE_NO_PAD.encode(bytes)).into())
    }

    /// A token as a client sent it. Anything may be in it; it is only ever digested.
    #[must_use]
    pub fn received(text: &str) -> Self {
        Self(text.to_owned().into())
    }

    /// What the database keeps of it: SHA-256 of the whole text.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[self.expose().as_bytes()])
    }

    /// The text itself, for the client it belongs to.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// SHA-256 of the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0u8; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Compares in constant time.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> Keys {
        Keys::derive(&SecretBox::new(Box::new([byte; 32]))).unwrap()
    }

    #[test]
    fn sealed_values_open_under_their_key_and_label_only() {
        let sealed = keys(1).seal("totp", b"seed").unwrap();
        assert_eq!(keys(1).open("totp", &sealed).unwrap().expose_secret(), b"seed");
        assert!(keys(1).open("webhook", &sealed).is_err());
        assert!(keys(2).open("totp", &sealed).unwrap_err().cause().unwrap().contains("master key"));
        let mut altered = sealed;
        *altered.last_mut().unwrap() ^= 1;
        assert!(keys(1).open("totp", &altered).is_err());
        assert!(keys(1).open("totp", b"x").is_err());
    }

    #[test]
    fn no_purpose_shares_a_key() {
        let macs = Purpose::ALL.map(|purpose| keys(1).mac(purpose, &[b"same"]));
        for (n, mac) in macs.iter().enumerate() {
            assert!(!macs[n + 1..].contains(mac));
        }
    }
}
