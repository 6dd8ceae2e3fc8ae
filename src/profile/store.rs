//! The documents' SQL.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    clock::Time,
    db::{Conn, Record, Tx},
    error::Result,
    id::UserId,
    record, sql,
};

record! {
    /// A document as it is stored.
    #[derive(Clone, Debug)]
    pub struct Document {
        /// Its id.
        pub id: Uuid,
        /// Its fields, those that were set.
        pub data: Map<String, Value>,
        /// When it was first set.
        pub created_at: Time,
        /// When it last changed.
        pub updated_at: Time,
    }
}

pub(super) async fn get(conn: &mut Conn, user: UserId, kind: &'static str) -> Result<Option<Document>> {
    sql!("select ", Document::COLUMNS, " from user_documents where user_id = $1 and kind = $2")
        .bind(user)
        .bind(kind)
        .fetch_optional(conn)
        .await
}

pub(super) async fn of(
    conn: &mut Conn,
    users: &[UserId],
    kind: &'static str,
) -> Result<Vec<(UserId, Map<String, Value>)>> {
    sql!("select user_id, data from user_documents where kind = $1 and user_id in ")
        .bind(kind)
        .list(users.iter().map(|id| (*id).into()))
        .fetch_all(conn)
        .await
}

pub(super) async fn set(tx: &mut Tx, user: UserId, kind: &'static str, data: Map<String, Value>) -> Result<Document> {
    sql!(
        "insert into user_documents (user_id, kind, id, data, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)
         on conflict (user_id, kind) do update set data = excluded.data, updated_at = excluded.updated_at
         returning ",
        Document::COLUMNS
    )
    .bind(user)
    .bind(kind)
    .bind(tx.new_id::<()>()?.uuid())
    .bind(data)
    .bind(tx.now())
    .fetch_one(tx)
    .await
}
