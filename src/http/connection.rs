//! One connection: HTTP over a socket, closed when it is idle, slow or no longer wanted.
//!
//! The invariant: a connection without an open request has a deadline. It is the idle time-out from the
//! end of the last request, and the shorter header time-out from the first byte of the next.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::{ConnectInfo, Request},
    http::Version,
    response::Response,
};
use bytes::Bytes;
use hyper::{
    body::{Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};
use tokio_rustls::rustls::ServerConfig;
use tower::{Service, ServiceExt};

use super::{
    listener::handshake,
    serve::{Limits, Phase},
    socket::Socket,
};

/// Serves one connection to its end.
pub(super) async fn connection<S>(
    (stream, peer): (TcpStream, SocketAddr),
    slot: OwnedSemaphorePermit,
    tls: Option<Arc<ServerConfig>>,
    http: Arc<Builder<TokioExecutor>>,
    service: S,
    limits: Limits,
    mut phase: watch::Receiver<Phase>,
) where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let activity = Arc::new(Activity::new());
    let socket = Socket::new(stream, activity.clone(), limits.write_timeout, slot);
    let Some(tls) = tls else { return speak(socket, peer, activity, http, service, limits, phase).await };
    if let Some(stream) = handshake(tls, socket, limits.handshake_timeout, &mut phase).await {
        activity.begins();
        // Apart from the plain case, which would otherwise have the size of both.
        Box::pin(speak(stream, peer, activity, http, service, limits, phase)).await;
    }
}

/// HTTP over a socket that is ready for it.
async fn speak<I, S>(
    socket: I,
    peer: SocketAddr,
    activity: Arc<Activity>,
    http: Arc<Builder<TokioExecutor>>,
    service: S,
    limits: Limits,
    mut phase: watch::Receiver<Phase>,
) where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let requests = activity.clone();
    let answers = service_fn(move |mut request: hyper::Request<Incoming>| {
        let open = requests.begin(request.version());
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = service.clone().oneshot(request.map(Body::new));
        async move { answer.await.map(|response| response.map(|body| Counted { body, _open: open })) }
    });
    let mut http = pin!(http.serve_connection_with_upgrades(TokioIo::new(socket), answers));
    let mut timer = pin!(sleep_until(Instant::now() + limits.header_timeout));
    let mut is_closing = false;
    loop {
        tokio::select! {
            _ = http.as_mut() => return,
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow_and_update() == Phase::Over {
                    return;
                }
                http.as_mut().graceful_shutdown();
                is_closing = true;
            }
            () = timer.as_mut() => {
                let now = Instant::now();
                let deadline = activity.deadline(&limits).unwrap_or(now + limits.idle_timeout);
                if deadline > now {
                    timer.as_mut().reset(deadline);
                } else if is_closing {
                    return;
                } else {
                    http.as_mut().graceful_shutdown();
                    is_closing = true;
                    timer.as_mut().reset(now + FAREWELL);
                }
            }
        }
    }
}

/// How long a connection past its deadline may take to end in the protocol's own way.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a connection is doing, as its socket and its requests report it.
pub(super) struct Activity(Mutex<State>);

struct State {
    /// Requests whose answer HTTP has not taken over entirely.
    open: usize,
    /// When the connection was made, or the last request ended and its answer was sent.
    since: Instant,
    /// When the first byte came after that.
    heard: Option<Instant>,
    /// The version that was last spoken, if any request came. In HTTP/2 a byte need not begin a request.
    version: Option<Version>,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { open: 0, since: Instant::now(), heard: None, version: None }))
    }

    /// The handshake is over: what came until now was no request.
    fn begins(&self) {
        let mut state = self.state();
        state.since = Instant::now();
        state.heard = None;
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        let mut state = self.state();
        if state.open == 0 && state.heard.is_none() {
            state.heard = Some(Instant::now());
        }
    }

    /// Bytes went: the end of a long answer over HTTP/1. Over HTTP/2 they may be pings, which do not count.
    pub(super) fn spoke(&self) {
        let mut state = self.state();
        if state.open == 0 && state.version.is_some_and(|version| version < Version::HTTP_2) {
            state.since = Instant::now();
        }
    }

    /// A request came; it is open until the value is dropped.
    fn begin(self: &Arc<Self>, version: Version) -> Open {
        let mut state = self.state();
        state.open += 1;
        state.version = Some(version);
        Open(self.clone())
    }

    /// When to give up; `None` while a request is open.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let state = self.state();
        match (state.version, state.heard) {
            _ if state.open > 0 => None,
            (None, _) => Some(state.since + limits.header_timeout),
            (Some(version), Some(heard)) if version < Version::HTTP_2 => Some(heard + limits.header_timeout),
            _ => Some(state.since + limits.idle_timeout),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Open(Arc<Activity>);

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        state.since = Instant::now();
        state.heard = None;
    }
}

/// An answer's body, which keeps its request open until it is handed over.
struct Counted {
    body: Body,
    _open: Open,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
