//! A wire between the application and `PostgreSQL` that can be cut, hang, or lose an answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use super::database::server;

/// How the wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Bytes pass.
    Whole,
    /// Connections are closed, new ones too.
    Cut,
    /// Nothing passes, and nobody is told.
    Hung,
}

/// A proxy on a port of its own. Dropping it cuts the wire for good.
pub struct Proxy {
    address: SocketAddr,
    server: SocketAddr,
    wire: watch::Sender<Wire>,
    loss: Loss,
}

/// What a transaction says whose commit is not answered.
type Loss = Arc<Mutex<Option<Vec<u8>>>>;

impl Proxy {
    /// Listens before the test's `PostgreSQL` server.
    pub async fn start() -> Self {
        let config: tokio_postgres::Config = server().parse().unwrap();
        let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("the server has no port") };
        let server = tokio::net::lookup_host((host.as_str(), config.get_ports()[0])).await.unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (wire, state) = watch::channel(Wire::Whole);
        let loss = Loss::default();
        let shared = Arc::clone(&loss);
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, state.clone(), Arc::clone(&shared)));
            }
        });
        Self { address, server, wire, loss }
    }

    /// The `DATABASE_URL` that leads through it.
    pub fn url(&self) -> String {
        let url = server().replace(&self.server.to_string(), &self.address.to_string());
        assert!(url.contains(&self.address.to_string()), "the server's address is not in its URL");
        url
    }

    /// Changes how the wire is.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// Lets the next commit pass on a connection that said this, but not its answer: that connection is cut.
    pub fn lose_answer_to(&self, said: &str) {
        *self.loss.lock().unwrap() = Some(said.as_bytes().to_vec());
    }

    /// Whether an answer is still to be lost.
    pub fn is_to_lose(&self) -> bool {
        self.loss.lock().unwrap().is_some()
    }
}

/// Carries one connection until either end closes, the wire is cut or an answer is lost.
async fn carry(client: TcpStream, server: SocketAddr, mut wire: watch::Receiver<Wire>, loss: Loss) {
    if *wire.borrow() == Wire::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whether what was to be said was said, and the commit after it.
    let (is_said, is_deaf) = (AtomicBool::new(false), AtomicBool::new(false));
    let listen = |bytes: &[u8]| {
        let mut loss = loss.lock().unwrap();
        if loss.as_ref().is_some_and(|said| holds(bytes, said)) {
            is_said.store(true, Ordering::SeqCst);
        }
        if is_said.load(Ordering::SeqCst) && loss.is_some() && holds(&bytes.to_ascii_lowercase(), b"commit") {
            *loss = None;
            is_deaf.store(true, Ordering::SeqCst);
        }
        true
    };
    // The server tells the end of a commit by its name.
    let answer = |bytes: &[u8]| {
        let is_over = is_deaf.load(Ordering::SeqCst) && holds(bytes, b"COMMIT\0");
        !is_over
    };
    tokio::select! {
        () = pump(from_client, to_server, wire.clone(), listen) => {}
        () = pump(from_server, to_client, wire.clone(), answer) => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Passes bytes on, as long as they may pass.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut wire: watch::Receiver<Wire>,
    may_pass: impl Fn(&[u8]) -> bool,
) {
    let mut bytes = [0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let is_gone = wire.wait_for(|wire| *wire != Wire::Hung).await.is_err();
        if is_gone || !may_pass(&bytes[..count]) || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
