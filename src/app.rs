//! The application: what lives as long as the process.
//!
//! [`App::open`] gives a room to stand in: database, keys, hashing threads. The command line needs no more.
//! [`App::start`] adds the background work of a server. `main` and the tests build it in the same way.

mod http;
mod master_key;
mod meters;
mod store;

use std::{
    fs::File,
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use futures_util::future::join;
pub(crate) use http::traced;
pub use http::{Anybody, Bearer};
pub use master_key::KeyState;
pub use meters::Meters;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    clock::Clock,
    config::{self, Config, DatabaseUrl},
    db::{Db, Engine, MIGRATIONS, Note, Place},
    error::{Code, Error, Result},
    event::{self, Kind, sequencer::Sequencer, watch::Watch},
    job::{self, Verdict, Work, Worker},
    once::Running,
    password::{self, Care, Decoys, Hash, Policy, Pool},
    payment::Payment,
    search,
    secret::Keys,
    session::{bearer::Bearers, refresh::Rotation},
    token::{self, Tokens},
    trace::Tracer,
};

/// How often the database's reserve is looked after, which is also how soon writes go on once there is space again.
const TEND: Duration = Duration::from_secs(2);
/// How long whoever has changed waits for the search at most. A search looks at each who waits.
const SETTLE: Duration = Duration::from_millis(200);
/// How much longer than it took the counting of the hashes rests: in a large store it costs no more than this part.
const REST: u32 = 500;

/// The application. Copies share it.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What it is made of.
pub struct Parts {
    /// The settings in force.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The working keys.
    pub keys: Arc<Keys>,
    /// The threads that hash passwords.
    pub pool: Pool,
    /// Access tokens.
    pub tokens: Arc<Tokens>,
    /// Who bearers are.
    pub bearers: Bearers,
    /// How recently other nodes were heard.
    pub watch: Watch,
    /// The repeatable requests that run in this process.
    pub running: Running,
    /// Who is asked whether somebody has paid, where anybody is.
    pub payment: Option<Payment>,
    /// What this node knows of the people as a whole.
    pub search: search::Knowledge,
    /// When this process began.
    pub begun: Instant,
    /// What is counted.
    pub meters: Meters,
    /// Where spans of requests go.
    pub tracer: Tracer,
    decoys: RwLock<Decoys>,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The background work of a server. Dropping it stops the work at once.
pub struct Background {
    sequencer: Option<Sequencer>,
    tasks: Vec<JoinHandle<()>>,
    _worker: Worker,
    _lock: Option<File>,
}

impl App {
    /// The database of these settings, as it stands: not brought up to date.
    ///
    /// # Errors
    /// `database_unavailable` when it cannot be opened.
    pub fn database(config: &Config) -> Result<Db> {
        Db::open(&place(config), Clock::default())
    }

    /// The database of these settings, for one who only looks.
    ///
    /// # Errors
    /// `database_unavailable` when it cannot be opened, or is not there.
    pub fn look(config: &Config) -> Result<Db> {
        Db::look(&place(config), Clock::default())
    }

    /// How the master key of these settings stands to a database that is up to date. Nothing is made or stored.
    ///
    /// # Errors
    /// `conflict` when the key cannot be read, or is gone although the database was sealed with it.
    pub async fn keys(config: &Config, db: Option<&Db>) -> Result<KeyState> {
        master_key::look(config, db).await
    }

