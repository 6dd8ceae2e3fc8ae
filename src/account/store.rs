//! The accounts' SQL.

use std::sync::Arc;

use const_format::concatcp;
use serde_json::{Map, Value as Json};

use super::{Email, New, Username, Verification, arrival::SOURCE};
use crate::{
    access::Role,
    clock::Time,
    db::{Conn, Record, Tx, Value, load, sql},
    error::Result,
    id::UserId,
    record, search, sql,
};

record! {
    /// An account as it is stored.
    #[derive(Clone, Debug, PartialEq)]
    #[expect(missing_docs, reason = "the fields are those of the HTTP contract, under the same names")]
    pub struct User {
        pub id: UserId,
        pub email: String,
        pub username: Option<String>,
        pub full_name: Option<String>,
        pub first_name: Option<String>,
        pub last_name: Option<String>,
        pub phone: Option<String>,
        pub gender: Option<String>,
        pub ip_address: Option<String>,
        pub avatar_url: Option<String>,
        pub bio: Option<String>,
        pub current_title: Option<String>,
        pub experience_years: Option<i64>,
        pub education_level: Option<String>,
        pub current_role_level: Option<String>,
        pub location: Option<String>,
        pub timezone: Option<String>,
        pub locale: Option<String>,
        pub user_metadata: Map<String, Json>,
        pub app_metadata: Map<String, Json>,
        pub external_id: Option<String>,
        pub role: Role,
        pub is_active: bool,
        pub is_verified: bool,
        pub is_premium: bool,
        pub subscription_tier: String,
        pub subscription_status: String,
        pub synced: bool,
        pub must_change_password: bool,
        pub mfa_enabled: bool,
        pub version: i64,
        pub authority_version: i64,
        pub created_at: Time,
        pub updated_at: Time,
        pub last_login: Option<Time>,
        pub last_activity: Option<Time>,
    }
}

impl User {
    pub(super) fn new(tx: &Tx, new: New) -> Result<Self> {
        Ok(Self {
            id: tx.new_id()?,
            email: new.email.as_str().to_owned(),
            username: new.username.map(|username| username.as_str().to_owned()),
            full_name: new.names.full,
            first_name: new.names.first,
            last_name: new.names.last,
            phone: new.phone,
            gender: new.gender,
            ip_address: new.ip_address,
            avatar_url: None,
            bio: None,
            current_title: None,
            experience_years: None,
            education_level: None,
            current_role_level: None,
            location: None,
            timezone: None,
            locale: None,
            user_metadata: Map::new(),
            app_metadata: Map::new(),
            external_id: None,
            role: new.role,
            is_active: true,
            is_verified: new.verification == Verification::Proved,
            is_premium: false,
            subscription_tier: "basic".into(),
            subscription_status: "active".into(),
            synced: false,
            must_change_password: false,
            mfa_enabled: false,
            version: 1,
            authority_version: 1,
            created_at: tx.now(),
            updated_at: tx.now(),
            last_login: None,
            last_activity: None,
        })
    }

    /// The values of its columns, in their order.
    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.email.as_str().into(),
            self.username.clone().into(),
            self.full_name.clone().into(),
            self.first_name.clone().into(),
            self.last_name.clone().into(),
            self.phone.clone().into(),
            self.gender.clone().into(),
            self.ip_address.clone().into(),
            self.avatar_url.clone().into(),
            self.bio.clone().into(),
            self.current_title.clone().into(),
            self.experience_years.into(),
            self.education_level.clone().into(),
            self.current_role_level.clone().into(),
            self.location.clone().into(),
            self.timezone.clone().into(),
            self.locale.clone().into(),
            self.user_metadata.clone().into(),
            self.app_metadata.clone().into(),
            self.external_id.clone().into(),
            self.role.into(),
            self.is_active.into(),
            self.is_verified.into(),
            self.is_premium.into(),
            self.subscription_tier.as_str().into(),
            self.subscription_status.as_str().into(),
            self.synced.into(),
            self.must_change_password.into(),
            self.mfa_enabled.into(),
            self.version.into(),
            self.authority_version.into(),
            self.created_at.into(),
            self.updated_at.into(),
            self.last_login.into(),
            self.last_activity.into(),
        ]
    }
}

