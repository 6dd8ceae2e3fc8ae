//! Certificates made for a test, and a client that trusts them alone.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A certificate for `localhost` that signs itself, and its key.
pub struct Pair {
    pub cert: String,
    pub key: String,
    der: CertificateDer<'static>,
}

/// Where a server finds its pair.
pub struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    pub fn new() -> Self {
        Self::until(2_199)
    }

    /// One that ends with this year's first day.
    pub fn until(year: i32) -> Self {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        Self::of(&params)
    }

    pub fn of(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        Self { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().clone() }
    }

    /// A client that trusts this one alone, and offers these protocols.
    fn trusted(&self, offers: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = offers.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }

    /// Shakes hands with a server that shows this certificate; an error when it shows another.
    pub async fn connect(&self, address: SocketAddr, offers: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        self.trusted(offers).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    /// What `GET path` answers over a connection of its own: status, the protocol chosen, and headers.
    pub async fn get(&self, address: SocketAddr, offers: &[&str], path: &str) -> (u16, String, hyper::HeaderMap) {
        let stream = self.connect(address, offers).await.unwrap();
        let chosen = String::from_utf8_lossy(stream.get_ref().1.alpn_protocol().unwrap_or_default()).into_owned();
        let request = Request::get(format!("https://localhost{path}")).header("host", "localhost");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = if chosen == "h2" {
            let (mut send, conn) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(conn);
            send.send_request(request).await.unwrap()
        } else {
            let (mut send, conn) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(conn);
            send.send_request(request).await.unwrap()
        };
        let (head, body) = response.into_parts();
        body.collect().await.unwrap();
        (head.status.as_u16(), chosen, head.headers)
    }
}

impl Files {
    /// Beside each other in a folder.
    pub fn new(folder: &Path, pair: &Pair) -> Self {
        let files = Self { cert: folder.join("chain.pem"), key: folder.join("key.pem") };
        files.hold(pair);
        files
    }

    /// Puts another pair there.
    pub fn hold(&self, pair: &Pair) {
        fs::write(&self.cert, &pair.cert).unwrap();
        fs::write(&self.key, &pair.key).unwrap();
    }

    pub fn settings(&self) -> [(&'static str, &str); 2] {
        [("TLS_CERT", self.cert.to_str().unwrap()), ("TLS_KEY", self.key.to_str().unwrap())]
    }
}
