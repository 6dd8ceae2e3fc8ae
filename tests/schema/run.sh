# shellcheck shell=bash
# The runner behind `./test schema`: schemathesis calls every route of a real server with what the document allows and
# what it forbids, on both engines, as a user and as a superadmin. It holds each answer against the document.

schemathesis_version=4.32.5

# It asks the same each time, so that a run which fails can be had again; SCHEMA_SEED=2 asks otherwise. The engines are
# asked at once, since whoever asks waits for answers and the server for questions.
#
# run_schema WORK: WORK is a temporary folder, TEST_POSTGRES_URL a server. Takes under five minutes.
run_schema() {
    local work=$1 failed=0 engine
    # shellcheck disable=SC2154  # of ./test
    # The program that the tests use: built by itself, all that it depends on would be built anew.
    cargo test "${locked[@]}" --test it --no-run || return
    schema_program=${CARGO_TARGET_DIR:-$PWD/target}/debug/denizen
    # Python may be missing, or have come without its installer.
    python3 -c 'import ensurepip' 2>/dev/null || package_install python3-venv || return
    python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet "schemathesis==$schemathesis_version" || return
    for engine in sqlite postgres; do
        schema_roles "$work" "$engine" >"$work/schema.$engine" 2>&1 &
    done
    wait -n || failed=1
    wait -n || failed=1
    cat "$work/schema.sqlite" "$work/schema.postgres"
    return "$failed"
}

# Asks one engine as each role.
schema_roles() {
    local work=$1 engine=$2 failed=0 role
    for role in user superadmin; do
        schema_server "$work" "$engine" || return
        printf '\n-- as a %s, on %s\n' "$role" "$engine"
        schema_ask "$work" "$role" || failed=1
        kill "$schema_pid" && wait "$schema_pid"
    done
    return "$failed"
}

# Starts a server over an empty database with a superadmin; sets schema_pid and schema_base.
schema_server() {
    local dir port=$((20000 + RANDOM % 12000)) tries=100
    dir=$(mktemp -d "$1/schema.XXXXXX") || return
    local settings=("DATA_DIR=$dir" "PORT=$port" ACCESS_LOG= "MASTER_KEY=$(head -c 32 /dev/urandom | base64)")
    [[ $2 == sqlite ]] || settings+=("DATABASE_URL=$TEST_POSTGRES_URL" "DATABASE_SCHEMA=schema_$port")
    echo "Only-The-Schema-Test-9-Knows" | env "${settings[@]}" "$schema_program" user create \
        --email root@example.com --name 'Schema Root' --role superadmin --password-stdin || return
    env "${settings[@]}" "$schema_program" serve >"$dir/log" 2>&1 &
    schema_pid=$!
    schema_base=http://127.0.0.1:$port
    until curl --silent --fail --output /dev/null "$schema_base/health/ready"; do
        ((--tries)) && kill -0 "$schema_pid" 2>/dev/null || { cat "$dir/log" >&2 && return 1; }
        sleep 0.1
    done
}

# In the temporary folder, where it leaves a cache. Fails too when it did not ask all there is.
schema_ask() {
    local here=$PWD/tests/schema report verdict
    report=$(mktemp "$1/asked.XXXXXX") || return
    (cd "$1" && SCHEMA_BASE=$schema_base SCHEMA_ROLE=$2 SCHEMATHESIS_HOOKS=account PYTHONPATH=$here \
        PYTHONDONTWRITEBYTECODE=1 timeout 100 venv/bin/schemathesis --config-file "$here/schemathesis.toml" \
        run "$schema_base/openapi.json" --checks all --max-examples "${SCHEMA_EXAMPLES:-3}" --max-time 60 \
        --warnings off --seed "${SCHEMA_SEED:-1}") | tee "$report"
    verdict=${PIPESTATUS[0]}
    schema_is_whole "$report" && return "$verdict"
}

# Whether the summary of a run tells of every operation, selected and tested: time that runs out, or a filter, would
# leave some out in silence.
schema_is_whole() {
    local selected tested
    selected=$(sed -n 's|^ *Selected: *\([0-9]*/[0-9]*\).*|\1|p' "$1")
    tested=$(sed -n 's|^ *Tested: *\([0-9]*\).*|\1|p' "$1")
    [[ -n $tested && $selected == "$tested/$tested" ]] && return
    echo "Not every operation was asked: selected ${selected:-none}, tested ${tested:-none}."
    return 1
}
