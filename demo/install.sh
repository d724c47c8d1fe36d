#!/bin/bash
# Installs what the demo centre needs on Debian 12 and is not there yet: packages, a virtual environment that ordinary
# users can read, the hub's proxy; for environments a conda channel made of wheels, a container image and a shared
# environment. With "test" as its argument also what the tests need: a browser, fonts, axe-core.
# Quiet when all is well; says what it does when it takes long; shows the output of what fails.
set -euo pipefail

wanted=${1:-demo}
checkout=$(cd "$(dirname "$0")/.." && pwd)
state=${HPCHUB_STATE:-/srv/hpchub}
venv=${HPCHUB_VENV:-$state/venv}
node=$(dirname "$venv")/node

packages=(slurm-wlm slurmdbd slurm-wlm-mysql-plugin munge mariadb-server slapd ldap-utils nslcd libnss-ldapd
    sudo python3 python3-venv charliecloud)
modules=(configurable-http-proxy@~5.1.0)
if [ "$wanted" = test ]; then
    packages+=(chromium fonts-noto-cjk procps 389-ds-base freeradius postgresql)
    modules+=(axe-core@^4.10.0)
fi

fail() {
    echo "demo/install.sh: $*" >&2
    exit 1
}

# Runs a command in silence; shows what it wrote when it fails.
quietly() {
    local output
    output=$(mktemp)
    if ! "$@" >"$output" 2>&1 </dev/null; then
        cat "$output" >&2
        rm -f "$output"
        fail "this failed: $*"
    fi
    rm -f "$output"
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
    local missing=() package
    for package in "${packages[@]}"; do
        is_installed "$package" || missing+=("$package")
    done
    # Whoever has Node.js from elsewhere keeps it.
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || fail "be root: these Debian packages are missing: ${missing[*]}"
    echo "installing Debian packages: ${missing[*]}" >&2
    preseed "${missing[@]}"
    without_starting apt_install "${missing[@]}"
    keep_disabled "${missing[@]}"
}

# Debian's questions answered so that the machine stays as it is: no directory of its own for slapd, and
# no names from LDAP outside of the demo.
preseed() {
    local package
    for package in "$@"; do
        case $package in
        slapd) echo "slapd slapd/no_configuration boolean true" ;;
        nslcd) echo "nslcd nslcd/ldap-uris string ldapi:///" ;;
        libnss-ldapd) echo "libnss-ldapd libnss-ldapd/nsswitch multiselect" ;;
        esac
    done | debconf-set-selections
}

apt_install() {
    quietly apt-get update
    quietly env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

# Debian starts a daemon as soon as it is installed, unless this file says no. One that is there is respected.
without_starting() {
    local policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    "$@"
    rm -f "$policy"
    trap - EXIT
}

# Nor shall the machine start what we installed at its next boot; what was there before is left alone.
keep_disabled() {
    local package service services=()
    for package in "$@"; do
        case $package in
        slurm-wlm) services+=(slurmctld slurmd) ;;
        mariadb-server) services+=(mariadb) ;;
        slurmdbd | munge | slapd | nslcd | freeradius | postgresql) services+=("$package") ;;
        esac
    done
    for service in "${services[@]}"; do
        update-rc.d "$service" disable >/dev/null 2>&1 || true
    done
}

# Debian's own interpreter: one below somebody's home cannot be read by the users whose jobs run it.
install_venv() {
    local stamp=$venv/.hpchub-requirements mark
    mark="$(sha256sum <"$checkout/setup.cfg") $checkout"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$mark" ]; then
        return
    fi
    if [ ! -x "$venv/bin/python" ]; then
        echo "making the virtual environment $venv" >&2
        mkdir -p "$(dirname "$venv")"
        quietly /usr/bin/python3 -m venv "$venv"
    fi
    echo "installing Python packages into $venv" >&2
    # World-readable whatever the caller's umask is.
    (umask 022 && quietly "$venv/bin/python" -m pip install --quiet --editable "$checkout[notebook,dev]")
    echo "$mark" >"$stamp"
}

install_modules() {
    local module name missing=()
    for module in "${modules[@]}"; do
        name=${module%@*}
        [ -e "$node/node_modules/$name/package.json" ] || missing+=("$module")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]} into $node" >&2
    mkdir -p "$node"
    (umask 022 && quietly npm install --prefix "$node" --no-audit --no-fund "${missing[@]}")
}

# For environments: made once, from what pip can fetch and Debian's Python; says so itself when it has to.
install_channel() {
    (umask 022 && cd "$checkout" && HPCHUB_STATE=$state HPCHUB_VENV=$venv "$venv/bin/python" -m demo channel) ||
        fail "the conda channel could not be made"
}

# Put together from what is installed here, a moment's work; made again when that has changed.
install_image() {
    (cd "$checkout" && HPCHUB_STATE=$state HPCHUB_VENV=$venv quietly "$venv/bin/python" -m demo.image)
}

# An environment of the site's own to start from.
install_shared() {
    (cd "$checkout" && HPCHUB_STATE=$state HPCHUB_VENV=$venv "$venv/bin/python" -m demo.shared) ||
        fail "the shared environment could not be made"
}

install_packages
install_venv
install_modules
install_channel
install_image
install_shared
