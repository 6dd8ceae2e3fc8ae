-- Rows of the search whose grams are not sorted in yet. Each transaction would otherwise make a segment of its own of
-- the full-text index; so they wait here, and are sorted in together.
create table if not exists search_waiting (
    doc {int} not null primary key
) {table};
