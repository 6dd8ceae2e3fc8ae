//! Where connections come from, and the handshake before the first request.

use std::sync::Arc;

use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Duration, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

use super::{serve::Phase, socket::Socket};

/// A listener, with TLS or without.
pub struct Listener {
    /// Takes the connections.
    pub tcp: TcpListener,
    /// Shakes hands first, when it is there.
    pub tls: Option<Arc<ServerConfig>>,
}

impl From<TcpListener> for Listener {
    fn from(tcp: TcpListener) -> Self {
        Self { tcp, tls: None }
    }
}

/// Shakes hands within the time-out; nothing when that fails, or when no more requests are wanted.
pub(super) async fn handshake(
    tls: Arc<ServerConfig>,
    socket: Socket,
    time_limit: Duration,
    phase: &mut watch::Receiver<Phase>,
) -> Option<Box<TlsStream<Socket>>> {
    let shaken = tokio::select! {
        shaken = timeout(time_limit, TlsAcceptor::from(tls).accept(socket)) => shaken,
        _ = phase.changed() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        // Not a line that a stranger can fill the disk with.
        Ok(Err(e)) => {
            tracing::debug!(cause = %e, "a TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}
