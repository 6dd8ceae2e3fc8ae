//! The address: free, or served by Denizen already.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::Finding;
use crate::{config::Config, system};

const PATIENCE: Duration = Duration::from_secs(2);

/// What answers there.
enum Neighbour {
    Denizen,
    Stranger,
    /// He takes connections, and says nothing that this understands: TLS, or too busy.
    Silent,
}

pub(super) async fn examine(config: &Config) -> Finding {
    let address = config.server.address();
    let Err(error) = TcpListener::bind(address).await else {
        return Finding::ok("address", format!("{address} is free."));
    };
    if error.kind() != io::ErrorKind::AddrInUse {
        let cure = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "Ports below 1024 are root's: set PORT to 8000, and let a proxy have the other."
            }
            _ => "Set HOST to an address of this machine ('ip address' lists them), or to 0.0.0.0 for all.",
        };
        return Finding::fault("address", format!("Nobody can listen on {address}: {error}."), cure);
    }
    match ask(address).await {
        Neighbour::Denizen => Finding::ok("address", format!("A running Denizen serves on {address}.")),
        Neighbour::Stranger => Finding::fault(
            "address",
            format!("Another program listens on {address}."),
            "Set PORT to a free one, or end the program: 'ss -ltnp' tells which it is.",
        ),
        Neighbour::Silent if config.machine.speaks_tls() => {
            Finding::ok("address", format!("Something listens on {address} and speaks no plain HTTP, as this should."))
        }
        Neighbour::Silent => Finding::warning(
            "address",
            format!("Something listens on {address}, and does not answer plain HTTP."),
            "If it is not this service, set PORT to a free one: 'ss -ltnp' tells what it is.",
        ),
    }
}

async fn ask(address: SocketAddr) -> Neighbour {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let Ok(Ok(answer)) = timeout(PATIENCE, exchange(SocketAddr::new(ip, address.port()))).await else {
        return Neighbour::Silent;
    };
    if !answer.starts_with("HTTP/") {
        return Neighbour::Silent;
    }
    if answer.contains(system::GREETING) { Neighbour::Denizen } else { Neighbour::Stranger }
}

async fn exchange(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(16 * 1024).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
