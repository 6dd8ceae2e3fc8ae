//! What callers do until the crash.
//!
//! An answer that contradicts what they were told before fails the test. No answer, or a 503, says nothing.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::model::{Crowd, Fate, Person, Registration, Session};
use crate::kit::client::{Client, PASSWORD, Reply};

/// No answer came.
pub struct Lost;

type Answer<T = ()> = Result<T, Lost>;

/// Where the crash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Far: every request must be answered.
    Ahead,
    /// Here.
    Now,
    Over,
}

impl Crowd {
    /// Goes on until no answer comes, or the crash is over.
    pub async fn work(&mut self, client: &Client, crash: watch::Receiver<Crash>) {
        while *crash.borrow() != Crash::Over {
            if self.act(client).await.is_err() {
                assert_ne!(*crash.borrow(), Crash::Ahead, "no answer though all is well");
                return;
            }
            self.answers += 1;
        }
    }

    async fn act(&mut self, client: &Client) -> Answer {
        let what = self.random.below(100);
        match what {
            0..8 => self.register(client).await,
            8..14 => self.sign_in(client).await,
            14..46 => self.refresh(client).await,
            46..54 => self.refresh_twice_at_once(client).await,
            54..62 => self.repeat_a_refresh(client).await,
            62..76 => self.rename(client).await,
            76..86 => self.leave(client).await,
            86..89 => self.leave_everywhere(client).await,
            89..94 => self.steal(client).await,
            _ => self.look(client).await,
        }
    }

    async fn register(&mut self, client: &Client) -> Answer {
        self.newcomer().register(client).await
    }

    async fn sign_in(&mut self, client: &Client) -> Answer {
        let Some(person) = self.somebody() else { return self.register(client).await };
        person.touched = true;
        let reply = client.ask("POST", "/auth/login", json!({"email": person.email, "password": PASSWORD})).await?;
        let told = reply.expect(200).person();
        person.sessions.push(Session::new(told.access, told.refresh));
        Ok(())
    }

    async fn refresh(&mut self, client: &Client) -> Answer {
        let Some((person, n)) = self.session(Session::is_usual) else { return self.sign_in(client).await };
        let session = &mut person.sessions[n];
        session.refreshing = true;
        let told = client.present(&session.token).await?.expect(200).person();
        assert_ne!(told.refresh, session.token, "a refresh token was not replaced");
        session.rotated(told.access, told.refresh);
        Ok(())
    }

    async fn refresh_twice_at_once(&mut self, client: &Client) -> Answer {
        let Some((person, n)) = self.session(Session::is_usual) else { return self.sign_in(client).await };
        let session = &mut person.sessions[n];
        session.refreshing = true;
        let token = session.token.clone();
        let both = tokio::join!(client.present(&token), client.present(&token));
        let (one, other) = (both.0?.expect(200).person(), both.1?.expect(200).person());
        assert_eq!(one.refresh, other.refresh, "one token has two successors");
        session.rotated(one.access, one.refresh);
        Ok(())
    }

    /// As a client does whose answer was lost.
    async fn repeat_a_refresh(&mut self, client: &Client) -> Answer {
        let Some((person, n)) = self.session(Session::is_repeatable) else { return self.refresh(client).await };
        person.sessions[n].repeat(client).await
    }

    async fn rename(&mut self, client: &Client) -> Answer {
        let name = format!("Name {}", self.random.next());
        let Some((person, n)) = self.session(Session::is_usual) else { return self.sign_in(client).await };
        person.wish = Some(name.clone());
        let bearer = client.bearer(&person.sessions[n].access);
        let reply = bearer.ask("PATCH", "/users/me", json!({"full_name": name})).await?.expect(200);
        (person.name, person.wish, person.version) = (name, None, person.version + 1);
        assert_eq!(version(&reply), person.version, "{}", person.email);
        Ok(())
    }

    async fn leave(&mut self, client: &Client) -> Answer {
        let by_token = self.random.one_in(2);
        let Some((person, n)) = self.session(Session::is_usual) else { return self.sign_in(client).await };
        let session = &mut person.sessions[n];
        session.fate = Fate::Ending;
        let reply = if by_token {
            client.ask("POST", "/auth/logout", json!({"refresh_token": session.token})).await?
        } else {
            client.bearer(&session.access).ask("POST", "/auth/logout", json!({})).await?
        };
        reply.expect(200);
        session.ended();
        Ok(())
    }

    async fn leave_everywhere(&mut self, client: &Client) -> Answer {
        let Some((person, n)) = self.session(Session::is_usual) else { return self.sign_in(client).await };
        let bearer = client.bearer(&person.sessions[n].access);
        let mut living: Vec<_> = person.sessions.iter_mut().filter(|session| session.fate == Fate::Alive).collect();
        for session in &mut living {
            (session.fate, session.touched) = (Fate::Ending, true);
        }
        bearer.ask("POST", "/auth/logout-all", json!({})).await?.expect(200);
        living.into_iter().for_each(Session::ended);
        Ok(())
    }

    /// A token comes back whose successor was presented: the refusal ends the session.
    async fn steal(&mut self, client: &Client) -> Answer {
        let stolen = |session: &Session| session.is_usual() && session.spent.is_some();
        let Some((person, n)) = self.session(stolen) else { return self.refresh(client).await };
        let session = &mut person.sessions[n];
        session.fate = Fate::Ending;
        let reply = client.present(session.spent.as_ref().unwrap()).await?;
        assert_eq!(reply.expect(401).code(), "refresh_reused");
        session.ended();
        Ok(())
    }

    async fn look(&mut self, client: &Client) -> Answer {
        let Some((person, n)) = self.session(|_| true) else { return self.sign_in(client).await };
        let session = &person.sessions[n];
        let reply = client.bearer(&session.access).ask("GET", "/users/me", Value::Null).await?;
        match session.fate {
            Fate::Alive => drop(reply.expect(200)),
            Fate::Ended(when) if when.elapsed() > super::HEARD => drop(reply.expect(401)),
            Fate::Ended(_) | Fate::Ending => {}
        }
        Ok(())
    }
}

impl Person {
    pub async fn register(&mut self, client: &Client) -> Answer {
        let body = json!({"email": self.email, "password": PASSWORD, "full_name": self.name});
        let told = client.ask("POST", "/auth/register", body).await?.expect(201).person();
        self.registration = Registration::Acknowledged;
        self.sessions.push(Session::new(told.access, told.refresh));
        Ok(())
    }
}

impl Session {
    pub async fn repeat(&mut self, client: &Client) -> Answer {
        let (parent, _) = self.parent.as_ref().unwrap();
        let told = client.present(parent).await?.expect(200).person();
        assert_eq!(told.refresh, self.token, "the same token got another successor");
        self.access = told.access;
        Ok(())
    }
}

impl Client {
    /// Asks; a 503 is no answer.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answer<Reply> {
        let body = (!body.is_null()).then(|| ("application/json", body.to_string().into_bytes()));
        let reply = self.try_send(method, &format!("/api/v1{path}"), body).await.map_err(|_| Lost)?;
        if reply.status == 503 { Err(Lost) } else { Ok(reply) }
    }

    /// Presents a refresh token.
    pub async fn present(&self, token: &str) -> Answer<Reply> {
        self.ask("POST", "/auth/refresh", json!({"refresh_token": token})).await
    }
}

/// The version that an answer's `ETag` names.
pub fn version(reply: &Reply) -> i64 {
    let etag = reply.header("etag").unwrap_or_default();
    etag.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or_else(|_| panic!("{etag}"))
}
