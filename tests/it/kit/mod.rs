//! What the tests are built with.
//!
//! [`TestApp`] is the real application on a free port, over a fresh database; [`each_engine!`] runs a test on
//! both engines. Under `TEST_PROFILE=serializable` every write of `PostgreSQL` may fail with 40001.

pub mod client;
pub mod collector;
pub mod contract;
pub mod database;
pub mod exposition;
pub mod post;
pub mod program;
pub mod proxy;
pub mod random;
pub mod server;
pub mod shadow;
pub mod tls;
pub mod wire;

use std::time::{Duration, Instant};

use denizen::{
    access::{Caller, Role},
    account,
    app::App,
    config::{Config, Source},
    db::Engine,
    server::Server,
};
use tokio::{sync::oneshot, task::JoinHandle};

use self::{client::Client, database::Database};

/// Runs a test on `SQLite` and on `PostgreSQL`: as `name::sqlite` and `name::postgres`.
///
/// ```ignore
/// each_engine! {
///     async fn health_tells_the_engine(app) { .. }
/// }
/// ```
#[macro_export]
macro_rules! each_engine {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident) $body:block)+) => {$(
        async fn $name($app: $crate::kit::TestApp) $body

        $(#[$meta])*
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::kit::TestApp::start(denizen::db::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name($crate::kit::TestApp::start(denizen::db::Engine::Postgres).await).await;
            }
        }
    )+};
}

/// The application under test. Calls go through its [`Client`].
pub struct TestApp {
    pub app: App,
    pub database: Database,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<usize>>,
}

impl std::ops::Deref for TestApp {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl TestApp {
    /// Starts on a fresh database.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[]).await
    }

    /// Starts on a fresh database with these settings.
    pub async fn start_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        Self::on(Database::new(engine), settings).await
    }

    /// Starts on this database: once more, or as another node.
    pub async fn on(database: Database, settings: &[(&str, &str)]) -> Self {
        let app = open(&database, settings).await;
        database.make_hostile().await;
        let server = Server::start(app.clone()).await.unwrap();
        let client = Client::new(server.address().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { app, database, client, stop: Some(stop), serving: Some(serving) }
    }

    /// A client of its own, for a task of its own.
    pub fn clone_client(&self) -> Client {
        self.client.clone()
    }

    /// Another node on the same database.
    pub async fn another(&self) -> Self {
        Self::on(self.database.clone(), &[]).await
    }

    /// Starts anew on the same kind of engine, with these settings.
    pub async fn with_settings(&self, settings: &[(&str, &str)]) -> Self {
        Self::start_with(self.database.engine(), settings).await
    }

    /// Waits until every event has its number.
    pub async fn numbered(&self) {
        eventually("the log is not numbered", async || {
            self.database.number("select count(*) from events_pending").await == 0
        })
        .await;
    }

    /// Makes an account a superadmin's, admin's or user's, as an operator.
    pub async fn set_role(&self, id: &str, role: Role) {
        let id = id.parse().unwrap();
        self.app.db.write(async |tx| account::set_role(tx, &Caller::operator(), id, role).await).await.unwrap();
    }

    /// Deactivates an account, as an operator.
    pub async fn deactivate(&self, id: &str) {
        deactivate(&self.app, id).await;
    }

    /// Stops in good order, and gives the database back.
    pub async fn stop(mut self) -> Database {
        drop(self.stop.take());
        self.serving.take().unwrap().await.unwrap();
        self.database.clone()
    }

    /// Dies: nothing is finished, as far as one process can play that.
    pub fn kill(&mut self) {
        self.serving.take().unwrap().abort();
    }
}

/// Deactivates an account, as an operator at this node.
pub async fn deactivate(app: &App, id: &str) {
    let id = id.parse().unwrap();
    app.db.write(async |tx| account::deactivate(tx, &Caller::operator(), id, |_| Ok(())).await).await.unwrap();
}

/// Waits for what comes by itself, for at most 10 s.
pub async fn eventually(complaint: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{complaint}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The application without a server: what the command line works with.
pub async fn open(database: &Database, settings: &[(&str, &str)]) -> App {
    let own = database.settings();
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    let quick = [("PORT", "0"), ("LOG_FILE", ""), ("ACCESS_LOG", ""), ("GRACEFUL_TIMEOUT", "5")];
    let (config, _) = Config::load(&Source::of(quick.into_iter().chain(own).chain(settings.iter().copied()))).unwrap();
    App::open(config).await.unwrap()
}
