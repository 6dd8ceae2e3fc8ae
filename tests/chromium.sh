# shellcheck shell=bash
# The browser of the tests in tests/it/browser.rs: the Debian packages, installed when they are missing.

chromium_present() {
    command -v chromium >/dev/null && command -v chromedriver >/dev/null
}

chromium_install() {
    echo "No Chromium is here. Installing the Debian package."
    package_install chromium chromium-driver fonts-dejavu-core
}
