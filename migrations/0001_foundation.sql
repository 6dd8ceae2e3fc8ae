-- Accounts, credentials, sessions, the log and the jobs.
-- One text for both engines; words in braces are expanded (see src/db/dialect.rs).
-- Unique indexes are named <table>_<column>[_<column>]: both engines' violations are told apart by that name.

-- A person. `*_key` columns hold the folded form that is matched; they are null once the account is deleted,
-- so that the address and the name are free again.
create table if not exists users (
    id {uuid} not null primary key,
    email {text} not null,
    email_key {text},
    username {text},
    username_key {text},
    full_name {text},
    first_name {text},
    last_name {text},
    phone {text},
    gender {text},
    ip_address {text},
    avatar_url {text},
    bio {text},
    current_title {text},
    experience_years {int},
    education_level {text},
    current_role_level {text},
    location {text},
    timezone {text},
    locale {text},
    user_metadata {json} not null,
    app_metadata {json} not null,
    -- The id in the system the person came from: a copy of his identity of source 'external'.
    external_id {text},
    role {text} not null,
    is_active {bool} not null,
    is_verified {bool} not null,
    is_premium {bool} not null,
    subscription_tier {text} not null,
    subscription_status {text} not null,
    synced {bool} not null,
    must_change_password {bool} not null,
    mfa_enabled {bool} not null,
    -- The ETag: counts changes, not activity.
    version {int} not null,
    -- Counts changes of what the person may do; tokens carry it.
    authority_version {int} not null,
    created_at {time} not null,
    updated_at {time} not null,
    last_login {time},
    last_activity {time},
    deleted_at {time},
    erase_at {time}
) {table};
create unique index if not exists users_email_key on users (email_key);
create unique index if not exists users_username_key on users (username_key);
create index if not exists users_erase_at on users (erase_at) where erase_at is not null;
create index if not exists users_superadmins on users (id) where role = 'superadmin';

-- Who somebody is elsewhere: the id column of a CSV, another system, later social and SCIM ids.
create table if not exists identities (
    source {text} not null,
    subject {text} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    created_at {time} not null,
    constraint identities_source_subject primary key (source, subject)
) {small_table};
create index if not exists identities_user_id on identities (user_id);

-- What somebody proves himself with. A password is a hash text that names its own format and cost.
create table if not exists credentials (
    id {uuid} not null primary key,
    user_id {uuid} not null references users (id) on delete cascade,
    kind {text} not null,
    secret {text} not null,
    format {text} not null,
    created_at {time} not null,
    updated_at {time} not null
) {small_table};
create unique index if not exists credentials_user_id on credentials (user_id) where kind = 'password';
create index if not exists credentials_format on credentials (format);

create table if not exists sessions (
    id {uuid} not null primary key,
    user_id {uuid} not null references users (id) on delete cascade,
    client_id {text},
    -- When and how the person proved himself (OpenID Connect Core 1.0, section 2), and when he last did so.
    auth_time {time} not null,
    amr {text} not null,
    scope {text},
    proved_at {time} not null,
    ip_address {text},
    user_agent {text},
    device_type {text},
    browser {text},
    os {text},
    idle_seconds {int} not null,
    created_at {time} not null,
    last_activity {time} not null,
    expires_at {time} not null,
    ended_at {time},
    end_reason {text}
) {table};
create index if not exists sessions_user_id on sessions (user_id, created_at);
create index if not exists sessions_expires_at on sessions (expires_at);

-- One row a token, found by its SHA-256. The successor is derived from the token and the nonce.
create table if not exists refresh_tokens (
    digest {bytes} not null primary key,
    session_id {uuid} not null references sessions (id) on delete cascade,
    nonce {bytes} not null,
    created_at {time} not null,
    expires_at {time} not null,
    used_at {time}
) {small_table};
create index if not exists refresh_tokens_session_id on refresh_tokens (session_id);
create index if not exists refresh_tokens_expires_at on refresh_tokens (expires_at);

-- Failed proofs, by account (or by a mac of the identifier where there is none). `not_before` is in microseconds.
create table if not exists failures (
    key {bytes} not null primary key,
    user_id {uuid},
    count {int} not null,
    not_before {int} not null,
    updated_at {time} not null
) {small_table};
create index if not exists failures_updated_at on failures (updated_at);
create index if not exists failures_user_id on failures (user_id) where user_id is not null;

