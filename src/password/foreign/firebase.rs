//! Firebase's scrypt: the key that scrypt gives encrypts the project's signer key, and the tag is that ciphertext.
//!
//! Firebase exports the parts in separate places. Here they stand in one PHC string:
//!
//! `$firebase-scrypt$ln=14,r=8,sep=Bw,key=jxspr8..$salt$tag`
//!
//! `ln` is `mem_cost` and `r` is `rounds`; `sep` is `base64_salt_separator`, `key` is `base64_signer_key`, `salt`
//! and `tag` are the user's `salt` and `passwordHash`, all in base64 without padding. The signer key
//! thus stands in every row; it serves nothing but these hashes and goes with the last of them.

use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    iv::FixedLength,
};
use base64::Engine;
use zeroize::Zeroizing;

use super::scrypt::Cost;
use crate::{
    error::{Error, Result},
    password::{
        Rule,
        phc::{BASE64, Phc},
    },
    secret,
};

/// A Firebase hash, taken apart.
pub(in crate::password) struct Stored {
    cost: Cost,
    /// The user's salt and the project's separator.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let phc = Phc::parse(text, &["ln", "r", "sep", "key"]).filter(|phc| phc.version.is_none());
        let phc = phc.ok_or(Rule::UnknownHash)?;
        let bytes = |name| phc.text(name).and_then(|text| BASE64.decode(text).ok());
        let (Some(separator), Some(signer_key)) = (bytes("sep"), bytes("key")) else { return Err(Rule::UnknownHash) };
        let (Some(ln), Some(r)) = (phc.number("ln"), phc.number("r")) else { return Err(Rule::UnknownHash) };
        if signer_key.len() != phc.tag.len() {
            return Err(Rule::UnknownHash);
        }
        Ok(Self { cost: Cost::new(ln, r, 1)?, salt: [phc.salt, separator].concat(), signer_key, tag: phc.tag })
    }

    pub fn verify(&self, password: &[u8]) -> Result<bool> {
        let mut key = Zeroizing::new([0u8; 32]);
        self.cost.derive(password, &self.salt, key.as_mut())?;
        // AES-256-CTR from a zero block. Decrypting the tag is the same work as encrypting the signer key.
        let mut plain = self.tag.clone();
        UnboundCipherKey::new(&AES_256, key.as_ref())
            .and_then(DecryptingKey::ctr)
            .and_then(|key| key.decrypt(&mut plain, DecryptionContext::Iv128(FixedLength::from([0u8; 16]))).map(|_| ()))
            .map_err(|_| Error::internal("AES-256-CTR refused"))?;
        Ok(secret::equal(&plain, &self.signer_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{Format, foreign::assert_known};

    /// Made with Python's hashlib and cryptography.
    #[test]
    fn known_answer() {
        assert_known(
            "$firebase-scrypt$ln=10,r=8,sep=Bw,key=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA$c2FsdHNhbHRzYWx0$k/mYBYibuUsIr4cW9t2yx+pSb82anphD0++iTk+z9lRtHfzVW9tjOU7w2h8zoi+NLvYWIeC1LO83svwoCMSE5Q",
            Format::FirebaseScrypt,
        );
    }

    /// The sample of Firebase's own command-line tool.
    #[test]
    fn published_answer() {
        let text = "$firebase-scrypt$ln=14,r=8,sep=Bw==,key=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
        assert!(Stored::parse(text).unwrap().verify(b"user1password").unwrap());
    }

    #[test]
    fn a_hash_without_its_key_is_refused() {
        let text = "$firebase-scrypt$ln=10,r=8,sep=Bw,key=$c2FsdA$k/mYBYibuUsIr4cW9t2yxw";
        assert_eq!(Stored::parse(text).err(), Some(Rule::UnknownHash));
        let text = "$firebase-scrypt$ln=40,r=8,sep=Bw,key=k/mYBYibuUsIr4cW9t2yxw$c2FsdA$k/mYBYibuUsIr4cW9t2yxw";
        assert!(matches!(Stored::parse(text), Err(Rule::CostlyHash(_))));
    }
}
