//! The service without HTTP: its verbs, called in this process. What they reach is the limit of what HTTP can.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use denizen::{
    access::{Caller, Origin, Role},
    account::{self, Changes, Email, Names, New, Verification},
    app::App,
    config::{Config, Source},
    db::sql,
    error::{Error, Result},
    event::sequencer::Sequencer,
    id::UserId,
    login::{
        Device, Outcome, Wish,
        register::{self, Applicant},
    },
    password::{Hash, Password},
    patch::Patch,
    secret::Token,
    session::{
        Lifetime,
        refresh::{self, Refreshed},
    },
};
use tokio::{runtime::Runtime, task::JoinSet};

use super::{people::PASSWORD, server::Database};

/// Callers at once, here and over HTTP.
pub const CALLERS: usize = 64;

/// What is done again and again.
#[derive(Clone, Copy)]
pub enum Work {
    /// A refresh token is replaced by its successor.
    Refresh,
    /// An account with a password is made. The hash was computed before.
    Register,
    /// A field of an account changes.
    Update,
}

/// A runtime like the service's own.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

/// The application, without the background work of a server.
pub async fn open(database: &Database) -> App {
    let (config, _) = Config::load(&Source::of(database.settings.clone())).unwrap();
    let app = App::open(config).await.unwrap();
    app.db.map();
    app
}

fn anybody() -> Caller {
    Caller::anonymous(Origin { ip: Some([127, 0, 0, 1].into()), user_agent: None })
}

/// What an account begins with.
pub fn new(email: &str) -> New {
    New {
        email: Email::parse(email).unwrap(),
        username: None,
        names: Names::complete(Some("Ada Lovelace".into()), None, None),
        gender: None,
        phone: None,
        ip_address: None,
        role: Role::User,
        verification: Verification::Pending,
    }
}

async fn hash(app: &App) -> Hash {
    app.pool.admit().unwrap().hash(&Password::parse(PASSWORD).unwrap()).await.unwrap()
}

/// Makes accounts `s0` and on, all with one password, whose hash is computed once.
pub fn populate(database: &Database, count: usize) {
    runtime().block_on(async {
        let app = open(database).await;
        let (caller, hash) = (&anybody(), &hash(&app).await);
        for begin in (0..count).step_by(100) {
            app.db
                .write(async |tx| {
                    for n in begin..(begin + 100).min(count) {
                        register::create(tx, caller, &new(&format!("s{n}@example.com")), hash).await?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }
    });
}

/// How often a second [`CALLERS`] callers do some work, with nothing beside it.
pub fn bare(database: &Database, work: Work, warm: Duration, measured: Duration) -> f64 {
    runtime().block_on(async {
        let app = open(database).await;
        let done = drive(&app, work, warm, measured).await;
        app.db.close();
        done as f64 / measured.as_secs_f64()
    })
}

/// The same while the log is numbered and sealed, and until all of it is.
pub fn logged(database: &Database, work: Work, measured: Duration) -> f64 {
    runtime().block_on(async {
        let app = open(database).await;
        let sequencer = Sequencer::start(app.db.clone(), app.keys.clone(), Arc::default());
        let number = sequencer.waker();
        app.db.listen(move |_| number.notify_one());
        let done = drive(&app, work, Duration::ZERO, measured).await;
        let begun = Instant::now();
        while sql("select count(*) from events_pending").scalar::<i64>(&mut app.db.read()).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let length = measured + begun.elapsed();
        sequencer.stop(Duration::MAX).await;
        app.db.close();
        done as f64 / length.as_secs_f64()
    })
}

/// How often they did it.
async fn drive(app: &App, work: Work, warm: Duration, measured: Duration) -> u64 {
    let hash = hash(app).await;
    let mut people = Vec::new();
    for n in 0..CALLERS {
        people.push(person(app, n).await);
    }
    let from = Instant::now() + warm;
    let to = from + measured;
    let mut callers = JoinSet::new();
    for (n, (user, mut token)) in people.into_iter().enumerate() {
        let (app, hash) = (app.clone(), hash.clone());
        callers.spawn(async move {
            let mut done = 0;
            for round in 0.. {
                match work {
                    Work::Refresh => token = refresh(&app, &token).await.unwrap(),
                    Work::Register => register(&app, &hash, &format!("r{n}x{round}@example.com")).await.unwrap(),
                    Work::Update => update(&app, user, format!("About {round}")).await.unwrap(),
                }
                let now = Instant::now();
                if now >= to {
                    break;
                }
                done += u64::from(now >= from);
            }
            done
        });
    }
    callers.join_all().await.iter().sum()
}

/// Somebody with a session.
async fn person(app: &App, n: usize) -> (UserId, Token) {
    let new = new(&format!("p{n}@example.com"));
    let applicant = Applicant {
        email: new.email,
        username: None,
        names: new.names,
        gender: None,
        phone: None,
        ip_address: None,
        password: Password::parse(PASSWORD).unwrap(),
    };
    let lifetime = Lifetime::Usual(app.config.auth.refresh_token_lifetime);
    let wish = Wish { lifetime, device: Device::received(None), scope: None };
    match register::register(app, &anybody(), applicant, wish).await.unwrap() {
        Outcome::SignedIn(signed_in) => (signed_in.user.id, signed_in.refresh_token),
        _ => panic!("nobody came in"),
    }
}

/// The statements of `POST /auth/refresh`.
async fn refresh(app: &App, token: &Token) -> Result<Token> {
    let (caller, rotation) = (anybody(), app.rotation());
    match app.db.write(async |tx| refresh::refresh(tx, &caller, &app.keys, rotation, token).await).await? {
        Refreshed::Continued { user, token, .. } => {
            account::get(&mut app.db.read(), user).await?;
            Ok(token)
        }
        Refreshed::Refused(code) => Err(code.into()),
    }
}

/// Those of `POST /auth/sign-up`.
async fn register(app: &App, hash: &Hash, email: &str) -> Result<()> {
    let (caller, new) = (anybody(), new(email));
    app.db.write(async |tx| register::create(tx, &caller, &new, hash).await).await.map(drop)
}

/// Those of `PATCH /users/me`.
async fn update(app: &App, user: UserId, bio: String) -> Result<()> {
    let (caller, changes) = (Caller::system(), Changes { bio: Patch::Set(bio), ..Changes::default() });
    let any = |_| Ok::<(), Error>(());
    app.db.write(async |tx| account::update(tx, &caller, user, changes.clone(), any).await).await.map(drop)
}
