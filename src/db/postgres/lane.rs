//! A connection that reads share, and what is prepared on it.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio_postgres::{Client, Statement};

use super::{CONNECT_TIMEOUT, Connector, check, describe, failure, timely, wire};
use crate::db::{
    error::Failure,
    sql::{Outcome, Sql},
};

/// Most statements that are prepared on a shared connection.
const PREPARED: usize = 512;

#[derive(Default)]
pub(super) struct Lane {
    /// How many wait for an answer.
    pub busy: AtomicUsize,
    current: RwLock<Option<Arc<Session>>>,
    connecting: tokio::sync::Mutex<()>,
}

/// A connection that plain reads share, and what is prepared on it.
pub(super) struct Session {
    pub client: Client,
    prepared: RwLock<HashMap<Cow<'static, str>, Statement>>,
}

/// Counts one more as long as it lives.
pub(super) struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    pub fn of(busy: &'a AtomicUsize) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        Self(busy)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    pub async fn session(&self, connector: &Connector) -> Result<Arc<Session>, Failure> {
        if let Some(session) = self.open() {
            return Ok(session);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(session) = self.open() {
            return Ok(session);
        }
        let client = tokio::time::timeout(CONNECT_TIMEOUT, connector.connect())
            .await
            .map_err(|_| Failure::unavailable("no connection within 3 s"))?
            .map_err(|e| Failure::unavailable(describe(&e)))?;
        let session = Arc::new(Session { client, prepared: RwLock::default() });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&session));
        Ok(session)
    }

    fn open(&self) -> Option<Arc<Session>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|session| !session.client.is_closed()).cloned()
    }
}

impl Session {
    pub async fn run(&self, statement: &Sql) -> Result<Outcome, Failure> {
        timely(async {
            let prepared = self.prepare(statement).await?;
            check(&prepared, statement)?;
            let rows = self.client.query_raw(&prepared, &statement.binds).await.map_err(|e| failure(&e))?;
            wire::collect(rows).await
        })
        .await
    }

    async fn prepare(&self, statement: &Sql) -> Result<Statement, Failure> {
        let known = self.prepared.read().unwrap_or_else(PoisonError::into_inner).get(&statement.text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let prepared = self.client.prepare(&statement.text).await.map_err(|e| failure(&e))?;
        let mut known = self.prepared.write().unwrap_or_else(PoisonError::into_inner);
        // A search has many forms: what nobody asks any more does not stay, here and in the server.
        if known.len() >= PREPARED {
            known.clear();
        }
        known.insert(statement.text.clone(), prepared.clone());
        drop(known);
        Ok(prepared)
    }
}