/// The folded keys that go with a record.
fn keys(user: &User) -> [Value; 2] {
    let email = Email::parse(&user.email).map(|email| email.key().to_owned()).ok();
    let username = user.username.as_deref().and_then(|name| Username::parse(name).ok()).map(|name| name.key());
    [email.into(), username.into()]
}

pub(super) async fn insert(tx: &mut Tx, user: &User) -> Result<()> {
    let mut values = user.values();
    values.extend(keys(user));
    sql!("insert into users (", User::COLUMNS, ", email_key, username_key) values").rows([values]).send(tx).await?;
    search::add(tx, &user.into()).await
}

/// Many accounts at once.
pub(super) async fn insert_all(tx: &mut Tx, users: &Arc<[User]>) -> Result<()> {
    const COLUMNS: &str = concatcp!(User::COLUMNS, ", email_key, username_key");
    let own = Arc::clone(users);
    let entries = search::prepare(move || own.iter().map(Into::into).collect());
    let row = |user: &User| user.values().into_iter().chain(keys(user)).collect();
    load("users", COLUMNS, users.iter().map(row).collect()).execute(tx).await?;
    search::add_all(tx, entries).await
}

/// Writes down who these are elsewhere, as far as they are known there.
pub(super) async fn identify_all(tx: &mut Tx, users: &[User]) -> Result<()> {
    let now = tx.now();
    let row = |user: &User| Some(vec![SOURCE.into(), user.external_id.clone()?.into(), user.id.into(), now.into()]);
    load("identities", "source, subject, user_id, created_at", users.iter().filter_map(row).collect()).execute(tx).await
}

/// What one account alone can have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owned {
    Email,
    Username,
    ExternalId,
}

/// Who has which of these, and of an address whether it is proved. Lists are filled up with what they begin with, so
/// that there are few texts.
pub(super) async fn owners(
    conn: &mut Conn,
    what: Owned,
    keys: impl Iterator<Item = String>,
) -> Result<Vec<(String, UserId, bool)>> {
    const WIDTH: usize = 250;
    const WITH: &str = ") select key, ";
    const WHERE: &str = ", true from keys where ";
    const IS: &str = " is not null";
    const EMAIL: &str = "(select id from users where email_key = key)";
    const PROVED: &str = ", (select is_verified from users where email_key = key) from keys where ";
    const USERNAME: &str = "(select id from users where username_key = key)";
    const EXTERNAL_ID: &str =
        concatcp!("(select user_id from identities where source = '", SOURCE, "' and subject = key)");
    let (keys, mut owners) = (keys.collect::<Vec<_>>(), Vec::new());
    for some in keys.chunks(WIDTH) {
        let width = if some.len() > 16 { WIDTH } else { 16 };
        let padded = some.iter().chain(std::iter::repeat(&some[0])).take(width).map(|key| vec![key.as_str().into()]);
        // Key by key: joined, a table that was empty when the statement was planned would be read whole each time.
        let query = sql("with keys (key) as (values").rows(padded).push(match what {
            Owned::Email => concatcp!(WITH, EMAIL, PROVED, EMAIL, IS),
            Owned::Username => concatcp!(WITH, USERNAME, WHERE, USERNAME, IS),
            Owned::ExternalId => concatcp!(WITH, EXTERNAL_ID, WHERE, EXTERNAL_ID, IS),
        });
        owners.extend(query.fetch_all::<(String, UserId, bool)>(conn).await?);
    }
    Ok(owners)
}

