# shellcheck shell=bash
# Debian's packages, for what the tests need and this machine lacks.

# package_install NAME ..: as root, or by sudo.
package_install() {
    local root=()
    ((EUID == 0)) || root=(sudo)
    "${root[@]}" apt-get -qq update &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
            -o DPkg::Lock::Timeout=300 install "$@"
}
