//! Telling names that exist from names that do not: neither the answer nor its time does.
//!
//! The times are compared on a machine that does nothing else, so `./test enumeration` runs this room by itself.

use std::{collections::BTreeMap, ops::Range, thread, time::Duration};

use denizen::{
    access::{Caller, Origin, Role},
    account::{Email, Identifier, Names, New, Verification},
    login::register,
    password::{Hash, Password},
    secret::Purpose,
};
use serde_json::json;

use crate::{
    each_engine,
    kit::{
        TestApp,
        client::PASSWORD,
        random::Random,
        wire::{Raw, Wire, post},
    },
};

/// Accounts of each sort. Each is tried five times, which costs no wait.
const PEOPLE: usize = 400;
const TRIES: usize = 5;
/// A cost at which bcrypt takes about as long as the hashes that are made here.
const BCRYPT_COST: u32 = 7;

/// How far medians may lie apart, as a share.
const EQUAL: f64 = 0.01;
/// What chance never does.
const GROSS: f64 = 0.2;

/// What a name may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Active,
    Deactivated,
    /// Without a password, its decoy being of the kind that is made here.
    Bare,
    /// Nobody's, its decoy being of the kind that is made here.
    Unknown,
    /// With a hash made elsewhere.
    Imported,
    /// Nobody's, its decoy being of the kind that was made elsewhere.
    UnknownImported,
}

const SORTS: [Sort; 6] =
    [Sort::Active, Sort::Deactivated, Sort::Bare, Sort::Unknown, Sort::Imported, Sort::UnknownImported];

/// The names of each sort.
type Crowd = BTreeMap<Sort, Vec<String>>;

fn bcrypt(cost: u32) -> Hash {
    Hash::parse(&bcrypt::hash(PASSWORD, cost).unwrap()).unwrap()
}

/// Makes accounts that all have one hash.
async fn populate(app: &TestApp, names: &[String], hash: &Hash) {
    let caller = &Caller::anonymous(Origin::default());
    for chunk in names.chunks(100) {
        let make = async |tx: &mut denizen::db::Tx| {
            for name in chunk {
                let new = New {
                    email: Email::parse(name).unwrap(),
                    username: None,
                    names: Names::complete(Some("Ann Lee".into()), None, None),
                    gender: None,
                    phone: None,
                    ip_address: None,
                    role: Role::User,
                    verification: Verification::Pending,
                };
                register::create(tx, caller, &new, hash).await?;
            }
            Ok(())
        };
        app.app.db.write(make).await.unwrap();
    }
}

/// Names of one sort that are equally long, whether they exist or not.
fn names(sort: char, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{sort}{n:05}@example.com")).collect()
}

/// Whether the decoy of a name is one that was made elsewhere.
fn has_foreign_decoy(app: &TestApp, name: &str) -> bool {
    let key = Identifier::parse(name).key();
    let mac = app.app.keys.mac(Purpose::Identifier, &[b"decoy", key.as_bytes()]);
    !app.app.decoy(&mac).is_current()
}

/// A store of every sort, two thirds of whose hashes are of the kind that is made here.
async fn crowd(app: TestApp, people: usize) -> (TestApp, Crowd) {
    let own = app.app.pool.admit().unwrap().hash(&Password::parse(PASSWORD).unwrap()).await.unwrap();
    let bare = names('n', people * 4);
    for (names, hash) in [
        (&names('a', people), &own),
        (&names('d', people), &own),
        (&names('b', people), &bcrypt(BCRYPT_COST)),
        (&bare, &own),
    ] {
        populate(&app, names, hash).await;
    }
    let without = "delete from credentials where user_id in (select id from users where email_key like 'n%')";
    app.database.execute(without).await;
    app.database.execute("update users set is_active = false where email_key like 'd%'").await;
    app.numbered().await;
    // Decoys are drawn at the start.
    let app = TestApp::on(app.stop().await, &[]).await;
    let drawn = |names: &[String], foreign: bool| {
        let fit = names.iter().filter(|name| has_foreign_decoy(&app, name) == foreign).cloned();
        let fit: Vec<_> = fit.take(people).collect();
        assert_eq!(fit.len(), people);
        fit
    };
    let unknown = names('u', people * 10);
    let sorts = BTreeMap::from([
        (Sort::Active, names('a', people)),
        (Sort::Deactivated, names('d', people)),
        (Sort::Bare, drawn(&bare, false)),
        (Sort::Unknown, drawn(&unknown, false)),
        (Sort::Imported, names('b', people)),
        (Sort::UnknownImported, drawn(&unknown, true)),
    ]);
    (app, sorts)
}

