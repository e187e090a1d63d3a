#!/bin/sh
# Sets up this host for the packages of Shop packages, and installs one of them.
# Made by omnibuild; the signing key is inside, so that nothing served beside this script can
# replace it. Fingerprint: 0123456789ABCDEF0123456789ABCDEF01234567
#
# All of it is one group, which no shell begins before it has its end: of a download that was cut
# off not even a word is run.
{
set -eu
umask 022

NAME=shop-packages-1a2b3c4d
# What earlier scripts called it on hosts.
FORMER_NAMES=shop-packages
TITLE='Shop packages'
FINGERPRINT=0123456789ABCDEF0123456789ABCDEF01234567
# All keys in this script, and the version of the package that brings the same ones to hosts.
FINGERPRINTS=0123456789ABCDEF0123456789ABCDEF01234567
SERIAL=1
BASE_URL=https://shop.example/repo
SUPPORTED='Debian 11 (amd64), Debian 12 (amd64), Enterprise Linux 9 (x86_64)'
SUPPORTED_USERS='Linux with glibc (x86_64)'
OS_RELEASE=/etc/os-release
# What a bare Debian has to download with.
APT_HELPER=/usr/lib/apt/apt-helper
LOCK_SECONDS=300
# With --tarball, after an update: services must run so long without a break, and be well by then.
HEALTH_SECONDS=10 HEALTH_LIMIT=60
# A list of tarballs is not larger; nobody knows who serves it before it is verified.
LIST_BYTES=16777216

# What is asked for.
url='' from='' channel=stable platform='' package='' wanted='' version=''
action=install family='' dry_run='' json='' keep='' scheduled=''
# What came of it, and what goes when the script ends.
error='' changed=false kept_current=false before='' after='' placed='' work='' incoming=''
lock='' fetched='' layered='' trusted='' held='' unfinished='' links='' services='' judged=yes

usage() {
    cat <<'USAGE'
usage: sh install.sh [OPTION...] [PACKAGE[=VERSION]]
       sh install.sh --uninstall [OPTION...] [PACKAGE]
       sh install.sh --user|--tarball --rollback [OPTION...] PACKAGE

Sets up the repository for apt or dnf and, when PACKAGE is given, installs its newest version, or
VERSION. It may run again at any time: what is as it should be stays untouched.

  --url URL          the repository's address: https://, http:// or file://
                     (also OMNIBUILD_URL; default: where this script was published)
  --from DIR         the same for a copy of the repository in a directory: without network
  --channel CHANNEL  which packages to follow (default: stable)
  --platform NAME    whose packages to take on a system that is not known here:
                     debian-11, debian-12, el9
  --user             without root: PACKAGE comes from its tarball and goes below ~/.local
  --tarball          without apt or dnf, as root: PACKAGE with its services comes from its
                     tarball and goes to /opt
  --rollback         with these two: back to the version before the current one, at once
  --keep-current     from now on a timer keeps PACKAGE as new as the channel has it; see
                     the guide for --every, --window, --health-command, --report-command
  --uninstall        remove PACKAGE, and all that this script set up; data stay
  --dry-run          say what would be done, verify the repository, and change nothing
  --json             say the outcome as a JSON document, and all else on standard error
  --help             this text

It ends with
  0    all is as it was asked for
  1    something on this host is missing, or in the way
  2    a mistake in the arguments
  3    there are no packages for this system
  4    it must run as root
  5    the repository cannot be reached or verified; nothing was changed
  6    the repository has no such package or version
  7    the package manager failed, or the package's own scripts
  8    another package manager, or another run of this, kept its lock
  9    with --tarball: a version failed, and the one before could not be brought back
  10   with --tarball: a version failed; the one before is back
  130  it was interrupted
USAGE
}

key() {
    cat <<'KEY'
-----BEGIN PGP PUBLIC KEY BLOCK-----

MDEy
-----END PGP PUBLIC KEY BLOCK-----
KEY
}

# The same for dnf, which wants a block for each.
dnf_key() {
    key
}

# One system a line: family, name, architecture, glibc that its packages need at most, suffix of
# the apt suite or yum tree, title.
systems() {
    cat <<'SYSTEMS'
apt|debian-11|amd64|2.31|-deb11|Debian 11
apt|debian-12|amd64|2.36||Debian 12
dnf|el9|x86_64|2.34|el9|Enterprise Linux 9
user|linux|x86_64|2.31|downloads|Linux with glibc
SYSTEMS
}

# json_text VALUE: as JSON has it; what is no ASCII may be no UTF-8 either.
json_text() {
    if [ -z "$1" ]; then
        printf null
    else
        printf '%s' "$1" | LC_ALL=C tr '\001-\037\177' ' ' | LC_ALL=C tr '\200-\377' '?' |
            sed 's/[\\"]/\\&/g; s/^/"/; s/$/"/'
    fi
}

say() {
    if [ -n "$json" ]; then printf '%s\n' "$*" >&2; else printf '%s\n' "$*"; fi
}

warn() {
    printf 'install.sh: %s\n' "$*" >&2
}

# fail STATUS WORD...: ends; not from within $(...), which would end alone.
fail() {
    failed=$1
    shift
    error=$*
    warn "$error"
    exit "$failed"
}

# did WORD...: something is another than before, or would be.
did() {
    changed=true
    if [ -n "$dry_run" ]; then say "would $*"; fi
}

report() {
    printf '{"exit": %s, "error": %s, ' "$1" "$(json_text "$error")"
    printf '"changed": %s, "dry_run": %s, ' "$changed" "${dry_run:-false}"
    printf '"action": %s, "way": %s, ' "$(json_text "$action")" "$(json_text "${services:-$family}")"
    printf '"package": %s, "version": %s, ' "$(json_text "$wanted")" "$(json_text "$after")"
    printf '"version_before": %s, ' "$(json_text "$before")"
    printf '"kept_current": %s, "bytes": %s, ' "$kept_current" "${fetched:-null}"
    printf '"repository": %s, "channel": %s, ' "$(json_text "$url")" "$(json_text "$channel")"
    printf '"fingerprint": "%s"}\n' "$FINGERPRINT"
}

# Until the repository has proven itself, a failure puts everything back as it was.
finish() {
    status=$?
    trap - EXIT
    [ -z "$unfinished" ] || undo_keyring
    printf %s "$placed" | while read -r file; do
        rm -f "$file.new"
        if [ -e "$work/saved/${file##*/}" ]; then
            mv -f "$work/saved/${file##*/}" "$file"
        else
            rm -f "$file"
        fi
    done
    [ -z "$placed" ] || changed=false
    for file in "$work" "$incoming" "$lock"; do
        [ -z "$file" ] || rm -rf "$file"
    done
    case "$status/$error" in
        0/ | 130/* | *[0-9]/?*) ;;
        *) warn "a command of the script itself failed ($status)"; error=unexpected status=1 ;;
    esac
    [ -z "$json" ] || report "$status"
    exit "$status"
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case "$1" in
            --help | -h) usage; json=''; exit 0 ;;
            --url | --from | --channel | --platform)
                [ -n "${2:-}" ] || fail 2 "$1 needs a value; see --help"
                case "$1" in
                    --url) url=$2 ;;
                    --from) from=$2 ;;
                    --channel) channel=$2 ;;
                    --platform) platform=$2 ;;
                esac
                shift ;;
            --user) take_way '' ;;
            --tarball) take_way tarball ;;
            --keep-current) keep=yes ;;
            --scheduled) scheduled=yes ;;
            --every | --window | --health-command | --report-command)
                [ $# -ge 2 ] || fail 2 "$1 needs a value; see --help"
                keep_option "$1" "$2"
                shift ;;
            --uninstall | --rollback | --resume)
                [ "$action" = install ] || [ "--$action" = "$1" ] || fail 2 "either --$action or $1"
                action=${1#--} ;;
            --dry-run) dry_run=true ;;
            --json) ;;
            -*) fail 2 "unknown option $1; see --help" ;;
            '') fail 2 "no package is called ''; leave it out to set the repository up alone" ;;
            *)
                [ -z "$package" ] || fail 2 "one package at a time: $package or $1"
                package=$1 ;;
        esac
        shift
    done
    [ -z "$from" ] || use_directory
    url=${url:-${OMNIBUILD_URL:-$BASE_URL}}
    url=${url%/}
    check_package
    [ "$action" != install ] || check_place
    [ "$action/$family" != rollback/ ] ||
        fail 2 "--rollback is for --user and --tarball; of a package, name the version: $wanted=VERSION"
    [ "$action/$services" != resume/ ] || fail 2 "--resume is for --tarball"
    check_keep
    [ "$family" != user ] || check_user
}

# take_way SERVICES
take_way() {
    [ "$family$services" = "" ] || [ "$services" = "$1" ] || fail 2 "either --user or --tarball"
    family=user services=$1
}

use_directory() {
    [ -z "$url" ] || fail 2 "either --url or --from"
    [ -f "$from/keys/$NAME.asc" ] || fail 2 "no copy of this repository is in '$from'"
    url=file://$(CDPATH='' cd -- "$from" && pwd -P)
}

check_place() {
    case "$url" in
        '') fail 2 "the repository's address is unknown; give it with --url" ;;
        *[!A-Za-z0-9._~:/%@+=-]*)
            fail 2 "the address holds a character that it must not: $url" ;;
        https://?* | http://?* | file:///?*) ;;
        *) fail 2 "the address must begin with https://, http:// or file:///: $url" ;;
    esac
    case "$channel" in
        '' | *[!a-z0-9-]*) fail 2 "no channel can be called '$channel'" ;;
    esac
}

check_package() {
    wanted=${package%%=*}
    case "$package" in
        *=*) version=${package#*=}; check_version ;;
    esac
    # A dash at the end would make apt remove it.
    case "$wanted" in
        '') [ -z "$package" ] || fail 2 "a version of which package? $package" ;;
        [!A-Za-z0-9]* | *[!A-Za-z0-9.+_-]* | *-) fail 2 "no package can be called '$wanted'" ;;
    esac
}

check_version() {
    [ "$action" = install ] || fail 2 "whatever version of it is there: --$action $wanted"
    case "$version" in
        '' | [!A-Za-z0-9]* | *[!A-Za-z0-9.+~:^_-]* | *-)
            fail 2 "no version can be called '$version'" ;;
    esac
}

check_user() {
    [ -n "$wanted" ] || fail 2 "--${services:-user} needs a package"
    [ -z "$platform" ] || fail 2 "--${services:-user} takes tarballs, which are of no --platform"
    [ -z "$services" ] || return 0
    case "${HOME:-}" in
        /?*) ;;
        *) fail 1 "HOME says no directory: '${HOME:-}'" ;;
    esac
}

# Sets step, in minutes, and what read_window does, of every and window.
check_schedule() {
    step=$(step_of "$every")
    [ -n "$step" ] || fail 2 "'$every' is neither minutes that divide an hour, as 15m, nor hours" \
        "that divide a day, as 4h, nor 1d"
    read_window
}

# step_of TIME: in minutes; nothing for what the clock does not divide by.
step_of() {
    case "$1" in
        1d) echo 1440 ;;
        [1-9]m | [1-5][0-9]m) [ $((60 % ${1%m})) -ne 0 ] || echo "${1%m}" ;;
        [1-9]h | 1[0-9]h | 2[0-4]h) [ $((24 % ${1%h})) -ne 0 ] || echo $((${1%h} * 60)) ;;
    esac
}

# Sets days, as numbers from Monday on, and the first and last minute, which may be of the next day.
read_window() {
    days='' first=0 last=1440
    [ -n "$window" ] || return 0
    hours=${window##* }
    case "$window" in
        *' '*-*) days=$(days_of "${window% *}") || days='' ;;
        *-*) days='1 2 3 4 5 6 7' ;;
    esac
    first=$(minute_of "${hours%%-*}")
    last=$(minute_of "${hours#*-}")
    if [ -z "$days" ] || [ -z "$first" ] || [ -z "$last" ]; then
        fail 2 "'$window' is no window; say it as: Mon..Fri 02:00-05:00, or 22:00-04:00"
    fi
    [ "$last" -gt "$first" ] || last=$((last + 1440))
}

# minute_of HH:MM
minute_of() {
    case "$1" in
        [01][0-9]:[0-5][0-9] | 2[0-3]:[0-5][0-9] | 24:00) ;;
        *) return 0 ;;
    esac
    hour=${1%:*} minute=${1#*:}
    echo $((${hour#0} * 60 + ${minute#0}))
}

# days_of NAMES: as Mon..Fri,Sun
days_of() {
    for range in $(printf '%s' "$1" | tr , ' '); do
        day=$(day_of "${range%%..*}") || return 1
        until=$(day_of "${range##*..}") || return 1
        while [ "$day" -ne "$until" ]; do
            echo "$day"
            day=$((day % 7 + 1))
        done
        echo "$day"
    done
}

day_of() {
    case "$1" in
        Mon) echo 1 ;;
        Tue) echo 2 ;;
        Wed) echo 3 ;;
        Thu) echo 4 ;;
        Fri) echo 5 ;;
        Sat) echo 6 ;;
        Sun) echo 7 ;;
        *) return 1 ;;
    esac
}

# in_window DAY HH:MM: whether it may be now; after midnight it may be the window of the day before.
in_window() {
    [ -n "$window" ] || return 0
    now=$(minute_of "$2")
    for day in $days; do
        if [ "$day" = "$1" ] && [ "$now" -ge "$first" ] && [ "$now" -lt "$last" ]; then return 0; fi
        if [ $((day % 7 + 1)) = "$1" ] && [ $((now + 1440)) -lt "$last" ]; then return 0; fi
    done
    return 1
}

two_digits() {
    printf '%02d:%02d' $(($1 / 60 % 24)) $(($1 % 60))
}

# When systemd starts it; the window holds nevertheless, as what was missed is made up for at boot.
calendar() {
    if [ -z "$window" ]; then
        case "$every" in
            *m) echo "OnCalendar=*:00/$step" ;;
            *h) echo "OnCalendar=00/${every%h}:00" ;;
            *) echo "OnCalendar=00:00" ;;
        esac
        return 0
    fi
    names=
    case "$window" in
        *' '*) names="${window% *} " ;;
    esac
    at=$first
    while [ "$at" -lt "$last" ]; do
        # After midnight it is another day.
        [ "$at" -lt 1440 ] || names=
        echo "OnCalendar=$names$(two_digits "$at")"
        at=$((at + step))
    done
}

# Hosts of a fleet come at different moments, each of them at its own.
schedule() {
    spread=$step
    [ "$spread" -le $((last - first)) ] || spread=$((last - first))
    cat <<SCHEDULE
[Timer]
$(calendar)
RandomizedDelaySec=${spread}min
SCHEDULE
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
        bullseye) echo debian-11 ;;
        bookworm) echo debian-12 ;;
        trixie) echo debian-13 ;;
        forky) echo debian-14 ;;
        focal) echo ubuntu-20.04 ;;
        jammy) echo ubuntu-22.04 ;;
        noble) echo ubuntu-24.04 ;;
        resolute) echo ubuntu-26.04 ;;
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
        [ "$its_name/${its_family#user}" = "$platform/$its_family" ] || continue
        printf '%s' "$its_family"
        break
    done
}

# The names under which this host may be known, the most exact one first.
names_of_host() {
    if [ "$family" = dnf ]; then
        tree=$(release_field PLATFORM_ID)
        version_id=$(release_field VERSION_ID)
        printf '%s\n' "${tree#platform:}" "el${version_id%%.*}"
    else
        printf '%s\n' "$(release_field ID)-$(release_field VERSION_ID)"
        release_of "$(release_field UBUNTU_CODENAME)"
        release_of "$(release_field DEBIAN_CODENAME)"
        release_of "$(release_field VERSION_CODENAME)"
    fi
}

family_of_host() {
    case " $(release_field ID) $(release_field ID_LIKE) " in
        *' debian '* | *' ubuntu '*) echo apt ;;
        *' rhel '* | *' fedora '* | *' centos '* | *' amzn '*) echo dnf ;;
    esac
}

detect_system() {
    system=$(release_field PRETTY_NAME)
    system=${system:-$(release_field ID)}
    system=${system:-unknown}
    glibc=$(host_glibc)
    if [ "$family" = user ]; then
        architecture=$(host_architecture)
        find_system '' || refuse_system "tarballs" "${SUPPORTED_USERS:-no system at all}"
        return 0
    fi
    if [ -n "$platform" ]; then
        family=$(family_of_platform)
        [ -n "$family" ] || fail 2 "there are no packages for a platform '$platform'; see --help"
        architecture=$(host_architecture)
        find_system "$platform" ||
            fail 3 "there are no packages of $platform for this architecture, $architecture"
        reaches "$glibc" "$ceiling" ||
            warn "packages of $platform may need glibc $ceiling; this host has ${glibc:-none}"
        return 0
    fi
    family=$(family_of_host)
    architecture=$(host_architecture)
    for name in $(names_of_host); do
        ! find_system "$name" || return 0
    done
    find_system '' || refuse_system packages \
        "$SUPPORTED. If one of these is like it: --platform${SUPPORTED_USERS:+. With --user: $SUPPORTED_USERS}"
    warn "this system ($system) is not known here; its glibc $glibc runs what is made for $chosen"
}

# refuse_system WHAT SYSTEMS
refuse_system() {
    fail 3 "there are no $1 for this system ($system, $architecture, glibc ${glibc:-none});" \
        "there are for: $2"
}

# save_file PATH: whatever is there now comes back after a failure.
save_file() {
    [ ! -e "$1" ] || cp -p "$1" "$work/saved/${1##*/}"
    placed="$placed$1
"
}

