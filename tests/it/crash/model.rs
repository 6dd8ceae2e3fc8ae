//! What callers were told, and so what must be true.
//!
//! The intention is written down before a request is sent, the answer when it is there. What was never answered
//! may have taken place or not; it must not have taken place in part.

use std::time::Instant;

use crate::kit::random::Random;

/// The accounts of one caller. He does one thing at a time, so what he knows is certain but for his last wish.
pub struct Crowd {
    pub name: String,
    pub random: Random,
    pub people: Vec<Person>,
    /// How many registrations he sent.
    pub sent: usize,
    /// How many answers he got.
    pub answers: usize,
}

/// An account.
pub struct Person {
    pub email: String,
    pub registration: Registration,
    /// The name that was acknowledged last.
    pub name: String,
    /// A name that was sent and not answered.
    pub wish: Option<String>,
    /// Its version: one, and one more for each change.
    pub version: i64,
    pub sessions: Vec<Session>,
    /// Something happened since the last check.
    pub touched: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Unanswered,
    Acknowledged,
}

/// A session and its newest tokens.
pub struct Session {
    pub access: String,
    /// The refresh token that was given last.
    pub token: String,
    /// The token that was used up for it, and when: within a minute it gives the same one again.
    pub parent: Option<(String, Instant)>,
    /// The token before that, whose successor was presented: whoever shows it is a thief.
    pub spent: Option<String>,
    /// `token` was presented, and no answer came.
    pub refreshing: bool,
    pub fate: Fate,
    pub touched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Alive,
    /// Its end was asked for and not answered.
    Ending,
    /// Its end was acknowledged then.
    Ended(Instant),
}

impl Crowd {
    pub fn new(name: String, random: Random) -> Self {
        Self { name, random, people: Vec::new(), sent: 0, answers: 0 }
    }

    /// Somebody new, of whose registration nothing was heard yet.
    pub fn newcomer(&mut self) -> &mut Person {
        self.sent += 1;
        let name = format!("{}-{}", self.name, self.sent);
        self.people.push(Person {
            email: format!("{name}@example.com"),
            registration: Registration::Unanswered,
            name,
            wish: None,
            version: 1,
            sessions: Vec::new(),
            touched: true,
        });
        self.people.last_mut().unwrap()
    }

    /// Some account that is known to be there.
    pub fn somebody(&mut self) -> Option<&mut Person> {
        let there = |person: &Person| person.registration == Registration::Acknowledged;
        let known: Vec<_> = (0..self.people.len()).filter(|n| there(&self.people[*n])).collect();
        (!known.is_empty()).then(|| &mut self.people[known[self.random.below(known.len())]])
    }

    /// Some session that is like this, and whose it is.
    pub fn session(&mut self, is: impl Fn(&Session) -> bool) -> Option<(&mut Person, usize)> {
        let all = self.people.iter().enumerate();
        let places = all.flat_map(|(p, person)| (0..person.sessions.len()).map(move |s| (p, s)));
        let fit: Vec<_> = places.filter(|(p, s)| is(&self.people[*p].sessions[*s])).collect();
        if fit.is_empty() {
            return None;
        }
        let (person, session) = fit[self.random.below(fit.len())];
        self.people[person].touched = true;
        self.people[person].sessions[session].touched = true;
        Some((&mut self.people[person], session))
    }
}

impl Session {
    pub fn new(access: String, token: String) -> Self {
        Self { access, token, parent: None, spent: None, refreshing: false, fate: Fate::Alive, touched: true }
    }

    /// Whether it lives and all about it is known.
    pub fn is_usual(&self) -> bool {
        self.fate == Fate::Alive && !self.refreshing
    }

    /// Its parent may still be presented without harm.
    pub fn is_repeatable(&self) -> bool {
        self.is_usual() && self.parent.as_ref().is_some_and(|(_, used)| used.elapsed().as_secs() < 30)
    }

    /// A refresh was answered: with a new token, or once more with the one that is known.
    pub fn rotated(&mut self, access: String, token: String) {
        self.refreshing = false;
        self.access = access;
        if self.token != token {
            let used = std::mem::replace(&mut self.token, token);
            self.spent = self.parent.replace((used, Instant::now())).map(|(token, _)| token);
        }
    }

    pub fn ended(&mut self) {
        self.fate = Fate::Ended(Instant::now());
    }
}
