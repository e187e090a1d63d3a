#!/bin/sh
# Sets up this host for the packages of Shop packages, and installs one of them.
# Made by omnibuild; the signing key is inside, so that nothing served beside this script can
# replace it. Fingerprint: 0123456789ABCDEF0123456789ABCDEF01234567
#
# Everything is a function until the last line: a download that was cut off runs nothing.
set -eu
umask 022

NAME=shop-packages
TITLE='Shop packages'
FINGERPRINT=0123456789ABCDEF0123456789ABCDEF01234567
BASE_URL=https://shop.example/repo
SUPPORTED='Debian 11 (amd64), Debian 12 (amd64), Enterprise Linux 9 (x86_64)'
LOCK_SECONDS=300

usage() {
    cat <<'USAGE'
usage: sh install.sh [--url URL] [--channel CHANNEL] [PACKAGE]

Sets up the repository for apt or dnf and, when PACKAGE is given, installs it.

  --url URL          the repository's address: https://, http:// or file://
                     (also OMNIBUILD_URL; default: where this script was published)
  --channel CHANNEL  which packages to follow (default: stable)
  --help             this text
USAGE
}

key() {
    cat <<'KEY'
-----BEGIN PGP PUBLIC KEY BLOCK-----

KEY
-----END PGP PUBLIC KEY BLOCK-----
KEY
}

# place_of SYSTEM/ARCHITECTURE: the suffix of the apt suite, or the yum tree, of such hosts.
place_of() {
    case "$1" in
        debian-11/amd64) printf '%s' -deb11 ;;
        debian-12/amd64) printf '%s' '' ;;
        el9/x86_64) printf '%s' el9 ;;
        *) return 1 ;;
    esac
}

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

read_arguments() {
    url=${OMNIBUILD_URL:-$BASE_URL}
    channel=stable
    package=
    while [ $# -gt 0 ]; do
        case "$1" in
            --help | -h) usage; exit 0 ;;
            --url | --channel)
                [ $# -ge 2 ] || fail "$1 needs a value; see --help"
                if [ "$1" = --url ]; then url=$2; else channel=$2; fi
                shift ;;
            -*) fail "unknown option $1; see --help" ;;
            *)
                [ -z "$package" ] || fail "one package at a time: $package or $1"
                package=$1 ;;
        esac
        shift
    done
    url=${url%/}
    check_arguments
}

check_arguments() {
    case "$url" in
        '') fail "the repository's address is unknown; give it with --url" ;;
        *[!A-Za-z0-9._~:/%@+,=-]*) fail "the address holds a character that it must not: $url" ;;
        https://?* | http://?* | file:///?*) ;;
        *) fail "the address must begin with https://, http:// or file:///: $url" ;;
    esac
    case "$channel" in
        '' | *[!a-z0-9-]*) fail "no channel can be called '$channel'" ;;
    esac
    case "$package" in
        *[!A-Za-z0-9.+~:=_-]*) fail "no package can be called '$package'" ;;
    esac
}

release_field() {
    # In a shell of its own: the file sets variables with common names.
    (
        unset ID ID_LIKE VERSION_ID PLATFORM_ID
        . /etc/os-release
        eval "printf '%s' \"\${$1:-}\""
    )
}

detect_system() {
    [ -r /etc/os-release ] || fail "cannot tell what system this is: no /etc/os-release"
    system=$(release_field ID)
    version=$(release_field VERSION_ID)
    case " $system $(release_field ID_LIKE) " in
        *' debian '* | *' ubuntu '*)
            family=apt
            # By its path: a busybox shell would take its own dpkg, which cannot say this.
            architecture=$(/usr/bin/dpkg --print-architecture)
            system="$system-$version" ;;
        *' rhel '* | *' fedora '* | *' centos '* | *' amzn '*)
            family=dnf
            architecture=$(uname -m)
            tree=$(release_field PLATFORM_ID)
            tree=${tree#platform:}
            system=${tree:-el${version%%.*}} ;;
        *) family= architecture=$(uname -m) ;;
    esac
    place=$(place_of "$system/$architecture") ||
        fail "there are no packages for this system ($system, $architecture); there are for: $SUPPORTED"
}

# Until the repository has proven itself, a failure puts everything back as it was.
clean_up() {
    status=$?
    trap - EXIT
    for file in $placed; do
        rm -f "$file.new"
        if [ -e "$work/${file##*/}" ]; then
            mv -f "$work/${file##*/}" "$file"
        else
            rm -f "$file"
        fi
    done
    rm -rf "$work"
    exit "$status"
}