fn try_to_enter(wire: &mut Wire, name: &str) -> (Raw, Duration) {
    let (answer, took) =
        wire.ask(&post("/api/v1/auth/login", &json!({"email": name, "password": "Wrong-Horse-7-Battery"})));
    assert_eq!(answer.status, 401, "{name}: {answer:?}");
    (answer, took)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How long each try of each sort took.
type Times = BTreeMap<Sort, Vec<f64>>;

/// How much longer each sort takes than nobody's names, as a share: the median of the differences within a round, over
/// the median of what nobody's names take. Two strangers try at a time, since two cores hash at a time.
fn compare(app: &TestApp, sorts: &Crowd) -> Vec<(Sort, f64)> {
    let rounds = PEOPLE * TRIES;
    let times = thread::scope(|scope| {
        let one = scope.spawn(|| try_all(app, sorts, 0..rounds / 2));
        let other = try_all(app, sorts, rounds / 2..rounds);
        let mut times = one.join().unwrap();
        for (sort, more) in other {
            times.entry(sort).or_default().extend(more);
        }
        times
    });
    for (sort, times) in &times {
        println!("{sort:?}: {:.3} ms", median(times.clone()) * 1e3);
    }
    differences(&times)
}

/// Rounds are interleaved, their order is by chance.
fn try_all(app: &TestApp, sorts: &Crowd, rounds: Range<usize>) -> Times {
    let mut times = Times::new();
    let (mut order, mut random, mut wire) = (SORTS, Random::new(7 + rounds.start as u64), Wire::open(app.address));
    for round in rounds.clone() {
        random.shuffle(&mut order);
        for sort in order {
            let (_, took) = try_to_enter(&mut wire, &sorts[&sort][round / TRIES]);
            times.entry(sort).or_default().push(took.as_secs_f64());
        }
        // A gross difference needs no more proof.
        if round == rounds.start + 100 && differences(&times).iter().any(|(_, by)| by.abs() > GROSS) {
            break;
        }
    }
    times
}

fn differences(times: &Times) -> Vec<(Sort, f64)> {
    let against = |sort| if sort == Sort::Imported { Sort::UnknownImported } else { Sort::Unknown };
    let known = [Sort::Active, Sort::Deactivated, Sort::Bare, Sort::Imported];
    let of = |sort: Sort| {
        let unknown = &times[&against(sort)];
        let apart = times[&sort].iter().zip(unknown).map(|(known, unknown)| known - unknown).collect();
        (sort, median(apart) / median(unknown.clone()))
    };
    known.map(of).to_vec()
}

each_engine! {
    async fn the_time_of_a_refusal_tells_nothing(app) {
        let (app, mut sorts) = crowd(app, PEOPLE * 2).await;
        let told = tokio::task::spawn_blocking(move || {
            let first = compare(&app, &sorts);
            if first.iter().all(|(_, by)| by.abs() <= EQUAL) || first.iter().any(|(_, by)| by.abs() > GROSS) {
                return first;
            }
            println!("once more, after {first:?}");
            for names in sorts.values_mut() {
                drop(names.drain(..PEOPLE));
            }
            compare(&app, &sorts)
        });
        let told = told.await.unwrap();
        assert!(told.iter().all(|(_, by)| by.abs() <= EQUAL), "the time tells names that exist: {told:?}");
    }

    async fn refusals_are_equal_byte_for_byte(app) {
        let (app, sorts) = crowd(app, 8).await;
        let answers = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::open(app.address);
            SORTS.map(|sort| (sort, try_to_enter(&mut wire, &sorts[&sort][0]).0.anonymous()))
        });
        let answers = answers.await.unwrap();
        for (sort, answer) in &answers {
            assert_eq!(*answer, answers[0].1, "{sort:?}");
        }
    }

    async fn decoys_have_the_costs_of_the_store_in_its_proportions(app) {
        let hashes: Vec<_> = [4, 6].map(bcrypt).to_vec();
        populate(&app, &names('a', 300), &hashes[0]).await;
        populate(&app, &names('b', 100), &hashes[1]).await;
        let app = TestApp::on(app.stop().await, &[]).await;
        let costs = names('u', 2_000).into_iter().map(|name| {
            let mac = app.app.keys.mac(Purpose::Identifier, &[b"decoy", name.as_bytes()]);
            app.app.decoy(&mac).as_str()[4..6].parse::<u32>().unwrap()
        });
        let costly = costs.filter(|cost| *cost == 6).count();
        assert!((400..600).contains(&costly), "{costly} of 2000 are of the kind that every fourth account has");
    }
}
