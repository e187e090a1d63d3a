#!/bin/sh
# Sets up this host for the packages of Shop packages, and installs one of them.
# Made by omnibuild; the signing key is inside, so that nothing served beside this script can
# replace it. Fingerprint: 0123456789ABCDEF0123456789ABCDEF01234567
#
# Everything is a function until the last line: a download that was cut off runs nothing.
set -eu
umask 022

NAME=shop-packages-1a2b3c4d
# What earlier scripts called it on hosts.
FORMER_NAMES=shop-packages
TITLE='Shop packages'
FINGERPRINT=0123456789ABCDEF0123456789ABCDEF01234567
BASE_URL=https://shop.example/repo
SUPPORTED='Debian 11 (amd64), Debian 12 (amd64), Enterprise Linux 9 (x86_64)'
OS_RELEASE=/etc/os-release
LOCK_SECONDS=300

usage() {
    cat <<'USAGE'
usage: sh install.sh [--url URL] [--channel CHANNEL] [--platform NAME] [PACKAGE[=VERSION]]

Sets up the repository for apt or dnf and, when PACKAGE is given, installs it.

  --url URL          the repository's address: https://, http:// or file://
                     (also OMNIBUILD_URL; default: where this script was published)
  --channel CHANNEL  which packages to follow (default: stable)
  --platform NAME    whose packages to take on a system that is not known here:
                     debian-11, debian-12, el9
  --help             this text

It ends with 0, or says what is wrong and ends with 1.
USAGE
}

key() {
    cat <<'KEY'
-----BEGIN PGP PUBLIC KEY BLOCK-----

MDEy
-----END PGP PUBLIC KEY BLOCK-----
KEY
}

# One system a line: family, name, architecture, glibc that its packages need at most, suffix of
# the apt suite or yum tree, title.
systems() {
    cat <<'SYSTEMS'
apt|debian-11|amd64|2.31|-deb11|Debian 11
apt|debian-12|amd64|2.36||Debian 12
dnf|el9|x86_64|2.34|el9|Enterprise Linux 9
SYSTEMS
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
    platform=
    package=
    while [ $# -gt 0 ]; do
        case "$1" in
            --help | -h) usage; exit 0 ;;
            --url | --channel | --platform)
                [ $# -ge 2 ] || fail "$1 needs a value; see --help"
                case "$1" in
                    --url) url=$2 ;;
                    --channel) channel=$2 ;;
                    --platform) platform=$2 ;;
                esac
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
        *[!A-Za-z0-9._~:/%@+=-]*) fail "the address holds a character that it must not: $url" ;;
        https://?* | http://?* | file:///?*) ;;
        *) fail "the address must begin with https://, http:// or file:///: $url" ;;
    esac
    case "$channel" in
        '' | *[!a-z0-9-]*) fail "no channel can be called '$channel'" ;;
    esac
    wanted=${package%%=*}
    version=
    case "$package" in
        *=*) version=${package#*=}; check_version ;;
    esac
    # A dash at the end would make apt remove it.
    case "$wanted" in
        '') [ -z "$package" ] || fail "a version of which package? $package" ;;
        [!A-Za-z0-9]* | *[!A-Za-z0-9.+_-]* | *-) fail "no package can be called '$wanted'" ;;
    esac
}

check_version() {
    case "$version" in
        '' | [!A-Za-z0-9]* | *[!A-Za-z0-9.+~:^_-]* | *-)
            fail "no version can be called '$version'" ;;
    esac
}

release_field() {
    # In a shell of its own: the file sets variables with common names.
    (
        unset ID ID_LIKE VERSION_ID PLATFORM_ID PRETTY_NAME
        unset VERSION_CODENAME UBUNTU_CODENAME DEBIAN_CODENAME
        # shellcheck source=/dev/null
        [ ! -r "$OS_RELEASE" ] || . "$OS_RELEASE"
        eval "printf '%s' \"\${$1:-}\""
    )
}

# release_of CODENAME: the release that a derivative says it is built from.
release_of() {
    case "$1" in
        bullseye) say debian-11 ;;
        bookworm) say debian-12 ;;
        trixie) say debian-13 ;;
        forky) say debian-14 ;;
        focal) say ubuntu-20.04 ;;
        jammy) say ubuntu-22.04 ;;
        noble) say ubuntu-24.04 ;;
        resolute) say ubuntu-26.04 ;;
    esac
}

