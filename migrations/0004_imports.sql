-- How far an import has come: written in the transaction of each batch, so that the same command goes on from there.
create table if not exists imports (
    id {bytes} not null primary key,
    rows {int} not null,
    created {int} not null,
    updated {int} not null,
    skipped {int} not null,
    rejected {int} not null,
    -- What the last batch adds to the file of rejected rows, and the length of that file before it.
    rejects {text} not null,
    rejects_bytes {int} not null,
    updated_at {time} not null
) {small_table};

-- Events of one user that wait for their numbers are found without reading all that wait.
create index if not exists events_pending_user_id on events_pending (user_id, id);
