//! The audit trail: what it finds, who sees what of it, and what it refuses.

mod plans;
mod seen;

use denizen::{
    access::{Actor, Authority, Caller, Origin, Role},
    event::{self, Event, Kind, trail},
    id::{KeyId, SessionId, UserId},
};
use serde_json::{Value, json};

use crate::{
    each_engine,
    kit::{self, TestApp, client::Client, random::Random},
    people::person,
};

const EVENTS: &str = "/api/v1/events";

/// Every page, as events.
async fn walk(client: &Client, path: &str, query: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?size=9&{query}{cursor}")).await.expect(200).json();
        events.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return events };
        cursor = format!("&cursor={next}");
    }
}

const KINDS: [Kind; 4] = [Kind::UserUpdated, Kind::LoginFailed, Kind::LoginSucceeded, Kind::KeyCreated];

/// Events of a few people in every constellation.
async fn make(app: &TestApp, random: &mut Random, people: &[UserId], sessions: &[SessionId], count: usize) {
    let mut pick = |most: usize| random.below(most);
    for _ in 0..count / 10 {
        let events: Vec<(Kind, Actor, usize, Option<UserId>, bool)> = (0..10)
            .map(|_| {
                let person = people[pick(people.len())];
                let session = sessions[pick(sessions.len())];
                let actor = match pick(6) {
                    0 => Actor::Anonymous,
                    1 => Actor::Operator,
                    2 => Actor::Key(person, KeyId::from_uuid(session.uuid())),
                    _ => Actor::User(person, session),
                };
                let user = (pick(5) > 0).then(|| people[pick(people.len())]);
                (KINDS[pick(KINDS.len())], actor, pick(3), user, pick(3) == 0)
            })
            .collect();
        let events = &events;
        app.app
            .db
            .write(async |tx| {
                for (kind, actor, ip, user, is_refused) in events {
                    let ip = [None, Some("192.0.2.7"), Some("2001:db8::7")][*ip];
                    let origin = Origin { ip: ip.map(|ip| ip.parse().unwrap()), user_agent: None };
                    let caller = Caller::new(*actor, Authority::of_role(Role::User), origin);
                    let event = Event::new(*kind, &caller);
                    let event = if *is_refused { event.refused() } else { event };
                    let event = user.map_or_else(|| Event::new(*kind, &caller), |user| event.user(user));
                    event::record(tx, event).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }
    app.numbered().await;
}

each_engine! {
    async fn every_filter_and_pair_finds_what_a_look_at_all_finds(app) {
        let admin = person(&app, "admin", Role::Admin).await;
        let client = app.bearer(&admin.access);
        let mut random = Random::new(7);
        let (ann, bob) = (app.register("ann").await, app.register("bob").await);
        let people: Vec<UserId> = [&ann, &bob].map(|person| person.id.parse().unwrap()).into();
        let sessions: Vec<SessionId> = (1..4).map(|n| SessionId::from_uuid(uuid::Uuid::from_u128(n))).collect();
        make(&app, &mut random, &people, &sessions, 200).await;
        let all = walk(&client, EVENTS, "").await;
        let head = client.get(&format!("{EVENTS}?size=1")).await.json();
        assert_eq!((head["total"].as_u64(), &head["page"], &head["size"]), (Some(all.len() as u64), &json!(1), &json!(1)));
        assert_eq!(app.database.number("select count(*) from events").await, i64::try_from(all.len()).unwrap());
        let order = |event: &Value| (event["at"].as_str().unwrap().to_owned(), event["cursor"].as_i64().unwrap());
        assert!(all.windows(2).all(|pair| order(&pair[0]) > order(&pair[1])), "the newest come first");
        let middle = all[all.len() / 2]["at"].as_str().unwrap().to_owned();
        let filters: Vec<(&str, String)> = [
            ("kind", "login.failed"), ("kind", "user.updated"), ("actor", &ann.id), ("actor", "operator"), ("actor", "anonymous"),
            ("user", &bob.id), ("ip", "192.0.2.7"), ("ip", "2001:DB8:0::7"), ("session", &sessions[1].to_string()),
            ("outcome", "refused"), ("outcome", "success"), ("after", &middle), ("before", &middle),
        ].map(|(name, value)| (name, value.to_owned())).into();
        let holds = |event: &Value, (name, value): &(&str, String)| match *name {
            "after" => event["at"].as_str().unwrap() >= value.as_str(),
            "before" => event["at"].as_str().unwrap() < value.as_str(),
            "ip" => event["ip"] == json!(value.parse::<std::net::IpAddr>().unwrap().to_string()),
            name => event[name] == json!(value),
        };
        for (n, one) in filters.iter().enumerate() {
            for other in &filters[n..] {
                if one.0 == other.0 && one.1 != other.1 {
                    continue;
                }
                let query = if one == other { format!("{}={}", one.0, one.1) } else { format!("{}={}&{}={}", one.0, one.1, other.0, other.1) };
                let found = walk(&client, EVENTS, &query).await;
                let expected: Vec<&Value> = all.iter().filter(|event| holds(event, one) && holds(event, other)).collect();
                assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
            }
        }
        // Of one user it is the same as with the filter; and by his external id.
        client.patch(&format!("/api/v1/users/{}", bob.id), json!({"external_id": "b7"})).await.expect(200);
        app.numbered().await;
        let of_bob = walk(&client, EVENTS, &format!("user={}", bob.id)).await;
        for name in [bob.id.as_str(), "b7"] {
            assert_eq!(walk(&client, &format!("/api/v1/users/{name}/events"), "").await, of_bob);
            let few = walk(&client, &format!("/api/v1/users/{name}/events"), "outcome=refused&kind=login.failed").await;
            assert!(!few.is_empty() && few.iter().all(|event| event["user"] == json!(bob.id) && event["outcome"] == "refused"));
        }
    }

    async fn events_without_a_number_are_not_shown(app) {
        let database = app.stop().await;
        let app = kit::open(&database, &[]).await;
        let list = async || {
            let (caller, filter) = (Caller::operator(), trail::Filter::default());
            trail::list(&caller, &mut app.db.read(), &filter, None, 100).await.unwrap().events.len()
        };
        event::sequencer::drain(&app.db, &app.keys).await.unwrap();
        let before = list().await;
        app.db.write(async |tx| event::record(tx, Event::new(Kind::SetupCompleted, &Caller::operator())).await).await.unwrap();
        assert_eq!(list().await, before);
        event::sequencer::drain(&app.db, &app.keys).await.unwrap();
        assert_eq!(list().await, before + 1);
    }

    async fn what_is_no_question_is_refused_by_name(app) {
        let admin = person(&app, "admin", Role::Admin).await;
        let client = app.bearer(&admin.access);
        for (query, fault) in [
            ("kind=user.eaten", "kind:unknown_kind"),
            ("kind=login", "kind:unknown_kind"),
            ("kind=", "kind:unknown_kind"),
            ("outcome=failure", "outcome:unknown_outcome"),
            ("actor=ann", "actor:invalid_actor"),
            ("actor=user", "actor:invalid_actor"),
            ("user=42", "user:invalid_id"),
            ("session=x", "session:invalid_id"),
            ("ip=10.0.0.0/8", "ip:invalid_ip_address"),
            ("after=yesterday", "after:invalid_time"),
            ("before=4711", "before:invalid_time"),
            ("size=0", "size:out_of_range"),
            ("size=101", "size:out_of_range"),
            ("page=2", "page:use_cursor"),
            ("page=0", "page:out_of_range"),
            ("cursor=", "cursor:invalid_cursor"),
            ("cursor=x", "cursor:invalid_cursor"),
            ("cursor=1", "cursor:invalid_cursor"),
            ("cursor=-1--1", "cursor:invalid_cursor"),
            ("cursor=1-99999999999999999999", "cursor:invalid_cursor"),
            ("cursor=9223372036854775807-1", "cursor:invalid_cursor"),
            ("cursor=1-1%27%20or%201=1", "cursor:invalid_cursor"),
            ("data=x", "data:unknown_field"),
            ("sort_by=at", "sort_by:unknown_field"),
        ] {
            for path in [EVENTS.to_owned(), format!("/api/v1/users/{}/events", admin.id)] {
                if query.starts_with("user=") && path != EVENTS {
                    continue;
                }
                assert_eq!(client.get(&format!("{path}?{query}")).await.expect(422).faults(), [fault], "{query}");
            }
        }
        let own = format!("/api/v1/users/{}/events", admin.id);
        assert_eq!(client.get(&format!("{own}?user={}", admin.id)).await.expect(422).faults(), ["user:unknown_field"]);
        assert_eq!(client.get(&format!("{EVENTS}?kind=a&kind=b")).await.expect(400).code(), "malformed");
        for nobody in ["01890a5d-ac96-774b-bcce-b302099a8057", "42", "%00", "..%2f"] {
            client.get(&format!("/api/v1/users/{nobody}/events")).await.expect(404);
        }
        // What is a question and finds nothing is answered.
        for query in ["after=9999-12-31T23:59:59Z", "before=0001-01-01T00:00:00Z", "cursor=0-0", "ip=::1", "session=01890a5d-ac96-774b-bcce-b302099a8057"] {
            let page = client.get(&format!("{EVENTS}?{query}")).await.expect(200).json();
            assert_eq!((page["items"].as_array().map(Vec::len), page["next_cursor"].is_null()), (Some(0), true), "{query}");
        }
    }
}