# place_file PATH [MODE]: standard input becomes that file, in one step, unless it is that already.
place_file() {
    content=$(cat)
    if [ -f "$1" ] && [ "$(cat "$1")" = "$content" ]; then
        [ -n "$dry_run" ] || chmod "${2:-644}" "$1"
        return 0
    fi
    did "write $1"
    [ -z "$dry_run" ] || return 0
    mkdir -p "${1%/*}"
    save_file "$1"
    printf '%s\n' "$content" >"$1.new"
    chmod "${2:-644}" "$1.new"
    mv -f "$1.new" "$1"
}

remove_file() {
    [ -e "$1" ] || return 0
    did "remove $1"
    [ -z "$dry_run" ] || return 0
    save_file "$1"
    rm -f "$1"
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

# run COMMAND...: in silence; a failure tells its output. Waits while somebody else holds a lock.
# What it leaves running inherits no lock of ours, which is descriptor 9.
run() {
    deadline=$(($(date +%s) + LOCK_SECONDS))
    until LC_ALL=C "$@" >"$work/log" 2>&1 </dev/null 9>&-; do
        if ! grep -qE 'Could not get lock|Unable to lock' "$work/log"; then
            cat "$work/log" >&2
            return 1
        fi
        [ "$(date +%s)" -lt "$deadline" ] || {
            cat "$work/log" >&2
            fail 8 "another package manager kept its lock for $LOCK_SECONDS s"
        }
        sleep 2
    done
}

# Versions of hosts without the signs that only they need: 2.0~rc1-1 is 2.0rc1-1.
without_order() {
    sed 's/^[0-9]*://; s/~//g; s/[+]local[.]/+/; s/[+][+]/+/; s/[.][+]/./g'
}

# All spellings of a version as one: 2.0-RC.1 is 2.0rc1, and 2.0+post1 is 2.0post1.
one_spelling() {
    sed -E '
        y/ABCDEFGHIJKLMNOPQRSTUVWXYZ/abcdefghijklmnopqrstuvwxyz/
        s/([0-9])[._-]?(alpha|a)[._-]?([0-9])/\1a\3/
        s/([0-9])[._-]?(beta|b)[._-]?([0-9])/\1b\3/
        s/([0-9])[._-]?(c|rc|pre|preview)[._-]?([0-9])/\1rc\3/
        s/([0-9])[._+-]?(post|rev|r)[._-]?([0-9])/\1post\3/
        s/([0-9])[._-]?dev[._-]?([0-9])/\1dev\2/'
}

# Of versions, the newest first, the one that is asked for; else the first of all. It can be said
# with its epoch and revision, without them, and as Python spells it.
chosen_version() {
    listed=$(cat)
    if [ -z "$version" ]; then
        printf '%s\n' "$listed" | sed 1q
        return 0
    fi
    exact=$(printf '%s\n' "$listed" | while read -r ours; do
        case "$ours" in
            "$version" | "$version"-*) echo "$ours"; break ;;
        esac
        case "${ours#*:}" in
            "$version" | "$version"-*) echo "$ours"; break ;;
        esac
    done)
    [ -z "$exact" ] || { echo "$exact"; return 0; }
    asked=$(echo "$version" | one_spelling)
    printf '%s\n' "$listed" | while read -r ours; do
        case "$(echo "$ours" | without_order | one_spelling)" in
            "$asked" | "$asked"-*) echo "$ours"; break ;;
        esac
    done
}

# refuse NAMES VERSIONS: tells what there is instead of the package that is asked for, which has
# other versions, or none; each may be there several times.
refuse() {
    # shellcheck disable=SC2086
    others=$(printf '%s\n' $1 | sed "/^$NAME-archive-keyring\$/d" | sort -u | tr '\n' ' ')
    # shellcheck disable=SC2086
    set -- "$others" "$(printf '%s\n' $2 | tr '\n' ' ')"
    what="the repository has no package '$package' for this host"
    [ -z "${2% }" ] || fail 6 "$what; of $wanted it has: ${2% }"
    [ -z "${1% }" ] || fail 6 "$what; it has: ${1% }"
    fail 6 "$what: nothing is published for $chosen ($architecture) in the channel $channel"
}

# plan: what an installation would change.
plan() {
    after=$exact
    [ "$before" = "$exact" ] || did "install $wanted $exact${before:+ for $before}"
}

refuse_newer() {
    fail 7 "$wanted $before is installed, which is newer than $exact;" \
        "to go back, name the version: $wanted=$exact"
}

apt() {
    run apt-get -y -o DPkg::Lock::Timeout="$LOCK_SECONDS" "$@"
}

# Nothing asks: neither dpkg nor what apt calls after it.
nobody_is_asked() {
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a APT_LISTCHANGES_FRONTEND=none
}

# install_exactly [OPTION...] PACKAGE=VERSION, or a file
install_exactly() {
    # What it depends on may come from the distribution, whose lists can be missing or old.
    if ! apt-get --simulate install "$@" >/dev/null 2>&1 </dev/null; then
        apt update || warn "some other package source of this host is out of order"
    fi
    # An edited configuration file is kept; without this, dpkg asks and stops.
    apt -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@"
}

versions_of_ours() {
    # shellcheck disable=SC2086
    apt-cache $only_ours madison "$wanted" |
        sed -n 's/^[^|]*| *\([^ |]*\) .*/\1/p'
}

installed_with_apt() {
    dpkg-query -W -f '${Status} ${Version}\n' "$wanted" 2>/dev/null |
        sed -n '/^[^ ]* ok installed /{s///p;q;}'
}

# apt_source KEYRING
apt_source() {
    cat <<SOURCES
Types: deb
URIs: $url/apt
Suites: $channel$place
Components: main
Architectures: $architecture
Signed-By: $1
SOURCES
}

# Read all package sources as they will be, before anything is changed: apt refuses them all when
# two of one address have different keys.
check_apt_sources() {
    mkdir "$work/parts"
    for file in /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$file" ] || cp "$file" "$work/parts"
    done
    apt_reads || fail 1 "apt cannot read the package sources of this host; nothing was changed"
    for former in $FORMER_NAMES; do
        ! is_ours "$work/parts/$former.sources" || rm "$work/parts/$former.sources"
    done
    apt_source "$keyring" >"$work/parts/$NAME.sources"
    apt_reads || fail 1 "$url/apt is a package source of this host already, with another key, in: \
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
        remove_file "/etc/apt/sources.list.d/$former.sources"
        remove_file "/etc/apt/preferences.d/$former"
        grep -qrFs "$old" /etc/apt/sources.list /etc/apt/sources.list.d || remove_file "$old"
    done
}

set_up_apt() {
    nobody_is_asked
    keyring=/usr/share/keyrings/$NAME.asc
    sources=/etc/apt/sources.list.d/$NAME.sources
    check_apt_sources
    choose_keys
    apt_source "$trusted" >"$work/ours.sources"
    state=
    [ -z "$dry_run" ] || use_apt_aside
    only_ours="-o Dir::Etc::sourcelist=$work/ours.sources -o Dir::Etc::sourceparts=- $state"
    # Without cache files, which belong to the host's whole set of sources.
    only_ours="$only_ours -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
    # Only our own source, and any trouble with it is an error: apt-get would merely warn.
    # shellcheck disable=SC2086
    apt update -o APT::Update::Error-Mode=any -o APT::Get::List-Cleanup=0 $only_ours ||
        fail 5 "the repository $url cannot be used; nothing was changed. Has it a channel $channel?"
    # For apt a warning is enough, as it knows no other state to compare with yet.
    ! grep -F 'Conflicting distribution' "$work/log" >&2 ||
        fail 5 "the repository $url shows another channel than $channel; nothing was changed"
    install_keyring
    retire_apt_files
    place_file "$sources" <<SOURCES
$(apt_source "$keyring")
SOURCES
    place_file "/etc/apt/preferences.d/$NAME" <<PREFERENCES
Package: *
Pin: release o=$TITLE
Pin-Priority: 600
PREFERENCES
}

# What apt learns of the repository, it shall forget again.
use_apt_aside() {
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    state="-o Dir::State::Lists=$work/lists -o Dir::Cache=$work/cache"
}

# Of each version of each package one line.
names_of_ours() {
    # shellcheck disable=SC2086
    apt-cache $only_ours -o Dir::State::status=/dev/null dumpavail | sed -n 's/^Package: //p'
}

install_with_apt() {
    exact=$(versions_of_ours | chosen_version)
    [ -n "$exact" ] || refuse "$(names_of_ours)" "$(versions_of_ours)"
    if [ -z "$version" ] && [ -n "$before" ]; then
        ! dpkg --compare-versions "$before" gt "$exact" || refuse_newer
    fi
    if [ -n "$dry_run" ]; then plan; return 0; fi
    # The version makes apt fail, instead of being content with what is there already.
    # Who names a version may mean an older one.
    package=$wanted=$exact
    install_exactly ${version:+--allow-downgrades} "$package"
}

remove_with_apt() {
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
    apt remove "$wanted"
}

# query FIELDS [OPTION...] [PACKAGE]: of each of ours one line.
query() {
    # Not each dnf begins a line by itself.
    fields=$1
    shift
    # shellcheck disable=SC2086
    "$dnf" -q $state --disablerepo='*' --enablerepo="$NAME" repoquery --queryformat "$fields " "$@" \
        2>/dev/null </dev/null | tr -s ' ' '\n' || :
}

EVR='%{epoch}:%{version}-%{release}'

installed_with_dnf() {
    rpm -q --queryformat '%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' "$wanted" 2>/dev/null |
        sed -n '/^[0-9]/{s/^0://;p;q;}'
}

retire_dnf_files() {
    for former in $FORMER_NAMES; do
        is_ours "/etc/yum.repos.d/$former.repo" || continue
        old=/etc/pki/rpm-gpg/RPM-GPG-KEY-$former
        remove_file "/etc/yum.repos.d/$former.repo"
        grep -qrFs "$old" /etc/yum.repos.d || remove_file "$old"
    done
}

# dnf_repo KEYRING
dnf_repo() {
    cat <<REPO
[$NAME]
name=$TITLE
$location
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=file://$1
metadata_expire=300
# Of two packages with one name, that of this repository, also when the other is newer.
priority=90
REPO
}

set_up_dnf() {
    keyring=/etc/pki/rpm-gpg/RPM-GPG-KEY-$NAME
    choose_keys
    tree=$url/yum/$channel/$place/$architecture
    # The mirrorlist switches all files of a state at once, but names its own address.
    location="baseurl=$tree"
    [ "$url" != "$BASE_URL" ] || location="mirrorlist=$tree/mirrorlist"
    mkdir "$work/repos"
    dnf_repo "$trusted" >"$work/repos/$NAME.repo"
    state="--setopt=reposdir=$work/repos"
    # What dnf learns of the repository in a dry run, it shall forget again.
    [ -z "$dry_run" ] || state="$state --setopt=cachedir=$work/cache"
    [ -n "$dry_run" ] || renew_copies
    # shellcheck disable=SC2086
    run "$dnf" -y $state --disablerepo='*' --enablerepo="$NAME" \
        --setopt="$NAME.skip_if_unavailable=0" makecache ||
        fail 5 "the repository $url cannot be used; nothing was changed"
    [ -n "$dry_run" ] || renew_rpm_keys
    install_keyring
    retire_dnf_files
    place_file "/etc/yum.repos.d/$NAME.repo" <<REPO
$(dnf_repo "$keyring")
REPO
}

# What rpm calls those of this script's keys that it has.
rpm_keys() {
    for fingerprint in $FINGERPRINTS; do
        name=gpg-pubkey-$(printf '%s' "$fingerprint" | tail -c 8 | tr A-F a-f)
        ! rpm -q "$name" >/dev/null 2>&1 || echo "$name"
    done
}

