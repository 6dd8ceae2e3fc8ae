# shellcheck shell=bash
# The runner behind `./test mutants`. README.md beside it says what a mutant is.

# run_mutants WORK [NAME]: applies each patch, or the one, to a copy of the checkout and demands that its test fails.
# WORK is a temporary folder.
run_mutants() {
    local patches=("tests/mutants/${2:-*}.patch") patch name verdict survived=0
    # shellcheck disable=SC2206  # the pattern is meant to expand
    patches=(${patches[0]})
    mutant_copy=$1/checkout
    mutant_log=$1/mutant.log
    # A target folder of its own, kept between runs: the dependencies are built once.
    mutant_target=${CARGO_TARGET_DIR:-$PWD/target}/mutants
    copy_checkout || return

    # A test that fails anyhow, or is not there, notices nothing.
    for patch in "${patches[@]}"; do
        [[ -e $patch ]] || { echo "There is no $patch." >&2 && return 1; }
        mutant_test "$patch" && [[ $(tests_that passed) == 1 ]] && continue
        cat "$mutant_log"
        echo "$patch must name one test that passes without it: '# test: NAME [sqlite|postgres|crash]'." >&2
        return 1
    done

    for patch in "${patches[@]}"; do
        name=$(basename "$patch" .patch)
        verdict=$(mutant_verdict "$PWD/$patch")
        printf '%-40s %s\n' "$name" "$verdict"
        [[ $verdict == caught ]] || { survived=1 && tail -n 20 "$mutant_log" | sed 's/^/    /'; }
    done
    return "$survived"
}

# Copies what is committed and what is not, as of now: a file that looks older than its last build is not built again.
copy_checkout() {
    mkdir "$mutant_copy" && git ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- --ignore-failed-read |
        tar --extract --touch --directory="$mutant_copy" || return
    # A repository of its own: below another one, git apply leaves out in silence what it does not find there.
    git init --quiet "$mutant_copy"
}

# Prints what became of one mutant.
mutant_verdict() {
    local patch=$1 status
    git -C "$mutant_copy" apply "$patch" 2>"$mutant_log" || { echo "no longer applies" && return; }
    if ! mutant_cargo --no-run; then
        echo "does not compile"
    else
        mutant_test "$patch"
        status=$?
        case $status,$(tests_that failed) in
        0,*) echo "SURVIVES $(test_of "$patch")" ;;
        *,1) echo caught ;;
        *) echo "ends its test with neither verdict" ;;
        esac
    fi
    git -C "$mutant_copy" apply --reverse "$patch"
}

# Runs the test that a patch names, on the engine that it names.
mutant_test() (
    local name engine
    read -r name engine <<<"$(test_of "$1")"
    case $engine in
    "[sqlite]") unset TEST_POSTGRES_URL ;;
    "[postgres]" | "[crash]") ;;
    *) return 2 ;;
    esac
    mutant_cargo --no-fail-fast -- --exact "$name"
)

test_of() {
    sed -n 's/^# test: //p;T;q' "$1"
}

# The limit on time is the test's own, not the build's.
mutant_cargo() (
    cd "$mutant_copy" && CRASH_CYCLES=${CRASH_CYCLES:-20} CARGO_TARGET_DIR=$mutant_target cargo test --lib --test it \
        --config "target.'cfg(all())'.runner = ['timeout', '--foreground', '300']" "$@" >"$mutant_log" 2>&1
)

# How many tests passed, or failed, in the last run.
tests_that() {
    grep -oE "^test result: .* [0-9]+ $1" "$mutant_log" | awk '{ sum += $(NF - 1) } END { print sum + 0 }'
}
