# shellcheck shell=bash
# The browser of the tests in tests/it/browser.rs: the Debian packages, installed when they are missing.

chromium_present() {
    command -v chromium >/dev/null && command -v chromedriver >/dev/null
}

chromium_install() {
    echo "No Chromium is here. Installing the Debian package."
    local root=()
    ((EUID == 0)) || root=(sudo)
    "${root[@]}" apt-get -qq update &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
            -o DPkg::Lock::Timeout=300 install chromium chromium-driver fonts-dejavu-core
}
