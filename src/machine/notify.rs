//! The protocol of `sd_notify(3)`: one datagram for each word.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    path::Path,
};

/// What a service manager is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It serves.
    Ready,
    /// It was told to stop, and does.
    Stopping,
}

/// Tells whoever listens at `NOTIFY_SOCKET`. That nobody listens is worth a warning and no more: the manager then
/// gives up by itself.
pub fn tell(socket: Option<&Path>, word: Word) {
    let Some(path) = socket else { return };
    let text = match word {
        Word::Ready => "READY=1",
        Word::Stopping => "STOPPING=1",
    };
    if let Err(e) = send(path, text) {
        tracing::warn!(cause = %e, socket = %path.display(), "the service manager cannot be told {text}");
    }
}

fn send(path: &Path, text: &str) -> io::Result<()> {
    // A name that begins with @ stands for one outside the file system.
    let address = match path.as_os_str().as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up the start.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(text.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let len = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    #[test]
    fn a_manager_hears_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        tell(Some(&path), Word::Ready);
        tell(Some(&path), Word::Stopping);
        assert_eq!((heard(&socket), heard(&socket)), ("READY=1".to_owned(), "STOPPING=1".to_owned()));

        let name = folder.path().display().to_string();
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        tell(Some(Path::new(&format!("@{name}"))), Word::Ready);
        assert_eq!(heard(&socket), "READY=1");
    }

    #[test]
    fn that_nobody_listens_is_no_failure() {
        tell(None, Word::Ready);
        tell(Some(Path::new("/nowhere/at/all")), Word::Ready);
        assert!(send(Path::new("/nowhere/at/all"), "READY=1").is_err());
    }
}