    /// Opens the database, brings it up to date and derives the keys.
    ///
    /// # Errors
    /// With a text that says what to do: the database cannot be reached or is not ours, the master key is
    /// missing or is not the one this database was made with.
    pub async fn open(config: Config) -> Result<Self> {
        let begun = Instant::now();
        let db = Self::database(&config)?;
        let applied = db.migrate(MIGRATIONS).await?;
        if !applied.is_empty() {
            tracing::info!(?applied, "the database is up to date");
        }
        if let Some(newest) = event::newest(&mut db.read()).await? {
            db.clock().witness(newest);
        }
        let keys = Arc::new(Box::pin(master_key::keys(&config, &db)).await?);
        let tokens = Arc::new(Tokens::load(db.clone(), Arc::clone(&keys), token_settings(&config)).await?);
        let pool = Pool::start(config.server.threads)?;
        let bearers = Bearers::new(db.clone(), Arc::clone(&tokens), config.auth.directory);
        let (meters, tracer) = (Meters::new(db.clock().now()), Tracer::new(&config.telemetry, db.clock()));
        let (watch, running, search) = (Watch::default(), Running::default(), search::Knowledge::default());
        let (payment, decoys) = (Payment::new(&config.payment)?, RwLock::default());
        let parts = Parts {
            config,
            db,
            keys,
            pool,
            tokens,
            bearers,
            watch,
            running,
            payment,
            search,
            begun,
            meters,
            tracer,
            decoys,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Starts the background work of a server. `run` does one job of `work`.
    ///
    /// # Errors
    /// `conflict` when another server works on the same data folder.
    pub async fn start<F, R>(&self, work: Work, run: R) -> Result<Background>
    where
        F: Future<Output = Verdict> + Send,
        R: Fn(App, job::Job) -> F + Clone + Send + Sync + 'static,
    {
        let lock = self.lock()?;
        self.db.map();
        let sequencer = Sequencer::start(self.db.clone(), Arc::clone(&self.keys), Arc::clone(&self.meters.leader));
        let scheduled = self.db.write(async |tx| {
            for schedule in work.schedules {
                job::schedule(tx, *schedule).await?;
            }
            Ok(())
        });
        // On `PostgreSQL` each of them makes a connection of its own, which takes longer than what it does.
        let (scheduled, ()) = join(scheduled, self.draw_decoys(Care::Quick)).await;
        scheduled?;
        let app = self.clone();
        let worker = Worker::start(&self.db, work, move |job| {
            let (app, kind, work) = (app.clone(), job.kind.clone(), run(app.clone(), job));
            async move { app.meters.job(&kind, work).await }
        });
        tracing::info!("mail is queued and not sent: no transport is configured");
        // Weak, because the database holds the listener: it would keep itself alive, and never be closed.
        let (app, number, work) = (Arc::downgrade(&self.0), sequencer.waker(), worker.waker());
        self.db.listen(move |notes| {
            if notes.iter().any(|note| note.kind == job::NOTE) {
                work.notify_waiters();
            }
            number.notify_one();
            if let Some(app) = app.upgrade() {
                Self(app).hear(notes);
            }
        });
        let app = self.clone();
        let listening = self.watch.listen(self.db.clone(), move |notes| app.hear(notes)).await?;
        let app = self.clone();
        let sweeping = tokio::spawn(async move { app.sweep().await });
        let app = self.clone();
        let exporting = tokio::spawn(async move {
            if let Err(error) = app.tracer.clone().export(&app.config.telemetry).await {
                tracing::error!(%error, "traces are not sent");
            }
        });
        let app = self.clone();
        let tending = tokio::spawn(async move { app.tend().await });
        let app = self.clone();
        let settling = tokio::spawn(async move { app.settle().await });
        let app = self.clone();
        let drawing = tokio::spawn(async move {
            if let Err(error) = app.search.prepare(&mut app.db.read()).await {
                tracing::debug!(%error, "the first search draws the sample of the people");
            }
        });
        let tasks = vec![listening, sweeping, exporting, tending, settling, drawing];
        Ok(Background { sequencer: Some(sequencer), tasks, _worker: worker, _lock: lock })
    }

    /// How identifiers that nobody has are verified: against a hash drawn by their mac.
    #[must_use]
    pub fn decoy(&self, mac: &[u8; 32]) -> Hash {
        self.decoys.read().unwrap_or_else(PoisonError::into_inner).pick(mac).clone()
    }

    /// What a new password must be like.
    #[must_use]
    pub fn policy(&self) -> Policy {
        match self.config.auth.password_policy {
            config::PasswordPolicy::Classic => Policy::Classic,
            config::PasswordPolicy::Nist => Policy::Nist,
        }
    }

    /// Whether refresh tokens are replaced at each use.
    #[must_use]
    pub fn rotation(&self) -> Rotation {
        match self.config.auth.refresh_rotation {
            config::Switch::On => Rotation::On,
            config::Switch::Off => Rotation::Off,
        }
    }

    /// Hears of changes, made here or elsewhere.
    fn hear(&self, notes: &[Note]) {
        if notes.iter().any(|note| note.kind == Kind::SigningKeyRotated.as_str()) {
            let tokens = Arc::clone(&self.tokens);
            tokio::spawn(async move {
                if let Err(error) = tokens.reload().await {
                    tracing::warn!(%error, "the new signing key could not be read");
                }
            });
        }
        self.bearers.hear(notes);
    }

    /// Keeps what is remembered small and the decoys true.
    async fn sweep(&self) {
        let mut due = Instant::now();
        loop {
            if Instant::now() >= due {
                let begun = Instant::now();
                self.draw_decoys(Care::Whole).await;
                due = Instant::now() + begun.elapsed() * REST;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.bearers.sweep();
        }
    }

    /// Draws the decoys anew. A database that cannot tell now leaves them as they are: nothing waits for it.
    async fn draw_decoys(&self, care: Care) {
        match password::decoys(&mut self.db.read(), care).await {
            Ok(decoys) => *self.decoys.write().unwrap_or_else(PoisonError::into_inner) = decoys,
            Err(error) => tracing::warn!(%error, "the decoys of unknown names stay as they are for now"),
        }
    }

    /// Keeps the database's reserve. Not at once: the start has other things to do.
    async fn tend(&self) {
        loop {
            tokio::time::sleep(TEND).await;
            if let Err(error) = self.db.tend().await {
                tracing::debug!(%error, "the reserve cannot be made");
            }
        }
    }

    /// Keeps few waiting for the search. On `PostgreSQL` nobody does.
    async fn settle(&self) {
        while self.db.engine() == Engine::Sqlite {
            tokio::time::sleep(SETTLE).await;
            if let Err(error) = search::settle(&self.db).await {
                tracing::debug!(%error, "what the search waits for stays as it is for now");
            }
        }
    }

    /// `SQLite` has one server to a file: the second one would number a log that the first believes its own.
    /// Nothing on `PostgreSQL`, where nodes settle by the log's head who numbers it.
    ///
    /// # Errors
    /// `conflict` while a server works on the file.
    pub fn lock(&self) -> Result<Option<File>> {
        let DatabaseUrl::Sqlite(path) = &self.config.database.url else { return Ok(None) };
        let path = path.with_extension("lock");
        let file = File::create(&path).map_err(|e| Error::unavailable(format!("{}: {e}", path.display())))?;
        file.try_lock().map_err(|_| {
            Error::new(Code::Conflict).detail(format!(
                "Another server works on this data: {} is locked. Stop it first, or set DATA_DIR to another folder.",
                path.display()
            ))
        })?;
        Ok(Some(file))
    }
}

impl Background {
    /// Stops in good order: what was committed gets its number, and another node may go on at once. What takes longer
    /// than `most` is left to the next start.
    pub async fn stop(mut self, most: Duration) {
        if let Some(sequencer) = self.sequencer.take() {
            sequencer.stop(most).await;
        }
    }

    /// The number of the last event, as far as this node knows; nothing once it has stopped.
    #[must_use]
    pub fn head(&self) -> Option<watch::Receiver<i64>> {
        self.sequencer.as_ref().map(Sequencer::head)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn place(config: &Config) -> Place {
    use secrecy::ExposeSecret;
    let database = &config.database;
    match &database.url {
        DatabaseUrl::Sqlite(path) => Place::Sqlite(path.clone()),
        DatabaseUrl::Postgres(url) => Place::Postgres {
            url: url.expose_secret().to_owned(),
            schema: database.schema.as_ref().map(|schema| schema.as_str().to_owned()),
            pool_size: database.pool_size + database.max_overflow,
        },
    }
}

fn token_settings(config: &Config) -> token::Settings {
    token::Settings {
        issuer: config.app.public_url.as_str().to_owned(),
        algorithm: match config.secrets.jwt_algorithm {
            config::Algorithm::EdDsa => token::Algorithm::EdDsa,
            config::Algorithm::Es256 => token::Algorithm::Es256,
            config::Algorithm::Rs256 => token::Algorithm::Rs256,
            config::Algorithm::Hs256 => token::Algorithm::Hs256,
        },
        secret: config.secrets.jwt_secret_key.clone(),
        ttl: config.auth.access_token_lifetime,
    }
}