# Whether this script brings other copies of keys than the host has: of one whose end was extended.
has_other_copies() {
    [ "$trusted" != "$keyring" ] && [ -e "$keyring" ] && ! cmp -s "$trusted" "$keyring"
}

# Of a key that it has, dnf never takes another copy by itself.
renew_copies() {
    ! has_other_copies ||
        rm -rf /var/cache/dnf/"$NAME"-*/pubring /var/cache/libdnf5/"$NAME"-*/pubring
}

# Nor does rpm.
renew_rpm_keys() {
    has_other_copies || return 0
    for name in $(rpm_keys); do
        rpm -e --allmatches "$name"
        rpm --import "$trusted"
    done
}

# The newest of ours that SPEC fits.
newest_of() {
    query "$EVR" --latest-limit=1 "$1" | sed -n '/./{s/^0://;p;q;}'
}

install_with_dnf() {
    spec=$wanted${version:+-$version}
    exact=$(newest_of "$spec")
    if [ -z "$exact" ] && [ -n "$version" ]; then
        exact=$(query "$EVR" "$wanted" | sed 's/^0://' | chosen_version)
        spec=$wanted-$exact
    fi
    [ -n "$exact" ] || refuse "$(query '%{name}')" "$(query '%{version}-%{release}' "$wanted")"
    if [ -n "$dry_run" ]; then plan; return 0; fi
    if [ -n "$version" ] || [ -z "$before" ]; then
        run "$dnf" -y install "$spec" || return 1
    elif [ "$before" != "$exact" ]; then
        # An installation is content with what is there; an upgrade, with what is newer.
        run "$dnf" -y upgrade "$spec" || return 1
        [ "$(installed_with_dnf)" = "$exact" ] || refuse_newer
    fi
    [ -n "$before" ] || start_target
}

# Enterprise Linux leaves new services stopped; who runs this script wants them to run.
start_target() {
    unit=$(printf '%s' "$wanted" | sed 's/+/plus/g').target
    if [ -d /run/systemd/system ] && systemctl cat "$unit" >/dev/null 2>&1; then
        run systemctl enable --now "$unit"
    fi
}

remove_with_dnf() {
    run "$dnf" -y --setopt=clean_requirements_on_remove=0 remove "$wanted"
}

# What dnf and rpm keep besides; another repository may have the same key.
forget_with_dnf() {
    keyring=/etc/pki/rpm-gpg/RPM-GPG-KEY-$NAME
    for file in /etc/pki/rpm-gpg/*; do
        [ "$file" = "$keyring" ] || [ "$(cat "$file" 2>/dev/null)" != "$(dnf_key)" ] || return 0
    done
    command -v rpm >/dev/null || return 0
    for name in $(rpm_keys); do
        did "remove the key $name from rpm"
        [ -n "$dry_run" ] || rpm -e --allmatches "$name"
    done
}

# Hosts have the repository's keys by a package of it, and not otherwise: upgrades bring what the keys
# are by then. Until it is there, the keys in this script verify the repository.

# choose_keys: sets held, the version of the package on this host, and trusted: its keys, if they
# are whole and as new as those in this script; else a file of the latter.
choose_keys() {
    held=$(of_keyring "installed_with_$family")
    trusted=$keyring
    if [ "$(serial_of "$held")" -lt "$SERIAL" ] || [ -n "$(keyring_damage)" ]; then
        trusted=$work/key.asc
        # apt reads it as a user of its own.
        chmod 755 "$work"
        if [ "$family" = dnf ]; then dnf_key; else key; fi >"$trusted"
    fi
}

# of_keyring COMMAND: what is for the package that is asked for, for that of the keys.
of_keyring() {
    asked=$wanted
    wanted=$NAME-archive-keyring
    came=0
    "$1" || came=$?
    wanted=$asked
    return "$came"
}

# serial_of VERSION: the package counts; 0 where there is none.
serial_of() {
    serial=${1%%-*}
    echo "${serial:-0}"
}

# keyring_damage: what is wrong with the key file of the package; other files of it may be left out
# on this host.
keyring_damage() {
    if [ "$family" = dnf ]; then rpm -V "$NAME-archive-keyring"; else dpkg --verify "$NAME-archive-keyring"; fi \
        2>&1 | grep -F "$keyring" || :
    # dpkg does not look at modes, and apt reads it as a user of its own.
    find "$keyring" ! -perm -444 2>/dev/null || :
}

about_keys() {
    if [ "$(serial_of "$held")" -gt "$SERIAL" ]; then
        echo "its keys on this host are newer than this script, and stay"
    else
        echo "its packages are signed by $FINGERPRINT"
    fi
}

# install_keyring: what the repository has, unless the host has that already, or a newer one.
install_keyring() {
    newest=$("newest_keyring_with_$family")
    [ -n "$newest" ] || fail 5 "the repository $url brings no keys to hosts; nothing was changed"
    age=$(($(serial_of "$newest") - $(serial_of "$held")))
    if [ -n "$held" ] && [ -z "$(keyring_damage)" ]; then
        [ "$age" -gt 0 ] || return 0
    fi
    did "install $NAME-archive-keyring $newest${held:+ for $held}"
    [ -z "$dry_run" ] || return 0
    save_file "$keyring"
    [ -n "$held" ] || unfinished=yes
    "install_keyring_with_$family" ||
        fail 7 "$NAME-archive-keyring could not be installed; nothing was changed"
}

newest_keyring_with_apt() {
    of_keyring versions_of_ours | sed 1q
}

# A damaged one is written again, also when the repository has an older one.
install_keyring_with_apt() {
    # shellcheck disable=SC2086
    apt $only_ours --reinstall --allow-downgrades install "$NAME-archive-keyring=$newest"
}

newest_keyring_with_dnf() {
    newest_of "$NAME-archive-keyring"
}

install_keyring_with_dnf() {
    case "$held/$age" in
        /*) verb=install ;;
        */-*) verb=downgrade ;;
        */0) verb=reinstall ;;
        *) verb=upgrade ;;
    esac
    # shellcheck disable=SC2086
    run "$dnf" -y $state --disablerepo='*' --enablerepo="$NAME" "$verb" "$NAME-archive-keyring-$newest"
}

# undo_keyring: after a failure there is no trace of a package that was not there before.
undo_keyring() {
    case "$family" in
        apt) dpkg --purge --force-remove-reinstreq "$NAME-archive-keyring" ;;
        dnf) rpm -e --nodeps "$NAME-archive-keyring" ;;
    esac >/dev/null 2>&1 || :
}

remove_keyring() {
    held=$(of_keyring "installed_with_$family")
    [ -n "$held" ] || return 0
    did "remove $NAME-archive-keyring $held"
    [ -n "$dry_run" ] || "remove_keyring_with_$family" ||
        fail 7 "$NAME-archive-keyring could not be removed; the repository stays set up"
}

remove_keyring_with_apt() {
    apt purge "$NAME-archive-keyring"
}

remove_keyring_with_dnf() {
    of_keyring remove_with_dnf
}

# What keeps packages current comes with the package that brings the repository's keys.
UPDATER=/usr/sbin/$NAME-update

# keep_option OPTION VALUE
keep_option() {
    case "$1" in
        --every) keep_every=$2 ;;
        --window) keep_window=$2 ;;
        --health-command) keep_health_command=$2 ;;
        --report-command) keep_report_command=$2 ;;
    esac
    keep_options=yes
}

check_keep() {
    [ -z "${keep_options:-}" ] || [ -n "$keep" ] ||
        fail 2 "--every, --window and the commands go with --keep-current"
    [ -n "$keep" ] || return 0
    [ "$family$services" != user ] || [ -z "${keep_health_command+given}${keep_report_command+given}" ] ||
        fail 2 "--user starts nothing that has a health, and knows no commands"
    [ "$action" = install ] || fail 2 "either --keep-current or --uninstall"
    [ -n "$wanted" ] || fail 2 "--keep-current needs a package"
    every=${keep_every:-1h} window=${keep_window:-}
    check_schedule
    [ -z "$version" ] || fail 2 "either --keep-current or the version $version, which would not stay"
}

plan_keep() {
    [ -z "$keep" ] || [ -e "/etc/$NAME/$wanted.conf" ] || did "keep $wanted current"
}

# keep_current OPTION...: besides those that were given.
keep_current() {
    [ -n "$keep" ] || return 0
    set -- "$wanted" "$@"
    [ -z "${keep_every+given}" ] || set -- "$@" --every "$keep_every"
    [ -z "${keep_window+given}" ] || set -- "$@" --window "$keep_window"
    [ -z "${keep_health_command+given}" ] || set -- "$@" --health-command "$keep_health_command"
    [ -z "${keep_report_command+given}" ] || set -- "$@" --report-command "$keep_report_command"
    code=0
    said=$("$UPDATER" enable "$@") || code=$?
    [ "$code" -eq 0 ] || fail "$code" "$wanted is installed, and not kept current: see above"
    kept_current=true
    if [ -n "$said" ]; then changed=true; say "$said"; fi
}

keep_no_longer() {
    if [ -z "$wanted" ] || [ ! -x "$UPDATER" ] || [ ! -e "/etc/$NAME/$wanted.conf" ]; then return 0; fi
    did "keep $wanted current no longer"
    [ -n "$dry_run" ] || "$UPDATER" disable "$wanted" >/dev/null
}

has() {
    command -v "$1" >/dev/null || busybox --list 2>/dev/null | grep -qx "$1"
}

# applet COMMAND...: a program of the host, or the one in its busybox.
applet() {
    if command -v "$1" >/dev/null; then "$@"; else busybox "$@"; fi
}

# Whatever is missing is said before anything is fetched: nothing goes on without a check.
check_user_tools() {
    for program in base64 sha256sum tar flock; do
        has "$program" || fail 1 "this host has no $program"
    done
    case "$url" in
        file://*) ;;
        *)
            has curl || has wget || [ -x "$APT_HELPER" ] ||
                fail 1 "this host has neither curl nor wget" ;;
    esac
}

# fetch PATH FILE BYTES [WHY]: from the repository; what is much longer than it may be is cut off.
# WHY says of a file when it is there.
fetch() {
    (
        trap - EXIT
        ulimit -f "$(($3 / 512 + 64))" 2>/dev/null || :
        case "$url" in
            file://*) run cp "${url#file://}/$1" "$2" ;;
            *)
                if command -v curl >/dev/null; then
                    run curl -fsSL --connect-timeout 30 --speed-time 60 --retry 2 -o "$2" "$url/$1"
                elif has wget; then
                    run applet wget -O "$2" "$url/$1"
                else
                    run "$APT_HELPER" download-file "$url/$1" "$2"
                fi ;;
        esac
    ) || fail 5 "$url/$1 cannot be fetched${4:-}; nothing was changed"
}

# fetch_list: sets signed, the list of tarballs of this repository and this channel.
fetch_list() {
    # Its packages may all be for apt or dnf.
    fetch "downloads/$channel.list" "$work/list.signed" "$LIST_BYTES" \
        ": it is there when channel $channel has tarballs, which --user and --tarball need"
    signed=$work/list
    sed '/^-----BEGIN PGP SIGNATURE-----$/,$d' "$signed.signed" >"$signed"
    sed -n '/^-----BEGIN PGP SIGNATURE-----$/,$p' "$signed.signed" >"$signed.asc"
    verify_file "$signed" "downloads/$channel.list"
    [ "$(list_word repository "$signed")/$(list_word channel "$signed")" = "$NAME/$channel" ] ||
        fail 5 "$url shows another repository or channel; nothing was changed"
}

# verify_file FILE PATH: FILE.asc is its signature, PATH where it is in the repository.
# Whoever has apt or dnf has one of these. Without any, nothing is installed: a checksum from the
# same place as the file proves nothing.
verify_file() {
    verified=$1 served=$2
    key >"$work/key.asc"
    # gpgv and gpg take no text.
    dearmor <"$work/key.asc" >"$work/key.gpg"
    set -- --status-fd 1 --keyring "$work/key.gpg"
    if command -v gpgv >/dev/null; then
        said=$(gpgv "$@" "$verified.asc" "$verified" 2>"$work/log" | proven)
    elif command -v sqv >/dev/null; then
        said=$(sqv --keyring "$work/key.asc" "$verified.asc" "$verified" 2>"$work/log" >&2 && echo 1) || :
    elif command -v gpg >/dev/null; then
        [ -d "$work/gnupg" ] || mkdir -m 700 "$work/gnupg"
        said=$(gpg --homedir "$work/gnupg" --batch --no-autostart --no-default-keyring "$@" \
            --trust-model always --verify "$verified.asc" "$verified" 2>"$work/log" | proven)
    else
        fail 1 "nothing on this host verifies signatures: gpgv, sqv or gpg is needed"
    fi
    [ "$said" = 1 ] || {
        cat "$work/log" >&2
        fail 5 "no key of this script has signed $url/$served; nothing was changed"
    }
}

# Keys as text to keys as bytes: of each block what is below its empty line, without a checksum.
dearmor() {
    while read -r line; do
        case "$line" in
            -----BEGIN*) block='' inside='' ;;
            -----END*) printf '%s' "$block" | applet base64 -d ;;
            '') inside=yes ;;
            =*) ;;
            *) [ -z "$inside" ] || block=$block$line ;;
        esac
    done
}

# Of what gpg and gpgv say: a good signature, of a key that they were given and that has not ended.
proven() {
    sed -n '/ GOODSIG /h; / VALIDSIG /{x;/GOODSIG/{s/.*/1/p;q;};}'
}

# list_word FIELD FILE
list_word() {
    sed -n "s/^$1 //p" "$2" 2>/dev/null | sed 1q
}

# It is no older than the one that was seen here before.
check_list() {
    [ "$(list_word channel "$marker")" != "$channel" ] ||
        [ "$(list_word date "$signed")" -ge "$(list_word date "$marker")" ] ||
        fail 5 "$url shows an older state than it did before; nothing was changed"
}

# unpacks FILE: whether this host can.
unpacks() {
    case "$1" in
        *.tar.gz) program=gzip ;;
        *.tar.xz) program=xz ;;
        *) program=zstd ;;
    esac
    has "$program" || { [ "$program" = zstd ] && has_zstd_in_dpkg; }
}

has_zstd_in_dpkg() {
    dpkg --compare-versions "$(dpkg-query -W -f '${Version}' dpkg)" ge 1.21.18
} 2>/dev/null

