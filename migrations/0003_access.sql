-- Who may do what beyond the built-in roles: custom roles, plans, grants, API keys; and the order of lists.

-- Roles that superadmins make. `permissions` holds names between blanks.
create table if not exists roles (
    name {text} not null primary key,
    description {text} not null,
    permissions {text} not null,
    created_at {time} not null,
    updated_at {time} not null
) {small_table};

-- What a plan adds, where it is not what the program has built in, or where superadmins made the plan.
create table if not exists plans (
    tier {text} not null primary key,
    description {text} not null,
    permissions {text} not null,
    created_at {time} not null,
    updated_at {time} not null
) {small_table};

-- Who has a plan that superadmins made.
create index if not exists users_custom_plan on users (subscription_tier)
    where subscription_tier not in ('basic', 'premium', 'enterprise');

-- Custom roles of people, and how long a built-in one lasts that ends.
create table if not exists grants (
    user_id {uuid} not null references users (id) on delete cascade,
    role {text} not null,
    expires_at {time},
    created_at {time} not null,
    primary key (user_id, role)
) {small_table};
create index if not exists grants_role on grants (role);

-- Keys of programs that act for a person. Found by their SHA-256.
create table if not exists api_keys (
    id {uuid} not null primary key,
    digest {bytes} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    name {text} not null,
    prefix {text} not null,
    permissions {text} not null,
    created_at {time} not null,
    expires_at {time},
    last_used_at {time},
    last_used_ip {text},
    revoked_at {time}
) {table};
create unique index if not exists api_keys_digest on api_keys (digest);
create index if not exists api_keys_user_id on api_keys (user_id);

-- Each order in which users are listed. The id makes it a total one, so that a cursor is a place in it.
create index if not exists users_by_created_at on users (created_at, id) where deleted_at is null;
create index if not exists users_by_updated_at on users (updated_at, id) where deleted_at is null;
create index if not exists users_by_last_login on users (last_login, id) where deleted_at is null;
create index if not exists users_by_email on users (email_key, id) where deleted_at is null;
create index if not exists users_by_username on users (username_key, id) where deleted_at is null;
create index if not exists users_by_last_name on users (last_name, id) where deleted_at is null;
create index if not exists users_by_first_name on users (first_name, id) where deleted_at is null;
create index if not exists users_by_role on users (role, id) where deleted_at is null;
