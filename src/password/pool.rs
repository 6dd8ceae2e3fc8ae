//! The threads that hash. Nothing else in the process computes a password hash.
//!
//! A place in the queue comes first ([`Pool::admit`]) and work after: whoever holds a [`Ticket`] is
//! served, first come first served, and whoever gets none has cost nothing. The queue holds about
//! [`QUEUE`] of work by the running average of what a hash costs, so what is admitted is answered in about that time.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    Hash, Password,
    argon::{self, Memory},
    format,
    meters::{Meters, Times},
};
use crate::error::{Code, Error, Result};

/// How much work may wait.
const QUEUE: Duration = Duration::from_secs(2);

/// The fewest places, however slow the machine.
const MIN_PLACES: usize = 8;

/// What a hash is taken to cost before the first was measured.
const FIRST_GUESS: Duration = Duration::from_millis(20);

/// The least a hash is taken to cost. A run of cheap hashes from elsewhere must not open the queue so wide that
/// hashes of ours then wait for a minute.
const LEAST: Duration = Duration::from_millis(5);

/// The hashing threads. Copies share them; dropping the last ends them once the queue is empty.
#[derive(Clone)]
pub struct Pool(Arc<Owner>);

struct Owner(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    threads: usize,
    places: AtomicUsize,
    computed: AtomicU64,
    /// The running average of the cost of a hash, in nanoseconds.
    cost: AtomicU64,
    meters: Meters,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

impl Pool {
    /// Starts the threads, `hash-0` and on; 0 means one for each core. Each keeps 7 MiB from its first hash on.
    ///
    /// # Errors
    /// `internal` when the system gives no more threads.
    pub fn start(threads: usize) -> Result<Self> {
        let threads = if threads == 0 { thread::available_parallelism().map_or(1, usize::from) } else { threads };
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Condvar::new(),
            threads,
            places: AtomicUsize::new(0),
            computed: AtomicU64::new(0),
            cost: AtomicU64::new(nanos(FIRST_GUESS)),
            meters: Meters::default(),
        });
        let pool = Self(Arc::new(Owner(shared.clone())));
        for n in 0..threads {
            let shared = shared.clone();
            thread::Builder::new().name(format!("hash-{n}")).spawn(move || shared.serve()).map_err(Error::internal)?;
        }
        Ok(pool)
    }

    /// Takes a place. Do this before anything is reserved in the database.
    ///
    /// # Errors
    /// `busy` when the queue is full.
    pub fn admit(&self) -> Result<Ticket> {
        let limit = self.limit();
        self.shared().places.fetch_update(Relaxed, Relaxed, |taken| (taken < limit).then_some(taken + 1)).map_err(
            |_| {
                self.shared().meters.refused.one();
                busy()
            },
        )?;
        Ok(Ticket(self.shared().clone()))
    }

    /// How many hashes were begun, those for decoys included.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.shared().computed.load(Relaxed)
    }

    /// How many places are taken, by those who wait and by those who are served.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.shared().places.load(Relaxed)
    }

    /// How many places there are, at the present cost of a hash.
    #[must_use]
    pub fn limit(&self) -> usize {
        let cost = self.shared().cost.load(Relaxed).max(nanos(LEAST));
        let each = usize::try_from(nanos(QUEUE) / cost).unwrap_or(usize::MAX);
        each.saturating_mul(self.shared().threads).max(MIN_PLACES)
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.shared().meters
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.filled.notify_all();
    }
}

/// A place in the queue, for as many hashes one after the other as the request needs. Dropping it frees the place.
pub struct Ticket(Arc<Shared>);

impl Ticket {
    /// Hashes a password. Dropping the future costs no hash unless it has begun.
    ///
    /// # Errors
    /// `busy` when the pool has stopped; `internal` when the random source fails.
    pub async fn hash(&mut self, password: &Password) -> Result<Hash> {
        let password = password.clone();
        self.compute(move |memory| argon::hash(&password, memory)).await
    }

    /// Whether `hash` is the hash of `password`. Dropping the future costs no hash unless it has begun.
    ///
    /// # Errors
    /// `busy` when the pool has stopped; `internal` when the stored hash cannot be read.
    pub async fn verify(&mut self, password: &Password, hash: &Hash) -> Result<bool> {
        let (password, hash) = (password.clone(), hash.clone());
        self.compute(move |memory| format::verify(&password, &hash, memory)).await
    }

    async fn compute<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Memory) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let (shared, asked) = (self.0.clone(), Instant::now());
        self.0.push(Box::new(move |memory| {
            if !reply.is_closed() {
                // Whoever asked may have gone by now; then nobody wants the answer.
                let _ = reply.send(shared.measure(asked, || work(memory)));
            }
        }))?;
        let (result, times) = answer.await.map_err(|_| busy())?;
        times.trace();
        result
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.places.fetch_sub(1, Relaxed);
    }
}