# decompress FILE: to standard output.
decompress() {
    unpacks "$1"
    if has "$program"; then
        applet "$program" -dc "$1"
        return
    fi
    # dpkg has it built in; it takes the tarball as part of a package.
    bytes=$(wc -c <"$1")
    {
        printf '!<arch>\n'
        ar_header debian-binary 4
        printf '2.0\n'
        ar_header control.tar.gz 0
        ar_header data.tar.zst "$((bytes))"
        cat "$1"
        [ $((bytes % 2)) -eq 0 ] || echo
    } | dpkg-deb --fsys-tarfile -
}

ar_header() {
    printf '%-16s%-12s%-6s%-6s%-8s%-10s`\n' "$1" 0 0 0 100644 "$2"
}

# rows_of NAME: of each tarball for this host name, version, digest, size and path.
rows_of() {
    # No name leads elsewhere, whoever has signed it.
    { grep "^tarball $1 " "$signed" || :; } |
        while read -r _ its_name its_version its_architecture its_digest its_bytes its_path; do
            [ "$its_architecture" = "$architecture" ] || continue
            case "$its_version $its_path" in
                */*/* | [!0-9]* | *" downloads/".*) ;;
                *" downloads/"*) echo "$its_name $its_version $its_digest $its_bytes $its_path" ;;
            esac
        done
}

rows_of_wanted() {
    rows_of "$(printf '%s' "$wanted" | sed 's/[.]/[.]/g')"
}

# choose_tarball: sets exact, digest, bytes and path.
choose_tarball() {
    rows=$(rows_of_wanted)
    versions=$(printf '%s\n' "$rows" | sed 's/^[^ ]* *\([^ ]*\).*/\1/')
    exact=$(printf '%s\n' "$versions" | chosen_version)
    [ -n "$exact" ] || refuse "$(rows_of '[^ ]*' | sed 's/ .*//')" "$versions"
    digest=''
    while read -r _ its_version its_digest its_bytes its_path; do
        [ "$its_version" = "$exact" ] || continue
        packed=$its_path
        if [ -z "$digest" ] && unpacks "$its_path"; then
            digest=$its_digest bytes=$its_bytes path=$its_path
        fi
    done <<ROWS
$rows
ROWS
    [ -n "$digest" ] || { unpacks "$packed" || fail 1 "$program is needed to unpack ${packed##*/}"; }
}

# What is installed lies in a directory for each version. Which one counts is said by a link,
# "current", through which the links to commands lead; "previous" leads to the one before.
name_places() {
    if [ -n "$services" ]; then
        app=/opt/$wanted
        home=$app.versions
    else
        links=$HOME/.local/bin
        home=$HOME/.local/opt/$wanted
    fi
    changing=$home/.changing
    kept=$home/.layers
    marker=$home/.installed
    if [ -e "$home" ] && [ "$(list_word repository "$marker")" != "$NAME" ]; then
        fail 1 "$home was not installed from here; move it away first; nothing was changed"
    fi
    # What earlier scripts installed has no links between.
    before=$(link_of current || list_word version "$marker")
    former=$(link_of previous || :)
}

# link_of NAME: the version that a link beside the versions names.
link_of() {
    readlink "$home/$1" 2>/dev/null
}

# lock_home: from here on no other run changes what is installed.
lock_home() {
    has flock || fail 1 "this host has no flock"
    mkdir -p "${home%/*}"
    deadline=$(($(date +%s) + LOCK_SECONDS))
    while :; do
        exec 9>"${home%/*}/.$wanted.lock"
        if applet flock -n 9; then
            # Who had it before may have removed it since it was opened.
            # shellcheck disable=SC3013
            [ ! "${home%/*}/.$wanted.lock" -ef /dev/fd/9 ] || break
        else
            [ "$(date +%s)" -lt "$deadline" ] ||
                fail 8 "another run of this script kept its lock for $LOCK_SECONDS s"
            sleep 1
        fi
    done
    lock=${home%/*}/.$wanted.lock
    name_places
}

install_for_user() {
    detect_system
    check_user_tools
    name_places
    [ -z "$services" ] || check_services
    fetch_list
    check_list
    choose_tarball
    if was_left; then
        after=$before
        say "$wanted $exact stays away until somebody asks for it; $before is the current one"
        return 0
    fi
    fetched=0
    [ -d "$home/$exact" ] || choose_layers
    if [ -n "$dry_run" ]; then
        plan
        [ "$fetched" -eq 0 ] || did "fetch $fetched bytes"
        return 0
    fi
    if ! is_settled; then
        lock_home
        # Another run may have been faster.
        check_list
        [ -d "$home/$exact" ] || bring_tree
        check_links "$home/$exact"
        if [ -z "$services" ]; then
            switch_to "$exact"
        elif [ "$before" != "$exact" ] || [ -e "$changing" ]; then
            change_services "$exact"
        fi
        mark
        drop_others
    fi
    [ -z "$services" ] || note_choice "$exact" ''
    after=$exact
    say "$wanted $exact is installed in $home/$exact"
    [ -n "$links" ] || return 0
    case ":$PATH:" in
        *":$links:"*) ;;
        *) say "its commands are in $links, which is not in PATH" ;;
    esac
}

# rollback_user: the version before becomes the current one; nothing is fetched.
rollback_user() {
    name_places
    [ -z "$services" ] || check_services
    check_former
    if [ -n "$dry_run" ]; then
        did "go back from $wanted $before to $former"
        after=$former
        return 0
    fi
    lock_home
    check_former
    check_links "$home/$former"
    if [ -n "$services" ]; then
        judged=''
        change_services "$former"
    else
        lead current "$former"
        link_commands
    fi
    rm -f "$home/previous"
    [ -z "$services" ] || note_choice "$former" "$before"
    changed=true
    after=$former
    say "$wanted $after is current again; $before stays in $home until something else is installed"
}

check_former() {
    [ -n "$before" ] || fail 1 "$wanted is not installed in $home"
    case "$former" in
        '' | "$before") ;;
        *) [ ! -d "$home/$former" ] || return 0 ;;
    esac
    fail 1 "there is no version of $wanted before $before in $home; nothing was changed"
}

# Whether nothing is left to do, not even the time of a file would change.
is_settled() {
    [ "$(link_of current)" = "$exact" ] && [ -d "$home/$exact" ] && [ ! -e "$changing" ] &&
        [ "$(cat "$marker")" = "$(marks)" ] && [ -z "$(missing_links)$(stale_links)" ]
} 2>/dev/null

# Who has the lock is alone: what lies there is of a run that was killed.
make_incoming() {
    [ -z "$incoming" ] || return 0
    find "${home%/*}" -maxdepth 1 -type d -name ".$wanted.??????" -exec rm -rf {} +
    incoming=$(mktemp -d "${home%/*}/.$wanted.XXXXXX")
}

# All of it goes to a directory beside, and to its place in one step.
bring_tree() {
    make_incoming
    mkdir "$incoming/tree" "$incoming/layers"
    if [ -n "$layered" ]; then unpack_layers; else unpack_tarball; fi
    check_links "$tree"
    mkdir -p "$home"
    [ -e "$marker" ] || printf 'repository %s\n' "$NAME" >"$marker"
    keep_layers
    mv "$tree" "$home/$exact"
}

unpack_tarball() {
    file=$incoming/${path##*/}
    fetch "$path" "$file" "$bytes"
    has_sum "$file" "$digest" || fail 5 "$url/$path is not what was signed; nothing was changed"
    unpack "$file"
    set -- "$incoming/tree"/*
    if [ $# -gt 1 ] || [ ! -d "$1" ]; then
        fail 5 "${path##*/} is not one directory; nothing was changed"
    fi
    tree=$1
}

# has_sum FILE DIGEST
has_sum() {
    # Of a file that it reads as its input it says no name, which might have to be escaped.
    [ "$(applet sha256sum 2>/dev/null <"$1" | sed 's/[^0-9a-f].*//')" = "$2" ]
}

# unpack FILE: into the directory beside.
unpack() {
    { decompress "$1" || : >"$incoming/failed"; } |
        applet tar -xof - -C "$incoming/tree" || : >"$incoming/failed"
    [ ! -e "$incoming/failed" ] || fail 1 "${1##*/} could not be unpacked; nothing was changed"
}

# lead NAME VERSION: a link beside the versions is replaced in one step.
lead() {
    [ "$(link_of "$1")" != "$2" ] || return 0
    make_incoming
    ln -s "$2" "$incoming/$1"
    # By the directory that it goes to: by its own name, mv would enter where it leads.
    mv -f "$incoming/$1" "$home/"
}

switch_to() {
    if [ "$before" != "$1" ]; then
        changed=true
        [ -z "$before" ] || lead previous "$before"
    fi
    lead current "$1"
    link_commands
}

# What neither the current version nor the one before needs. What runs from that one goes on.
drop_others() {
    former=$(link_of previous || :)
    for file in "$home"/*; do
        case "${file##*/}" in
            current | previous | "$exact" | "$former") ;;
            *) rm -rf "$file" ;;
        esac
    done
    drop_layers
}

# commands_of TREE: what people call, as it lies there: not the interpreter, nor single services.
commands_of() {
    (
        cd "$1"
        grep -l -e "^# The command .* of ${wanted}[.]\$" -e "^# Runs $wanted in the foreground" \
            bin/* libexec/* 2>/dev/null || ls "bin/$wanted" 2>/dev/null || :
    )
}

check_links() {
    [ -n "$links" ] || return 0
    for command in $(commands_of "$1"); do
        link=$links/${command##*/}
        is_our_link "$link" || { [ ! -e "$link" ] && [ ! -L "$link" ]; } ||
            fail 1 "$link is not ours; move it away first; nothing was changed"
    done
}

is_our_link() {
    case "$(readlink "$1" 2>/dev/null)" in
        "../opt/$wanted/"*) return 0 ;;
    esac
    return 1
}

# missing_links: commands of the current version to which no link leads.
missing_links() {
    [ -n "$links" ] || return 0
    for command in $(commands_of "$home/current"); do
        [ "$(readlink "$links/${command##*/}")" = "../opt/$wanted/current/$command" ] ||
            echo "$command"
    done
}

# stale_links: those of ours that lead to no command of the current version.
stale_links() {
    [ -n "$links" ] || return 0
    for link in "$links"/*; do
        is_our_link "$link" || continue
        case "$(readlink "$link")" in
            "../opt/$wanted/current/"*) [ ! -e "$link" ] || continue ;;
        esac
        printf '%s\n' "$link"
    done
}

link_commands() {
    [ -n "$links" ] || return 0
    mkdir -p "$links"
    for command in $(missing_links); do
        changed=true
        name=${command##*/}
        ln -sf "../opt/$wanted/current/$command" "$links/.$name.new"
        mv -f "$links/.$name.new" "$links/$name"
    done
    drop_links "$(stale_links)"
}

# drop_links LINKS: one a line.
drop_links() {
    while read -r link; do
        [ -n "$link" ] || continue
        did "remove $link"
        [ -n "$dry_run" ] || rm -f "$link"
    done <<LINKS
$1
LINKS
}

# marks: what is remembered of the repository.
marks() {
    printf '%s\n' "repository $NAME" "channel $channel" "date $(list_word date "$signed")" \
        "version $exact"
}

mark() {
    [ "$(cat "$marker")" != "$(marks)" ] || return 0
    marks >"$marker.new"
    mv -f "$marker.new" "$marker"
}

uninstall_for_user() {
    name_places
    if [ -e "$home" ]; then
        [ -n "$dry_run" ] || lock_home
        [ -z "$services" ] || uninstall_services
        drop_links "$(for link in "$links"/*; do ! is_our_link "$link" || printf '%s\n' "$link"; done)"
        did "remove $home"
        [ -z "$dry_run" ] || return 0
        make_incoming
        # What somebody laid elsewhere goes, too.
        [ ! -L "$home" ] || find "$home/" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
        mv "$home" "$incoming"
    fi
    [ -n "$dry_run" ] || say "$wanted is not installed"
    data=/var/lib/$wanted
    [ -n "$services" ] || data=$HOME/.local/state/$wanted
    [ ! -e "$data" ] || say "its data stay in $data"
}

# A release in layers: what this host has of it already, from the current version or the one before,
# is not fetched again. Layers are kept as they were fetched, as files that everybody may change are
# no proof of anything; each is verified whenever it is used.

# choose_layers: sets layered, the list of the layers of what was chosen, empty where that stays
# whole, and fetched, how many bytes it takes.
choose_layers() {
    layered=''
    fetched=$bytes
    sum=$(sed -n "s/^layers $digest //p" "$signed" | sed 1q)
    case "$sum" in
        '' | *[!0-9a-f]*) return 0 ;;
    esac
    unpacks .tar.zst || return 0
    fetch "layers/$sum.list" "$work/layers" "$LIST_BYTES"
    has_sum "$work/layers" "$sum" ||
        fail 5 "$url/layers/$sum.list is not what was signed; nothing was changed"
    layered=$work/layers
    missing=$(missing_layers)
    fetched=$(printf '%s\n' "$missing" | sum_of 2)
}

# rows_of_layers: of each layer its digest, its bytes, and those of what is in it, in the order in
# which they are unpacked.
rows_of_layers() {
    number='\([0-9]\{1,15\}\)'
    sed -n "s/^layer \\([0-9a-f]\\{64\\}\\) $number $number .*/\\1 \\2 \\3/p" "$layered"
}

missing_layers() {
    rows_of_layers | while read -r its_digest its_bytes its_size; do
        has_sum "$kept/$its_digest.tar.zst" "$its_digest" || echo "$its_digest $its_bytes $its_size"
    done
}

# sum_of FIELD
sum_of() {
    cut -d ' ' -f "$1" | { total=0; while read -r n; do total=$((total + ${n:-0})); done; echo "$total"; }
}

unpack_layers() {
    # Another run may have brought some, or taken some away.
    missing=$(missing_layers)
    fetched=$(printf '%s\n' "$missing" | sum_of 2)
    check_room "$((fetched + $(rows_of_layers | sum_of 3)))"
    [ -z "$missing" ] || fetch_layers
    while read -r its_digest _; do
        [ -n "$its_digest" ] || continue
        file=$incoming/layers/$its_digest.tar.zst
        has_sum "$file" "$its_digest" ||
            fail 5 "$url/layers/${file##*/} is not what was signed; nothing was changed"
    done <<ROWS
$missing
ROWS
    while read -r its_digest _; do
        file=$incoming/layers/$its_digest.tar.zst
        [ -e "$file" ] || file=$kept/${file##*/}
        unpack "$file"
    done <<ROWS
$(rows_of_layers)
ROWS
    tree=$incoming/tree
}

# fetch_layers: the missing ones; by one connection, where there is curl.
fetch_layers() {
    case "$url" in
        file://*) ;;
        *) ! command -v curl >/dev/null || { fetch_with_curl; return 0; } ;;
    esac
    while read -r its_digest its_bytes _; do
        fetch "layers/$its_digest.tar.zst" "$incoming/layers/$its_digest.tar.zst" "$its_bytes"
    done <<ROWS
$missing
ROWS
}

