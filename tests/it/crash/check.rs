//! Whether what callers were told is still true, as far as a caller can see.
//!
//! Each check settles what was open: afterwards the model is certain again.

use serde_json::{Value, json};

use super::{
    caller::{Lost, version},
    model::{Crowd, Fate, Person, Registration, Session},
};
use crate::kit::{
    client::{Client, PASSWORD, Reply},
    random::Random,
};

/// Of what was not touched since the last check, one in so many is looked at again.
const SAMPLE: usize = 10;

impl Crowd {
    pub async fn check(&mut self, client: &Client) {
        for person in &mut self.people {
            if person.touched || self.random.one_in(SAMPLE) {
                person.check(client, &mut self.random).await;
            }
        }
    }
}

impl Person {
    async fn check(&mut self, client: &Client, random: &mut Random) {
        if self.registration == Registration::Unanswered {
            self.settle_registration(client).await;
        }
        for session in &mut self.sessions {
            if session.touched || random.one_in(SAMPLE) {
                session.check(client, random).await;
            }
        }
        self.touched = self.sessions.iter().any(|session| session.touched);
        self.check_record(client, random).await;
    }

    /// Either the account can be entered, or its address is free.
    async fn settle_registration(&mut self, client: &Client) {
        if !self.sign_in(client).await {
            answered(self.register(client).await);
        }
        self.registration = Registration::Acknowledged;
    }

    async fn sign_in(&mut self, client: &Client) -> bool {
        let body = json!({"email": self.email, "password": PASSWORD});
        let mut reply = answered(client.ask("POST", "/auth/login", body.clone()).await);
        // A try that a crash cut off counts as failed: after a few, one waits as anybody would.
        while reply.status == 429 {
            let wait = reply.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap_or(1);
            tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
            reply = answered(client.ask("POST", "/auth/login", body.clone()).await);
        }
        if reply.status == 401 {
            return false;
        }
        let told = reply.expect(200).person();
        self.sessions.push(Session::new(told.access, told.refresh));
        true
    }

    /// The name and the version are those of the last change, or of the one that was not answered.
    async fn check_record(&mut self, client: &Client, random: &mut Random) {
        let alive = |person: &Self| person.sessions.iter().position(|session| session.fate == Fate::Alive);
        if alive(self).is_none() && (self.wish.is_some() || random.one_in(4)) {
            assert!(self.sign_in(client).await, "the account {} is gone", self.email);
        }
        let Some(n) = alive(self) else { return };
        let reply = look(client, &self.sessions[n]).await.expect(200);
        if let Some(wish) = self.wish.take()
            && reply.json()["full_name"] == wish.as_str()
        {
            (self.name, self.version) = (wish, self.version + 1);
        }
        assert_eq!(reply.json()["full_name"], self.name.as_str(), "a change of {} is lost", self.email);
        assert_eq!(version(&reply), self.version, "{}", self.email);
    }
}

impl Session {
    async fn check(&mut self, client: &Client, random: &mut Random) {
        match self.fate {
            Fate::Alive if self.is_usual() && random.one_in(SAMPLE) => self.must_not_be_stolen(client).await,
            Fate::Alive => self.must_live(client).await,
            Fate::Ending => self.settle_end(client).await,
            Fate::Ended(_) => self.must_be_over(client).await,
        }
    }

    async fn must_live(&mut self, client: &Client) {
        look(client, self).await.expect(200);
        // An acknowledged rotation: its parent still leads to the same token.
        if self.is_repeatable() {
            answered(self.repeat(client).await);
        }
        let told = answered(client.present(&self.token).await).expect(200).person();
        assert_ne!(told.refresh, self.token);
        self.rotated(told.access, told.refresh);
        self.touched = false;
    }

    /// A token that was used up, and its successor too, ends the session when it comes back.
    async fn must_not_be_stolen(&mut self, client: &Client) {
        let Some(spent) = &self.spent else { return self.must_live(client).await };
        let reply = answered(client.present(spent).await).expect(401);
        assert_eq!(reply.code(), "refresh_reused");
        self.ended();
        self.must_be_over(client).await;
    }

    async fn settle_end(&mut self, client: &Client) {
        let reply = answered(client.present(&self.token).await);
        if reply.status == 401 {
            return self.ended();
        }
        let told = reply.expect(200).person();
        self.rotated(told.access, told.refresh);
        self.fate = Fate::Alive;
        self.must_live(client).await;
    }

    async fn must_be_over(&mut self, client: &Client) {
        let Fate::Ended(when) = self.fate else { unreachable!("it has ended") };
        let tokens = [Some(&self.token), self.parent.as_ref().map(|(token, _)| token), self.spent.as_ref()];
        for token in tokens.into_iter().flatten() {
            let reply = answered(client.present(token).await);
            assert_eq!(reply.status, 401, "a token of an ended session is accepted: {}", reply.text);
        }
        // Other nodes may believe what they remember for so long.
        if when.elapsed() > super::HEARD {
            let reply = look(client, self).await;
            assert_eq!(reply.status, 401, "an ended session is let in: {}", reply.text);
            self.touched = false;
        }
    }
}

async fn look(client: &Client, session: &Session) -> Reply {
    answered(client.bearer(&session.access).ask("GET", "/users/me", Value::Null).await)
}

/// Nothing has crashed, so there must be an answer.
fn answered<T>(answer: Result<T, Lost>) -> T {
    answer.unwrap_or_else(|Lost| panic!("no answer though all is well"))
}
