#!/usr/bin/env bash
# Renews what `/docs` and `/redoc` are made of: the published packages of Swagger UI and ReDoc, compressed.
# It needs npm and a network. Change the versions and their digests here, run it, and run the tests of room `browser`:
# they say when a page needs another policy (src/system/http/docs.rs). Look at both pages, commit.
#
#   assets/vendor.sh

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

swagger=swagger-ui-dist@5.35.0
swagger_digest=1b8e891893404ea4c3558b6a87e2a3e494e7eedba41168c2ece5800a391a6ea6
redoc=redoc@2.5.4
redoc_digest=44922df4d0eb45c1b066c09ec251e6bd9bd7ded16bc69e87613337b9d911a56e

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch PACKAGE DIGEST DIR
fetch() {
    local file
    file=$(cd "$work" && npm pack --silent "$1")
    echo "$2  $work/$file" | sha256sum --check --quiet
    mkdir "$work/$3" && tar -xzf "$work/$file" -C "$work/$3" --strip-components=1
}

# pack FROM TO: without name and time, so that the same input gives the same file.
pack() {
    gzip --best --no-name --stdout "$1" >"$2"
}

fetch "$swagger" "$swagger_digest" swagger
pack "$work/swagger/swagger-ui-bundle.js" swagger-ui.js.gz
pack "$work/swagger/swagger-ui.css" swagger-ui.css.gz
cat "$work"/swagger/{LICENSE,NOTICE,swagger-ui-bundle.js.LICENSE.txt} >swagger-ui.LICENSE

fetch "$redoc" "$redoc_digest" redoc
# The one thing that it would load from elsewhere: a logo.
logo=https://cdn.redoc.ly/redoc/logo-mini.svg
grep -q "$logo" "$work/redoc/bundles/redoc.standalone.js"
sed -i "s|$logo|data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E|" "$work/redoc/bundles/redoc.standalone.js"
pack "$work/redoc/bundles/redoc.standalone.js" redoc.js.gz
cat "$work"/redoc/{LICENSE,bundles/redoc.standalone.js.LICENSE.txt} >redoc.LICENSE
