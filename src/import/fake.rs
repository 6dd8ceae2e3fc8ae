//! People who do not exist: for trying things out, and for measuring. The same seed makes the same people.

use fake::{
    Fake,
    faker::{
        address::raw::{CityName, CountryName},
        job::raw::Title,
        name::raw::{FirstName, LastName},
    },
    locales::EN,
    rand::{SeedableRng, rngs::StdRng},
};

use super::row::{Person, Row};
use crate::{
    account::{Arrival, Email, Username, Verification},
    app::App,
    clock::Time,
    error::{Error, Result, Rule},
    patch::Patch,
};

/// Where they have their addresses: a name that nobody can have (RFC 2606, section 2).
const DOMAIN: &str = "fake.example";
/// Accounts were made over so many days.
const DAYS: i64 = 5 * 365;
const DAY: i64 = 86_400_000_000;

/// A crowd, person by person.
pub struct Crowd {
    random: StdRng,
    next: u64,
    size: u64,
    now: Time,
}

impl Crowd {
    /// So many people of a seed, with accounts made in the five years before `now`.
    #[must_use]
    pub fn new(size: u64, seed: u64, now: Time) -> Self {
        Self { random: StdRng::seed_from_u64(seed), next: 0, size, now }
    }

    pub(super) fn row(&mut self) -> Option<Row> {
        if self.next == self.size {
            return None;
        }
        self.next += 1;
        let number = self.next;
        let person = self.person(number).map_err(|rule| vec![rule.of("email")]);
        Some(Row { number: number + 1, person, text: String::new() })
    }

    fn person(&mut self, number: u64) -> Result<Person, Rule> {
        Ok(Person { arrival: self.arrival(number)?, password: None, is_here: false })
    }

    fn arrival(&mut self, number: u64) -> Result<Arrival, Rule> {
        let first: String = FirstName(EN).fake_with_rng(&mut self.random);
        let last: String = LastName(EN).fake_with_rng(&mut self.random);
        let name: String =
            format!("{first}.{last}").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
        let name = format!("{}{number}", name.to_ascii_lowercase());
        let mut arrival = Arrival::new(Email::parse(&format!("{name}@{DOMAIN}"))?);
        arrival.username = self.one_in(2).then(|| Username::parse(&name).ok()).flatten();
        let (city, country): (String, String) =
            (CityName(EN).fake_with_rng(&mut self.random), CountryName(EN).fake_with_rng(&mut self.random));
        let changes = &mut arrival.changes;
        changes.first_name = Patch::Set(first);
        changes.last_name = Patch::Set(last);
        changes.current_title = Patch::Set(Title(EN).fake_with_rng(&mut self.random));
        changes.location = Patch::Set(format!("{city}, {country}"));
        changes.experience_years = Patch::Set((0..40).fake_with_rng(&mut self.random));
        changes.gender = Patch::Set(if self.one_in(2) { "female" } else { "male" }.into());
        arrival.is_active = !self.one_in(20);
        if self.one_in(5) {
            arrival.verification = Verification::Pending;
        }
        if self.one_in(10) {
            arrival.is_premium = Some(true);
            arrival.subscription_tier = Some(if self.one_in(4) { "enterprise" } else { "premium" }.into());
        }
        let micros: i64 = (0..DAYS * DAY).fake_with_rng(&mut self.random);
        let created = self.now.micros() - micros;
        arrival.created_at = Some(Time::from_micros(created));
        if !self.one_in(4) {
            let later: i64 = (0..=self.now.micros() - created).fake_with_rng(&mut self.random);
            arrival.last_login = Some(Time::from_micros(created + later));
        }
        Ok(arrival)
    }

    fn one_in(&mut self, n: u32) -> bool {
        (0..n).fake_with_rng::<u32, _>(&mut self.random) == 0
    }
}

/// The people themselves, for whoever brings them in otherwise.
impl Iterator for Crowd {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let row = self.row()?;
        row.person.ok().map(|person| person.arrival)
    }
}

/// Refuses a database in which real people are, whom these would drown.
///
/// # Errors
/// `conflict`.
pub async fn must_be_free(app: &App) -> Result<()> {
    if super::store::has_users(&mut app.db.read()).await? {
        return Err(Error::new(crate::error::Code::Conflict)
            .detail("There are real users in this database. Use another one, or --force."));
    }
    Ok(())
}
