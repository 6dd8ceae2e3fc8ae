//! A wire between the application and `PostgreSQL` that can be cut, or hang.

use std::net::SocketAddr;

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
}

impl Proxy {
    /// Listens before the test's `PostgreSQL` server.
    pub async fn start() -> Self {
        let config: tokio_postgres::Config = server().parse().unwrap();
        let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("the server has no port") };
        let server = tokio::net::lookup_host((host.as_str(), config.get_ports()[0])).await.unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (wire, state) = watch::channel(Wire::Whole);
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, state.clone()));
            }
        });
        Self { address, server, wire }
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
}

/// Carries one connection until either end closes or the wire is cut.
async fn carry(client: TcpStream, server: SocketAddr, mut wire: watch::Receiver<Wire>) {
    if *wire.borrow() == Wire::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = pump(from_client, to_server, wire.clone()) => {}
        () = pump(from_server, to_client, wire.clone()) => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut bytes = [0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if wire.wait_for(|wire| *wire != Wire::Hung).await.is_err() || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
