//! A real Chromium, by the `WebDriver` protocol: what a page shows, and what it asks of whom.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Browsers are slow to start on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Browser {
    http: reqwest::Client,
    port: u16,
    session: String,
    driver: Child,
    _folder: TempDir,
}

impl Browser {
    /// Starts one that reaches this machine and no other, and knows nothing of earlier ones.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("no chromedriver: run the tests by ./test, which installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        std::thread::spawn(move || lines.count());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--window-size=1280,1400",
            &format!("--user-data-dir={}", folder.path().join("profile").display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let port = port.expect("chromedriver does not start");
        let mut browser = Self { http, port, session: String::new(), driver, _folder: folder };
        let url = format!("http://127.0.0.1:{port}/session");
        let reply = browser.http.post(url).json(&wanted).send().await.unwrap().json::<Value>().await.unwrap();
        reply["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{reply}")).clone_into(&mut browser.session);
        // The browser's own first page is made of its own files.
        browser.open("about:blank").await;
        browser.asked().await;
        browser
    }

    /// Goes to an address and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({"url": url})).await;
    }

    /// Runs a function body in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Waits until an expression is true of the page.
    pub async fn wait_for(&self, condition: &str) {
        let begun = std::time::Instant::now();
        while self.run(&format!("return Boolean({condition})")).await != true {
            if begun.elapsed() > PATIENCE {
                let text = self.run("return document.body.innerText").await;
                panic!("it never becomes true that {condition}\n{:?}\n{text}", self.log("browser").await);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Clicks on what an expression finds, as soon as it is there.
    pub async fn click(&self, element: &str) {
        self.wait_for(element).await;
        let id = self.element(element).await;
        self.post(&format!("/element/{id}/click"), json!({})).await;
    }

    /// Types into what an expression finds, key by key.
    pub async fn type_into(&self, element: &str, text: &str) {
        self.wait_for(element).await;
        let id = self.element(element).await;
        self.post(&format!("/element/{id}/value"), json!({"text": text})).await;
    }

    /// What the page looks like, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let url = format!("http://127.0.0.1:{}/session/{}/screenshot", self.port, self.session);
        let reply = self.http.get(url).send().await.unwrap().json::<Value>().await.unwrap();
        BASE64_STANDARD.decode(reply["value"].as_str().unwrap()).unwrap()
    }

    /// What the console says: errors of scripts, refusals by the policy, loads that failed.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        entries.iter().filter(|entry| entry["level"] == "SEVERE").map(|entry| entry["message"].to_string()).collect()
    }

    /// The addresses that were asked for since the last time.
    pub async fn asked(&self) -> Vec<String> {
        let entries = self.log("performance").await;
        let events = entries.iter().filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok());
        let requests = events.filter(|event| event["message"]["method"] == "Network.requestWillBeSent");
        requests.filter_map(|event| Some(event["message"]["params"]["request"]["url"].as_str()?.to_owned())).collect()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", json!({"type": kind})).await.as_array().unwrap().clone()
    }

    async fn element(&self, element: &str) -> String {
        let found =
            self.run(&format!("let found = {element}; found.scrollIntoView({{block: 'center'}}); return found")).await;
        found.as_object().and_then(|found| found.values().next()?.as_str()).expect("an element").to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("http://127.0.0.1:{}/session/{}{path}", self.port, self.session);
        let response = self.http.post(url).json(&body).send().await.unwrap();
        let is_fine = response.status().is_success();
        let mut reply = response.json::<Value>().await.unwrap();
        assert!(is_fine, "{path} {body}: {}", reply["value"]["message"]);
        reply["value"].take()
    }
}

impl Drop for Browser {
    /// The driver ends its browser when the session ends, and must not be ended before that.
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
            let (session, port) = (&self.session, self.port);
            let _ = write!(stream, "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
            let _ = stream.read(&mut [0; 1_024]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
