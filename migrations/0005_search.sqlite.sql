-- How people are found: a narrow row for each account that is not deleted, and the set of its grams.
-- docs/decisions/0016-search-by-sets-of-grams.md says why there is no trigger, no collation and no tokenizer in this.

-- Texts are folded, and '' where there is none; times are microseconds, `last_login` is 0 before the first one.
create table if not exists search_users (
    doc {int} primary key,
    user_id {uuid} not null,
    -- That of the account which it was made of.
    version {int} not null,
    -- The role, the plan and the yes-or-no fields, packed.
    facet {int} not null,
    role {int} not null,
    email {text} not null,
    username {text} not null,
    first_name {text} not null,
    last_name {text} not null,
    full_name {text} not null,
    location {text} not null,
    current_title {text} not null,
    gender {text} not null,
    ip_address {text} not null,
    external_id {text} not null,
    created_at {int} not null,
    updated_at {int} not null,
    last_login {int} not null
) {table};
create unique index if not exists search_users_user_id on search_users (user_id);
-- Each order of a list. The facet is in it so that a walk need not look at the row.
create index if not exists search_users_by_created_at on search_users (created_at, doc, facet);
create index if not exists search_users_by_updated_at on search_users (updated_at, doc, facet);
create index if not exists search_users_by_last_login on search_users (last_login, doc, facet);
create index if not exists search_users_by_email on search_users (email, doc, facet);
create index if not exists search_users_by_username on search_users (username, doc, facet);
create index if not exists search_users_by_last_name on search_users (last_name, doc, facet);
create index if not exists search_users_by_first_name on search_users (first_name, doc, facet);
create index if not exists search_users_by_role on search_users (role, doc, facet);

-- From a gram to the rows that have it; the rowid is `doc`. It holds numbers, and no text of anybody.
create virtual table if not exists search_grams using fts5(
    grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