host_architecture() {
    # By its path: a busybox shell would take its own dpkg, which cannot say this.
    if [ "$family" = apt ]; then /usr/bin/dpkg --print-architecture; else uname -m; fi
}

host_glibc() {
    { getconf GNU_LIBC_VERSION || ldd --version; } 2>/dev/null |
        sed -n '1s/.*[ -]\(2\.[0-9][0-9]*\).*/\1/p'
}

# reaches GLIBC GLIBC: whether the first is not older than the second; an unknown one is.
reaches() {
    [ -n "$1" ] && [ -n "$2" ] && [ "${1#2.}" -ge "${2#2.}" ]
}

# find_system NAME: sets place, ceiling and chosen, its title. Without a name: of those whose
# packages this host's C library can run, the one that asks for the newest.
find_system() {
    chosen=''
    ceiling=''
    while IFS='|' read -r its_family its_name its_architecture its_ceiling its_place its_title; do
        [ "$its_family/$its_architecture" = "$family/$architecture" ] || continue
        if [ -n "$1" ]; then
            [ "$its_name" = "$1" ] || continue
        else
            reaches "$glibc" "$its_ceiling" || continue
            [ -z "$ceiling" ] || ! reaches "$ceiling" "$its_ceiling" || continue
        fi
        chosen=$its_title ceiling=$its_ceiling place=$its_place
    done <<SYSTEMS
$(systems)
SYSTEMS
    [ -n "$chosen" ]
}

family_of_platform() {
    systems | while IFS='|' read -r its_family its_name _; do
        [ "$its_name" != "$platform" ] || { printf '%s' "$its_family"; break; }
    done
}

# The names under which this host may be known, the most exact one first.
names_of_host() {
    if [ "$family" = dnf ]; then
        tree=$(release_field PLATFORM_ID)
        version_id=$(release_field VERSION_ID)
        say "${tree#platform:}" "el${version_id%%.*}"
    else
        say "$(release_field ID)-$(release_field VERSION_ID)"
        release_of "$(release_field UBUNTU_CODENAME)"
        release_of "$(release_field DEBIAN_CODENAME)"
        release_of "$(release_field VERSION_CODENAME)"
    fi
}

detect_system() {
    system=$(release_field PRETTY_NAME)
    system=${system:-$(release_field ID)}
    system=${system:-unknown}
    glibc=$(host_glibc)
    if [ -n "$platform" ]; then
        family=$(family_of_platform)
        [ -n "$family" ] || fail "there are no packages for a platform '$platform'; see --help"
        architecture=$(host_architecture)
        find_system "$platform" ||
            fail "there are no packages of $platform for this architecture, $architecture"
        reaches "$glibc" "$ceiling" ||
            say "warning: packages of $platform may need glibc $ceiling; this host has ${glibc:-none}" >&2
        return 0
    fi
    case " $(release_field ID) $(release_field ID_LIKE) " in
        *' debian '* | *' ubuntu '*) family=apt ;;
        *' rhel '* | *' fedora '* | *' centos '* | *' amzn '*) family=dnf ;;
        *) family= ;;
    esac
    architecture=$(host_architecture)
    for name in $(names_of_host); do
        ! find_system "$name" || return 0
    done
    find_system '' ||
        fail "there are no packages for this system ($system, $architecture, glibc ${glibc:-none}); there are for: $SUPPORTED. If one of these is like it: --platform"
    say "this system ($system) is not known here; its glibc $glibc runs what is made for $chosen" >&2
}

# Until the repository has proven itself, a failure puts everything back as it was.
clean_up() {
    status=$?
    trap - EXIT
    for file in $placed; do
        rm -f "$file.new"
        if [ -e "$work/saved/${file##*/}" ]; then
            mv -f "$work/saved/${file##*/}" "$file"
        else
            rm -f "$file"
        fi
    done
    rm -rf "$work"
    exit "$status"
}

# save_file PATH: whatever is there now comes back after a failure.
save_file() {
    [ ! -e "$1" ] || cp -p "$1" "$work/saved/${1##*/}"
    placed="$placed $1"
}

# place_file PATH: standard input becomes that file, in one step.
place_file() {
    mkdir -p "${1%/*}"
    save_file "$1"
    cat >"$1.new"
    mv -f "$1.new" "$1"
}

