//! The sessions' SQL.

use uuid::Uuid;

use super::{ACTIVITY, Reason};
use crate::{
    access::Role,
    clock::Time,
    db::{Conn, Record, Tx, sql},
    error::Result,
    id::{KeyId, SessionId, UserId},
    record, sql,
};

record! {
    /// A session as it is stored.
    #[derive(Clone, Debug)]
    pub struct Session {
        /// Its id: the `sid` of its tokens.
        pub id: SessionId,
        /// Whose it is.
        pub user_id: UserId,
        /// When the person signed in.
        pub auth_time: Time,
        /// How he proved himself: `amr` values, separated by blanks.
        pub amr: String,
        /// What he asked for (OAuth 2.0).
        pub scope: Option<String>,
        /// When he last proved himself.
        pub proved_at: Time,
        /// From where he signed in, or refreshed it since after a minute of rest.
        pub ip_address: Option<String>,
        /// What his client called itself.
        pub user_agent: Option<String>,
        /// `desktop`, `mobile`, ..
        pub device_type: Option<String>,
        /// The browser's name.
        pub browser: Option<String>,
        /// The operating system's name.
        pub os: Option<String>,
        /// How long a refresh token may lie unused.
        pub idle_seconds: i64,
        /// When it began.
        pub created_at: Time,
        /// When it was last used, to the minute.
        pub last_activity: Time,
        /// When it ends at the latest.
        pub expires_at: Time,
        /// When it was ended before that.
        pub ended_at: Option<Time>,
        /// Why.
        pub end_reason: Option<String>,
    }
}

record! {
    /// What a bearer is asked for on each request: his session or key, and what his account may do. One row for
    /// each role that was granted, and one when there is none.
    #[derive(Clone, Debug)]
    pub(super) struct Standing {
        pub user_id: UserId,
        pub id: Uuid,
        pub proved_at: Time,
        pub last_activity: Time,
        pub expires_at: Option<Time>,
        pub ended_at: Option<Time>,
        pub limit: Option<String>,
        pub is_active: bool,
        pub deleted_at: Option<Time>,
        pub role: Role,
        pub is_verified: bool,
        pub tier: String,
        pub plan: Option<String>,
        pub granted: Option<String>,
        pub grant_expires_at: Option<Time>,
        pub grant_permissions: Option<String>,
    }
}

record! {
    /// A refresh token and its session.
    pub(super) struct Found {
        pub session_id: SessionId,
        pub nonce: Vec<u8>,
        pub token_expires_at: Time,
        pub used_at: Option<Time>,
        pub user_id: UserId,
        pub idle_seconds: i64,
        pub expires_at: Time,
        pub last_activity: Time,
        pub ended_at: Option<Time>,
        pub is_active: bool,
        pub deleted_at: Option<Time>,
        pub must_change_password: bool,
        pub authority_version: i64,
    }
}

pub(super) async fn insert(tx: &mut Tx, session: &Session) -> Result<()> {
    sql!("insert into sessions (", Session::COLUMNS, ") values")
        .rows([vec![
            session.id.into(),
            session.user_id.into(),
            session.auth_time.into(),
            session.amr.as_str().into(),
            session.scope.clone().into(),
            session.proved_at.into(),
            session.ip_address.clone().into(),
            session.user_agent.clone().into(),
            session.device_type.clone().into(),
            session.browser.clone().into(),
            session.os.clone().into(),
            session.idle_seconds.into(),
            session.created_at.into(),
            session.last_activity.into(),
            session.expires_at.into(),
            session.ended_at.into(),
            session.end_reason.clone().into(),
        ]])
        .send(tx)
        .await
}

pub(super) async fn insert_token(
    tx: &mut Tx,
    digest: [u8; 32],
    session: SessionId,
    nonce: [u8; 16],
    expires_at: Time,
) -> Result<()> {
    sql("insert into refresh_tokens (digest, session_id, nonce, created_at, expires_at) values ($1, $2, $3, $4, $5)")
        .bind(digest)
        .bind(session)
        .bind(nonce)
        .bind(tx.now())
        .bind(expires_at)
        .send(tx)
        .await
}