-- Devices from which somebody signed in before: digests of a cookie, or of address and user agent.
create table if not exists known_devices (
    user_id {uuid} not null references users (id) on delete cascade,
    device {bytes} not null,
    seen_at {time} not null,
    primary key (user_id, device)
) {small_table};
create index if not exists known_devices_seen_at on known_devices (seen_at);

create table if not exists signing_keys (
    id {text} not null primary key,
    algorithm {text} not null,
    public {bytes} not null,
    private {bytes} not null,
    created_at {time} not null,
    retired_at {time}
) {table};

-- Single facts of this deployment: the check value of the master key, the setup code.
create table if not exists facts (
    name {text} not null primary key,
    value {bytes} not null,
    created_at {time} not null,
    used_at {time}
) {small_table};

-- Rows that are locked to keep an invariant over several others.
create table if not exists guards (
    name {text} not null primary key
) {small_table};

-- Events as their transactions wrote them, not numbered yet.
create table if not exists events_pending (
    id {uuid} not null primary key,
    at {time} not null,
    kind {text} not null,
    outcome {text} not null,
    actor_kind {text} not null,
    actor {uuid},
    user_id {uuid},
    user_version {int},
    session_id {uuid},
    schema_version {int} not null,
    data {text} not null
) {table};

-- The log: numbered without gaps, sealed. `data`, `salt` and `ip` are null once erased. `ip` repeats what `data` says,
-- so that it can be asked for.
create table if not exists events (
    seq {int} not null primary key,
    id {uuid} not null,
    at {time} not null,
    kind {text} not null,
    outcome {text} not null,
    actor_kind {text} not null,
    actor {uuid},
    user_id {uuid},
    user_version {int},
    session_id {uuid},
    schema_version {int} not null,
    ip {text},
    data {text},
    salt {bytes},
    digest {bytes} not null,
    seal {bytes} not null,
    key_id {text} not null
) {table};
create unique index if not exists events_id on events (id);
-- What the audit trail is asked for, each in the order of time. Of an actor there is an id or only a kind.
create index if not exists events_user_id on events (user_id, at, seq) where user_id is not null;
create index if not exists events_session_id on events (session_id, at, seq) where session_id is not null;
create index if not exists events_actor on events (actor, at, seq) where actor is not null;
create index if not exists events_actor_kind on events (actor_kind, at, seq) where actor is null;
create index if not exists events_ip on events (ip, at, seq) where ip is not null;
create index if not exists events_kind on events (kind, outcome, at, seq);
-- The condition always holds. It keeps this index for whoever asks by it: PostgreSQL would take it for a kind, too.
create index if not exists events_outcome on events (outcome, at, seq) where seq > 0;

-- One row: where the log ends, and who numbers it.
create table if not exists log_head (
    id {int} not null primary key,
    epoch {int} not null,
    beat {int} not null,
    head {int} not null,
    seal {bytes} not null
) {small_table};

-- Refusals of strangers, summed up by client and minute until they become one event.
create table if not exists refusals (
    minute {time} not null,
    client {text} not null,
    kind {text} not null,
    count {int} not null,
    primary key (minute, client, kind)
) {small_table};

-- Sums that the sequencer keeps as it numbers.
create table if not exists counters (
    name {text} not null primary key,
    value {int} not null
) {small_table};

create table if not exists jobs (
    id {uuid} not null primary key,
    kind {text} not null,
    unique_key {text},
    payload {json} not null,
    run_at {time} not null,
    attempts {int} not null,
    locked_until {time},
    parked_at {time},
    last_error {text},
    created_at {time} not null
) {table};
create unique index if not exists jobs_unique_key on jobs (unique_key);
create index if not exists jobs_run_at on jobs (run_at) where parked_at is null;

-- Answers to repeated requests.
create table if not exists idempotency_keys (
    caller {uuid} not null,
    route {text} not null,
    key {text} not null,
    body_mac {bytes} not null,
    status {int},
    answer {text},
    created_at {time} not null,
    expires_at {time} not null,
    primary key (caller, route, key)
) {table};
create index if not exists idempotency_keys_expires_at on idempotency_keys (expires_at);