# run COMMAND...: in silence; a failure tells its output. Waits while somebody else holds a lock.
run() {
    deadline=$(($(date +%s) + LOCK_SECONDS))
    until LC_ALL=C "$@" >"$work/log" 2>&1 </dev/null; do
        if ! grep -qE 'Could not get lock|Unable to lock' "$work/log"; then
            cat "$work/log" >&2
            return 1
        fi
        [ "$(date +%s)" -lt "$deadline" ] ||
            { cat "$work/log" >&2; fail "another package manager kept its lock for $LOCK_SECONDS s"; }
        sleep 2
    done
}

apt() {
    run apt-get -y -o DPkg::Lock::Timeout="$LOCK_SECONDS" "$@"
}

# is_ours FILE: whether a file under a former name follows this repository, and not another one
# that was called the same.
is_ours() {
    [ -f "$1" ] || return 1
    for address in "$url" "$BASE_URL"; do
        [ -z "$address" ] || ! grep -qF -e "URIs: $address/apt" -e "=$address/yum/" "$1" || return 0
    done
    return 1
}

apt_source() {
    cat <<SOURCES
Types: deb
URIs: $url/apt
Suites: $channel$place
Components: main
Architectures: $architecture
Signed-By: $keyring
SOURCES
}

# Read all package sources as they will be, before anything is changed: apt refuses them all when
# two of one address have different keys.
check_apt_sources() {
    mkdir "$work/parts"
    for file in /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$file" ] || cp "$file" "$work/parts"
    done
    apt_reads || fail "apt cannot read the package sources of this host; nothing was changed"
    for former in $FORMER_NAMES; do
        ! is_ours "$work/parts/$former.sources" || rm "$work/parts/$former.sources"
    done
    apt_source >"$work/parts/$NAME.sources"
    apt_reads || fail "$url/apt is a package source of this host already, with another key, in: \
$(grep -lFs "$url/apt" /etc/apt/sources.list /etc/apt/sources.list.d/* | tr '\n' ' ')\
- remove it there first; nothing was changed"
}

apt_reads() {
    run apt-get -o Dir::Etc::sourceparts="$work/parts" indextargets
}

# Earlier scripts called these files after the title alone, as another repository's may be called.
retire_apt_files() {
    for former in $FORMER_NAMES; do
        is_ours "/etc/apt/sources.list.d/$former.sources" || continue
        old=/usr/share/keyrings/$former.asc
        set -- "/etc/apt/sources.list.d/$former.sources" "/etc/apt/preferences.d/$former" "$old"
        for file; do save_file "$file"; done
        rm -f "$1" "$2"
        grep -qrFs "$old" /etc/apt/sources.list /etc/apt/sources.list.d || rm -f "$old"
    done
}

set_up_apt() {
    keyring=/usr/share/keyrings/$NAME.asc
    sources=/etc/apt/sources.list.d/$NAME.sources
    only_ours="-o Dir::Etc::sourcelist=$sources -o Dir::Etc::sourceparts=-"
    check_apt_sources
    retire_apt_files
    place_file "$keyring" <<KEY_FILE
$(key)
KEY_FILE
    place_file "$sources" <<SOURCES
$(apt_source)
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
    # For apt a warning is enough, as it knows no other state to compare with yet.
    ! grep -F 'Conflicting distribution' "$work/log" >&2 ||
        fail "the repository $url shows another channel than $channel; nothing was changed"
}

versions_of_ours() {
    # Without cache files, which belong to the host's whole set of sources.
    # shellcheck disable=SC2086
    apt-cache $only_ours -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= madison "$wanted" |
        sed -n 's/^[^|]*| *\([^ |]*\) .*/\1/p'
}

# The newest version of ours, or the newest with the version that is asked for: with or without
# the package's own epoch and revision.
chosen_version() {
    versions_of_ours | while read -r ours; do
        case "$ours" in
            "$version" | "$version"-* | "${version:-$ours}") printf '%s' "$ours"; break ;;
        esac
        case "${ours#*:}" in
            "$version" | "$version"-*) printf '%s' "$ours"; break ;;
        esac
    done
}

# Of each version of each package one line.
names_of_ours() {
    # shellcheck disable=SC2086
    apt-cache $only_ours -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Dir::State::status=/dev/null dumpavail | sed -n 's/^Package: //p'
}