fetch_with_curl() {
    printf '%s\n' "$missing" | sed "s|^\([^ ]*\) .*|url = $url/layers/\1.tar.zst|" >"$incoming/urls"
    largest=$(printf '%s\n' "$missing" | cut -d ' ' -f 2 | sort -n | sed -n '$p')
    (
        trap - EXIT
        cd "$incoming/layers"
        ulimit -f "$((largest / 512 + 64))" 2>/dev/null || :
        run curl -fsSL --fail-early --connect-timeout 30 --speed-time 60 --retry 2 \
            --remote-name-all -K "$incoming/urls"
    ) || fail 5 "layers of $wanted $exact cannot be fetched from $url/layers; nothing was changed"
}

# check_room BYTES: where disks say how much is free.
check_room() {
    free=$(df -Pk "$incoming" 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*/\1/p')
    [ -z "$free" ] || [ "$free" -ge "$(($1 / 1024))" ] ||
        fail 1 "${home%/*} has no room: $(($1 / 1024)) KiB are needed, $free are free;" \
            "nothing was changed"
}

# keep_layers: for the next version, with the list by which it is known which are in use.
keep_layers() {
    [ -n "$layered" ] || return 0
    mkdir -p "$kept"
    for file in "$incoming/layers"/*; do
        [ ! -e "$file" ] || mv -f "$file" "$kept/"
    done
    cp "$layered" "$kept/$exact.list"
}

# drop_layers: those that no version uses any more.
drop_layers() {
    for file in "$kept"/*; do
        name=${file##*/}
        case "$name" in
            "$exact.list" | "$former.list") ;;
            *)
                grep -qsF "layer ${name%.tar.zst} " "$kept/$exact.list" "$kept/$former.list" ||
                    rm -f "$file" ;;
        esac
    done
}

# Without root, this script itself is what a timer of the user's systemd runs again.

name_units() {
    unit=$NAME-$(printf '%s' "$wanted" | sed 's/+/plus/g')
    units=$HOME/.config/systemd/user
    program=$HOME/.local/share/$NAME/install.sh
}

# What a timer starts too early or too late, as at a boot, waits for the next time.
is_time() {
    [ -n "$scheduled" ] && [ -n "$keep" ] || return 0
    ! in_window "$(date +%u)" "$(date +%H:%M)" || return 0
    say "$wanted: outside of its window"
    return 1
}

# Whether somebody went back from what is to come: it lies there, and no link leads to it.
was_left() {
    [ -n "$scheduled" ] && [ -z "$services" ] && [ -d "$home/$exact" ] && [ "$exact" != "$before" ] &&
        [ "$exact" != "$former" ]
}

# literal TEXT: as systemd wants it, for which percent signs begin something.
literal() {
    printf '%s' "$1" | sed 's/%/%%/g'
}

keep_current_for_user() {
    [ -n "$keep" ] || return 0
    name_units
    keep_script
    place_file "$units/$unit.service" <<SERVICE
[Unit]
Description=Keep $wanted current from $(literal "$TITLE")

[Service]
Type=oneshot
ExecStart=/bin/sh "%h/.local/share/$NAME/install.sh" --scheduled --user --url "$(literal "$url")" \\
    --channel $channel --keep-current --every $every --window "$window" $wanted
SERVICE
    place_file "$units/$unit.timer" <<TIMER
[Unit]
Description=Keep $wanted current from $(literal "$TITLE"), by the clock

$(schedule)
Persistent=yes

[Install]
WantedBy=timers.target
TIMER
    placed=
    [ -n "$dry_run" ] || start_user_timer
}

# keep_script: the one of the repository, which a key of this one has signed. One of before may have
# keys that were dropped since.
keep_script() {
    # Which file that would be nobody has signed; who says that it is this one withholds another.
    fetch install.sh.sha256 "$work/install.sh.sha256" 4096
    if [ -f "$program" ] && has_sum "$program" "$(cut -c -64 "$work/install.sh.sha256")"; then return 0; fi
    fetch install.sh "$work/install.sh" "$LIST_BYTES"
    fetch install.sh.asc "$work/install.sh.asc" "$LIST_BYTES"
    verify_file "$work/install.sh" install.sh
    shown=$(serial_in "$work/install.sh")
    kept_serial=$(serial_in "$program")
    if [ "${shown:-0}" -lt "$SERIAL" ] || [ "${shown:-0}" -lt "${kept_serial:-0}" ]; then
        fail 5 "$url shows an older install.sh than it did before; it is not taken"
    fi
    place_file "$program" <"$work/install.sh"
}

# serial_in SCRIPT: it grows whenever its keys change.
serial_in() {
    sed -n 's/^SERIAL=\([0-9]\{1,9\}\)$/\1/p' "$1" 2>/dev/null | sed 1q
}

start_user_timer() {
    if ! systemctl --user show-environment >/dev/null 2>&1; then
        warn "no systemd of this user runs here: have something else call" \
            "sh $program --user --url $url --channel $channel $wanted"
        return 0
    fi
    kept_current=true
    if ! systemctl --user --quiet is-enabled "$unit.timer" 2>/dev/null; then changed=true; fi
    run systemctl --user enable "$unit.timer" || fail 1 "$unit.timer could not be enabled"
    if [ "$changed" = true ]; then
        run systemctl --user daemon-reload
        run systemctl --user restart "$unit.timer" || fail 1 "$unit.timer could not be started"
        say "$wanted is kept current"
    fi
    [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
        say "while $(id -un) is logged in; always after: loginctl enable-linger"
}

keep_no_longer_for_user() {
    name_units
    [ -e "$units/$unit.timer" ] || return 0
    did "keep $wanted current no longer"
    [ -z "$dry_run" ] || return 0
    systemctl --user --quiet disable --now "$unit.timer" 2>/dev/null || :
    rm -f "$units/$unit.service" "$units/$unit.timer"
    # Others may be kept current by the same script.
    grep -qsF "/$NAME/install.sh" "$units"/*.service || rm -rf "${program%/*}"
}

systemd_runs() {
    [ -d /run/systemd/system ] && command -v systemctl >/dev/null
}

# The units of the package, but templates: what an instance is called is known from its symlink.
units() {
    "files_$WAY" |
        sed -nE 's,^(/usr)?/lib/systemd/system/([^/]+[.](service|socket|timer|path))$,\2,p' |
        grep -v '@[.]' || :
}

unit_property() {
    systemctl show --property="$1" --value "$2" 2>/dev/null || :
}

# Those that run, apart from what a timer started, which will end.
running_units() {
    systemd_runs || return 0
    for unit in $(units); do
        case "$(unit_property ActiveState "$unit")/$(unit_property TriggeredBy "$unit")" in
            active/*.timer*) ;;
            active/*) echo "$unit" ;;
        esac
    done
}

# What asks the app at its own address; the package has it when its recipe says where.
asks_health() {
    "files_$WAY" | sed -n '\,/libexec/health$,{p;q;}'
}

# ask_health SECONDS: the status of the answer: 0 is well, 1 is not, 3 is nobody there.
ask_health() {
    asks=$(asks_health)
    if [ -z "$asks" ] || [ ! -x "$asks" ]; then echo 3; return 0; fi
    code=0
    timeout -k 5 "$(($1 + 10))" "$asks" "$1" >&2 || code=$?
    echo "$code"
}

seconds() {
    date +%s
}

# What ran before must run, and what said that it is well must say so. What was not well before, or
# was stopped by its operator, is no fault of this version.
is_well() {
    cause=
    until=$(($(seconds) + health_limit))
    units_stay && address_is_well && command_is_well
}

# What shall run: what ran, and what is new and wanted by something that runs. Units that the new
# version lacks are not missed.
expected_units() {
    for unit in $(units); do
        if is_among "$unit" "$ran"; then
            echo "$unit"
        elif ! is_among "$unit" "$had" && [ -z "$(unit_property TriggeredBy "$unit")" ]; then
            for other in $(unit_property WantedBy "$unit"); do
                ! systemctl --quiet is-active "$other" || { echo "$unit"; break; }
            done
        fi
    done
}

# is_among LINE LINES
is_among() {
    printf '%s\n' "$2" | grep -qxF -e "$1"
}

units_stay() {
    if [ "$health_seconds" -eq 0 ] || ! systemd_runs; then return 0; fi
    expected=$(expected_units)
    [ -n "$expected" ] || return 0
    since='' lives=''
    while :; do
        at=$(seconds)
        now=$(lives_of_expected)
        case "$now" in
            *' is '*) since='' ;;
            "$lives") ;;
            *) since=$at ;;
        esac
        # Who has given up is not waited for.
        case "$now" in
            *' is failed'*) [ "$now" != "$lives" ] || until=0 ;;
        esac
        lives=$now
        [ -z "$since" ] || [ $((at - since)) -lt "$health_seconds" ] || return 0
        # Who began to run within the limit may show that he stays.
        if [ "$at" -ge "$until" ] && [ -z "$since" ] || [ "$at" -ge $((until + health_seconds)) ]; then
            cause=$(printf '%s\n' "$now" | sed -n '/ is /{p;q;}')
            cause=${cause:-"its services do not stay active"}
            return 1
        fi
        sleep 1
    done
}

# Of each unit which of its runs this is, or what it is instead of active.
lives_of_expected() {
    for unit in $expected; do
        was=$(unit_property ActiveState "$unit")
        if [ "$was" = active ]; then
            echo "$unit $(unit_property InvocationID "$unit")"
        else
            echo "$unit is $was"
        fi
    done
}

address_is_well() {
    [ -n "$(asks_health)" ] || return 0
    while :; do
        left=$((until - $(seconds)))
        [ "$left" -gt 0 ] || left=0
        code=$(ask_health "$left")
        if [ "$code" -eq 0 ] || [ "$code" -eq "$answered" ]; then return 0; fi
        [ "$left" -gt 0 ] || break
        sleep 1
    done
    cause="it does not say that it is well ($code)"
    return 1
}

command_is_well() {
    [ -n "$health_command" ] || return 0
    while :; do
        left=$((until - $(seconds)))
        [ "$left" -gt 0 ] || left=1
        ! timeout -k 5 "$left" sh -c "$health_command" >&2 </dev/null 9>&- || return 0
        [ "$(seconds)" -lt "$until" ] || break
        sleep 1
    done
    cause="the health command does not say that it is well"
    return 1
}

# With --tarball, as root: an app with its services, from its tarball. What packages have outside of
# the app's directory, and their scripts, are in the tarball as one archive. The directory is a link
# to the current version, through which all paths lead.

# files_with_tarball: what lies on this host of the version that was opened as the new one.
WAY=with_tarball
files_with_tarball() {
    (cd "$work/new/files" && find . ! -type d) | sed 's/^[.]//'
    echo "$app/libexec/health"
}

check_services() {
    check_root
    for program in cmp find stat; do
        command -v "$program" >/dev/null || fail 1 "this host has no $program"
    done
    for found in "$(installed_with_apt)" "$(installed_with_dnf)"; do
        [ -z "$found" ] ||
            fail 1 "$wanted $found is installed as a package; remove it first; nothing was changed"
    done
    [ -L "$app" ] || [ ! -e "$app" ] ||
        fail 1 "$app is there already; move it away first; nothing was changed"
    case "$(readlink "$app" 2>/dev/null)" in
        '' | "${home##*/}/current") ;;
        *) fail 1 "$app is a link to something else; remove it first; nothing was changed" ;;
    esac
}

# open_version VERSION NAME: what it has for the host, aside; nothing when there is no such version.
open_version() {
    rm -rf "${work:?}/$2"
    mkdir -p "$work/$2/files" "$work/$2/scripts"
    : >"$work/$2/config"
    [ -n "$1" ] || return 0
    [ -f "$home/$1/share/omnibuild/host.tar" ] ||
        fail 6 "the tarball of $wanted $1 brings no services: an earlier omnibuild made it"
    applet tar -xpof "$home/$1/share/omnibuild/host.tar" -C "$work/$2" ||
        fail 1 "what $wanted $1 has for the host could not be unpacked"
}

# paths_of NAME: all but directories.
paths_of() {
    (cd "$work/$1/files" && find . ! -type d) | sed 's/^[.]//'
}

# has_path NAME PATH
has_path() {
    [ -e "$work/$1/files$2" ] || [ -L "$work/$1/files$2" ]
}

is_config() {
    grep -qxF -e "$1" "$work/new/config" "$work/old/config"
}

# is_same FILE FILE: links by where they lead.
is_same() {
    if [ -L "$1" ] || [ -L "$2" ]; then
        [ "$(readlink "$1")" = "$(readlink "$2")" ]
    else
        cmp -s "$1" "$2"
    fi
}

# What is there already is not ours, but where a run was cut off that had begun to lay it.
check_places() {
    [ ! -e "$changing" ] || return 0
    paths_of new | while read -r path; do
        if { [ -e "$path" ] || [ -L "$path" ]; } && ! has_path old "$path" && ! is_config "$path"; then
            printf '%s\n' "$path"
        fi
    done >"$work/foreign"
    [ ! -s "$work/foreign" ] ||
        fail 1 "$(sed 1q "$work/foreign") is there already; move it away first; nothing was changed"
}

# lay_files: the host has what the new version brings, and no more what only the old one had.
# Configuration that somebody edited stays; the new one lies beside it. Fails where something cannot
# be written, also where the shell would go on.
lay_files() {
    (cd "$work/new/files" && find . -type d) | sed 's/^[.]//' | while read -r path; do
        [ -z "$path" ] || [ -d "$path" ] ||
            mkdir -m "$(stat -c %a "$work/new/files$path")" "$path" || exit 1
    done || return 1
    paths_of new | while read -r path; do
        if is_config "$path"; then lay_config "$path"; else lay_file "$path" "$path"; fi || exit 1
    done || return 1
    paths_of old | while read -r path; do
        has_path new "$path" || drop_file "$path" || exit 1
    done
}

# lay_file PATH AS: in one step, unless it is there.
lay_file() {
    if [ -e "$2" ] && is_same "$work/new/files$1" "$2"; then return 0; fi
    rm -f "$2.omnibuild-new" && cp -pP "$work/new/files$1" "$2.omnibuild-new" &&
        mv -f "$2.omnibuild-new" "$2"
}

