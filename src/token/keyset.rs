//! The signing keys of a node: one that signs, all that verify, and their public halves as a JWK set.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::{
    encoding::AsDer,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use jsonwebtoken::{
    DecodingKey, EncodingKey, Validation,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use secrecy::ExposeSecret;

use super::{
    Claims, Settings,
    store::{self, SigningKey},
};
use crate::{
    clock::Time,
    db::Conn,
    error::{Error, Result},
    secret::{Keys, hex, sha256},
};

/// How tokens are signed (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with 2048 bits.
    Rs256,
    /// HMAC with the configured secret: nothing is published, and who verifies can sign.
    Hs256,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Rs256, Self::Hs256];

    /// Its name in the `alg` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    const fn jwa(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }

    fn encoding(self, der: &[u8]) -> EncodingKey {
        match self {
            Self::EdDsa => EncodingKey::from_ed_der(der),
            Self::Es256 => EncodingKey::from_ec_der(der),
            Self::Rs256 => EncodingKey::from_rsa_der(der),
            Self::Hs256 => EncodingKey::from_secret(der),
        }
    }
}

/// The keys in force.
pub struct KeySet {
    pub(super) signer: Signer,
    verifiers: HashMap<String, (Algorithm, DecodingKey)>,
    jwks: JwkSet,
}

pub(super) struct Signer {
    pub id: String,
    pub algorithm: jsonwebtoken::Algorithm,
    pub encoding: EncodingKey,
}

/// Whether no stored key can sign as configured.
pub(super) async fn is_missing(conn: &mut Conn, settings: &Settings) -> Result<bool> {
    let algorithm = settings.algorithm.as_str();
    let keys = store::all(conn).await?;
    Ok(settings.algorithm != Algorithm::Hs256
        && !keys.iter().any(|key| key.algorithm == algorithm && key.retired_at.is_none()))
}

/// Whether another node made a key of this id. Anybody can make us ask, so it is one point read; what no key of
/// ours is called is not even asked for.
pub(super) async fn is_stored(conn: &mut Conn, id: &str) -> Result<bool> {
    let is_thumbprint = id.len() == 43 && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    Ok(is_thumbprint && store::has(conn, id).await?)
}

/// A new key pair, its private half sealed.
pub(super) fn generate(keys: &Keys, algorithm: Algorithm, now: Time) -> Result<SigningKey> {
    let refused = |_| Error::internal("the key could not be made");
    let der = match algorithm {
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::generate().map_err(refused)?;
            pair.to_pkcs8v1().map_err(refused)?.as_ref().to_vec()
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(refused)?;
            pair.to_pkcs8v1().map_err(refused)?.as_ref().to_vec()
        }
        Algorithm::Rs256 => {
            let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(refused)?;
            let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(refused)?;
            // The signer takes PKCS #1, which PKCS #8 wraps in a frame of constant length for this size.
            pkcs8.as_ref().get(26..).unwrap_or_default().to_vec()
        }
        Algorithm::Hs256 => {
            return Err(Error::internal("HS256 signs with JWT_SECRET_KEY; change that instead of rotating keys"));
        }
    };
    let jwk = Jwk::from_encoding_key(&algorithm.encoding(&der), algorithm.jwa()).map_err(Error::internal)?;
    let id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(Error::internal)?;
    Ok(SigningKey {
        private: keys.seal(&label(&id), &der)?,
        public: serde_json::to_vec(&jwk).map_err(Error::internal)?,
        id,
        algorithm: algorithm.as_str().to_owned(),
        created_at: now,
        retired_at: None,
    })
}

/// Whether the private half of a stored key opens.
pub(super) fn opens(keys: &Keys, key: &SigningKey) -> bool {
    keys.open(&label(&key.id), &key.private).is_ok()
}

fn label(id: &str) -> String {
    format!("signing key {id}")
}

impl KeySet {
    pub(super) async fn load(conn: &mut Conn, keys: &Keys, settings: &Settings) -> Result<Self> {
        let stored = store::all(conn).await?;
        let mut verifiers = HashMap::new();
        let mut jwks = JwkSet { keys: Vec::new() };
        let mut signer = None;
        for key in &stored {
            let algorithm = Algorithm::parse(&key.algorithm)
                .ok_or_else(|| Error::internal(format!("unknown algorithm {}", key.algorithm)))?;
            let mut jwk: Jwk = serde_json::from_slice(&key.public).map_err(Error::internal)?;
            verifiers.insert(key.id.clone(), (algorithm, DecodingKey::from_jwk(&jwk).map_err(Error::internal)?));
            jwk.common.key_id = Some(key.id.clone());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            jwks.keys.push(jwk);
            if key.retired_at.is_none() && algorithm == settings.algorithm {
                let der = keys.open(&label(&key.id), &key.private)?;
                let encoding = algorithm.encoding(der.expose_secret());
                signer = Some(Signer { id: key.id.clone(), algorithm: algorithm.jwa(), encoding });
            }
        }
        if let (Algorithm::Hs256, Some(secret)) = (settings.algorithm, &settings.secret) {
            let secret = secret.expose_secret().as_bytes();
            let id = hex(&sha256(&[b"denizen key id", &sha256(&[secret])])[..8]);
            verifiers.insert(id.clone(), (Algorithm::Hs256, DecodingKey::from_secret(secret)));
            let algorithm = jsonwebtoken::Algorithm::HS256;
            signer = Some(Signer { id, algorithm, encoding: EncodingKey::from_secret(secret) });
        }
        let signer = signer.ok_or_else(|| {
            Error::internal("no key signs with the configured algorithm; run 'denizen signing-key rotate'")
        })?;
        Ok(Self { signer, verifiers, jwks })
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.verifiers.contains_key(id)
    }

    /// The claims, when the signature of that key and the fixed claims fit. Expiry is the caller's to check.
    pub(super) fn verify(&self, id: &str, token: &str, settings: &Settings) -> Option<Claims> {
        let (algorithm, key) = self.verifiers.get(id)?;
        let mut rules = Validation::new(algorithm.jwa());
        rules.set_issuer(&[&settings.issuer]);
        rules.set_audience(&[&settings.issuer]);
        rules.required_spec_claims = HashSet::from(["iss".to_owned(), "aud".to_owned()]);
        rules.validate_exp = false;
        jsonwebtoken::decode::<Claims>(token, key, &rules).ok().map(|token| token.claims)
    }

    /// The public halves (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> &JwkSet {
        &self.jwks
    }
}
