//! Serving: from an open application to an orderly stop.

use std::future::Future;

use axum::http::HeaderValue;
use tokio::net::TcpListener;

use crate::{
    app::{App, Background},
    config::{AllowedOrigins, Sink},
    error::{Code, Error, Result},
    http::{Limits, Router, Shell, serve, shell},
    jobs,
    router::router,
};

/// A server with its background work, about to take connections.
pub struct Server {
    app: App,
    listener: TcpListener,
    routes: Router,
    background: Background,
}

impl Server {
    /// Takes the address and starts the background work.
    ///
    /// # Errors
    /// `conflict` when the address is taken; those of [`App::start`].
    pub async fn start(app: App) -> Result<Self> {
        let address = app.config.server.address();
        let listener = TcpListener::bind(address).await.map_err(|e| {
            let text = format!("Cannot listen on {address}: {e}. Set HOST and PORT to a free address.");
            Error::new(Code::Conflict).detail(text)
        })?;
        let routes = router(app.clone())?;
        let background = app.start(jobs::SCHEDULES, jobs::run).await?;
        Ok(Self { app, listener, routes, background })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// `internal` when the socket does not tell.
    pub fn address(&self) -> Result<std::net::SocketAddr> {
        self.listener.local_addr().map_err(Error::internal)
    }

    /// The background work.
    #[must_use]
    pub fn background(&self) -> &Background {
        &self.background
    }

    /// Serves until `stop`, then finishes what is under way. Gives how many connections had to be cut.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> usize {
        let Self { app, listener, routes, background } = self;
        let service = shell(routes, &settings(&app));
        let limits = Limits { graceful_timeout: app.config.server.graceful_timeout, ..Limits::default() };
        let cut = serve(listener, service, limits, stop).await;
        background.stop().await;
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
        https: app.config.app.public_url.as_str().starts_with("https:"),
        clock: app.db.clock().clone(),
    }
}