pub(super) async fn find_token(conn: &mut Conn, digest: [u8; 32]) -> Result<Option<Found>> {
    sql("select r.session_id, r.nonce, r.expires_at, r.used_at, s.user_id, s.idle_seconds, s.expires_at,
                s.last_activity, s.ended_at, u.is_active, u.deleted_at, u.must_change_password, u.authority_version
         from refresh_tokens r join sessions s on s.id = r.session_id join users u on u.id = s.user_id
         where r.digest = $1")
    .bind(digest)
    .fetch_optional(conn)
    .await
}

/// Uses a token up. Of any number at once, one is told true.
pub(super) async fn use_token(tx: &mut Tx, digest: [u8; 32]) -> Result<bool> {
    let used = sql("update refresh_tokens set used_at = $1 where digest = $2 and used_at is null")
        .bind(tx.now())
        .bind(digest)
        .execute(tx)
        .await?;
    Ok(used == 1)
}

/// Whether this token was ever used; nothing when there is no such token.
pub(super) async fn used_at(conn: &mut Conn, digest: [u8; 32]) -> Result<Option<Option<Time>>> {
    let row = sql("select used_at from refresh_tokens where digest = $1").bind(digest);
    Ok(row.fetch_optional::<(Option<Time>,)>(conn).await?.map(|row| row.0))
}

pub(super) async fn touch(tx: &mut Tx, id: SessionId, ip: Option<String>) -> Result<()> {
    sql("update sessions set last_activity = $1, ip_address = coalesce($2, ip_address) where id = $3")
        .bind(tx.now())
        .bind(ip)
        .bind(id)
        .send(tx)
        .await
}

/// Notes that a session and its person are active, at most once a minute.
pub(super) async fn touch_both(tx: &mut Tx, id: SessionId, user: UserId) -> Result<()> {
    let stale = tx.now() - ACTIVITY;
    sql("update sessions set last_activity = $1 where id = $2 and last_activity < $3")
        .bind(tx.now())
        .bind(id)
        .bind(stale)
        .send(tx)
        .await?;
    sql("update users set last_activity = $1 where id = $2 and (last_activity is null or last_activity < $3)")
        .bind(tx.now())
        .bind(user)
        .bind(stale)
        .send(tx)
        .await
}

/// The columns of [`Standing`] that are of the account.
const ACCOUNT: &str = "u.is_active, u.deleted_at, u.role, u.is_verified, u.subscription_tier, p.permissions,
        g.role, g.expires_at, r.permissions";
const ACCOUNT_TABLES: &str = " u on u.id = o.user_id left join plans p on p.tier = u.subscription_tier
        left join grants g on g.user_id = u.id left join roles r on r.name = g.role";

pub(super) async fn standing(conn: &mut Conn, id: SessionId) -> Result<Vec<Standing>> {
    sql!(
        "select o.user_id, o.id, o.proved_at, o.last_activity, o.expires_at, o.ended_at, null, ",
        ACCOUNT,
        " from sessions o join users",
        ACCOUNT_TABLES,
        " where o.id = $1"
    )
    .bind(id)
    .fetch_all(conn)
    .await
}

/// How an API key is named.
pub(super) enum Which {
    Digest([u8; 32]),
    Id(KeyId),
}

/// The same of an API key.
pub(super) async fn key_standing(conn: &mut Conn, which: Which) -> Result<Vec<Standing>> {
    // One that was never used is noted at once.
    let never = Time::from_micros(0);
    let query = sql!(
        "select o.user_id, o.id, o.created_at, coalesce(o.last_used_at, $1), o.expires_at, o.revoked_at,
                o.permissions, ",
        ACCOUNT,
        " from api_keys o join users",
        ACCOUNT_TABLES
    )
    .bind(never);
    let query = match which {
        Which::Digest(digest) => query.push(" where o.digest = $2").bind(digest),
        Which::Id(id) => query.push(" where o.id = $2").bind(id),
    };
    query.fetch_all(conn).await
}

/// Notes that a key is used, at most once a minute.
pub(super) async fn touch_key(tx: &mut Tx, id: KeyId, ip: Option<String>) -> Result<()> {
    let stale = tx.now() - ACTIVITY;
    sql("update api_keys set last_used_at = $1, last_used_ip = $2
         where id = $3 and (last_used_at is null or last_used_at < $4)")
    .bind(tx.now())
    .bind(ip)
    .bind(id)
    .bind(stale)
    .execute(tx)
    .await?;
    Ok(())
}

/// Those that can still be refreshed. A token that was used lives no longer than its successor, so any of them tells.
pub(super) async fn active(conn: &mut Conn, user: UserId, now: Time) -> Result<Vec<Session>> {
    sql!(
        "select ",
        Session::COLUMNS,
        " from sessions where user_id = $1 and ended_at is null and expires_at > $2
             and exists (select 1 from refresh_tokens r where r.session_id = sessions.id and r.expires_at > $2)
         order by created_at desc, id desc"
    )
    .bind(user)
    .bind(now)
    .fetch_all(conn)
    .await
}

/// Ended ones too, the newest first.
pub(super) async fn history(
    conn: &mut Conn,
    user: UserId,
    behind: Option<(Time, SessionId)>,
    limit: i64,
) -> Result<Vec<Session>> {
    let query = sql!("select ", Session::COLUMNS, " from sessions where user_id = ").value(user);
    let query = match behind {
        Some((at, id)) => query.push(" and (created_at, id) < (").value(at).push(", ").value(id).push(")"),
        None => query,
    };
    query.push(" order by created_at desc, id desc limit ").value(limit).fetch_all(conn).await
}

pub(super) async fn end(tx: &mut Tx, user: UserId, id: SessionId, reason: Reason) -> Result<bool> {
    let ended = sql("update sessions set ended_at = $1, end_reason = $2
                     where id = $3 and user_id = $4 and ended_at is null and expires_at > $1")
    .bind(tx.now())
    .bind(reason.as_str())
    .bind(id)
    .bind(user)
    .execute(tx)
    .await?;
    Ok(ended == 1)
}

pub(super) async fn end_all(
    tx: &mut Tx,
    user: UserId,
    save: Option<SessionId>,
    reason: Reason,
) -> Result<Vec<SessionId>> {
    let mut statement = sql("update sessions set ended_at = $1, end_reason = $2
                             where user_id = $3 and ended_at is null and expires_at > $1")
    .bind(tx.now())
    .bind(reason.as_str())
    .bind(user);
    if let Some(save) = save {
        statement = statement.push(" and id <> $4").bind(save);
    }
    let rows: Vec<(SessionId,)> = statement.push(" returning id").fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Ends up to `limit` sessions, anybody's, that began before `before`.
pub(super) async fn end_some(
    tx: &mut Tx,
    before: Time,
    limit: i64,
    reason: Reason,
) -> Result<Vec<(SessionId, UserId)>> {
    sql("update sessions set ended_at = $1, end_reason = $2 where ended_at is null and id in
         (select id from sessions where ended_at is null and expires_at > $1 and created_at < $3 order by id limit $4)
         returning id, user_id")
    .bind(tx.now())
    .bind(reason.as_str())
    .bind(before)
    .bind(limit)
    .fetch_all(tx)
    .await
}

pub(super) async fn proved(tx: &mut Tx, id: SessionId) -> Result<bool> {
    let proved = sql("update sessions set proved_at = $1 where id = $2 and ended_at is null").bind(tx.now()).bind(id);
    Ok(proved.execute(tx).await? == 1)
}

pub(super) async fn remove_over(tx: &mut Tx, limit: i64) -> Result<Vec<(SessionId, UserId, Option<Time>)>> {
    sql("delete from sessions where id in (select id from sessions where expires_at < $1 order by expires_at limit $2)
         returning id, user_id, ended_at")
    .bind(tx.now())
    .bind(limit)
    .fetch_all(tx)
    .await
}

/// Gives the sessions of what was removed, and when each token was used.
pub(super) async fn remove_tokens(tx: &mut Tx, limit: i64) -> Result<Vec<(SessionId, Option<Time>)>> {
    sql("delete from refresh_tokens where digest in
         (select digest from refresh_tokens where expires_at < $1 order by expires_at limit $2)
         returning session_id, used_at")
    .bind(tx.now())
    .bind(limit)
    .fetch_all(tx)
    .await
}

/// Removes these sessions, but those that were ended: their time is told until it is over.
pub(super) async fn remove_idle(tx: &mut Tx, ids: &[SessionId]) -> Result<Vec<(SessionId, UserId)>> {
    let query = sql("delete from sessions where ended_at is null and id in ").list(ids.iter().map(|id| (*id).into()));
    query.push(" returning id, user_id").fetch_all(tx).await
}
