//! What the routes answer.

use serde_json::{Map, Value};

use crate::{clock::Time, http::openapi::Maybe, shape};

shape! {
    /// The service, and where things are.
    pub(crate) struct Root {
        /// A greeting.
        #[example("Denizen is at your service.")]
        message: String,
        /// What the service is called.
        #[example("denizen")]
        service: String,
        /// Its version.
        #[example("0.1.0")]
        version: String,
        /// Always `running`.
        #[example("running")]
        status: String,
        /// Seconds since this process began.
        uptime: u64,
        /// Where things are.
        #[example({"users": "/api/v1/users"})]
        endpoints: Map<String, Value>,
        /// What this version can do.
        #[example(["accounts", "sessions"])]
        features: Vec<String>,
    }
}

shape! {
    /// It can serve.
    pub(crate) struct Health {
        /// Always `healthy`.
        #[example("healthy")]
        status: String,
        /// What the service is called.
        #[example("denizen")]
        service: String,
        /// Its version.
        #[example("0.1.0")]
        version: String,
        /// Seconds since this process began.
        uptime: u64,
        /// The database.
        database: HealthDatabase,
        /// Whether Keycloak answers, where one is configured.
        #[example(false)]
        keycloak_connected: bool,
        /// The realm there.
        #[example("example")]
        realm: Option<String>,
    }
}

shape! {
    /// The database, in short.
    struct HealthDatabase {
        /// Always `connected`.
        #[example("connected")]
        status: String,
        /// `sqlite` or `postgresql`.
        #[example("postgresql")]
        engine: String,
    }
}

shape! {
    /// It cannot serve.
    pub(crate) struct Unhealthy {
        /// Always `unhealthy`.
        #[example("unhealthy")]
        status: String,
        /// What is missing.
        #[example("The database cannot be reached now. Wait, then try again.")]
        error: String,
    }
}

shape! {
    /// A state in a word.
    pub(crate) struct Live {
        /// `live` or `ready`.
        #[example("ready")]
        status: String,
    }
}

shape! {
    /// The figures of `/metrics` that concern users.
    pub(crate) struct Metrics {
        /// The figures, by name.
        metrics: Counters,
        /// Seconds since this process began.
        uptime: u64,
        /// The server's time.
        timestamp: Time,
    }
}

shape! {
    /// What there is now.
    struct Counters {
        /// Accounts that are not deleted.
        total_users: i64,
        /// Accounts that may sign in.
        active_users: i64,
        /// Accounts with a premium plan.
        premium_users: i64,
        /// Accounts with a proved e-mail address.
        verified_users: i64,
        /// Sessions that can be used; one that ended by itself counts for a minute more.
        active_sessions: i64,
        /// Refresh tokens that can be used.
        active_refresh_tokens: i64,
    }
}

shape! {
    /// How the database stands.
    pub(crate) struct DbStatus {
        /// The database.
        database: Database,
    }
}

shape! {
    /// The database, with its figures for those who may see them.
    struct Database {
        /// `connected` or `disconnected`.
        #[example("connected")]
        status: String,
        /// Whether it answers.
        connection: Maybe<bool>,
        /// Figures of the engine, by name.
        #[example({"busy": 1, "open": 2, "allowed": 10})]
        pool_stats: Maybe<Map<String, Value>>,
    }
}