lay_config() {
    if [ ! -e "$1" ] && [ ! -L "$1" ]; then
        # What somebody deleted stays away.
        has_path old "$1" || lay_file "$1" "$1"
    elif is_same "$work/new/files$1" "$1"; then
        rm -f "$1.dist"
    elif has_path old "$1" && cmp -s "$work/old/files$1" "$1"; then
        # Owner and mode are what they are.
        cp -p "$1" "$1.omnibuild-new" && cat "$work/new/files$1" >"$1.omnibuild-new" &&
            mv -f "$1.omnibuild-new" "$1"
    else
        lay_file "$1" "$1.dist" &&
            say "$1 was edited, and stays; the one of this version is $1.dist"
    fi
}

# drop_file PATH: with directories of the app's own that are empty then.
drop_file() {
    if is_config "$1"; then
        rm -f "$1.dist"
        cmp -s "$work/old/files$1" "$1" || return 0
    fi
    rm -f "$1" || return 1
    directory=${1%/*}
    while case "$directory/" in */"$wanted"/* | */"$wanted".*/) ;; *) false ;; esac; do
        rmdir "$directory" 2>/dev/null || break
        directory=${directory%/*}
    done
}

# host_script NAME SCRIPT
host_script() {
    [ -f "$work/$1/scripts/$2" ] || return 0
    sh "$work/$1/scripts/$2" >&2 </dev/null 9>&-
}

# change_services VERSION: the host runs that version from here on. Where it is not well, or cannot
# be configured, and there was one before, that comes back.
change_services() {
    new=$1 old=$before
    # A run that was cut off in between had begun with another one, or was on its way back.
    [ ! -e "$changing" ] || old=$(cat "$changing")
    verb=upgrade
    [ -n "$old" ] || verb=install
    [ "$old" != "$new" ] || old=$before
    open_version "$new" new
    open_version "$old" old
    check_places
    note_health
    host_script new "pre-$verb" ||
        fail 7 "$wanted $new does not want to be installed: see above; nothing was changed"
    printf '%s\n' "$old" >"$changing"
    changed=true
    switch_to "$new"
    if ! bring_services "$verb"; then cause="it could not be configured"; give_up; fi
    if [ "$verb" = install ]; then
        start_target
    elif [ -n "$judged" ] && ! is_well; then
        give_up
    fi
    rm -f "$changing"
}

# bring_services VERB
bring_services() {
    { [ -L "$app" ] || ln -s "${home##*/}/current" "$app"; } && lay_files && host_script new "post-$1"
}

# What ran and answered before must do so after.
note_health() {
    had='' ran='' answered=3 health_seconds=$HEALTH_SECONDS health_limit=$HEALTH_LIMIT health_command=''
    [ "$verb" = upgrade ] || return 0
    mv "$work/new" "$work/next"
    mv "$work/old" "$work/new"
    had=$(units)
    ran=$(running_units)
    answered=$(ask_health 0)
    mv "$work/new" "$work/old"
    mv "$work/next" "$work/new"
}

# give_up: from the new version to the old one.
give_up() {
    [ -n "$old" ] || fail 7 "$wanted $new cannot be installed: $cause"
    failed_for=$cause
    warn "$wanted $new is not well: $cause; $old comes back"
    open_version "$old" new
    open_version "$new" old
    host_script new pre-upgrade || :
    printf '%s\n' "$new" >"$changing"
    lead current "$old"
    rm -f "$home/previous"
    # The one before that is still there, and is the way back again.
    case "$former" in
        '' | "$old" | "$new") ;;
        *) [ ! -d "$home/$former" ] || lead previous "$former" ;;
    esac
    before=$old after=$old
    bring_services upgrade || fail 9 "$wanted $new failed: $failed_for; $old could not be configured"
    rm -f "$changing"
    is_well || failed_for="$failed_for; nor is $old well: $cause"
    fail 10 "$wanted $new failed, and $old is back: $failed_for"
}

uninstall_services() {
    check_services
    [ -e "$home" ] || return 0
    did "remove $wanted${before:+ $before} and its services"
    [ -z "$dry_run" ] || return 0
    open_version '' new
    open_version "$before" old
    host_script old pre-remove || warn "its services could not all be stopped"
    lay_files
    rm -f "$app"
    host_script old post-remove || :
}
# With --tarball, what keeps an app current is the program that packages have, too. It comes from this
# script; that of the repository lies beside, for the program to call: what runs may come by a pipe.
PROGRAM=/usr/local/sbin/shop-packages-1a2b3c4d-update-tarball
PROGRAM_UNITS=/usr/local/lib/systemd/system
SCRIPT=/usr/local/share/$NAME/install.sh

updater() {
    cat <<'UPDATER'
#!/bin/sh
# Keeps packages of Shop packages current on this host.
# Made by omnibuild; install.sh brings it, and newer ones, which the repository's key has signed.
#
# Everything is a function until the last line: an upgrade may replace this file while it runs.
set -eu
umask 022

NAME=shop-packages-1a2b3c4d
TITLE='Shop packages'
PROGRAM=shop-packages-1a2b3c4d-update-tarball
# shellcheck disable=SC2034
WAY=with_tarball
SETTINGS=/etc/$NAME
STATES=/var/lib/$NAME
UNITS=/etc/systemd/system
LOCK_SECONDS=300
# What is said to other programs may take that long.
REPORT_SECONDS=60

# What is asked for.
command='' wanted='' json='' scheduled='' retry=''
# What came of it.
error='' outcome='' before='' after='' target='' seen='' work='' recorded='' began=''

usage() {
    cat <<USAGE
usage: $PROGRAM COMMAND PACKAGE [OPTION...]

Keeps PACKAGE as new as the repository of $TITLE has it. The settings are in
$SETTINGS/PACKAGE.conf, what the last run did in $STATES/PACKAGE/update.json.

  enable PACKAGE   have a timer do it; without options the settings stay as they are
      --every TIME             how often: 15m, 1h, 1d, or another part of an hour or a day
      --window '[DAYS] FROM-TO'  and when alone: 'Mon..Fri 02:00-05:00'; '' for always
      --health-command COMMAND   what tells by its status that all is well after an upgrade
      --report-command COMMAND   what is given the outcome of each run, as JSON
  disable PACKAGE  no longer; the package stays as it is
  run PACKAGE      do it now, whatever the window is
      --retry      forget which versions failed here
      --json       say the outcome as JSON, and all else on standard error
  pause PACKAGE    let the timer do nothing
  resume PACKAGE   let it again
  status PACKAGE   what the last run did; with --json as it was reported

It ends with
  0    the package is as new as it shall be
  1    something on this host is missing, or in the way
  2    a mistake in the arguments or the settings
  4    it must run as root
  5    the repository cannot be reached or verified, or shows an older state than before
  6    the repository has no version of the package
  7    the package manager failed; the version that was there is there
  8    another package manager, or another run of this, kept its lock
  9    a version failed, and the one before could not be brought back
  10   a version failed; the one before is back
  130  it was interrupted
USAGE
}

say() {
    if [ -n "$json" ]; then printf '%s\n' "$*" >&2; else printf '%s\n' "$*"; fi
}

warn() {
    printf '%s: %s\n' "$PROGRAM" "$*" >&2
}

# fail STATUS WORD...: ends; not from within $(...), which would end alone.
fail() {
    failed=$1
    shift
    error=$*
    warn "$error"
    exit "$failed"
}

# conclude OUTCOME WORD...: what came of this run.
conclude() {
    outcome=$1
    shift
    say "$wanted: $*"
}

moment() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

# json_list WORD...
json_list() {
    separator=
    printf '['
    for each; do
        printf '%s%s' "$separator" "$(json_text "$each")"
        separator=', '
    done
    printf ']'
}

report() {
    printf '{"exit": %s, "outcome": %s, ' "$1" "$(json_text "$outcome")"
    printf '"error": %s, ' "$(json_text "$error")"
    printf '"package": %s, "version": %s, ' "$(json_text "$wanted")" "$(json_text "$after")"
    printf '"version_before": %s, "version_wanted": %s, ' "$(json_text "$before")" "$(json_text "$target")"
    # shellcheck disable=SC2046
    printf '"failed_versions": %s, ' "$(json_list $(bad_versions))"
    printf '"generation": %s, ' "${seen:-null}"
    printf '"repository": %s, ' "$(json_text "${address:-}")"
    printf '"began": "%s", "ended": "%s"}\n' "$began" "$(moment)"
}

finish() {
    status=$?
    trap - EXIT
    case "$status/$error" in
        0/ | *[0-9]/?*) ;;
        *) warn "a command of the program itself failed ($status)"; error=unexpected status=1 ;;
    esac
    [ -z "$recorded" ] || record "$status"
    [ -z "$work" ] || rm -rf "$work"
    exit "$status"
}

# write_record NAME TEXT: in one step.
write_record() {
    if printf '%s\n' "$2" >"$records/$1.new" && mv -f "$records/$1.new" "$records/$1"; then return 0; fi
    rm -f "$records/$1.new"
    return 1
}

# record STATUS: the outcome in its file, for whoever asked, and for the operator's program.
record() {
    [ "$1" -eq 0 ] || [ -n "$outcome" ] || outcome=failed
    after=$("installed_$WAY")
    told=$(report "$1")
    write_record update.json "$told" || warn "$records cannot be written"
    [ -z "$json" ] || printf '%s\n' "$told"
    [ -z "${report_command:-}" ] ||
        printf '%s\n' "$told" | timeout -k 5 "$REPORT_SECONDS" sh -c "$report_command" >&2 9>&- ||
        warn "the report command failed"
}

# json_text VALUE: as JSON has it; what is no ASCII may be no UTF-8 either.
json_text() {
    if [ -z "$1" ]; then
        printf null
    else
        printf '%s' "$1" | LC_ALL=C tr '\001-\037\177' ' ' | LC_ALL=C tr '\200-\377' '?' |
            sed 's/[\\"]/\\&/g; s/^/"/; s/$/"/'
    fi
}

# run COMMAND...: in silence; a failure tells its output. Waits while somebody else holds a lock.
# What it leaves running inherits no lock of ours, which is descriptor 9.
run() {
    deadline=$(($(date +%s) + LOCK_SECONDS))
    until LC_ALL=C "$@" >"$work/log" 2>&1 </dev/null 9>&-; do
        if ! grep -qE 'Could not get lock|Unable to lock' "$work/log"; then
            cat "$work/log" >&2
            return 1
        fi
        [ "$(date +%s)" -lt "$deadline" ] || {
            cat "$work/log" >&2
            fail 8 "another package manager kept its lock for $LOCK_SECONDS s"
        }
        sleep 2
    done
}

# setting NAME: its value in the settings; they are read, and never run.
setting() {
    sed -n "s/^$1[[:space:]]*=[[:space:]]*//p" "$settings" 2>/dev/null | sed 's/[[:space:]]*$//;q'
}

# Whoever writes the settings writes commands that root runs.
read_settings() {
    [ -f "$settings" ] ||
        fail 1 "$wanted is not kept current here; to have it so: $PROGRAM enable $wanted"
    [ -n "$(find -H "$settings" -maxdepth 0 -user 0 ! -perm /022)" ] ||
        fail 1 "$settings must be root's, and nobody else may write it"
    every=$(setting every)
    window=$(setting window)
    health_command=$(setting health-command)
    health_seconds=$(setting health-seconds)
    health_limit=$(setting health-limit)
    report_command=$(setting report-command)
    check_settings
}

check_settings() {
    check_schedule
    for number in "$health_seconds" "$health_limit"; do
        case "$number" in
            '' | *[!0-9]* | ??????*) fail 2 "'$number' is no number of seconds, in $settings" ;;
        esac
    done
}

# The settings with what the arguments say; their file stays untouched unless they differ.
write_settings() {
    mkdir -p "$SETTINGS"
    new=$(settings_text)
    [ "$new" != "$(cat "$settings" 2>/dev/null)" ] || return 0
    printf '%s\n' "$new" >"$settings.new"
    mv -f "$settings.new" "$settings"
    changed=true
}

settings_text() {
    cat <<TEXT
# How $wanted is kept current on this host. After a change: $PROGRAM enable $wanted

# How often the repository is asked: parts of an hour (15m) or of a day (4h), or 1d.
every = $every
# When alone: Mon..Fri 02:00-05:00. Days are those on which it begins; none means each day.
window = $window
# Services that ran before an upgrade must run so many seconds after it without a break.
health-seconds = $health_seconds
# And it must be so, and whatever else tells the health, within so many seconds.
health-limit = $health_limit
# A shell command that ends with 0 when all is well.
health-command = $health_command
# A shell command that is given the outcome of each run as JSON.
report-command = $report_command
TEXT
    source_text
}

# Sets step, in minutes, and what read_window does, of every and window.
check_schedule() {
    step=$(step_of "$every")
    [ -n "$step" ] || fail 2 "'$every' is neither minutes that divide an hour, as 15m, nor hours" \
        "that divide a day, as 4h, nor 1d"
    read_window
}

# step_of TIME: in minutes; nothing for what the clock does not divide by.
step_of() {
    case "$1" in
        1d) echo 1440 ;;
        [1-9]m | [1-5][0-9]m) [ $((60 % ${1%m})) -ne 0 ] || echo "${1%m}" ;;
        [1-9]h | 1[0-9]h | 2[0-4]h) [ $((24 % ${1%h})) -ne 0 ] || echo $((${1%h} * 60)) ;;
    esac
}

# Sets days, as numbers from Monday on, and the first and last minute, which may be of the next day.
read_window() {
    days='' first=0 last=1440
    [ -n "$window" ] || return 0
    hours=${window##* }
    case "$window" in
        *' '*-*) days=$(days_of "${window% *}") || days='' ;;
        *-*) days='1 2 3 4 5 6 7' ;;
    esac
    first=$(minute_of "${hours%%-*}")
    last=$(minute_of "${hours#*-}")
    if [ -z "$days" ] || [ -z "$first" ] || [ -z "$last" ]; then
        fail 2 "'$window' is no window; say it as: Mon..Fri 02:00-05:00, or 22:00-04:00"
    fi
    [ "$last" -gt "$first" ] || last=$((last + 1440))
}

# minute_of HH:MM
minute_of() {
    case "$1" in
        [01][0-9]:[0-5][0-9] | 2[0-3]:[0-5][0-9] | 24:00) ;;
        *) return 0 ;;
    esac
    hour=${1%:*} minute=${1#*:}
    echo $((${hour#0} * 60 + ${minute#0}))
}

# days_of NAMES: as Mon..Fri,Sun
days_of() {
    for range in $(printf '%s' "$1" | tr , ' '); do
        day=$(day_of "${range%%..*}") || return 1
        until=$(day_of "${range##*..}") || return 1
        while [ "$day" -ne "$until" ]; do
            echo "$day"
            day=$((day % 7 + 1))
        done
        echo "$day"
    done
}

day_of() {
    case "$1" in
        Mon) echo 1 ;;
        Tue) echo 2 ;;
        Wed) echo 3 ;;
        Thu) echo 4 ;;
        Fri) echo 5 ;;
        Sat) echo 6 ;;
        Sun) echo 7 ;;
        *) return 1 ;;
    esac
}

