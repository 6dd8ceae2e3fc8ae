-- Lists go along the orders of the search. Each of these indexes was a second one for the same order.
drop index if exists users_by_created_at;
drop index if exists users_by_updated_at;
drop index if exists users_by_last_login;
drop index if exists users_by_email;
drop index if exists users_by_username;
drop index if exists users_by_last_name;
drop index if exists users_by_first_name;
drop index if exists users_by_role;
