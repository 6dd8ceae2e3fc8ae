//! Serving: from an open application to an orderly stop.

mod door;

use std::{future::Future, sync::Arc};

use axum::http::HeaderValue;
use tokio::{net::TcpListener, task::JoinSet};

pub use self::door::Door;

use crate::{
    app::{App, Background},
    clock::Clock,
    config::{AllowedOrigins, Sink},
    error::{Error, Result},
    http::{Limits, Listener, Router, Shell, serve, shell},
    jobs,
    router::router,
    tls::Tls,
};

/// A server with its background work, about to take connections.
pub struct Server {
    app: App,
    listener: TcpListener,
    tls: Option<Tls>,
    routes: Router,
    background: Background,
    watching: JoinSet<()>,
}

impl Server {
    /// Takes the address and starts the background work.
    ///
    /// # Errors
    /// Those of [`Door::open`] and [`App::start`].
    pub async fn start(app: App) -> Result<Self> {
        Self::behind(Door::open(&app.config)?, app).await
    }

    /// The same behind a door that is open already.
    ///
    /// # Errors
    /// `conflict` when the address is taken; those of [`App::start`].
    pub async fn behind(door: Door, app: App) -> Result<Self> {
        let (listener, tls) = door.listen()?;
        let routes = router(&app);
        let background = app.start(jobs::WORK, jobs::run).await?;
        let mut watching = JoinSet::new();
        if let Some(tls) = tls.clone() {
            watching.spawn(tls.watch(app.db.clock().clone()));
        }
        Ok(Self { app, listener, tls, routes, background, watching })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// `internal` when the socket does not tell.
    pub fn address(&self) -> Result<std::net::SocketAddr> {
        self.listener.local_addr().map_err(Error::internal)
    }

    /// Where it listens, as clients write it.
    ///
    /// # Errors
    /// Those of [`Server::address`].
    pub fn url(&self) -> Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.address()?))
    }

    /// The clock that it goes by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.app.db.clock().clone()
    }

    /// The certificate, when it speaks TLS.
    #[must_use]
    pub fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// The background work.
    #[must_use]
    pub fn background(&self) -> &Background {
        &self.background
    }

    /// Serves until `stop`, then finishes what is under way, within `GRACEFUL_TIMEOUT`. Gives how many connections had to
    /// be cut.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> usize {
        let Self { app, listener, tls, routes, background, watching: _watching } = self;
        let service = shell(routes, &settings(&app));
        let grace = app.config.server.grace();
        let limits = Limits { graceful_timeout: grace.requests, ..Limits::default() };
        let listener = Listener { tcp: listener, tls: tls.as_ref().map(Tls::server) };
        let cut = serve(listener, service, limits, &app.meters.traffic, stop).await;
        background.stop(grace.log).await;
        app.db.close();
        cut
    }
}

fn settings(app: &App) -> Shell {
    let server = &app.config.server;
    Shell {
        origins: match &server.allowed_origins {
            AllowedOrigins::Any => vec![HeaderValue::from_static("*")],
            AllowedOrigins::These(origins) => origins.iter().filter_map(|origin| origin.parse().ok()).collect(),
        },
        trusted_proxies: server.trusted_proxies.clone(),
        request_timeout: server.request_timeout,
        access_log: !matches!(app.config.log.access, Sink::Off),
        https: app.config.machine.speaks_tls() || app.config.app.public_url.as_str().starts_with("https:"),
        clock: app.db.clock().clone(),
        traffic: Arc::clone(&app.meters.traffic),
        tracer: app.tracer.clone(),
    }
}
