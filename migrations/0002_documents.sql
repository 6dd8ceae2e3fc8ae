-- What a person tells of himself beside the account: one row for each kind of document.
create table if not exists user_documents (
    user_id {uuid} not null references users (id) on delete cascade,
    kind {text} not null,
    id {uuid} not null,
    data {json} not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (user_id, kind)
) {table};
