//! From the cells of a row to somebody who arrives.

use serde_json::Value;

use super::{Options, Passwords, Roles, csv::Cells, export, field::Field, mapping::Mapping};
use crate::{
    access::Role,
    account::{Arrival, Email, Username, Verification, oversight::ExternalId},
    clock::Time,
    error::{Fault, Rule},
    http::{Input, Int, JsonObject, Line, Text},
    password::{self, Hash, Password},
    patch::Patch,
};

/// A row of the source.
#[derive(Debug)]
pub struct Row {
    /// Its number; the header is 1.
    pub number: u64,
    /// Who it tells of, or what is wrong with it.
    pub person: Result<Person, Vec<Fault>>,
    /// Its cells, without secrets.
    pub text: String,
}

/// Somebody who arrives, and perhaps a password that is not hashed yet.
#[derive(Debug)]
pub struct Person {
    /// What is known of him.
    pub arrival: Arrival,
    /// His password.
    pub password: Option<Password>,
    /// Whether he was found here before his password was hashed, and so is skipped.
    pub is_here: bool,
}

/// How the cells of a source tell their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With an apostrophe before what a spreadsheet would run, as an export has it.
    Escaped,
    /// As they are.
    Plain,
}

impl Form {
    fn text(self, cell: &str) -> &str {
        if self == Self::Escaped { export::unescaped(cell) } else { cell }
    }
}

/// The most of a row that is told where it was rejected, in bytes.
const TOLD: usize = 4_096;

impl Row {
    /// Reads a row; every fault is told.
    pub fn read(mapping: &Mapping, options: &Options, form: Form, number: u64, cells: Cells) -> Self {
        match cells {
            Ok(cells) => {
                Self { number, person: person(mapping, options, form, &cells), text: shown(mapping, form, &cells) }
            }
            Err(rule) => Self { number, person: Err(vec![rule.of("row")]), text: String::new() },
        }
    }
}

fn person(mapping: &Mapping, options: &Options, form: Form, cells: &[String]) -> Result<Person, Vec<Fault>> {
    let columns = mapping.columns();
    if cells.len() != columns.len() {
        let message = format!("This row has {} columns, the header {}.", cells.len(), columns.len());
        return Err(vec![Rule::new("wrong_columns", message).of("row")]);
    }
    let address = mapping.place(Field::Email).and_then(|n| cells.get(n)).map_or("", |cell| form.text(cell.trim()));
    let email = if address.is_empty() { Err(Rule::required()) } else { Email::parse(address) };
    let email = email.map_err(|rule| vec![rule.of("email")])?;
    let mut person = Person { arrival: Arrival::new(email), password: None, is_here: false };
    let mut faults = Vec::new();
    for ((_, field), cell) in columns.iter().zip(cells) {
        let Some(field) = field.filter(|field| *field != Field::Email && !cell.trim().is_empty()) else { continue };
        let cell = if field.is_secret() { cell } else { form.text(cell) };
        if let Err(rule) = person.take(field, cell, options) {
            faults.push(rule.of(field.as_str()));
        }
    }
    person.settle_password(options).unwrap_or_else(|rule| faults.push(rule.of("password")));
    if faults.is_empty() { Ok(person) } else { Err(faults) }
}

impl Person {
    fn take(&mut self, field: Field, cell: &str, options: &Options) -> Result<(), Rule> {
        let arrival = &mut self.arrival;
        let changes = &mut arrival.changes;
        match field {
            Field::Email => {}
            Field::Username => arrival.username = Some(Username::parse(cell.trim())?),
            Field::FullName => changes.full_name = Patch::Set(line::<2, 255>(cell)?),
            Field::FirstName => changes.first_name = Patch::Set(line::<1, 100>(cell)?),
            Field::LastName => changes.last_name = Patch::Set(line::<1, 100>(cell)?),
            Field::Phone => changes.phone = Patch::Set(line::<1, 20>(cell)?),
            Field::Gender => changes.gender = Patch::Set(line::<1, 50>(cell)?),
            Field::IpAddress => arrival.ip_address = Some(address(cell)?),
            Field::AvatarUrl => changes.avatar_url = Patch::Set(web(cell)?),
            Field::Bio => changes.bio = Patch::Set(Text::<0, 1_000>::read(&Value::from(cell))?.into_string()),
            Field::CurrentTitle => changes.current_title = Patch::Set(line::<1, 255>(cell)?),
            Field::ExperienceYears => {
                changes.experience_years = Patch::Set(Int::<0, 50>::parse(cell.trim().to_owned())?.get());
            }
            Field::EducationLevel => changes.education_level = Patch::Set(line::<1, 100>(cell)?),
            Field::CurrentRoleLevel => changes.current_role_level = Patch::Set(line::<1, 100>(cell)?),
            Field::Location => changes.location = Patch::Set(line::<1, 255>(cell)?),
            Field::Timezone => changes.timezone = Patch::Set(line::<1, 64>(cell)?),
            Field::UserMetadata => changes.user_metadata = Patch::Set(object(cell)?),
            Field::AppMetadata => arrival.app_metadata = Some(object(cell)?),
            Field::ExternalId => arrival.external_id = Some(ExternalId::parse(cell)?.as_str().to_owned()),
            Field::Role => arrival.role = role(cell, options)?,
            Field::IsActive => arrival.is_active = flag(cell)?,
            Field::IsVerified if flag(cell)? => {}
            Field::IsVerified => arrival.verification = Verification::Pending,
            Field::IsPremium => arrival.is_premium = Some(flag(cell)?),
            // Whether there is such a plan, and whether the importer may give it, is asked of the database.
            Field::SubscriptionTier => arrival.subscription_tier = Some(cell.trim().to_ascii_lowercase()),
            Field::SubscriptionStatus => {
                arrival.subscription_status = Some(word(cell, &["active", "canceled", "past_due"])?);
            }
            Field::MustChangePassword => arrival.must_change_password = flag(cell)?,
            Field::CreatedAt => arrival.created_at = Some(time(cell)?),
            Field::LastLogin => arrival.last_login = Some(time(cell)?),
            Field::PasswordHash => arrival.hash = Some(hash(cell)?),
            Field::Password => match Hash::parse(cell.trim()) {
                Ok(hash) => arrival.hash = Some(hash),
                Err(rule) if looks_hashed(cell.trim()) => return Err(rule_of(rule)),
                Err(_) => self.password = Some(Password::parse(cell).map_err(rule_of)?),
            },
        }
        Ok(())
    }