# refuse NAMES VERSIONS: tells what there is instead of the package that is asked for, which has
# other versions, or none; each may be there several times.
refuse() {
    # shellcheck disable=SC2086
    set -- "$(printf '%s\n' $1 | sort -u | tr '\n' ' ')" "$(printf '%s\n' $2 | tr '\n' ' ')"
    what="the repository has no package '$package' for this host"
    [ -z "${2% }" ] || fail "$what; of $wanted it has: ${2% }"
    [ -z "${1% }" ] || fail "$what; it has: ${1% }"
    fail "$what: nothing is published for $chosen ($architecture) in the channel $channel"
}

install_with_apt() {
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
    exact=$(chosen_version)
    [ -n "$exact" ] || refuse "$(names_of_ours)" "$(versions_of_ours)"
    # The version makes apt fail, instead of being content with what is there already.
    package=$wanted=$exact
    # Who names a version may mean an older one.
    set -- ${version:+--allow-downgrades}
    # What it depends on may come from the distribution, whose lists can be missing or old.
    if ! apt-get "$@" --simulate install "$package" >/dev/null 2>&1 </dev/null; then
        apt update || say "warning: some other package source of this host is out of order"
    fi
    # An edited configuration file is kept; without this, dpkg asks and stops.
    apt -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" install "$package"
}

retire_dnf_files() {
    for former in $FORMER_NAMES; do
        is_ours "/etc/yum.repos.d/$former.repo" || continue
        old=/etc/pki/rpm-gpg/RPM-GPG-KEY-$former
        for file in "/etc/yum.repos.d/$former.repo" "$old"; do save_file "$file"; done
        rm -f "/etc/yum.repos.d/$former.repo"
        grep -qrFs "$old" /etc/yum.repos.d || rm -f "$old"
    done
}

set_up_dnf() {
    keyring=/etc/pki/rpm-gpg/RPM-GPG-KEY-$NAME
    former=$(cat "$keyring" 2>/dev/null || :)
    retire_dnf_files
    place_file "$keyring" <<KEY_FILE
$(key)
KEY_FILE
    [ "${former:-$(key)}" = "$(key)" ] || renew_key
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
    run "$dnf" -y --disablerepo='*' --enablerepo="$NAME" \
        --setopt="$NAME.skip_if_unavailable=0" makecache ||
        fail "the repository $url cannot be used; nothing was changed"
}

# dnf and rpm never take a newer copy of a key that they have: of one whose end was extended.
renew_key() {
    rm -rf /var/cache/dnf/"$NAME"-*/pubring /var/cache/libdnf5/"$NAME"-*/pubring
    known=gpg-pubkey-$(printf '%s' "$FINGERPRINT" | tail -c 8 | tr A-F a-f)
    if rpm -q "$known" >/dev/null 2>&1; then
        rpm -e --allmatches "$known"
        rpm --import "$keyring"
    fi
}

# query FIELDS [PACKAGE]: of each of ours one word.
query() {
    # Not each dnf begins a line by itself.
    fields=$1
    shift
    "$dnf" -q --disablerepo='*' --enablerepo="$NAME" repoquery --queryformat "$fields " "$@" \
        2>/dev/null || :
}

install_with_dnf() {
    spec=$wanted${version:+-$version}
    found=$(query '%{name}' "$spec")
    [ -n "$found" ] || refuse "$(query '%{name}')" "$(query '%{version}-%{release}' "$wanted")"
    run "$dnf" -y install "$spec" || return 1
    # Enterprise Linux leaves new services stopped; who runs this script wants them to run.
    unit=$(printf '%s' "$wanted" | sed 's/+/plus/g').target
    if [ -d /run/systemd/system ] && systemctl cat "$unit" >/dev/null 2>&1; then
        run systemctl enable --now "$unit"
    fi
}

check_tools() {
    if [ "$family" = apt ]; then
        command -v apt-get >/dev/null || fail "this system has no apt-get"
    else
        dnf=dnf
        command -v dnf >/dev/null || dnf=yum
        command -v "$dnf" >/dev/null || fail "this system has neither dnf nor yum"
    fi
}

main() {
    read_arguments "$@"
    detect_system
    check_tools
    [ "$(id -u)" -eq 0 ] || fail "this must run as root; try: sudo sh install.sh"
    placed=
    work=$(mktemp -d)
    mkdir "$work/saved"
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
