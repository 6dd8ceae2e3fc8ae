//! One request to another service: a JSON document, posted over a connection of its own.

use std::{fmt::Display, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Request, StatusCode,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    config::{Endpoint, Headers},
    error::{Error, Result},
    trust,
};

/// How long an answer may take, from the connection on.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where documents are posted. Redirects are not followed.
pub struct Client {
    host: String,
    port: u16,
    path: String,
    tls: Option<TlsConnector>,
    headers: HeaderMap,
}

impl Client {
    /// Posts to what lies `below` this address, with these headers.
    ///
    /// # Errors
    /// `internal` when TLS cannot be set up.
    pub fn new(endpoint: &Endpoint, below: &str, given: Option<&Headers>) -> Result<Self> {
        let uri = endpoint.uri();
        let is_https = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().to_owned();
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let path =
            if below.is_empty() { uri.path().to_owned() } else { uri.path().trim_end_matches('/').to_owned() + below };
        let authority = uri.authority().map_or(host.as_str(), |authority| authority.as_str());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HOST, HeaderValue::from_str(authority).map_err(Error::internal)?);
        headers.extend(given.into_iter().flat_map(Headers::iter).cloned());
        let tls = is_https.then(trust::client).transpose()?.map(|config| TlsConnector::from(Arc::new(config)));
        Ok(Self { host, port, path, tls, headers })
    }

    /// Posts a document. Gives the status of the answer; the cause when none came within 5 s.
    ///
    /// # Errors
    /// The cause, for a log.
    pub async fn post(&self, document: String) -> Result<StatusCode, String> {
        match tokio::time::timeout(TIMEOUT, self.connect(document)).await {
            Ok(sent) => sent,
            Err(_) => Err("no answer within 5 s".to_owned()),
        }
    }

    async fn connect(&self, document: String) -> Result<StatusCode, String> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, self.port)).await.map_err(text)?;
        let Some(tls) = &self.tls else { return self.send(stream, document).await };
        let name = ServerName::try_from(bare.to_owned()).map_err(text)?;
        self.send(tls.connect(name, stream).await.map_err(text)?, document).await
    }

    async fn send(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        document: String,
    ) -> Result<StatusCode, String> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        let mut request = Request::post(&self.path).body(Full::new(Bytes::from(document))).map_err(text)?;
        request.headers_mut().extend(self.headers.clone());
        let mut answer = pin!(async { Ok(sender.send_request(request).await.map_err(text)?.status()) });
        tokio::select! {
            answer = answer.as_mut() => answer,
            // It may have ended behind its answer.
            _ = connection => answer.await,
        }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}
