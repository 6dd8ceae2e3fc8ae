//! A client that speaks product.

use std::net::SocketAddr;

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use super::contract;

/// A password that every policy takes.
pub const PASSWORD: &str = "Correct-Horse-7-Battery";

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    http: reqwest::Client,
    headers: HeaderMap,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub access: String,
    pub refresh: String,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { address, http, headers: HeaderMap::new() }
    }

    /// The same client with one more header in every request.
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        client
    }

    /// The same client with this bearer token.
    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// Sends a request; `path` begins with a slash.
    pub async fn send(&self, method: &str, path: &str, body: Option<(&str, Vec<u8>)>) -> Reply {
        self.try_send(method, path, body).await.unwrap()
    }

    /// Sends a request to a server that may die meanwhile.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Reply, reqwest::Error> {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        request = request.headers(self.headers.clone());
        if let Some((kind, bytes)) = body {
            request = request.header("content-type", kind).body(bytes);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let reply = Reply { status, headers, text: response.text().await? };
        contract::check(method, path, &reply);
        Ok(reply)
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, Some(("application/json", body.to_string().into_bytes()))).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, Some(("application/json", body.to_string().into_bytes()))).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, Some(("application/json", body.to_string().into_bytes()))).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, None).await
    }

    pub async fn form(&self, path: &str, body: &str) -> Reply {
        self.send("POST", path, Some(("application/x-www-form-urlencoded", body.as_bytes().to_vec()))).await
    }

    /// Registers `<name>@example.com` with [`PASSWORD`].
    pub async fn register(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "full_name": format!("{name} Example")});
        self.post("/api/v1/auth/register", body).await.expect(201).person()
    }

    /// Signs in with [`PASSWORD`].
    pub async fn login(&self, email: &str) -> Reply {
        self.login_with(email, PASSWORD).await
    }

    pub async fn login_with(&self, email: &str, password: &str) -> Reply {
        self.post("/api/v1/auth/login", json!({"email": email, "password": password})).await
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        self.post("/api/v1/auth/refresh", json!({"refresh_token": token})).await
    }

    /// What `GET /users/me` answers this bearer.
    pub async fn me(&self, access: &str) -> Reply {
        self.bearer(access).get("/api/v1/users/me").await
    }
}

impl Reply {
    /// Goes on only with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The problem's `code`.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The broken rules as `field:code`.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        let body = self.json();
        let faults = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        faults.iter().map(|fault| format!("{}:{}", text(fault, "field"), text(fault, "code"))).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The person that a `TokenResponse` tells of.
    #[track_caller]
    pub fn person(&self) -> Person {
        let body = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned();
        Person {
            id: text(&body["user"]["id"]),
            email: text(&body["user"]["email"]),
            access: text(&body["access_token"]),
            refresh: text(&body["refresh_token"]),
        }
    }
}
