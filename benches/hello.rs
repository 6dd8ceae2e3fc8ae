//! The least that a server on axum can do.

use axum::{Router, routing::get};

/// Serves until it is killed.
pub fn serve() {
    super::room::runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        eprintln!("hello on {}", listener.local_addr().unwrap());
        axum::serve(listener, Router::new().route("/", get(async || "hello"))).await.unwrap();
    });
}