    /// A password that was written down must be changed, unless the importer says otherwise; then it must be a good one.
    fn settle_password(&mut self, options: &Options) -> Result<(), Rule> {
        if self.arrival.hash.is_some() {
            self.password = None;
            return Ok(());
        }
        let Some(password) = &self.password else {
            self.arrival.hash.clone_from(&options.default_hash);
            self.arrival.must_change_password |=
                self.arrival.hash.is_some() && options.passwords == Passwords::MustChange;
            return Ok(());
        };
        match options.passwords {
            Passwords::MustChange => self.arrival.must_change_password = true,
            Passwords::Keep(policy) => {
                let name = self.arrival.username.as_ref().map_or("", Username::as_str);
                policy.check(password, &[self.arrival.email.as_str(), name]).map_err(rule_of)?;
            }
        }
        Ok(())
    }
}

fn rule_of(rule: password::Rule) -> Rule {
    Rule::new(rule.code(), rule.sentence())
}

/// Whether a text has the form of a hash. One that cannot be verified would lock its person out if it were taken for a
/// password, and tell what the password is made from.
fn looks_hashed(text: &str) -> bool {
    let crypt = text.starts_with('$') && text.matches('$').count() >= 3;
    let hex = matches!(text.len(), 32 | 40 | 64 | 128) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    crypt || hex || text.starts_with("pbkdf2_") || text.starts_with("{S")
}

fn hash(cell: &str) -> Result<Hash, Rule> {
    Hash::parse(cell.trim()).map_err(rule_of)
}

fn line<const MIN: usize, const MAX: usize>(cell: &str) -> Result<String, Rule> {
    Line::<MIN, MAX>::read(&Value::from(cell)).map(Line::into_string)
}

fn address(cell: &str) -> Result<String, Rule> {
    let address: Result<std::net::IpAddr, _> = cell.trim().parse();
    address.map(|ip| ip.to_string()).map_err(|_| Rule::new("invalid_ip", "This must be an IPv4 or IPv6 address."))
}

fn web(cell: &str) -> Result<String, Rule> {
    let text = line::<1, 2_048>(cell)?;
    let is_web = ["https://", "http://"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme));
    let rule = || Rule::new("invalid_url", "This must be an address that begins with https:// or http://.");
    if is_web && !text.contains(char::is_whitespace) { Ok(text) } else { Err(rule()) }
}

fn object(cell: &str) -> Result<serde_json::Map<String, Value>, Rule> {
    let value: Value = serde_json::from_str(cell).map_err(|_| Rule::wrong_type("a JSON object"))?;
    JsonObject::<16_384>::read(&value).map(JsonObject::into_map)
}

fn flag(cell: &str) -> Result<bool, Rule> {
    match cell.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "0" => Ok(false),
        _ => Err(Rule::wrong_type("true or false")),
    }
}

fn word(cell: &str, words: &[&str]) -> Result<String, Rule> {
    let word = cell.trim().to_ascii_lowercase();
    let rule = || Rule::new("unknown_word", format!("This must be one of: {}.", words.join(", ")));
    if words.contains(&word.as_str()) { Ok(word) } else { Err(rule()) }
}

fn role(cell: &str, options: &Options) -> Result<Role, Rule> {
    let role = Role::parse(&cell.trim().to_ascii_lowercase());
    let role = role.ok_or_else(|| Rule::new("unknown_word", "This must be one of: user, admin, superadmin."))?;
    if role > Role::User && options.roles == Roles::Refused {
        return Err(Rule::new(
            "role_refused",
            "A role above user needs --allow-roles, and an importer who may grant it.",
        ));
    }
    Ok(role)
}

/// RFC 3339, or without a zone, then in UTC; with a blank instead of the T.
fn time(cell: &str) -> Result<Time, Rule> {
    let text = cell.trim().replacen(' ', "T", 1);
    let text = if text.len() == 10 { format!("{text}T00:00:00") } else { text };
    let time =
        Time::parse(&text).or_else(|| Time::parse(&format!("{text}Z"))).or_else(|| Time::parse(&format!("{text}:00")));
    time.ok_or_else(|| Rule::new("invalid_time", "This must be a time such as 2024-01-31T12:00:00Z."))
}

/// The row as one line of CSV; the cells of secrets are empty.
fn shown(mapping: &Mapping, form: Form, cells: &[String]) -> String {
    let secret = |n: usize| mapping.columns().get(n).and_then(|column| column.1).is_some_and(Field::is_secret);
    let mut text = String::new();
    for (n, cell) in cells.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        if !secret(n) && text.len() + cell.len() < TOLD {
            export::cell(form.text(cell), &mut text);
        }
    }
    text
}
