# What serves a repository's files to one publisher, as the far end of an ssh connection.
# A request is a line with a verb, and a line for each of its arguments; bytes follow where a count
# says how many. Paths are data from beginning to end: nothing of a request is ever run. Writing
# answers nothing. What fails ends it all with a line that begins with "!", and the tools' own
# words on standard error.
set -u
LC_ALL=C
export LC_ALL
umask 022

session=
watchdog=
there=
beats=0

fail() {
    printf '!%s\n' "$1"
    exit 1
}

leave() {
    [ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null
    [ -z "$session" ] || rm -rf "./$session"
}
trap leave EXIT

for tool in cat chmod cp date dd find flock head mkdir mv rm sha256sum sleep sort stat sync timeout touch; do
    command -v "$tool" >/dev/null || fail "missing $tool"
done

# Removes what killed publishers left under temporary names; the living hold a lock on theirs.
sweep() {
    for left in state/.tmp-omnibuild-*; do
        [ -e "./$left" ] || continue
        find . -name '.tmp-omnibuild-*' -prune -exec sh -c '
            for left; do
                { exec 6<"$left"; } 2>/dev/null && flock -n 6 && rm -rf "$left"
            done' sh {} +
        break
    done
    # A cut-off upload is gone on with for a week.
    [ ! -d state/uploads ] || find state/uploads -type f -mtime +7 -exec rm -f {} +
}

# Makes what this session writes into; it is on the file system of all that the repository holds.
begin() {
    [ -z "$session" ] || return 0
    [ -n "$there" ] || enter
    mkdir -p ./state || fail 'cannot write'
    sweep
    session=state/.tmp-omnibuild-ssh-$$-$(date +%s)
    mkdir "./$session" || fail 'cannot write'
    exec 7<"./$session"
    if ! flock 7 || [ ! -d "./$session" ]; then
        fail 'cannot write'
    fi
    for part in apt apt/dists apt/pool yum keys downloads packages; do
        [ ! -e "$part" ] || set -- "$@" "$part"
    done
    for device in $(stat -L -c %d . state "$@"); do
        [ "$device" = "$(stat -L -c %d state)" ] || fail 'lies on several disks'
    done
    watch </dev/null >/dev/null 2>&1 7>&- 8>&- 9>&- &
    watchdog=$!
}

# Ends this session, and with it its locks, when nothing came for too long: a connection can be
# lost without either end being told.
watch() {
    trap - EXIT
    seen=0
    idle=0
    tick=$((lease / 12 + 1))
    while sleep "$tick" && kill -0 $$; do
        read -r now <"./$session/beats" || now=$seen
        idle=$((idle + tick))
        [ "$now" = "$seen" ] || idle=0
        seen=$now
        [ "$idle" -lt "$lease" ] || kill $$
    done
}

alive() {
    beats=$((beats + 1))
    [ -z "$session" ] || echo "$beats" >"./$session/beats"
}

enter() {
    mkdir -p -- "$root" || fail 'cannot write'
    cd -- "$root" || fail 'cannot read'
    there=yes
}

# Makes the directory of a file.
shelve() {
    case $1 in
    */*) [ -d "./${1%/*}" ] || mkdir -p "./${1%/*}" || fail "cannot write $1" ;;
    esac
}

# Writes a file's size and its bytes, both of one moment.
send() {
    if [ -z "$there" ] || { [ ! -e "./$1" ] && [ ! -h "./$1" ]; }; then
        echo -
    elif [ -f "./$1" ]; then
        { stat -L -c %s /dev/fd/3 && cat <&3; } 3<"./$1" || fail "cannot read $1"
    else
        fail "no regular file: $1"
    fi
}

digest() {
    if [ -z "$there" ] || { [ ! -e "./$1" ] && [ ! -h "./$1" ]; }; then
        echo -
    elif [ -f "./$1" ]; then
        sha256sum <"./$1" || fail "cannot read $1"
    else
        fail "no regular file: $1"
    fi
}

# Writes the time here, then a line for each entry of a directory: seconds, size, mode, name.
list() {
    date +%s
    if [ -n "$there" ] && [ -d "./$1" ]; then
        find "./$1" -mindepth 1 -maxdepth 1 -exec stat -c '%Y %s %f %n' {} + || fail "cannot read $1"
    fi
    echo .
}

# Writes all small files that readers and publishers start from, with their names.
pointers() {
    [ -z "$there" ] || find . \( -path ./apt/pool -o -path './yum/*/Packages' -o -name 'gen-*' \
        -o -path ./packages -o -name by-hash -o -path './state/[clfru]*' -o -name '.tmp-*' \) \
        -prune -o -type f -size -128 \( -path './state/*' -o -path './keys/*' -o -path './apt/*' \
        -o -path './yum/*' -o -path './downloads/*.list' -o -name 'install.sh*' \
        -o -name index.html -o -name packages.json \) \
        ! -name 'lock' ! -name '*.gz' ! -name '*.xz' ! -name '*
*' -print | while IFS= read -r found; do
        echo "${found#./}"
        send "$found"
    done
    echo state/catalogue.json
    send state/catalogue.json
    [ ! -d state/releases ] || for found in $(newest state/releases 8); do
        echo "$found"
        send "$found"
    done
    echo .
}

# Writes the names of the newest files of a directory, none of which holds a blank.
newest() {
    find "./$1" -type f -exec stat -c '%Y %n' {} + | sort -rn | head -n "$2" | while read -r _ name; do
        echo "${name#./}"
    done
}

# Passes on so many bytes of what comes, and reads none besides. It holds no lock: it may wait for
# what never comes.
bytes() {
    dd iflag=fullblock,count_bytes bs=65536 count="$1" status=none 7>&- 8>&- 9>&-
}

# Keeps bytes aside, for a file that is written by `commit`. Who replaces a file is later than it
# was by a second, or more: servers tell by seconds what is fresh.
receive() {
    bytes "$2" >"./$session/$1" || fail "cannot write $3"
    [ -e "./$3" ] || return 0
    second=$(stat -L -c %Y "./$3")
    [ "$(stat -c %Y "./$session/$1")" -gt "$second" ] ||
        touch -d "@$((second + 1))" "./$session/$1" || fail "cannot write $3"
}

# Gives files that were received their names, one right after the other.
commit() {
    for path; do
        shelve "$path"
    done
    chmod 644 "./$session"/[0-9]* || fail 'cannot write'
    sync "./$session"/[0-9]* || fail 'cannot write'
    number=0
    for path; do
        number=$((number + 1))
        mv -fT "./$session/$number" "./$path" || fail "cannot write $path"
    done
    for path; do
        path=./$path
        set -- "$@" "${path%/*}"
        shift
    done
    sync "$@" || fail 'cannot write'
}

# Brings a file that was uploaded under its name, if it is what it was said to be.
place() {
    found=$(sha256sum <"./state/uploads/$1") || fail "cannot read $2"
    if [ "${found%% *}" != "$1" ]; then
        rm -f "./state/uploads/$1"
        fail "changed $2"
    fi
    settle "./state/uploads/$1" "$2"
}

duplicate() {
    cp "./$1" "./$session/copy" || fail "cannot write $2"
    settle "./$session/copy" "$2"
}

# Gives one file its name; its time is now.
settle() {
    shelve "$2"
    name=./$2
    chmod 644 "$1" || fail "cannot write $2"
    touch "$1" || fail "cannot write $2"
    sync "$1" || fail "cannot write $2"
    mv -fT "$1" "$name" || fail "cannot write $2"
    sync "${name%/*}" || fail "cannot write $2"
}

# Takes a lock that ends with this process, however it ends; says so when others have it.
lock() {
    shelve "$2"
    case $1 in
    8) exec 8>>"./$2" ;;
    9) exec 9>>"./$2" ;;
    esac
    if ! flock -n "$1"; then
        echo busy
        until timeout 5 flock "$1"; do
            alive
        done
    fi
    echo held
    pointers
}

echo 'omnibuild agent'
while IFS= read -r verb; do
    alive
    case $verb in
    beat) continue ;;
    answer)
        echo here
        continue
        ;;
    commit)
        commit "$@"
        set --
        continue
        ;;
    unlock)
        IFS= read -r fd
        [ "$fd" = 8 ] && exec 8>&-
        [ "$fd" = 9 ] && exec 9>&-
        continue
        ;;
    root)
        IFS= read -r lease
        IFS= read -r root
        if [ -d "$root" ]; then
            cd -- "$root" || fail 'cannot read'
            there=yes
        elif [ -e "$root" ]; then
            fail 'no directory'
        fi
        continue
        ;;
    esac
    IFS= read -r path
    case $verb in
    read) send "$path" ;;
    digest) digest "$path" ;;
    list) list "$path" ;;
    exists)
        if [ -n "$there" ] && { [ -e "./$path" ] || [ -h "./$path" ]; }; then echo 1; else echo 0; fi
        ;;
    size)
        # Of an upload that was cut off.
        begin
        stat -c %s "./state/uploads/$path" 2>/dev/null || echo 0
        ;;
    *)
        begin
        case $verb in
        put)
            IFS= read -r count
            receive "$(($# + 1))" "$count" "$path"
            set -- "$@" "$path"
            ;;
        chunk)
            IFS= read -r count
            shelve "state/uploads/$path"
            bytes "$count" >>"./state/uploads/$path" || fail "cannot write $path"
            ;;
        place)
            IFS= read -r digest
            place "$digest" "$path"
            ;;
        copy)
            IFS= read -r source
            duplicate "$source" "$path"
            ;;
        swap)
            IFS= read -r before
            IFS= read -r count
            receive 1 "$count" "$path"
            found=$(digest "$path")
            if [ "${found%% *}" = "$before" ]; then
                commit "$path"
                echo 1
            else
                echo 0
            fi
            ;;
        lock)
            IFS= read -r fd
            lock "$fd" "$path"
            ;;
        touch) touch -c "./$path" || fail "cannot write $path" ;;
        remove) rm -rf "./$path" || fail "cannot write $path" ;;
        *) fail "unknown $verb" ;;
        esac
        ;;
    esac
done
