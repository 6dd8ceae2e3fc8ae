#!/usr/bin/env bash
# A private PostgreSQL server: one folder, one free port, and nothing left behind.
#
#   tests/postgres.sh start DIR [PORT] [SETTING=VALUE ..]   make one in the empty folder DIR and start it;
#                                                           PORT 0, or none: a free one
#   tests/postgres.sh stop DIR [immediate]                  stop it; immediate: as a crash does, with no checkpoint
#   tests/postgres.sh restart DIR [SETTING=VALUE ..]        stop it if it runs, start it again on the same port
#
# start and restart return when it takes connections, and print its URL. The server, and DIR with it, belongs to whoever
# starts it; root may not run one and leaves it to `postgres`, who must be able to reach DIR. Whoever made DIR removes it.
# fsync stays on: the crash tests are about what it keeps.

# shellcheck source=tests/package.sh
source "$(dirname "${BASH_SOURCE[0]}")/package.sh"

# The oldest version that is supported.
postgres_oldest=15

postgres_start() {
    local dir=$1 port=${2:-0} bin
    shift $(($# < 2 ? $# : 2))
    bin=$(postgres_binaries) || return
    mkdir -p "$dir" && dir=$(readlink -f "$dir") || return
    ((EUID != 0)) || chown postgres: "$dir" || return
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$dir/password" || return
    chmod 644 "$dir/password" && chmod 700 "$dir" || return
    # Installations rarely sort by code point, so the tests do not either.
    postgres_owned "$bin/initdb" --pgdata="$dir/data" --username=postgres --no-sync --encoding=UTF8 \
        --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US \
        --auth=scram-sha-256 --pwfile="$dir/password" >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2 && return 1; }

    local tries=$((port == 0 ? 20 : 1))
    until postgres_launch "$dir" "$((port ? port : 20000 + RANDOM % 12000))" "$@"; do
        # Someone else may hold the port: then another one. Any other failure would only come again.
        if ((--tries == 0)) || ! grep -q 'could not bind' "$dir/log"; then
            cat "$dir/log" >&2
            return 1
        fi
    done
}

postgres_stop() {
    local dir bin
    dir=$(readlink -f "$1") && bin=$(postgres_binaries) || return
    [[ -e $dir/data/postmaster.pid ]] || return 0
    # It syncs what it wrote at last, which are many small files after many tests.
    postgres_owned "$bin/pg_ctl" stop --silent --wait --timeout=300 --mode="${2:-fast}" --pgdata="$dir/data"
}

postgres_restart() {
    local dir
    dir=$(readlink -f "$1") && shift || return
    postgres_stop "$dir" || return
    postgres_launch "$dir" "$(<"$dir/port")" "$@" || { cat "$dir/log" >&2 && return 1; }
}

# Starts the server of a folder on a port and prints its URL.
postgres_launch() {
    local dir=$1 port=$2 bin setting
    shift 2
    local options="-p $port -k $dir -c listen_addresses=127.0.0.1 -c max_connections=200"
    for setting in "$@"; do
        options+=" -c $setting"
    done
    bin=$(postgres_binaries) || return
    echo "$port" >"$dir/port" && : >"$dir/log" && chmod 666 "$dir/log" || return
    postgres_owned "$bin/pg_ctl" start --silent --wait --timeout=300 --pgdata="$dir/data" --log="$dir/log" --options="$options" \
        >>"$dir/log" 2>&1 || return
    echo "postgres://postgres:$(<"$dir/password")@127.0.0.1:$port/postgres"
}

# Runs a command as the owner of servers, in a folder that he can enter.
postgres_owned() {
    local as=()
    ((EUID != 0)) || as=(setpriv --reuid=postgres --regid=postgres --init-groups)
    (cd / && "${as[@]}" "$@" </dev/null)
}

# Prints the folder of the newest server's binaries. Installs the Debian package when there is none.
postgres_binaries() {
    postgres_installed || { postgres_install >&2 && postgres_installed; } ||
        { echo "PostgreSQL could not be installed. Install version $postgres_oldest or later and run this again." >&2 && return 1; }
}

postgres_install() {
    echo "No PostgreSQL of version $postgres_oldest or later is here. Installing the Debian package."
    package_install postgresql
}

postgres_installed() {
    local bin version newest=$((postgres_oldest - 1)) found=
    for bin in /usr/lib/postgresql/*/bin "$(dirname "$(readlink -f "$(command -v pg_ctl)")")"; do
        [[ -x $bin/initdb && -x $bin/pg_ctl && -x $bin/postgres ]] || continue
        version=$("$bin/postgres" --version | grep -oE '[0-9]+' | head -n 1)
        if ((version > newest)); then
            newest=$version found=$bin
        fi
    done
    [[ $found ]] && echo "$found"
}

# Sourced, it gives the functions; executed, it calls one.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -uo pipefail
    case ${1:-} in
    start | stop | restart) (($# > 1)) && "postgres_$1" "${@:2}" ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
fi
