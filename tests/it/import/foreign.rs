//! People come over from another service's database, and sign in with the passwords they had there.

use denizen::db::Engine;

use super::{counts, people, with_email};
use crate::{
    each_engine,
    kit::{
        database::{Database, server},
        program::Program,
    },
};

const TABLE: &str = "
create type user_role as enum ('USER', 'ADMIN');
create table users (
    id serial primary key, email varchar(255) unique not null, username varchar(50), hashed_password text,
    first_name text, last_name text, role user_role not null default 'USER', is_active boolean not null default true,
    created_at timestamp not null default '2021-02-03 04:05:06.789', preferences jsonb, tags text[]
);
insert into users (email, username, hashed_password, first_name, last_name) values
    ('ann@example.com', 'ann', '$2b$05$ZtTq7bPjNTa2MyQ2WSEVZefI4xNl5yRbtMiUecAhYU9o6sysp.6Z.', 'Ann', 'Lee');
insert into users (email, hashed_password, role) values ('boss@example.com', null, 'ADMIN');
insert into users (email, first_name) select 'many' || n || '@example.com', 'Many' from generate_series(1, 5000) as n;
update users set last_name = 'Moved' where id % 7 = 0;
delete from users where id % 11 = 0;";

/// Another service's database with these tables, and its URL.
pub async fn elsewhere(tables: &str) -> (Database, String) {
    let elsewhere = Database::new(Engine::Postgres);
    let settings = elsewhere.settings();
    let schema = &settings.iter().find(|setting| setting.0 == "DATABASE_SCHEMA").unwrap().1;
    let client = elsewhere.postgres().await;
    client.batch_execute(&format!("create schema {schema}")).await.unwrap();
    client.batch_execute(tables).await.unwrap();
    let url = server();
    let url = format!("{url}{}options=-csearch_path%3D{schema}", if url.contains('?') { '&' } else { '?' });
    (elsewhere, url)
}

/// `users` in parts of very different lengths: the parent itself holds nothing, or the least.
const PARTS: &[&str] = &[
    "create table users (id int, email text) partition by range (id);
     create table users_few partition of users for values from (0) to (10);
     create table users_many partition of users for values from (10) to (100000) partition by hash (id);
     create table users_even partition of users_many for values with (modulus 2, remainder 0);
     create table users_odd partition of users_many for values with (modulus 2, remainder 1);
     insert into users select n, 'part' || n || '@example.com' from generate_series(0, 7000) as n",
    "create table users (id int, email text);
     insert into users values (-1, 'parent@example.com');
     create table heirs (shoe int) inherits (users);
     insert into heirs select n, 'part' || n || '@example.com', 38 from generate_series(0, 7000) as n",
];

each_engine! {
    async fn the_users_of_another_service_sign_in_with_their_old_passwords(app) {
        let (elsewhere, url) = elsewhere(TABLE).await;
        let left: i64 = elsewhere.postgres().await.query_one("select count(*) from users", &[]).await.unwrap().get(0);
        let left = u64::try_from(left).unwrap();
        let program = Program::on(&app.database);
        let answer = program.run(&["import", &url, "--dry-run"]);
        assert_eq!(counts(&answer), [left - 1, 0, 0, 1], "{answer:?}");
        let answer = program.run(&["import", &url, "--allow-roles"]).expect(0);
        assert_eq!(counts(&answer), [left, 0, 0, 0]);
        app.login_with("ann@example.com", super::KNOWN).await.expect(200);
        app.login_with("ann", "Wrong-Horse-1").await.expect(401);
        let people = people(&app);
        let (ann, boss) = (with_email(&people, "ann@example.com"), with_email(&people, "boss@example.com"));
        assert_eq!((&ann["external_id"], &ann["full_name"], &ann["username"]), (&"1".into(), &"Ann Lee".into(), &"ann".into()));
        assert_eq!(ann["created_at"].as_str().unwrap()[..19], *"2021-02-03T04:05:06");
        assert_eq!((&boss["role"], people.len()), (&"admin".into(), usize::try_from(left).unwrap()));
        assert_eq!(counts(&program.run(&["import", &url, "--allow-roles"]).expect(0)), [0, 0, left, 0]);
    }

    async fn every_part_of_a_table_comes_over(app) {
        let program = Program::on(&app.database);
        let expected = [[7_001, 0, 0, 0], [1, 0, 7_001, 0]];
        for (parts, expected) in PARTS.iter().zip(expected) {
            let (_elsewhere, url) = elsewhere(parts).await;
            assert_eq!(counts(&program.run(&["import", &url]).expect(0)), expected, "{parts}");
        }
    }

    async fn what_is_no_table_is_refused_in_words(app) {
        let (_elsewhere, url) = elsewhere(
            "create table people (email text); insert into people values ('ann@example.com');
             create view users as select * from people"
        ).await;
        Program::on(&app.database).run(&["import", &url]).refused(&["it is a view", "create table to_import.users"]);
        assert_eq!(app.database.number("select count(*) from users").await, 0);
    }

    async fn an_address_of_a_table_is_what_it_says(app) {
        let (_elsewhere, url) = elsewhere(
            "create table users (email text, full_name text);
             insert into users values ($a$'+ann@example.com$a$, $a$'=Ann$a$)",
        ).await;
        Program::on(&app.database).run(&["import", &url]).expect(0);
        assert_eq!(with_email(&people(&app), "'+ann@example.com")["full_name"], "'=Ann");
    }
}
