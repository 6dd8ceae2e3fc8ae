//! TLS towards clients, by a pair of files that may change while it serves.
//!
//! The invariant: there is always a certificate with its own key to shake hands with. A new pair takes the old one's
//! place whole, for connections to come; a broken one is told of and changes nothing. Begin with [`Tls::open`].

mod pair;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::time::{Instant, sleep};

use self::pair::{Files, Pair};
use crate::{
    clock::{Clock, Time},
    config::Machine,
    error::{Error, Result},
};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);
/// After how many looks in a row a broken pair is told of. Whoever writes two files has one of them done first.
const PATIENCE: u32 = 2;
/// How often, and how long before the end of a certificate, its end is told of.
const DAY: Duration = Duration::from_secs(86_400);
pub(crate) const NOTICE_DAYS: i64 = 30;

/// The certificate in use. Copies share it.
#[derive(Clone)]
pub struct Tls(Arc<Parts>);

struct Parts {
    files: Files,
    shown: Arc<Shown>,
    server: Arc<ServerConfig>,
    state: Mutex<State>,
}

struct State {
    used: Pair,
    /// When the end of the certificate was last thought of.
    thought: Option<Instant>,
    /// What is wrong with the files, and how many looks have found it so.
    doubt: Option<(String, u32)>,
}

/// What handshakes show.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads the pair that the settings name; nothing when they name none.
    ///
    /// # Errors
    /// `internal`, with a text that names the setting and the cure.
    pub fn open(machine: &Machine) -> Result<Option<Self>> {
        let (Some(cert), Some(key)) = (&machine.tls_cert, &machine.tls_key) else { return Ok(None) };
        let files = Files { cert: cert.clone(), key: key.clone() };
        let refused = |text: String| Error::internal(format!("{text}."));
        let used = files.read().map_err(refused)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(used.certify().map_err(refused)?))));
        let server = server(Arc::clone(&shown)).map_err(Error::internal)?;
        let state = Mutex::new(State { used, thought: None, doubt: None });
        Ok(Some(Self(Arc::new(Parts { files, shown, server: Arc::new(server), state }))))
    }

    /// What shakes hands.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.server)
    }

    /// When the certificate ends, in seconds since 1970; nothing when that cannot be read.
    #[must_use]
    pub fn end(&self) -> Option<i64> {
        self.state().used.end()
    }

    /// Follows the files for ever.
    pub async fn watch(self, clock: Clock) {
        loop {
            self.look(PATIENCE, &clock).await;
            sleep(INTERVAL).await;
        }
    }

    /// Takes up the files as they are, and tells at once what is wrong with them.
    pub async fn reload(&self, clock: &Clock) {
        self.look(1, clock).await;
    }

    async fn look(&self, patience: u32, clock: &Clock) {
        let (tls, clock) = (self.clone(), clock.clone());
        // A disk that hangs holds up its own thread.
        let _ = tokio::task::spawn_blocking(move || {
            tls.take_up(patience);
            tls.think_of_the_end(&clock);
        })
        .await;
    }

    fn take_up(&self, patience: u32) {
        let found = self.0.files.read();
        let mut state = self.state();
        let made = match found {
            Ok(pair) if pair == state.used => {
                state.doubt = None;
                return;
            }
            Ok(pair) => pair.certify().map(|key| (pair, key)),
            Err(text) => Err(text),
        };
        match made {
            Ok((pair, key)) => {
                *self.0.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                *state = State { used: pair, thought: None, doubt: None };
                tracing::info!("new connections get the new TLS certificate");
            }
            Err(text) => {
                let before = state.doubt.take().filter(|(old, _)| *old == text).map_or(0, |(_, looks)| looks);
                if before < patience && before + 1 >= patience {
                    tracing::error!(
                        cause = text,
                        "the TLS files cannot be used as they are: the old certificate stays"
                    );
                }
                state.doubt = Some((text, before + 1));
            }
        }
    }

    fn think_of_the_end(&self, clock: &Clock) {
        let mut state = self.state();
        if state.thought.is_some_and(|thought| thought.elapsed() < DAY) {
            return;
        }
        state.thought = Some(Instant::now());
        let Some(end) = state.used.end() else { return };
        let days = days_until(end, clock.now());
        if days < 0 {
            tracing::error!("the TLS certificate has expired, and clients refuse it: renew it");
        } else if days < NOTICE_DAYS {
            tracing::warn!(days, "the TLS certificate expires soon: renew it");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole days from now to the end of a certificate, which is in seconds since 1970; below 0 when it is over.
pub(crate) fn days_until(end: i64, now: Time) -> i64 {
    (end - now.seconds()).div_euclid(86_400)
}

/// TLS 1.2 and 1.3 with the suites of rustls, all of which are forward secret and authenticated.
fn server(shown: Arc<Shown>) -> std::result::Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut server = builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_cert_resolver(shown);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets instead of a memory of sessions: strangers fill nothing.
    server.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(server)
}
