//! The secrets: the master key, and how access tokens are signed.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{SecretBox, SecretString, zeroize::Zeroizing};

use super::{
    Report,
    kind::{MASK, Maybe, words},
    setting::{Kind, settings},
    values::Values,
};
use crate::secret::MASTER_KEY_LEN;

settings! {
    /// The keys that protect everything else. Each may come from a file, as container platforms mount them.
    Secrets {
        /// The key under which stored secrets are sealed. On SQLite it is made in `DATA_DIR` at the first start; on
        /// PostgreSQL it is required, and every node needs the same one. Keep a copy: without it neither signing keys
        /// nor second factors can be read again.
        MASTER_KEY => master_key: Option<SecretBox<[u8; MASTER_KEY_LEN]>> as Maybe<MasterKey> = "";
        /// A key shared with services that check access tokens by HS256. Without it the service makes its own key
        /// pairs and publishes the public halves, which is what new installations should use.
        JWT_SECRET_KEY | SECRET_KEY => jwt_secret_key: Option<SecretString> as Maybe<SharedKey> = "";
        /// The algorithm that signs access tokens (RFC 7518, RFC 8037). `HS256` needs `JWT_SECRET_KEY`.
        JWT_ALGORITHM => jwt_algorithm: Algorithm = "`EdDSA`, or `HS256` when `JWT_SECRET_KEY` is set" from algorithm;
    }
}

impl Secrets {
    /// HS256 has no key of its own making.
    pub(super) fn agree(values: &Values, report: &mut Report) {
        let named = Algorithm::parse(&values.text(&Self::JWT_ALGORITHM));
        if named == Some(Algorithm::Hs256) && !values.is_given(&Self::JWT_SECRET_KEY) {
            report.problem(
                "JWT_ALGORITHM is HS256, which needs JWT_SECRET_KEY: set that to what `openssl rand -base64 48` \
                 prints, or leave JWT_ALGORITHM out.",
            );
        }
    }
}

fn algorithm(values: &Values) -> String {
    let algorithm = if values.is_given(&Secrets::JWT_SECRET_KEY) { Algorithm::Hs256 } else { Algorithm::EdDsa };
    algorithm.as_str().to_owned()
}

words! {
    /// What signs access tokens, by its name in JOSE (RFC 7518, section 3.1; RFC 8037, section 3.1).
    Algorithm {
        /// Ed25519.
        EdDsa = "EdDSA";
        /// ECDSA over P-256 with SHA-256.
        Es256 = "ES256";
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256";
        /// HMAC with SHA-256 under the shared key.
        Hs256 = "HS256";
    }
}

struct MasterKey;

impl Kind for MasterKey {
    type Value = SecretBox<[u8; MASTER_KEY_LEN]>;
    const SECRET: bool = true;
    fn parse(text: &str) -> Option<Self::Value> {
        let lax = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let bytes = [alphabet::STANDARD, alphabet::URL_SAFE]
            .iter()
            .find_map(|alphabet| GeneralPurpose::new(alphabet, lax).decode(text).ok().map(Zeroizing::new))?;
        let bytes = <&[u8; MASTER_KEY_LEN]>::try_from(bytes.as_slice()).ok()?;
        Some(SecretBox::init_with_mut(|key: &mut [u8; MASTER_KEY_LEN]| key.copy_from_slice(bytes)))
    }
    fn show(_: &Self::Value) -> String {
        MASK.to_owned()
    }
    fn allowed() -> String {
        format!("{MASTER_KEY_LEN} bytes in base64; `openssl rand -base64 32` makes them")
    }
}

/// A key for HMAC-SHA-256: no shorter than its output (RFC 7518, section 3.2).
struct SharedKey;

impl Kind for SharedKey {
    type Value = SecretString;
    const SECRET: bool = true;
    fn parse(text: &str) -> Option<SecretString> {
        (text.len() >= 32).then(|| text.to_owned().into())
    }
    fn show(_: &SecretString) -> String {
        MASK.to_owned()
    }
    fn allowed() -> String {
        "at least 32 bytes; `openssl rand -base64 48` makes them".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_master_key_is_32_bytes_in_either_alphabet() {
        let of = |text: &str| MasterKey::parse(text).map(|key| *key.expose_secret());
        let bytes = [0xfb; 32];
        assert_eq!(of("+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s="), Some(bytes));
        assert_eq!(of("-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s"), Some(bytes));
        for bad in ["", "AAAA", "not base64!", "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+w=="] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
