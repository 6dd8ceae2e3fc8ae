//! A transaction on a connection of its own. What need not be waited for travels with what must.

use deadpool_postgres::Object;
use futures_util::future::{join, join_all};
use tokio_postgres::Statement;

use super::{check, failure, timely, wire};
use crate::db::{
    dialect,
    error::{Failure, Fate},
    load::Load,
    sql::{Outcome, Sql},
};

/// Most statements that wait for the next.
const WAITING: usize = 16;

pub struct Transaction {
    client: Option<Object>,
    stage: Stage,
    /// Statements whose outcome nobody reads.
    waiting: Vec<Sql>,
    patience: Patience,
}

/// How long an answer is waited for.
#[derive(Clone, Copy)]
enum Patience {
    /// As long as the server may take for a statement, and a little longer.
    Usual,
    /// As long as the server is there, which keepalives tell.
    Endless,
}

/// `begin` travels with the first statement, which saves a round trip.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Begun,
}

impl Transaction {
    pub(super) fn on(client: Object) -> Self {
        Self { client: Some(client), stage: Stage::Fresh, waiting: Vec::new(), patience: Patience::Usual }
    }

    /// Leaves a statement to travel with the one after it, or with the commit, whose failure its own then is.
    pub async fn send(&mut self, statement: Sql) -> Result<(), Failure> {
        if self.waiting.len() < WAITING {
            self.waiting.push(statement);
            return Ok(());
        }
        self.run(&statement).await.map(drop)
    }

    pub async fn run(&mut self, statement: &Sql) -> Result<Outcome, Failure> {
        self.pipelined(async |client| query(client, &prepare(client, statement).await?, statement).await).await
    }

    pub async fn load(&mut self, load: &Load) -> Result<(), Failure> {
        self.pipelined(async |client| {
            let shape = client.prepare_cached(&load.types()).await.map_err(|e| failure(&e))?;
            let copy = client.prepare_cached(&load.copy()).await.map_err(|e| failure(&e))?;
            let types: Vec<_> = shape.columns().iter().map(|column| column.type_().clone()).collect();
            wire::copy(client.copy_in(&copy).await.map_err(|e| failure(&e))?, &types, load).await
        })
        .await
    }

    /// Runs a step of the schema, which may take as long as it takes: an index over a large table takes minutes.
    pub async fn batch(&mut self, text: &str) -> Result<(), Failure> {
        let unlimited = "set local statement_timeout = 0";
        self.pipelined(async |client| client.batch_execute(unlimited).await.map_err(|e| failure(&e))).await?;
        self.patience = Patience::Endless;
        self.pipelined(async |client| client.batch_execute(text).await.map_err(|e| failure(&e))).await
    }

    /// Runs `work`, behind what waits, and behind `begin` when it is the first. Nothing has been committed yet, so on
    /// a lost connection the whole transaction may run again.
    async fn pipelined<T>(&mut self, work: impl AsyncFnOnce(&Object) -> Result<T, Failure>) -> Result<T, Failure> {
        let client = self.client.as_ref().ok_or_else(|| Failure::internal("the transaction has ended"))?;
        let outcome = self
            .patience
            .over(async {
                // First, since it may wait for the server: what is sent after it goes in its order.
                let waiting = prepare_all(client, std::mem::take(&mut self.waiting)).await?;
                let begin = std::mem::replace(&mut self.stage, Stage::Begun) == Stage::Fresh;
                let (before, outcome) = join(send(client, begin, &waiting), work(client)).await;
                before.and(outcome)
            })
            .await;
        let is_lost = |failure: &Failure| failure.fate == Fate::Lost || client.is_closed();
        outcome.map_err(|failure| if is_lost(&failure) { Failure::retry(failure.error) } else { failure })
    }

    /// Commits, behind what waits. When the answer is lost nobody can tell whether it took place: 503, not tried again.
    pub async fn commit(mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let client = self.client.as_ref().ok_or_else(|| Failure::internal("the transaction has ended"))?;
        let waiting = self.patience.over(prepare_all(client, waiting)).await?;
        if self.stage == Stage::Fresh && waiting.is_empty() {
            self.client = None;
            return Ok(());
        }
        self.end("commit", &waiting).await
    }

    pub async fn rollback(self) -> Result<(), Failure> {
        // Whether the server hears of it or not: nothing of this will be committed.
        if self.stage == Stage::Begun {
            let _ = self.end("rollback", &[]).await;
        }
        Ok(())
    }

    /// A statement that fails on the way makes the commit a rollback, on the server's side.
    async fn end(mut self, text: &str, waiting: &[(Statement, Sql)]) -> Result<(), Failure> {
        let client = self.client.take().ok_or_else(|| Failure::internal("the transaction has ended"))?;
        let begin = self.stage == Stage::Fresh;
        let both = async { Ok::<_, Failure>(join(send(&client, begin, waiting), client.batch_execute(text)).await) };
        let done = self.patience.over(both).await;
        let (before, ended) = match done {
            Ok((before, ended)) => (before, ended.map_err(|e| failure(&e))),
            Err(late) => (Ok(()), Err(late)),
        };
        if ended.is_err() || client.is_closed() {
            drop(Object::take(client));
        }
        before.and(ended)
    }
}

impl Patience {
    async fn over<T>(self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match self {
            Self::Usual => timely(work).await,
            Self::Endless => work.await,
        }
    }
}

impl Drop for Transaction {
    /// A caller who went away in the middle must not hand an open transaction to the next one.
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|_| self.stage == Stage::Begun) {
            drop(Object::take(client));
        }
    }
}

async fn prepare(client: &Object, statement: &Sql) -> Result<Statement, Failure> {
    let text = dialect::postgres(&statement.text, statement.lock);
    let prepared = client.prepare_cached(&text).await.map_err(|e| failure(&e))?;
    check(&prepared, statement)?;
    Ok(prepared)
}

async fn prepare_all(client: &Object, statements: Vec<Sql>) -> Result<Vec<(Statement, Sql)>, Failure> {
    let mut prepared = Vec::with_capacity(statements.len());
    for statement in statements {
        prepared.push((prepare(client, &statement).await?, statement));
    }
    Ok(prepared)
}

async fn query(client: &Object, prepared: &Statement, statement: &Sql) -> Result<Outcome, Failure> {
    let rows = client.query_raw(prepared, &statement.binds).await.map_err(|e| failure(&e))?;
    wire::collect(rows).await
}

/// Sends `begin`, if that is still to be said, and statements, in their order; gives the first failure.
async fn send(client: &Object, begin: bool, statements: &[(Statement, Sql)]) -> Result<(), Failure> {
    let first = async { if begin { client.batch_execute("begin").await.map_err(|e| failure(&e)) } else { Ok(()) } };
    let all = join_all(statements.iter().map(|(prepared, statement)| query(client, prepared, statement)));
    let (open, outcomes) = join(first, all).await;
    open?;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(drop))
}
