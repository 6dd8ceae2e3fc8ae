//! Another service that documents are posted to, on the loopback: a collector of traces, or who knows who has paid.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it does with what it is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Willing,
    /// It takes connections and never answers.
    Deaf,
}

/// A collector. It keeps each request, head and body.
pub struct Collector {
    pub url: String,
    pub requests: Arc<Mutex<Vec<String>>>,
    /// With what a willing one answers.
    pub status: Arc<AtomicU16>,
}

impl Collector {
    pub async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let status = Arc::new(AtomicU16::new(200));
        let (kept, answered) = (Arc::clone(&requests), Arc::clone(&status));
        tokio::spawn(async move {
            let mut deaf = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                match mood {
                    Mood::Willing => drop(tokio::spawn(take(stream, Arc::clone(&kept), Arc::clone(&answered)))),
                    Mood::Deaf => deaf.push(stream),
                }
            }
        });
        Self { url, requests, status }
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Everything that came so far, as text.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Every span that came so far.
    pub fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for request in self.requests() {
            let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
            let scope = &body["resourceSpans"][0]["scopeSpans"][0];
            spans.extend(scope["spans"].as_array().unwrap().iter().cloned());
        }
        spans
    }

    /// The spans of this name.
    pub fn named(&self, name: &str) -> Vec<Value> {
        self.spans().into_iter().filter(|span| span["name"] == name).collect()
    }
}

async fn take(stream: TcpStream, kept: Arc<Mutex<Vec<String>>>, status: Arc<AtomicU16>) {
    let mut stream = BufReader::new(stream);
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return;
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    kept.lock().unwrap().push(head + &String::from_utf8(body).unwrap());
    let status = status.load(Ordering::SeqCst);
    let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
    stream.write_all(answer.as_bytes()).await.unwrap();
}
