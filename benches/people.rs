//! Who sends requests: people with their tokens, as the generator's clients.

use std::net::SocketAddr;

use super::load::{Answer, Client};

pub const PASSWORD: &str = "Correct-Horse-7-Battery";

/// A request with a JSON body.
pub fn post(path: &str, body: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"POST ");
    out.extend_from_slice(path.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ");
    out.extend_from_slice(body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body.as_bytes());
}

/// A text member of a JSON answer.
pub fn member<'a>(body: &'a [u8], name: &str) -> &'a str {
    let text = std::str::from_utf8(body).unwrap();
    let (_, rest) = text.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split('"').next().unwrap()
}

/// The tokens of somebody who is signed in.
#[derive(Clone, Default)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

/// Registers people over HTTP.
pub fn register(address: SocketAddr, count: usize) -> Vec<Tokens> {
    use std::io::{Read, Write};
    let one = |n: usize| {
        let mut request = Vec::new();
        let name = format!("p{n}@example.com");
        post(
            "/api/v1/auth/register",
            &format!(r#"{{"email":"{name}","password":"{PASSWORD}","full_name":"Ada Lovelace"}}"#),
            &mut request,
        );
        let last = String::from_utf8(request).unwrap().replacen("host: bench", "host: bench\r\nconnection: close", 1);
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(last.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&answer));
        let text = |name| member(&answer, name).to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    };
    (0..count).map(one).collect()
}

/// Each asks the same again and again.
pub struct Same(pub Vec<Vec<u8>>);

impl Same {
    /// A plain `GET` by anybody.
    pub fn get(path: &str) -> Self {
        Self(vec![format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes()])
    }

    /// `GET /users/me`.
    pub fn me(people: &[Tokens]) -> Self {
        let request = |tokens: &Tokens| {
            let bearer = &tokens.access;
            format!("GET /api/v1/users/me HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {bearer}\r\n\r\n")
                .into_bytes()
        };
        Self(people.iter().map(request).collect())
    }
}

impl Client for Same {
    fn ask(&mut self, connection: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.0[connection % self.0.len()]);
    }
}

/// Each refreshes with what the last refresh gave him.
pub struct Refreshing(pub Vec<Tokens>);

impl Client for Refreshing {
    fn ask(&mut self, connection: usize, request: &mut Vec<u8>) {
        let body = format!(r#"{{"refresh_token":"{}"}}"#, self.0[connection].refresh);
        post("/api/v1/auth/refresh", &body, request);
    }

    fn hear(&mut self, connection: usize, answer: &Answer<'_>) {
        if answer.status == 200 {
            member(answer.body, "refresh_token").clone_into(&mut self.0[connection].refresh);
        }
    }
}

/// One after the other signs in, each with the right password.
pub struct SigningIn {
    pub people: usize,
    pub next: usize,
}

impl Client for SigningIn {
    fn ask(&mut self, _: usize, request: &mut Vec<u8>) {
        let n = self.next % self.people;
        self.next += 1;
        post("/api/v1/auth/login", &format!(r#"{{"email":"s{n}@example.com","password":"{PASSWORD}"}}"#), request);
    }
}
