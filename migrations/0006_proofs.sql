-- One-time links: what was mailed is kept as its SHA-256. One of a kind to a person, so the next one takes its place;
-- the row goes when the link is used, or when what it opens has changed.
create table if not exists proofs (
    user_id {uuid} not null references users (id) on delete cascade,
    kind {text} not null,
    digest {bytes} not null,
    -- Where it was sent: it proves this address and no other.
    email {text} not null,
    created_at {time} not null,
    expires_at {time} not null,
    primary key (user_id, kind)
) {small_table};
create unique index if not exists proofs_digest on proofs (digest);
create index if not exists proofs_expires_at on proofs (expires_at);

-- A worker finds the kinds that it does without passing those that wait, such as mail without a transport.
create index if not exists jobs_kind on jobs (kind, run_at);
