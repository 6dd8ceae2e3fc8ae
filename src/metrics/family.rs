//! Every metric, in one table: its name, its labels, and what it tells.
//!
//! The names follow the conventions of Prometheus: base units, `_total` for counters, `process_` for what every
//! program tells of itself.

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from 0 at the start of the process.
    Counter,
    /// It comes and goes.
    Gauge,
    /// How often a value fell into which range.
    Histogram,
}

impl Kind {
    /// Its word in the text format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($($name:ident $text:literal $kind:ident [$($label:literal)*] $help:literal)+) => {
        /// A metric: all series of one name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Family { $(#[doc = $help] $name),+ }

        impl Family {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text),+ } }

            /// What it is.
            #[must_use]
            pub const fn kind(self) -> Kind { match self { $(Self::$name => Kind::$kind),+ } }

            /// The names of its labels, `le` of histograms left out.
            #[must_use]
            pub const fn labels(self) -> &'static [&'static str] { match self { $(Self::$name => &[$($label),*]),+ } }

            /// What it tells.
            #[must_use]
            pub const fn help(self) -> &'static str { match self { $(Self::$name => $help),+ } }
        }
    };
}

families! {
    BuildInfo "denizen_build_info" Gauge ["version" "engine"] "Always 1; the labels say what runs."
    Uptime "denizen_uptime_seconds" Gauge [] "Time since this process began."

    HttpRequests "denizen_http_requests_total" Counter ["method" "route" "status"] "Requests answered. The route is its template; whatever fits none is 'unmatched'."
    HttpDuration "denizen_http_request_duration_seconds" Histogram ["method" "route"] "From the end of a request's head to the beginning of its answer."
    HttpInFlight "denizen_http_requests_in_flight" Gauge [] "Requests whose answer has not begun."
    HttpAbandoned "denizen_http_requests_abandoned_total" Counter [] "Requests whose client went away before the answer began."
    HttpConnections "denizen_http_connections" Gauge [] "Open connections of clients."

    SignIns "denizen_sign_ins_total" Counter ["outcome"] "Tries to sign in with a password."
    Refreshes "denizen_refreshes_total" Counter ["outcome"] "Uses of refresh tokens."
    Users "denizen_users" Gauge [] "Accounts that are not deleted, on all nodes."
    UsersActive "denizen_users_active" Gauge [] "Accounts that may sign in, on all nodes."
    UsersPremium "denizen_users_premium" Gauge [] "Accounts with a premium plan, on all nodes."
    UsersVerified "denizen_users_verified" Gauge [] "Accounts with a proved e-mail address, on all nodes."
    Sessions "denizen_sessions_active" Gauge [] "Sessions that have not ended, on all nodes."
    RefreshTokens "denizen_refresh_tokens_active" Gauge [] "Refresh tokens that can be used, on all nodes."

    HashQueue "denizen_hash_queue" Gauge [] "Places taken by password hashes that wait or are under way."
    HashQueueLimit "denizen_hash_queue_limit" Gauge [] "Places there are, at the present cost of a hash."
    HashRefused "denizen_hash_refused_total" Counter [] "Requests answered 503 since the queue of hashes was full."
    Hashes "denizen_hashes_total" Counter [] "Password hashes begun by this process."
    HashWait "denizen_hash_wait_seconds" Histogram [] "How long a hash waited for its thread."
    HashDuration "denizen_hash_duration_seconds" Histogram [] "How long a hash took to compute."

    DbUp "denizen_db_up" Gauge [] "1 when the database answered this scrape, 0 otherwise; then all that is read from it is left out."
    DbTransactions "denizen_db_transactions_total" Counter ["outcome"] "Transactions that write, by how they ended."
    DbRetries "denizen_db_transaction_retries_total" Counter [] "Transactions tried again since another one was in the way."
    DbWait "denizen_db_transaction_wait_seconds" Histogram [] "Wait for the writer (SQLite) or for a connection of the pool (PostgreSQL)."
    DbDuration "denizen_db_transaction_duration_seconds" Histogram [] "A whole transaction with its waits, its tries and its commit."
    DbCommits "denizen_db_commits_total" Counter [] "Physical commits (SQLite)."
    DbCommitBatch "denizen_db_commit_batch_transactions" Histogram [] "Transactions that one physical commit carried (SQLite)."
    DbSize "denizen_db_size_bytes" Gauge [] "Size of the database file (SQLite)."
    DbWal "denizen_db_wal_bytes" Gauge [] "Size of the write-ahead log (SQLite)."
    DbReserve "denizen_db_reserve_bytes" Gauge [] "Space held for logouts on a full disk; 0 while it is given up, and all other writes are refused (SQLite)."
    DbWriterWaiting "denizen_db_writer_waiting" Gauge [] "Transactions that wait for the writer (SQLite)."
    DbPool "denizen_db_pool_connections" Gauge ["state"] "Connections of the pool for transactions: busy, open, allowed (PostgreSQL)."
    DbPoolWaiting "denizen_db_pool_waiting" Gauge [] "Transactions that wait for a connection of the pool (PostgreSQL)."

    LogHead "denizen_log_head" Gauge [] "The number of the last event, on all nodes."
    LogPending "denizen_log_pending_events" Gauge [] "Events without a number as yet, counted up to 10000, on all nodes."
    LogPendingAge "denizen_log_pending_age_seconds" Gauge [] "Age of the oldest event without a number; 0 when there is none."
    LogLeader "denizen_log_leader" Gauge [] "1 while this node numbers the log."

    Jobs "denizen_jobs_total" Counter ["kind" "outcome"] "Jobs that this process ran, by how they ended."
    JobDuration "denizen_job_duration_seconds" Histogram ["kind"] "How long a job took."
    JobsWaiting "denizen_jobs_waiting" Gauge [] "Jobs that wait, counted up to 10000, without mail and those that come back, on all nodes."
    JobsParked "denizen_jobs_parked" Gauge [] "Jobs that were given up, counted up to 10000, on all nodes."
    MailWaiting "denizen_mail_waiting" Gauge [] "Mails that wait to be sent, counted up to 10000, on all nodes."

    LogLinesDropped "denizen_log_lines_dropped_total" Counter [] "Lines of the program's log that were dropped since writing could not keep up."
    Spans "denizen_trace_spans_total" Counter ["outcome"] "Spans of traces: exported, failed with their batch, or dropped since the queue was full."

    ProcessCpu "process_cpu_seconds_total" Counter [] "Processor time spent, user and system."
    ProcessResident "process_resident_memory_bytes" Gauge [] "Resident memory."
    ProcessVirtual "process_virtual_memory_bytes" Gauge [] "Virtual memory."
    ProcessFds "process_open_fds" Gauge [] "Open file descriptors."
    ProcessMaxFds "process_max_fds" Gauge [] "File descriptors that may be open."
    ProcessStart "process_start_time_seconds" Gauge [] "When the process began, since 1970."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for family in Family::ALL {
            let (name, kind) = (family.name(), family.kind());
            assert!(name.starts_with("denizen_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert!(family.help().ends_with('.') && !family.help().contains(['|', '\\', '\n']), "{name}");
            assert_eq!(Family::ALL.iter().filter(|other| other.name() == name).count(), 1, "{name}");
            for ending in ["_bucket", "_sum", "_count", "_milliseconds", "_ms", "_kib"] {
                assert!(!name.ends_with(ending), "{name}");
            }
        }
    }
}
