//! The accept loop: sockets in, connections out, and an orderly end.
//!
//! Everything a stranger can hold is bounded: connections by slots, time by the limits, memory by the sizes
//! below. Beyond the last slot connections wait in the kernel's backlog.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{extract::Request, response::Response};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tower::Service;

use super::{Listener, Traffic, connection::connection};

/// The most bytes of a request's head; more is 431.
const HEAD_LIMIT: u32 = 16 * 1024;
/// HTTP/2: requests at once on one connection.
const STREAMS: u32 = 128;
/// HTTP/2: how much of one body may be on its way. One body is hardly ever more.
const STREAM_WINDOW: u32 = 64 * 1024;
/// HTTP/2: the same for all bodies of a connection, and for what waits to be sent on each stream.
const CONNECTION_WINDOW: u32 = 256 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
/// HTTP/2: how often a silent peer is asked whether it is there, and how long it may think about it.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait when the process has no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What strangers may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// From the first byte of a request (or from the connection's start) to the end of its head.
    pub header_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Between two requests. Longer than the 60 s of common load balancers, so that they hang up first.
    pub idle_timeout: Duration,
    /// How long a peer may read nothing of an answer.
    pub write_timeout: Duration,
    /// From the signal to stop until what still runs is cut.
    pub graceful_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            header_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            graceful_timeout: Duration::from_secs(30),
        }
    }
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// Idle connections close, open requests finish.
    Draining,
    /// What is left is cut.
    Over,
}

/// Serves HTTP/1.1, and HTTP/2 to those who begin with it, until `stop` is ready; then lets requests in
/// flight finish. Returns how many connections had to be cut, `WebSocket`s included.
pub async fn serve<S>(
    listener: impl Into<Listener>,
    service: S,
    limits: Limits,
    traffic: &Traffic,
    stop: impl Future<Output = ()>,
) -> usize
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Listener { tcp: listener, tls } = listener.into();
    let http = Arc::new(http());
    let slots = Arc::new(Semaphore::new(limits.connections as usize));
    traffic.watch(&slots, limits.connections);
    let phase = watch::Sender::new(Phase::Serving);
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, accept(&listener).await)
        };
        let (slot, socket) = tokio::select! {
            next = next => next,
            () = stop.as_mut() => break,
        };
        let Ok(slot) = slot else { break };
        let connection =
            connection(socket, slot, tls.clone(), http.clone(), service.clone(), limits, phase.subscribe());
        tokio::spawn(connection);
    }
    drop(listener);
    phase.send_replace(Phase::Draining);
    let all_closed = slots.acquire_many(limits.connections);
    if timeout(limits.graceful_timeout, all_closed).await.is_ok() {
        return 0;
    }
    phase.send_replace(Phase::Over);
    limits.connections as usize - slots.available_permits()
}