# place_file PATH: standard input becomes that file, in one step.
place_file() {
    mkdir -p "${1%/*}"
    [ ! -e "$1" ] || cp -p "$1" "$work/${1##*/}"
    placed="$placed $1"
    cat >"$1.new"
    mv -f "$1.new" "$1"
}

# run COMMAND...: in silence; a failure tells its output. Waits while somebody else holds a lock.
run() {
    deadline=$(($(date +%s) + LOCK_SECONDS))
    until LC_ALL=C "$@" >"$work/.log" 2>&1 </dev/null; do
        if ! grep -qE 'Could not get lock|Unable to lock' "$work/.log"; then
            cat "$work/.log" >&2
            return 1
        fi
        [ "$(date +%s)" -lt "$deadline" ] ||
            { cat "$work/.log" >&2; fail "another package manager kept its lock for $LOCK_SECONDS s"; }
        sleep 2
    done
}

apt() {
    run apt-get -y -o DPkg::Lock::Timeout="$LOCK_SECONDS" "$@"
}

set_up_apt() {
    keyring=/usr/share/keyrings/$NAME.asc
    sources=/etc/apt/sources.list.d/$NAME.sources
    only_ours="-o Dir::Etc::sourcelist=$sources -o Dir::Etc::sourceparts=-"
    place_file "$keyring" <<KEY_FILE
$(key)
KEY_FILE
    place_file "$sources" <<SOURCES
Types: deb
URIs: $url/apt
Suites: $channel$place
Components: main
Architectures: $architecture
Signed-By: $keyring
SOURCES
    place_file "/etc/apt/preferences.d/$NAME" <<PREFERENCES
Package: *
Pin: release o=$TITLE
Pin-Priority: 600
PREFERENCES
    # Only our own source, and any trouble with it is an error: apt-get would merely warn.
    # shellcheck disable=SC2086
    apt update -o APT::Update::Error-Mode=any -o APT::Get::List-Cleanup=0 $only_ours ||
        fail "the repository $url cannot be used; nothing was changed"
}

newest_of_ours() {
    # Without cache files, which belong to the host's whole set of sources.
    # shellcheck disable=SC2086
    apt-cache $only_ours -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= madison "$package" |
        sed -n '1s/^[^|]*| *\([^ |]*\) .*/\1/p'
}

install_with_apt() {
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
    case "$package" in
        *=*) ;;
        *)
            version=$(newest_of_ours)
            [ -n "$version" ] || fail "the repository has no package '$package' for this host"
            # The version makes apt fail, instead of being content with what is there already.
            package="$package=$version" ;;
    esac
    # What it depends on may come from the distribution, whose lists can be missing or old.
    if ! apt-get --simulate install "$package" >/dev/null 2>&1 </dev/null; then
        apt update || say "warning: some other package source of this host is out of order"
    fi
    # An edited configuration file is kept; without this, dpkg asks and stops.
    apt -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$package"
}

set_up_dnf() {
    keyring=/etc/pki/rpm-gpg/RPM-GPG-KEY-$NAME
    place_file "$keyring" <<KEY_FILE
$(key)
KEY_FILE
    tree=$url/yum/$channel/$place/$architecture
    # The mirrorlist switches all files of a state at once, but names its own address.
    location="baseurl=$tree"
    [ "$url" != "$BASE_URL" ] || location="mirrorlist=$tree/mirrorlist"
    place_file "/etc/yum.repos.d/$NAME.repo" <<REPO
[$NAME]
name=$TITLE
$location
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=file://$keyring
metadata_expire=300
# Of two packages with one name, that of this repository, also when the other is newer.
priority=90
REPO
    dnf=dnf
    command -v dnf >/dev/null || dnf=yum
    run "$dnf" -y --disablerepo='*' --enablerepo="$NAME" \
        --setopt="$NAME.skip_if_unavailable=0" makecache ||
        fail "the repository $url cannot be used; nothing was changed"
}

install_with_dnf() {
    run "$dnf" -y install "$package" || return 1
    # Enterprise Linux leaves new services stopped; who runs this script wants them to run.
    unit=${package%%=*}.target
    if [ -d /run/systemd/system ] && systemctl cat "$unit" >/dev/null 2>&1; then
        run systemctl enable --now "$unit"
    fi
}

main() {
    read_arguments "$@"
    detect_system
    [ "$(id -u)" -eq 0 ] || fail "this must run as root; try: sudo sh install.sh"
    placed=
    work=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 130' HUP INT TERM
    "set_up_$family"
    placed=
    say "$TITLE: the repository $url is set up; its packages are signed by $FINGERPRINT"
    [ -n "$package" ] || return 0
    "install_with_$family" || fail "$package could not be installed; the repository stays set up"
    say "$package is installed"
}

{ main "$@"; }
