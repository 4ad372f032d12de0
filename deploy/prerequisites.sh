# Sourced by deploy/run and deploy/test: what both need before they can begin.

say() { printf 'deploy: %s\n' "$*"; }

fail() {
    printf 'deploy: %s\n' "$*" >&2
    exit 1
}

# Installs those of the named Debian packages that are missing, and says nothing when none is.
require_packages() {
    local missing=() package
    for package in "$@"; do
        if ! is_installed "$package"; then missing+=("$package"); fi
    done
    if ((${#missing[@]} == 0)); then return; fi

    local as_root=()
    if ((EUID != 0)); then as_root=(sudo); fi
    if ! command -v apt-get > /dev/null; then
        fail "no apt-get here; install what Debian 12 calls: ${missing[*]}"
    fi
    if ((EUID != 0)) && ! command -v sudo > /dev/null; then
        fail "neither root nor sudo here; as root: apt-get install ${missing[*]}"
    fi
    say "installing ${missing[*]}"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    "${apt[@]}" update || fail "apt-get update failed, and these are missing: ${missing[*]}"
    "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" > /dev/null ||
        fail "apt-get could not install: ${missing[*]}"
}

is_installed() {
    [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2> /dev/null)" == installed ]]
}

require_swift() {
    command -v swift > /dev/null ||
        fail "no swift on PATH; Swift 6.1 or later for Debian 12 is at https://www.swift.org/install"
}

build_packages=(libssl-dev zlib1g-dev libopenblas-dev)