/// The next connection. A peer that has already gone is passed over; when the process is out of
/// descriptors (EMFILE) or memory the loop pauses, since trying again at once would only spin.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole, so there is nothing to gather. A failure costs only delay.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(e) if is_about_the_peer(&e) => {}
            Err(e) => {
                tracing::error!(cause = %e, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_about_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    // The connection keeps its own time, since hyper's header time-out would count idle time too.
    http.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_LIMIT as usize);
    http.http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_LIMIT)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    http
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::{
        body::Body,
        routing::{get, post},
    };
    use futures_util::stream::repeat;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::oneshot,
        task::JoinHandle,
    };

    use super::*;
    use crate::http::{Json, Message, Shell, shell};

    crate::body! {
        /// One field.
        struct Named {
            name: String,
        }
    }

    struct Server {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        running: JoinHandle<usize>,
    }

    async fn start(change: impl FnOnce(&mut Limits)) -> Server {
        let mut limits = Limits {
            header_timeout: Duration::from_millis(200),
            idle_timeout: Duration::from_millis(600),
            write_timeout: Duration::from_millis(200),
            graceful_timeout: Duration::from_secs(3),
            ..Limits::default()
        };
        change(&mut limits);
        let routes = axum::Router::new()
            .route("/", get(async || Message::new("here")))
            .route("/named", post(async |Json(body): Json<Named>| Message::new(body.name)))
            .route("/slow", get(async || sleep(Duration::from_millis(400)).await))
            .route("/endless", get(async || Body::from_stream(repeat(Ok::<_, Infallible>("x".repeat(65_536))))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let service = shell(routes, &Shell::default());
        let running = tokio::spawn(async move {
            let stop = async { stopped.await.unwrap_or_default() };
            serve(listener, service, limits, &Traffic::default(), stop).await
        });
        Server { address, stop, running }
    }

    impl Server {
        async fn open(&self, request: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        }
    }

    /// What comes until the server closes, and after how long.
    async fn rest(stream: &mut TcpStream) -> (String, Duration) {
        let (started, mut bytes) = (Instant::now(), Vec::new());
        let _ = stream.read_to_end(&mut bytes).await;
        (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
    }

    #[tokio::test]
    async fn speaks_both_versions() {
        let server = start(|_| {}).await;
        for client in [reqwest::Client::builder(), reqwest::Client::builder().http2_prior_knowledge()] {
            let url = format!("http://{}/", server.address);
            let response = client.build().unwrap().get(url).send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert!(response.text().await.unwrap().contains("here"));
        }
    }

    #[tokio::test]
    async fn heads_over_16_kib_are_refused() {
        let server = start(|_| {}).await;
        let head =
            |size| format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Pad: {}\r\n\r\n", "x".repeat(size));
        let (answer, _) = rest(&mut server.open(&head(15_000)).await).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for size in [17_000, 1_000_000] {
            let (answer, _) = rest(&mut server.open(&head(size)).await).await;
            assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_large_body_is_told_why_it_is_refused() {
        let server = start(|_| {}).await;
        let body = "x".repeat(10 << 20);
        let head = format!(
            "POST /named HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = server.open(&head).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let (answer, _) = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
    }

    #[tokio::test]
    async fn silent_slow_and_idle_clients_are_let_go() {
        let server = start(|_| {}).await;
        let closes = async |request: &str, then: &str| {
            let mut stream = server.open(request).await;
            sleep(Duration::from_millis(50)).await;
            stream.write_all(then.as_bytes()).await.unwrap();
            let (answer, after) = rest(&mut stream).await;
            (answer.matches("HTTP/1.1 200").count(), after)
        };
        let whole = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let (silent, half, idle, half_later) =
            tokio::join!(closes("", ""), closes("GET /", " HT"), closes(whole, ""), closes(whole, "GET / HT"));
        let between = |(_, after): (usize, Duration), least, most| {
            (least..most).contains(&u64::try_from(after.as_millis()).unwrap())
        };
        assert!(silent.0 == 0 && between(silent, 100, 500), "{silent:?}");
        assert!(half.0 == 0 && between(half, 100, 1_900), "{half:?}");
        assert!(idle.0 == 1 && between(idle, 500, 1_900), "{idle:?}");
        assert!(half_later.0 == 1 && between(half_later, 150, 500), "{half_later:?}");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_frees_its_slot() {
        let server = start(|limits| limits.connections = 1).await;
        let _deaf = server.open("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let (answer, _) = rest(&mut server.open("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[tokio::test]
    async fn stopping_finishes_what_was_begun_and_closes_the_rest() {
        let server = start(|limits| limits.idle_timeout = Duration::from_secs(60)).await;
        let mut idle = server.open("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        idle.readable().await.unwrap();
        let mut busy = server.open("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
        sleep(Duration::from_millis(100)).await;
        server.stop.send(()).unwrap();
        let (idle, idle_closed) = rest(&mut idle).await;
        assert!(idle.starts_with("HTTP/1.1 200") && idle_closed < Duration::from_millis(200), "{idle_closed:?}");
        let (busy, _) = rest(&mut busy).await;
        assert!(busy.starts_with("HTTP/1.1 200") && busy.contains("connection: close"), "{busy}");
        assert!(TcpStream::connect(server.address).await.is_err());
        assert_eq!(server.running.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_outlasts_the_grace_is_cut() {
        let server = start(|limits| limits.graceful_timeout = Duration::from_millis(100)).await;
        let mut busy = server.open("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
        sleep(Duration::from_millis(100)).await;
        server.stop.send(()).unwrap();
        assert_eq!(server.running.await.unwrap(), 1);
        assert_eq!(rest(&mut busy).await.0, "");
    }
}
