//! The PHC string form: `$id[$v=number]$name=value,name=value$salt$tag`.

use std::str::FromStr;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Base64 as hashes from elsewhere write it: padded or not, the unused last bits of any value.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, TOLERANT);

/// How tolerantly every alphabet is read here. What is decoded is compared, never stored.
pub(super) const TOLERANT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// The shortest tag that is taken, in bytes. A shorter one would be guessed by chance.
pub(super) const MIN_TAG_LEN: usize = 16;

/// A PHC string, taken apart.
pub(super) struct Phc<'a> {
    pub id: &'a str,
    pub version: Option<u32>,
    pub salt: Vec<u8>,
    pub tag: Vec<u8>,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Phc<'a> {
    /// Takes a PHC string apart, when it is one with exactly these parameters, in any order.
    pub fn parse(text: &'a str, names: &[&str]) -> Option<Self> {
        let mut fields = text.strip_prefix('$')?.split('$').peekable();
        let id = fields.next()?;
        let version = match fields.peek()?.strip_prefix("v=") {
            Some(version) => {
                fields.next();
                Some(number(version)?)
            }
            None => None,
        };
        let parameters = fields.next()?.split(',').map(|pair| pair.split_once('=')).collect::<Option<Vec<_>>>()?;
        let (salt, tag) = (BASE64.decode(fields.next()?).ok()?, BASE64.decode(fields.next()?).ok()?);
        let whole = fields.next().is_none()
            && tag.len() >= MIN_TAG_LEN
            && parameters.len() == names.len()
            && names.iter().all(|name| parameters.iter().any(|(given, _)| given == name));
        whole.then_some(Self { id, version, salt, tag, parameters })
    }

    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    /// A parameter that is a number.
    pub fn number(&self, name: &str) -> Option<u32> {
        number(self.text(name)?)
    }
}

/// A decimal number without sign.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
