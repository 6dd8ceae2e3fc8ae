//! What `POST /register` and `POST /sign-up` take.

use std::net::IpAddr;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::body::confirmed;
use crate::{
    account::{Email, Names, Username},
    body,
    error::{Error, Result, Rule},
    http::{Input, Line},
    login::register::Applicant,
    password::Password,
};

/// An IP address, in its one canonical form.
pub(crate) struct Address(String);

impl Address {
    /// The text, to keep.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl Input for Address {
    fn read(value: &Value) -> Result<Self, Rule> {
        let address = value.as_str().and_then(|text| text.trim().parse::<IpAddr>().ok());
        address.map(|ip| Self(ip.to_string())).ok_or_else(|| Rule::new("invalid_ip", "This must be an IP address."))
    }
    fn schema() -> Value {
        let mut schema = IpAddr::schema();
        schema["description"] = json!("An IPv4 or IPv6 address.");
        schema["examples"] = json!(["192.0.2.7"]);
        schema
    }
}

/// The one role that anybody may give himself.
pub(crate) struct OwnRole;

impl Input for OwnRole {
    fn read(value: &Value) -> Result<Self, Rule> {
        if value == "user" { Ok(Self) } else { Err(Rule::new("not_allowed", "A new account has the role 'user'.")) }
    }
    fn schema() -> Value {
        json!({"type": "string", "enum": ["user"]})
    }
}

body! {
    /// What `POST /register` takes.
    pub(crate) struct Register {
        /// The e-mail address.
        pub(crate) email: Email,
        /// The password.
        #[example("Correct-Horse-7-Battery")]
        pub(crate) password: Password,
        /// The password once more; it must match when given.
        #[example("Correct-Horse-7-Battery")]
        pub(crate) confirm_password: Option<SecretString>,
        /// The whole name; needed unless both of its parts are given.
        #[example("Ann Lee")]
        pub(crate) full_name: Option<Line<2, 255>>,
        /// The first name or names.
        #[example("Ann")]
        pub(crate) first_name: Option<Line<1, 100>>,
        /// The last name.
        #[example("Lee")]
        pub(crate) last_name: Option<Line<1, 100>>,
        /// The name to sign in with, beside the address.
        #[example("ann.lee")]
        pub(crate) username: Option<Username>,
        /// The gender, as told.
        #[example("female")]
        pub(crate) gender: Option<Line<1, 50>>,
        /// A telephone number.
        #[example("+351 21 555 0100")]
        pub(crate) phone: Option<Line<1, 20>>,
    }
}

body! {
    /// What `POST /sign-up` takes.
    pub(crate) struct SignUp {
        /// The e-mail address.
        email: Email,
        /// The password.
        #[example("Correct-Horse-7-Battery")]
        password: Password,
        /// The password once more; it must match when given.
        #[example("Correct-Horse-7-Battery")]
        confirm_password: Option<SecretString>,
        /// The whole name; needed unless both of its parts are given.
        #[example("Ann Lee")]
        full_name: Option<Line<2, 255>>,
        /// The first name or names.
        #[example("Ann")]
        first_name: Option<Line<1, 100>>,
        /// The last name.
        #[example("Lee")]
        last_name: Option<Line<1, 100>>,
        /// The name to sign in with, beside the address.
        #[example("ann.lee")]
        username: Option<Username>,
        /// The gender, as told.
        #[example("female")]
        gender: Option<Line<1, 50>>,
        /// A telephone number.
        #[example("+351 21 555 0100")]
        phone: Option<Line<1, 20>>,
        /// The address in the network that the person had.
        ip_address: Option<Address>,
        /// `user`, when given.
        role: Option<OwnRole>,
    }
}

impl SignUp {
    /// Its own fields apart; the role was judged as it was read.
    pub(crate) fn split(self) -> (Register, Option<Address>) {
        let Self { role: None | Some(OwnRole), .. } = self;
        let body = self;
        let register = Register {
            email: body.email,
            password: body.password,
            confirm_password: body.confirm_password,
            full_name: body.full_name,
            first_name: body.first_name,
            last_name: body.last_name,
            username: body.username,
            gender: body.gender,
            phone: body.phone,
        };
        (register, body.ip_address)
    }
}

impl Register {
    pub(crate) fn applicant(self, ip_address: Option<Address>) -> Result<Applicant> {
        confirmed(&self.password, self.confirm_password.as_ref())?;
        Ok(Applicant {
            email: self.email,
            username: self.username,
            names: names(self.full_name, self.first_name, self.last_name)?,
            gender: self.gender.map(Line::into_string),
            phone: self.phone.map(Line::into_string),
            ip_address: ip_address.map(|address| address.0),
            password: self.password,
        })
    }
}

/// The names of a new account: the whole one, or both of its parts.
pub(crate) fn names(
    full: Option<Line<2, 255>>,
    first: Option<Line<1, 100>>,
    last: Option<Line<1, 100>>,
) -> Result<Names> {
    if full.is_none() && (first.is_none() || last.is_none()) {
        return Err(Error::invalid("full_name", "required", "Give full_name, or first_name and last_name."));
    }
    Ok(Names::complete(full.map(Line::into_string), first.map(Line::into_string), last.map(Line::into_string)))
}
