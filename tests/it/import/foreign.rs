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

each_engine! {
    async fn the_users_of_another_service_sign_in_with_their_old_passwords(app) {
        let elsewhere = Database::new(Engine::Postgres);
        let settings = elsewhere.settings();
        let schema = &settings.iter().find(|setting| setting.0 == "DATABASE_SCHEMA").unwrap().1;
        let client = elsewhere.postgres().await;
        client.batch_execute(&format!("create schema {schema}")).await.unwrap();
        client.batch_execute(TABLE).await.unwrap();
        let left: i64 = client.query_one("select count(*) from users", &[]).await.unwrap().get(0);
        let left = u64::try_from(left).unwrap();
        let url = server();
        let url = format!("{url}{}options=-csearch_path%3D{schema}", if url.contains('?') { '&' } else { '?' });
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
}