# in_window DAY HH:MM: whether it may be now; after midnight it may be the window of the day before.
in_window() {
    [ -n "$window" ] || return 0
    now=$(minute_of "$2")
    for day in $days; do
        if [ "$day" = "$1" ] && [ "$now" -ge "$first" ] && [ "$now" -lt "$last" ]; then return 0; fi
        if [ $((day % 7 + 1)) = "$1" ] && [ $((now + 1440)) -lt "$last" ]; then return 0; fi
    done
    return 1
}

two_digits() {
    printf '%02d:%02d' $(($1 / 60 % 24)) $(($1 % 60))
}

# When systemd starts it; the window holds nevertheless, as what was missed is made up for at boot.
calendar() {
    if [ -z "$window" ]; then
        case "$every" in
            *m) echo "OnCalendar=*:00/$step" ;;
            *h) echo "OnCalendar=00/${every%h}:00" ;;
            *) echo "OnCalendar=00:00" ;;
        esac
        return 0
    fi
    names=
    case "$window" in
        *' '*) names="${window% *} " ;;
    esac
    at=$first
    while [ "$at" -lt "$last" ]; do
        # After midnight it is another day.
        [ "$at" -lt 1440 ] || names=
        echo "OnCalendar=$names$(two_digits "$at")"
        at=$((at + step))
    done
}

# Hosts of a fleet come at different moments, each of them at its own.
schedule() {
    spread=$step
    [ "$spread" -le $((last - first)) ] || spread=$((last - first))
    cat <<SCHEDULE
[Timer]
$(calendar)
RandomizedDelaySec=${spread}min
SCHEDULE
}

# instance: of the units; in their names no plus may be.
instance() {
    printf '%s' "$wanted" | sed 's/+/\\x2b/g'
}

enable_timer() {
    timer="$PROGRAM@$(instance).timer"
    directory="$UNITS/$timer.d"
    new="# Written by $PROGRAM, from $settings.
$(schedule)"
    if [ "$new" != "$(cat "$directory/schedule.conf" 2>/dev/null)" ]; then
        mkdir -p "$directory"
        printf '%s\n' "$new" >"$directory/schedule.conf"
        changed=true
    fi
    if ! command -v systemctl >/dev/null; then
        warn "this host has no systemd: have something else call: $PROGRAM run $wanted --scheduled"
        return 0
    fi
    systemctl --quiet is-enabled "$timer" 2>/dev/null || changed=true
    systemctl --quiet enable "$timer"
    systemd_runs || return 0
    systemctl --quiet is-active "$timer" || changed=true
    [ "$changed" != true ] || systemctl daemon-reload
    [ "$changed" != true ] || systemctl restart "$timer"
}

# The service itself may be what calls this: it goes on to its end.
disable_timer() {
    timer="$PROGRAM@$(instance).timer"
    [ ! -d "$UNITS/$timer.d" ] || rm -r "$UNITS/$timer.d"
    command -v systemctl >/dev/null || return 0
    systemctl --quiet disable "$timer" 2>/dev/null || :
    ! systemd_runs || systemctl --quiet stop "$timer" || :
    ! systemd_runs || systemctl daemon-reload || :
    # When it ran last, which systemd would keep for ever.
    rm -f "/var/lib/systemd/timers/stamp-$timer"
}

# For apps with services from tarballs: install.sh, which is kept here, fetches, verifies and installs
# them, as a package manager does elsewhere.
INSTALLER=/usr/local/share/$NAME/install.sh

source_option() {
    case "$1" in
        --url) asked_url=$2 ;;
        --channel) asked_channel=$2 ;;
    esac
}

source_text() {
    cat <<TEXT
# Where it comes from.
url = $url
channel = $channel
TEXT
}

version_link() {
    readlink "/opt/$wanted.versions/$1" || :
}

installed_with_tarball() {
    version_link current
}

files_with_tarball() {
    tar -tf "/opt/$wanted/share/omnibuild/host.tar" 2>/dev/null | sed -n 's|^[./]*files/|/|p'
    echo "/opt/$wanted/libexec/health"
}

# The operator pauses, or names a version.
is_held_with_tarball() {
    return 1
}

# newer A B: as dpkg compares them, which may not be here.
newer() {
    one=$(sortable "$1") two=$(sortable "$2")
    [ "$one" != "$two" ] && [ "$(printf '%s\n' "$one" "$two" | LC_ALL=C sort | sed 1q)" = "$two" ]
}

# sortable VERSION: epoch, version and revision, so that bytes are in the order of versions: numbers
# are of one length, and before each is a sign for the end of what is no number. What comes before
# an end is less than that sign, letters are more, and all other signs more than letters.
sortable() {
    printf '%s\n' "$1" | sed '
        /:/!s/^/0:/
        s/-\([^-]*\)$/ \1/
        s/[0-9][0-9]*/"00000000000000000000&,/g
        s/0*\([0-9]\{20\}\),/\1/g
        y/ ~+-.:/"!{|}~/
        s/$/"/'
}

# ours WORD...: the installer for this app; sets code, and what it said is in files.
ours() {
    code=0
    sh "$INSTALLER" --scheduled --tarball --url "$url" --channel "$channel" "$@" \
        >"$work/said" 2>"$work/log" </dev/null 9>&- || code=$?
    cat "$work/log" >&2
    return "$code"
}

reason() {
    sed -n 's/^install.sh: //p' "$work/log" | tail -n 1
}

read_source_with_tarball() {
    url=${asked_url-$(setting url)} channel=${asked_channel-$(setting channel)}
    address=$url
    # Each channel has dates of its own.
    source="$url $channel"
    [ -f "$INSTALLER" ] || fail 1 "$INSTALLER is not there"
    # What was cut off is completed, before anything is judged.
    [ ! -e "/opt/$wanted.versions/.changing" ] || ours --resume "$wanted" || fail "$code" "$(reason)"
}

# It brings the next version of this program and of the installer, too.
look_with_tarball() {
    marker=/opt/$wanted.versions/.installed
    ! grep -qsxF "channel $channel" "$marker" || remember "$(sed -n 's/^date //p' "$marker")"
    ours "$wanted" || [ -s "$work/said" ] || fail "$code" "$(reason)"
    looked=$code
    mv "$work/said" "$work/list"
    check_generation "$(sed -n 's/^date //p' "$work/list")"
}

upgrade_own_with_tarball() {
    [ "$looked" -eq 0 ]
}

versions_of_ours() {
    sed -n 's/^version //p' "$work/list"
}

# What it could not bring it has taken back itself.
bring_with_tarball() {
    ! ours "$wanted=$1" || return 0
    [ "$("installed_$WAY")" = "$before" ] || return 1
    rm "$records/trial"
    case "$code" in
        10) outcome=rolled-back; mark_bad "$1" ;;
        9) outcome=broken; mark_bad "$1" ;;
    esac
    fail "$code" "$(reason)"
}

# The version before lies beside the current one.
keep() {
    [ -d "/opt/$wanted.versions/$1" ]
}

keep_only() {
    :
}

kept_file() {
    [ "$(version_link previous)" != "$1" ] || echo "/opt/$wanted.versions/$1"
}

bring_file_with_tarball() {
    ours --rollback "$wanted"
}

bad_versions() {
    cat "$records/failed" 2>/dev/null || :
}

is_bad() {
    bad_versions | grep -qxF -e "$1"
}

mark_bad() {
    is_bad "$1" || printf '%s\n' "$1" >>"$records/failed"
}

# What was seen last, in seconds since 1970; of another address or channel it says nothing.
read_seen() {
    seen=
    [ "$(sed -n 1p "$records/seen" 2>/dev/null)" != "$source" ] || seen=$(sed -n 2p "$records/seen")
}

# remember DATE
remember() {
    [ -n "$1" ] || return 0
    [ -z "$seen" ] || [ "$1" -gt "$seen" ] || return 0
    seen=$1
    write_record seen "$(printf '%s\n' "$source" "$seen")" ||
        fail 1 "$records cannot be written; nothing was changed"
}

# check_generation DATE: of what the repository shows now. A channel that went back to older
# packages has a newer date; who shows an older one replays what was true once.
check_generation() {
    [ -n "$1" ] || fail 5 "the repository $address does not say of when it is"
    if [ -n "$seen" ] && [ "$1" -lt "$seen" ]; then
        outcome=replayed
        fail 5 "the repository $address shows a state of $(date -u -d "@$1" '+%F %T'), which is older" \
            "than the one of $(date -u -d "@$seen" '+%F %T') that was seen here; nothing was changed"
    fi
    remember "$1"
}

# choose VERSION...: sets target: the newest version of the channel that did not fail here.
# It is older than what is installed only when the channel has that no more. Where an older one
# failed, too, those before it are not tried.
choose() {
    target='' floor=''
    for each; do
        if is_bad "$each"; then
            if newer "$before" "$each" && { [ -z "$floor" ] || newer "$each" "$floor"; }; then
                floor=$each
            fi
        elif [ -z "$target" ] || newer "$each" "$target"; then
            target=$each
        fi
    done
    if [ -z "$target" ] || { newer "$before" "$target" && [ -n "$floor" ] && newer "$floor" "$target"; }; then
        target=$before
    fi
}

systemd_runs() {
    [ -d /run/systemd/system ] && command -v systemctl >/dev/null
}

# The units of the package, but templates: what an instance is called is known from its symlink.
units() {
    "files_$WAY" |
        sed -nE 's,^(/usr)?/lib/systemd/system/([^/]+[.](service|socket|timer|path))$,\2,p' |
        grep -v '@[.]' || :
}

unit_property() {
    systemctl show --property="$1" --value "$2" 2>/dev/null || :
}