/// Writes the record and its keys.
pub(super) async fn update(tx: &mut Tx, user: &User) -> Result<()> {
    let values = user.values().into_iter().chain(keys(user));
    let update = sql!("update users set (", User::COLUMNS, ", email_key, username_key) = ").list(values);
    update.push(" where id = ").value(user.id).send(tx).await?;
    search::put(tx, &user.into()).await
}

/// Writes the record over that of `before`: the keys alone where they may be others, since both have an index.
pub(super) async fn change(tx: &mut Tx, before: &User, user: &User) -> Result<()> {
    if (&before.email, &before.username) != (&user.email, &user.username) {
        return update(tx, user).await;
    }
    let update = sql!("update users set (", User::COLUMNS, ") = ").list(user.values());
    update.push(" where id = ").value(user.id).send(tx).await?;
    search::put(tx, &user.into()).await
}

/// The accounts of these ids, at most a page of them.
pub(super) async fn some(conn: &mut Conn, ids: &[UserId]) -> Result<Vec<User>> {
    let ids = ids.iter().map(|id| Value::from(*id));
    sql!("select ", User::COLUMNS, " from users where deleted_at is null and id in ").list(ids).fetch_all(conn).await
}

/// Ids below one, the greatest first, with the version of the account and the one that the search knows: 0 for none.
pub(super) async fn known_versions(conn: &mut Conn, below: UserId, limit: i64) -> Result<Vec<(UserId, i64, i64)>> {
    sql("select u.id, u.version, coalesce(s.version, 0) from users u left join search_users s on s.user_id = u.id
         where u.id < $1 and u.deleted_at is null order by u.id desc limit $2")
    .bind(below)
    .bind(limit)
    .long()
    .fetch_all(conn)
    .await
}

pub(super) async fn by_id(conn: &mut Conn, id: UserId) -> Result<Option<User>> {
    sql!("select ", User::COLUMNS, " from users where id = $1 and deleted_at is null")
        .bind(id)
        .fetch_optional(conn)
        .await
}

pub(super) async fn lock(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    let row = sql!("select ", User::COLUMNS, " from users where id = $1 and deleted_at is null").bind(id);
    row.for_update().fetch_optional(tx).await
}

pub(super) async fn by_email(conn: &mut Conn, email: &Email) -> Result<Option<User>> {
    sql!("select ", User::COLUMNS, " from users where email_key = $1").bind(email.key()).fetch_optional(conn).await
}

pub(super) async fn by_username(conn: &mut Conn, username: &Username) -> Result<Option<User>> {
    sql!("select ", User::COLUMNS, " from users where username_key = $1")
        .bind(username.key())
        .fetch_optional(conn)
        .await
}

pub(super) async fn walk(conn: &mut Conn, after: Option<UserId>, limit: i64) -> Result<Vec<User>> {
    let first = UserId::from_uuid(uuid::Uuid::nil());
    sql!("select ", User::COLUMNS, " from users where id > $1 and deleted_at is null order by id limit $2")
        .bind(after.unwrap_or(first))
        .bind(limit)
        .long()
        .fetch_all(conn)
        .await
}

pub(super) async fn by_external_id(conn: &mut Conn, subject: &str) -> Result<Option<UserId>> {
    let row = sql("select user_id from identities where source = 'external' and subject = $1").bind(subject);
    Ok(row.fetch_optional::<(UserId,)>(conn).await?.map(|row| row.0))
}

pub(super) async fn set_external_id(tx: &mut Tx, id: UserId, subject: &str) -> Result<()> {
    sql("insert into identities (source, subject, user_id, created_at) values ('external', $1, $2, $3)")
        .bind(subject)
        .bind(id)
        .bind(tx.now())
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn clear_external_id(tx: &mut Tx, id: UserId) -> Result<()> {
    sql("delete from identities where user_id = $1 and source = 'external'").bind(id).execute(tx).await?;
    Ok(())
}

/// Ends every API key of a person: they die with him.
pub(super) async fn end_keys(tx: &mut Tx, id: UserId) -> Result<()> {
    sql("update api_keys set revoked_at = $1 where user_id = $2 and revoked_at is null")
        .bind(tx.now())
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn lock_deleted(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    let row = sql!("select ", User::COLUMNS, " from users where id = $1 and deleted_at is not null").bind(id);
    row.for_update().fetch_optional(tx).await
}

/// The rest of the record, its keys too, is for [`update`].
pub(super) async fn undelete(tx: &mut Tx, id: UserId) -> Result<()> {
    sql("update users set deleted_at = null, erase_at = null where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// Frees the address and the name at once. Gives the version after it.
pub(super) async fn delete(tx: &mut Tx, id: UserId, erase_at: Time) -> Result<i64> {
    search::remove(tx, id).await?;
    sql("update users set deleted_at = $1, updated_at = $1, erase_at = $2, email_key = null, username_key = null,
             version = version + 1, authority_version = authority_version + 1
         where id = $3 returning version")
    .bind(tx.now())
    .bind(erase_at)
    .bind(id)
    .scalar(tx)
    .await
}

pub(super) async fn signed_in(tx: &mut Tx, id: UserId) -> Result<()> {
    sql("update users set last_login = $1, last_activity = $1 where id = $2").bind(tx.now()).bind(id).send(tx).await?;
    search::signed_in(tx, id).await
}

pub(super) async fn due_for_erasure(conn: &mut Tx, limit: i64) -> Result<Vec<UserId>> {
    let now = conn.now();
    // Whose last events wait for their numbers is not due yet: what the sequencer appends later would stay.
    let due = sql("select id from users where erase_at is not null and erase_at <= $1
                   and not exists (select 1 from events_pending where user_id = users.id)
                   order by erase_at limit $2");
    let rows: Vec<(UserId,)> = due.bind(now).bind(limit).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Takes the row away. Of any number at once, one is told true.
pub(super) async fn erase(tx: &mut Tx, id: UserId) -> Result<bool> {
    Ok(sql("delete from users where id = $1").bind(id).execute(tx).await? == 1)
}

/// Writes the guard row, so that transactions which would take a superadmin away go one after the other.
pub(super) async fn guard_superadmins(tx: &mut Tx) -> Result<()> {
    sql("insert into guards (name) values ('superadmins') on conflict (name) do update set name = excluded.name")
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn other_superadmins(conn: &mut Conn, besides: UserId) -> Result<i64> {
    sql("select count(*) from users where role = 'superadmin' and is_active and deleted_at is null and id <> $1")
        .bind(besides)
        .scalar(conn)
        .await
}

pub(super) async fn has_superadmin(conn: &mut Conn) -> Result<bool> {
    let any = sql("select count(*) from users where role = 'superadmin' and deleted_at is null");
    Ok(any.scalar::<i64>(conn).await? > 0)
}

/// Who somebody is elsewhere: in which system, as whom, since when.
pub(super) async fn identities(conn: &mut Conn, id: UserId) -> Result<Vec<(String, String, Time)>> {
    let rows = sql("select source, subject, created_at from identities where user_id = $1 order by source, subject");
    rows.bind(id).fetch_all(conn).await
}

/// The sum that the sequencer keeps, and what waits for its number: exact, without counting the table. What waits is read
/// in the order of an index: read as it lies, all that was numbered since the last vacuum would be passed too.
pub(super) async fn count(conn: &mut Conn) -> Result<i64> {
    sql("select cast(coalesce((select value from counters where name = 'total_users'), 0)
             + coalesce((select sum(case when kind in ('user.created', 'user.restored') then 1
                                         when kind = 'user.deleted' then -1 else 0 end)
                         from (select kind from events_pending order by id limit 1000000) as waiting), 0) as bigint)")
    .scalar(conn)
    .await
}
