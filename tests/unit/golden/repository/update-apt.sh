#!/bin/sh
# Keeps packages of Shop packages current on this host.
# Made by omnibuild; the package that brings the repository's keys owns it.
#
# Everything is a function until the last line: an upgrade may replace this file while it runs.
set -eu
umask 022

NAME=shop-packages-1a2b3c4d
TITLE='Shop packages'
PROGRAM=shop-packages-1a2b3c4d-update
# shellcheck disable=SC2034
WAY=with_apt
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

# Their sources are settings of the package manager.
source_option() {
    fail 2 "unknown option $1; see --help"
}

source_text() {
    :
}

# keep VERSION: have its package here, as the repository may collect it.
keep() {
    [ ! -d "$kept/$1" ] || return 0
    rm -rf "$kept/.new"
    mkdir -p "$kept/.new"
    # Where apt fetches, it is another user.
    ! id _apt >/dev/null 2>&1 || chown _apt "$kept/.new"
    "fetch_$WAY" "$1" "$kept/.new" || { rm -rf "$kept/.new"; return 1; }
    chown root "$kept/.new"
    mv "$kept/.new" "$kept/$1"
}

# Of the packages that are kept, all but that of a version go.
keep_only() {
    for directory in "$kept"/*; do
        [ "${directory##*/}" = "$1" ] || rm -rf "$directory"
    done
}

kept_file() {
    for file in "$kept/$1"/*.deb "$kept/$1"/*.rpm; do
        [ ! -f "$file" ] || { echo "$file"; return 0; }
    done
}

files_with_apt() {
    dpkg-query -L "$wanted" 2>/dev/null || :
}

is_held_with_apt() {
    case "$(dpkg-query -W -f '${Status}' "$wanted" 2>/dev/null)" in
        hold*) return 0 ;;
    esac
    return 1
}

newer() {
    dpkg --compare-versions "$1" gt "$2"
}

read_source_with_apt() {
    sources=/etc/apt/sources.list.d/$NAME.sources
    [ -f "$sources" ] || fail 1 "the repository is not set up on this host: $sources is not there"
    address=$(sed -n 's/^URIs: //p' "$sources")
    # Each channel has dates of its own.
    source="$address $(sed -n 's/^Suites: //p' "$sources")"
    # Without cache files, which belong to the host's whole set of sources.
    only_ours="-o Dir::Etc::sourcelist=$sources -o Dir::Etc::sourceparts=-"
    only_ours="$only_ours -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
    nobody_is_asked
}

# apt says nothing of a state that is older than the one it has, and stays with that. So the date is
# looked at aside, where nothing was seen before; it is signed.
look_with_apt() {
    chmod 755 "$work"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    aside="-o Dir::State::Lists=$work/lists -o Dir::Cache=$work/cache"
    # shellcheck disable=SC2086
    apt update -o APT::Update::Error-Mode=any $only_ours $aside \
        -o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false ||
        fail 5 "the repository $address cannot be used"
    ! grep -F 'Conflicting distribution' "$work/log" >&2 ||
        fail 5 "the repository $address shows another channel"
    for file in "$work/lists"/*Release; do
        host=/var/lib/apt/lists/${file##*/}
        remember "$(date_of_release "$host")"
        check_generation "$(date_of_release "$file")"
    done
    # shellcheck disable=SC2086
    apt update -o APT::Update::Error-Mode=any -o APT::Get::List-Cleanup=0 $only_ours ||
        fail 5 "the repository $address cannot be used"
    check_generation "$(date_of_release "$host")"
}

date_of_release() {
    [ ! -f "$1" ] || date -d "$(sed -n 's/^Date: //p;/^SHA256:/q' "$1")" +%s
}

# fetch_with_apt VERSION DIRECTORY
fetch_with_apt() {
    # shellcheck disable=SC2086
    (cd "$2" && apt $only_ours download "$wanted=$1" 2>/dev/null) && return 0
    # What apt keeps, where the repository has it no more.
    cp /var/cache/apt/archives/"${wanted}_$(printf '%s' "$1" | sed 's/:/%3a/g')"_*.deb "$2" 2>/dev/null
}

bring_with_apt() {
    install_exactly --allow-downgrades "$wanted=$1"
}

# bring_file_with_apt FILE VERSION
bring_file_with_apt() {
    install_exactly --allow-downgrades "$1"
}

upgrade_own_with_apt() {
    # shellcheck disable=SC2086
    apt $only_ours install --only-upgrade "$NAME-archive-keyring"
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