# Those that run, apart from what a timer started, which will end.
running_units() {
    systemd_runs || return 0
    for unit in $(units); do
        case "$(unit_property ActiveState "$unit")/$(unit_property TriggeredBy "$unit")" in
            active/*.timer*) ;;
            active/*) echo "$unit" ;;
        esac
    done
}

# What asks the app at its own address; the package has it when its recipe says where.
asks_health() {
    "files_$WAY" | sed -n '\,/libexec/health$,{p;q;}'
}

# ask_health SECONDS: the status of the answer: 0 is well, 1 is not, 3 is nobody there.
ask_health() {
    asks=$(asks_health)
    if [ -z "$asks" ] || [ ! -x "$asks" ]; then echo 3; return 0; fi
    code=0
    timeout -k 5 "$(($1 + 10))" "$asks" "$1" >&2 || code=$?
    echo "$code"
}

seconds() {
    date +%s
}

# What ran before must run, and what said that it is well must say so. What was not well before, or
# was stopped by its operator, is no fault of this version.
is_well() {
    cause=
    until=$(($(seconds) + health_limit))
    units_stay && address_is_well && command_is_well
}

# What shall run: what ran, and what is new and wanted by something that runs. Units that the new
# version lacks are not missed.
expected_units() {
    for unit in $(units); do
        if is_among "$unit" "$ran"; then
            echo "$unit"
        elif ! is_among "$unit" "$had" && [ -z "$(unit_property TriggeredBy "$unit")" ]; then
            for other in $(unit_property WantedBy "$unit"); do
                ! systemctl --quiet is-active "$other" || { echo "$unit"; break; }
            done
        fi
    done
}

# is_among LINE LINES
is_among() {
    printf '%s\n' "$2" | grep -qxF -e "$1"
}

units_stay() {
    if [ "$health_seconds" -eq 0 ] || ! systemd_runs; then return 0; fi
    expected=$(expected_units)
    [ -n "$expected" ] || return 0
    since='' lives=''
    while :; do
        at=$(seconds)
        now=$(lives_of_expected)
        case "$now" in
            *' is '*) since='' ;;
            "$lives") ;;
            *) since=$at ;;
        esac
        # Who has given up is not waited for.
        case "$now" in
            *' is failed'*) [ "$now" != "$lives" ] || until=0 ;;
        esac
        lives=$now
        [ -z "$since" ] || [ $((at - since)) -lt "$health_seconds" ] || return 0
        # Who began to run within the limit may show that he stays.
        if [ "$at" -ge "$until" ] && [ -z "$since" ] || [ "$at" -ge $((until + health_seconds)) ]; then
            cause=$(printf '%s\n' "$now" | sed -n '/ is /{p;q;}')
            cause=${cause:-"its services do not stay active"}
            return 1
        fi
        sleep 1
    done
}

# Of each unit which of its runs this is, or what it is instead of active.
lives_of_expected() {
    for unit in $expected; do
        was=$(unit_property ActiveState "$unit")
        if [ "$was" = active ]; then
            echo "$unit $(unit_property InvocationID "$unit")"
        else
            echo "$unit is $was"
        fi
    done
}

address_is_well() {
    [ -n "$(asks_health)" ] || return 0
    while :; do
        left=$((until - $(seconds)))
        [ "$left" -gt 0 ] || left=0
        code=$(ask_health "$left")
        if [ "$code" -eq 0 ] || [ "$code" -eq "$answered" ]; then return 0; fi
        [ "$left" -gt 0 ] || break
        sleep 1
    done
    cause="it does not say that it is well ($code)"
    return 1
}

command_is_well() {
    [ -n "$health_command" ] || return 0
    while :; do
        left=$((until - $(seconds)))
        [ "$left" -gt 0 ] || left=1
        ! timeout -k 5 "$left" sh -c "$health_command" >&2 </dev/null 9>&- || return 0
        [ "$(seconds)" -lt "$until" ] || break
        sleep 1
    done
    cause="the health command does not say that it is well"
    return 1
}

run_now() {
    read_settings
    mkdir -p "$records"
    if [ -n "$scheduled" ]; then
        if [ -e "$records/paused" ]; then say "$wanted: paused"; return 0; fi
        in_window "$(date +%u)" "$(date +%H:%M)" || { say "$wanted: outside of its window"; return 0; }
    fi
    lock
    recorded=yes
    before=$("installed_$WAY")
    if [ -z "$before" ] && [ ! -e "$records/trial" ]; then
        conclude not-installed "it is not installed any more, and is no longer kept current"
        disable_timer
        return 0
    fi
    "read_source_$WAY"
    [ -z "$retry" ] || rm -f "$records/failed"
    [ ! -e "$records/trial" ] || finish_trial
    if "is_held_$WAY"; then conclude held "$before is held"; return 0; fi
    read_seen
    "look_$WAY"
    "upgrade_own_$WAY" || warn "the package of this program could not be upgraded"
    pursue
}

# Whoever comes second would collect what the first needs to go back.
lock() {
    exec 9>"$records/lock"
    flock -n 9 || fail 8 "another run for $wanted is at work"
}

pursue() {
    # shellcheck disable=SC2046
    set -- $(versions_of_ours)
    [ $# -gt 0 ] || fail 6 "the channel has no $wanted; $before stays"
    choose "$@"
    keep "$before" || warn "the package of $before is nowhere: there would be no way back"
    if [ "$target" = "$before" ]; then
        keep_only "$before"
        conclude current "$before is what the channel has"
        [ "$before" = "$(newest "$@")" ] || say "newer ones failed here: $(bad_versions | tr '\n' ' ')"
        return 0
    fi
    begin_trial
    say "$wanted: $target is to come for $before"
    "bring_$WAY" "$target" || warn "the package manager failed"
    if [ "$("installed_$WAY")" = "$before" ]; then
        rm "$records/trial"
        fail 7 "$target could not be installed; $before stays"
    fi
    finish_trial
}

newest() {
    best=$1
    for each; do
        ! newer "$each" "$best" || best=$each
    done
    echo "$best"
}

# What is needed to judge the new version, also if this is interrupted.
begin_trial() {
    ran=$(running_units)
    answered=$(ask_health 0)
    trial=$(
        printf '%s\n' "target $target" "before $before" "answered $answered"
        for unit in $(units); do echo "had $unit"; done
        for unit in $ran; do echo "ran $unit"; done
    )
    write_record trial "$trial" || fail 1 "$records cannot be written; nothing was changed"
}

trial() {
    sed -n "s/^$1 //p" "$records/trial"
}

# Judges what was brought, and goes back if it is not well.
finish_trial() {
    target=$(trial target) before=$(trial before) answered=$(trial answered)
    had=$(trial had) ran=$(trial ran)
    after=$("installed_$WAY")
    if [ "$after" = "$before" ]; then
        # It was interrupted before anything was installed.
        rm "$records/trial"
        return 0
    fi
    if [ "$after" = "$target" ] && is_well; then
        rm "$records/trial"
        keep "$target" || warn "the package of $target cannot be kept"
        [ ! -d "$kept/$target" ] || keep_only "$target"
        if newer "$target" "$before"; then
            conclude updated "$target for $before"
        else
            conclude returned "the channel went back to $target from $before"
        fi
        recorded=yes
        exit 0
    fi
    [ "$after" = "$target" ] || cause="it could not be installed whole"
    go_back
}

go_back() {
    outcome=rolled-back
    warn "$target is not well: $cause; $before comes back"
    mark_bad "$target"
    file=$(kept_file "$before")
    [ -n "$file" ] || fail_back "its package is not there any more"
    "bring_file_$WAY" "$file" "$before" || fail_back "it could not be installed"
    rm "$records/trial"
    failed_for=$cause
    is_well || failed_for="$failed_for; nor is $before well: $cause"
    fail 10 "$target failed, and $before is back: $failed_for"
}

fail_back() {
    outcome=broken
    rm "$records/trial"
    fail 9 "$target failed: $cause; $before cannot be brought back: $1"
}

read_arguments() {
    command=${1:-}
    case "$command" in
        --help | -h) usage; exit 0 ;;
        enable | disable | run | pause | resume | status) ;;
        '') fail 2 "a command is missing; see --help" ;;
        *) fail 2 "unknown command $command; see --help" ;;
    esac
    shift
    while [ $# -gt 0 ]; do
        case "$1" in
            --every | --window | --health-command | --report-command | --url | --channel)
                [ "$command" = enable ] || fail 2 "$1 is for enable; see --help"
                [ $# -ge 2 ] || fail 2 "$1 needs a value; see --help"
                check_line "$2"
                case "$1" in
                    --every) asked_every=$2 ;;
                    --window) asked_window=$2 ;;
                    --health-command) asked_health_command=$2 ;;
                    --report-command) asked_report_command=$2 ;;
                    *) source_option "$1" "$2" ;;
                esac
                shift ;;
            --retry) retry=yes ;;
            --scheduled) scheduled=yes ;;
            --json) json=yes ;;
            -*) fail 2 "unknown option $1; see --help" ;;
            *)
                [ -z "$wanted" ] || fail 2 "one package at a time: $wanted or $1"
                wanted=$(printf '%s' "$1" | sed 's/\\x2b/+/g') ;;
        esac
        shift
    done
    case "$wanted" in
        '') fail 2 "which package? see --help" ;;
        [!A-Za-z0-9]* | *[!A-Za-z0-9.+_-]*) fail 2 "no package can be called '$wanted'" ;;
    esac
    settings=$SETTINGS/$wanted.conf
    records=$STATES/$wanted
    kept=$records/packages
}

# A value of the settings is one line.
check_line() {
    [ "$(printf '%s\n' "$1" | wc -l)" -eq 1 ] || fail 2 "it must be one line: $1"
}

enable_package() {
    changed=false
    [ -n "$("installed_$WAY")" ] || fail 6 "$wanted is not installed"
    mkdir -p "$records"
    every=$(setting every) window=$(setting window)
    health_command=$(setting health-command) report_command=$(setting report-command)
    health_seconds=$(setting health-seconds) health_limit=$(setting health-limit)
    every=${asked_every-${every:-1h}}
    window=${asked_window-$window}
    health_command=${asked_health_command-$health_command}
    report_command=${asked_report_command-$report_command}
    health_seconds=${health_seconds:-30} health_limit=${health_limit:-120}
    check_settings
    "read_source_$WAY"
    write_settings
    enable_timer
    # While the repository has it for sure.
    keep "$("installed_$WAY")" || warn "the package of the installed version is nowhere"
    [ "$changed" = false ] || say "$wanted is kept current"
}

disable_package() {
    # What is at work would bring it once more.
    ! systemd_runs || systemctl --quiet stop "$PROGRAM@$(instance).service" 2>/dev/null || :
    disable_timer
    rm -rf "$settings" "$records"
    # Others may be kept current, too.
    rmdir "$SETTINGS" "$STATES" 2>/dev/null || :
    say "$wanted is not kept current any more"
}

pause() {
    read_settings
    mkdir -p "$records"
    : >"$records/paused"
    say "$wanted is paused"
}

status() {
    if [ -n "$json" ]; then
        cat "$records/update.json" 2>/dev/null || fail 1 "$wanted was not kept current yet"
        return 0
    fi
    read_settings
    say "$wanted $("installed_$WAY") is kept current every $every${window:+, in the window $window}"
    [ ! -e "$records/paused" ] || say "it is paused: $PROGRAM resume $wanted"
    [ -z "$(bad_versions)" ] || say "versions that failed here: $(bad_versions | tr '\n' ' ')"
    if [ -e "$records/update.json" ]; then
        say "the last run: $(cat "$records/update.json")"
    else
        say "it did not run yet"
    fi
}

main() {
    began=$(moment)
    trap finish EXIT
    trap 'error=interrupted; exit 130' HUP INT TERM
    read_arguments "$@"
    [ "$command" = status ] || [ "$(id -u)" -eq 0 ] || fail 4 "this must run as root"
    work=$(mktemp -d)
    case "$command" in
        enable) enable_package ;;
        disable) disable_package ;;
        run) run_now ;;
        pause) pause ;;
        resume) read_settings; rm -f "$records/paused"; say "$wanted goes on" ;;
        status) status ;;
    esac
}

{ main "$@"; }
UPDATER
}

updater_service() {
    cat <<'UNIT'
[Unit]
Description=Keep %i current from Shop packages
Wants=network-online.target
After=network-online.target
# Who removed the program while a timer was left is told of no failures.
ConditionPathExists=/usr/local/sbin/shop-packages-1a2b3c4d-update-tarball

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/shop-packages-1a2b3c4d-update-tarball run %i --scheduled
# A package manager that is at work is not killed.
KillMode=process
TimeoutStopSec=900
# More would bind the scripts of packages, too, which may change all of a host.
LockPersonality=yes
ProtectClock=yes
RestrictRealtime=yes
SystemCallArchitectures=native
UNIT
}

updater_timer() {
    cat <<'UNIT'
[Unit]
Description=Keep %i current from Shop packages, by the clock

# When is said by a drop-in, which comes with the settings of each package.
[Timer]
FixedRandomDelay=yes
Persistent=yes

[Install]
WantedBy=timers.target
UNIT
}

place_updater() {
    updater | place_file "$PROGRAM" 755
    updater_service | place_file "$PROGRAM_UNITS/${PROGRAM##*/}@.service"
    updater_timer | place_file "$PROGRAM_UNITS/${PROGRAM##*/}@.timer"
    [ ! -d /run/systemd/system ] || [ -z "$placed" ] || run systemctl daemon-reload
    placed=
}

install_services() {
    if [ -n "$scheduled" ]; then
        check_root
        judged=''
        if [ -z "$version" ]; then look_for_updater; return 0; fi
    fi
    install_for_user
    [ -n "$keep" ] || return 0
    if [ -n "$dry_run" ]; then plan_keep; return 0; fi
    program=$SCRIPT
    keep_script
    place_updater
    UPDATER=$PROGRAM
    keep_current --url "$url" --channel "$channel"
}

# look_for_updater: says of the repository, signed, when it changed and which versions of the app it has;
# and whatever is new of this script and the program.
look_for_updater() {
    place_updater
    detect_system
    check_user_tools
    name_places
    fetch_list
    printf 'date %s\n' "$(list_word date "$signed")"
    rows_of_wanted | sed 's/^[^ ]* *\([^ ]*\).*/version \1/'
    program=$SCRIPT
    keep_script
    placed=
}

# resume_services: what was cut off is completed, with what lies here.
resume_services() {
    check_root
    name_places
    lock_home
    after=$before
    [ -e "$changing" ] && [ -n "$before" ] || return 0
    judged=''
    change_services "$before"
}

# note_choice KEPT LEFT: what a person asked for, or left, the program does not change back.
note_choice() {
    failed_here=/var/lib/$NAME/$wanted/failed
    [ -z "$scheduled" ] && [ -d "${failed_here%/*}" ] || return 0
    { grep -vxF -e "$1" "$failed_here" 2>/dev/null || :; [ -z "$2" ] || echo "$2"; } >"$failed_here.new"
    mv -f "$failed_here.new" "$failed_here"
}

keep_services_no_longer() {
    check_root
    UPDATER=$PROGRAM
    keep_no_longer
    # Others may be kept current, too.
    for timer in /etc/systemd/system/"${PROGRAM##*/}"@*.timer.d; do
        [ -z "$dry_run" ] && [ ! -e "$timer" ] || return 0
    done
    for file in "$PROGRAM" "$PROGRAM_UNITS/${PROGRAM##*/}@.service" \
        "$PROGRAM_UNITS/${PROGRAM##*/}@.timer" "$SCRIPT"; do
        remove_file "$file"
    done
    placed=
    for directory in "${SCRIPT%/*}" "$PROGRAM_UNITS" "${PROGRAM_UNITS%/*}"; do
        [ -n "$dry_run" ] || rmdir "$directory" 2>/dev/null || :
    done
}
check_tools() {
    if [ "$family" = apt ]; then
        command -v apt-get >/dev/null || fail 1 "this system has no apt-get"
    else
        dnf=dnf
        command -v dnf >/dev/null || dnf=yum
        command -v "$dnf" >/dev/null || fail 1 "this system has neither dnf nor yum"
    fi
}

check_root() {
    [ "$(id -u)" -eq 0 ] || [ -n "$dry_run" ] ||
        fail 4 "this must run as root; try: sudo sh install.sh, or --user"
}

set_up() {
    detect_system
    check_tools
    check_root
    "set_up_$family"
    placed='' unfinished=''
    [ -n "$dry_run" ] || say "$TITLE: the repository $url is set up; $(about_keys)"
    [ -n "$package" ] || return 0
    before=$("installed_with_$family")
    "install_with_$family" || fail 7 "$package could not be installed; the repository stays set up"
    if [ -n "$dry_run" ]; then plan_keep; return 0; fi
    after=$("installed_with_$family")
    [ "$after" = "$before" ] || changed=true
    [ "$after" = "$exact" ] ||
        fail 7 "$wanted $exact was to be installed; installed is ${after:-nothing}"
    say "$package is installed"
    keep_current
}

uninstall() {
    family=$(family_of_host)
    [ -n "$family" ] || family=$(if command -v apt-get >/dev/null; then echo apt; else echo dnf; fi)
    check_tools
    check_root
    [ -z "$wanted" ] || before=$("installed_with_$family")
    keep_no_longer
    if [ -n "$before" ]; then
        did "remove $wanted $before"
        [ -n "$dry_run" ] || "remove_with_$family" ||
            fail 7 "$wanted could not be removed; the repository stays set up"
    fi
    remove_keyring
    retire_apt_files
    retire_dnf_files
    forget_with_dnf
    for file in "/etc/apt/sources.list.d/$NAME.sources" "/etc/apt/preferences.d/$NAME" \
        "/etc/yum.repos.d/$NAME.repo"; do
        remove_file "$file"
    done
    # Of a script of before; else they went with the package.
    for file in "/usr/share/keyrings/$NAME.asc" "/etc/pki/rpm-gpg/RPM-GPG-KEY-$NAME"; do
        [ -n "$held" ] || remove_file "$file"
    done
    placed=
    [ -n "$dry_run" ] || rm -rf /var/cache/dnf/"$NAME"[-.]* /var/cache/libdnf5/"$NAME"-*
    [ -n "$dry_run" ] || say "$TITLE: the repository is not set up any more${wanted:+; $wanted is not installed}"
}

main() {
    for word; do
        [ "$word" != --json ] || json=yes
    done
    trap finish EXIT
    trap 'error=interrupted; exit 130' HUP INT TERM
    read_arguments "$@"
    work=$(mktemp -d)
    mkdir "$work/saved"
    case "$action/${services:-$family}" in
        install/user) if is_time; then install_for_user; keep_current_for_user; fi ;;
        install/tarball) install_services ;;
        uninstall/user) keep_no_longer_for_user; uninstall_for_user ;;
        uninstall/tarball) keep_services_no_longer; uninstall_for_user ;;
        rollback/user | rollback/tarball) rollback_user ;;
        resume/tarball) resume_services ;;
        install/*) set_up ;;
        uninstall/*) uninstall ;;
    esac
    [ -z "$dry_run" ] || [ "$changed" = true ] || say "nothing would be changed"
}

main "$@"
}
