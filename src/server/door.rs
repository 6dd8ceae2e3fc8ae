//! The door: what only root may open. Whoever wants to be somebody else then, opens it first.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::{
    config::Config,
    error::{Code, Error, Result},
    tls::Tls,
};

/// How many connections the kernel holds until they are taken.
const BACKLOG: i32 = 1_024;

/// An address that was taken, and the key to it. Nobody is let in yet.
pub struct Door {
    socket: Socket,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Door {
    /// Reads certificate and key, and takes the address. It needs no runtime.
    ///
    /// # Errors
    /// `conflict` when the address cannot be had; those of [`Tls::open`].
    pub fn open(config: &Config) -> Result<Self> {
        let tls = Tls::open(&config.machine)?;
        let address = config.server.address();
        let bind = |socket: Socket| {
            // Connections that the last process closed would hold the address for another minute.
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            Ok(socket)
        };
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)
            .and_then(bind)
            .map_err(|e| taken(address, &e))?;
        Ok(Self { socket, address, tls })
    }

    /// Lets connections come.
    pub(super) fn listen(self) -> Result<(TcpListener, Option<Tls>)> {
        let Self { socket, address, tls } = self;
        let listener = socket.listen(BACKLOG).and_then(|()| TcpListener::from_std(socket.into()));
        Ok((listener.map_err(|e| taken(address, &e))?, tls))
    }
}

fn taken(address: SocketAddr, e: &std::io::Error) -> Error {
    let text = format!("Cannot listen on {address}: {e}. Set HOST and PORT to a free address.");
    Error::new(Code::Conflict).detail(text)
}