impl Shared {
    fn push(&self, job: Job) -> Result<()> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(busy());
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// What each thread does until the pool is closed and the queue empty.
    fn serve(&self) {
        let mut memory = Memory::default();
        while let Some(job) = self.next() {
            job(&mut memory);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs one hash, counts it and learns its cost. A panic in it becomes an error, and the thread lives on.
    fn measure<T>(&self, asked: Instant, work: impl FnOnce() -> Result<T>) -> (Result<T>, Times) {
        self.computed.fetch_add(1, Relaxed);
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::internal("a hash panicked")));
        let times = Times { asked, begun, done: Instant::now() };
        self.meters.count(times);
        // Threads may overwrite each other's step; the average does not mind.
        let average = self.cost.load(Relaxed);
        self.cost.store(average - average / 16 + nanos(times.done - begun) / 16, Relaxed);
        (result, times)
    }

    /// No job runs under this lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn busy() -> Error {
    Error::from(Code::Busy).after(QUEUE)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, sync::mpsc, task};

    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    /// Occupies one thread until the sender is dropped.
    fn occupy(pool: &Pool) -> mpsc::Sender<()> {
        let (release, wait) = mpsc::channel::<()>();
        pool.shared().push(Box::new(move |_| assert!(wait.recv().is_err()))).unwrap();
        release
    }

    #[tokio::test]
    async fn one_ticket_serves_a_whole_change_of_password() {
        let pool = Pool::start(1).unwrap();
        let mut ticket = pool.admit().unwrap();
        assert_eq!(pool.depth(), 1);
        let hash = ticket.hash(&password("old")).await.unwrap();
        assert!(ticket.verify(&password("old"), &hash).await.unwrap());
        assert!(!ticket.verify(&password("new"), &hash).await.unwrap());
        assert_eq!(pool.computed(), 3);
        drop(ticket);
        assert_eq!(pool.depth(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_until_a_place_is_free() {
        let pool = Pool::start(1).unwrap();
        pool.shared().cost.store(nanos(QUEUE) / 10, Relaxed);
        let mut tickets: Vec<_> = (0..10).map(|_| pool.admit().unwrap()).collect();
        let refused = pool.admit().err().unwrap();
        assert_eq!((refused.code(), refused.retry_after()), (Code::Busy, Some(QUEUE)));
        tickets.pop();
        assert!(pool.admit().is_ok());
        pool.shared().cost.store(nanos(QUEUE) * 10, Relaxed);
        assert_eq!(pool.limit(), MIN_PLACES);
        pool.shared().cost.store(0, Relaxed);
        assert_eq!(pool.limit(), 400);
    }

    #[tokio::test]
    async fn whoever_went_away_costs_no_hash() {
        let pool = Pool::start(1).unwrap();
        let release = occupy(&pool);
        let mut ticket = pool.admit().unwrap();
        let (text, waker) = (password("gone"), task::Waker::noop());
        {
            let mut gone = pin!(ticket.hash(&text));
            assert!(gone.as_mut().poll(&mut task::Context::from_waker(waker)).is_pending());
        }
        drop(release);
        ticket.hash(&text).await.unwrap();
        assert_eq!(pool.computed(), 1);
    }

    #[tokio::test]
    async fn first_come_first_served() {
        let pool = Pool::start(1).unwrap();
        let release = occupy(&pool);
        let (order, seen) = mpsc::channel();
        let mut tickets: Vec<_> = (0..8).map(|n| (n, pool.admit().unwrap())).collect();
        let waiting = tickets.iter_mut().map(|(n, ticket)| {
            let (n, order) = (*n, order.clone());
            ticket.compute(move |_| order.send(n).map_err(Error::internal))
        });
        let waiting = futures_util::future::join_all(waiting);
        tokio::join!(waiting, async { drop(release) });
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_panic_ends_one_hash_only() {
        let pool = Pool::start(1).unwrap();
        let mut ticket = pool.admit().unwrap();
        let error = ticket.compute(|_| -> Result<()> { panic!("as a test does") }).await.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(ticket.hash(&password("after")).await.is_ok());
    }

    #[tokio::test]
    async fn dropping_the_last_pool_ends_the_threads() {
        let pool = Pool::start(2).unwrap();
        let copy = pool.clone();
        let (shared, mut ticket) = (Arc::downgrade(pool.shared()), pool.admit().unwrap());
        drop(pool);
        assert!(ticket.hash(&password("still served")).await.is_ok());
        drop(copy);
        assert_eq!(ticket.hash(&password("too late")).await.unwrap_err().code(), Code::Busy);
        drop(ticket);
        let deadline = Instant::now() + Duration::from_secs(5);
        while shared.strong_count() > 0 {
            assert!(Instant::now() < deadline, "the threads live on");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
