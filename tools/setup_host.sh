#!/bin/sh
# Installs the Debian packages that building and testing need on this machine, and only those
# that are missing. It never removes one.
# What it installs is there to be called: no service of it starts, now or at the next boot.
# usage: tools/setup_host.sh [build|demo|test]
#   build  what `omnibuild build` needs
#   demo   that and what boots a server, as `make demo` does
#   test   that and what the tests drive, as `make test` does (the default)
set -eu

# package: what it is for
build_packages='
mmdebstrap: makes the roots that components are compiled in
debian-archive-keyring: verifies what mmdebstrap downloads
uidmap: makes roots without being root
gnupg: makes signing keys
'
demo_packages='
systemd-container: boots a server for a test
'
test_packages='
apt-utils: makes the sample apt repository
apt-file: looks for files in Contents
apt-mirror: mirrors an apt repository
aptitude: reads an apt repository as apt does, by words of its own
aptly: mirrors an apt repository
busybox: the shell of a bare sandbox, and runs the installer under another shell
createrepo-c: makes the sample yum repository
chromium: shows the pages of a repository
chromium-driver: is told by tests what to do there
cpio: unpacks rpms
curl: requests pages from inside a host
dash: runs the installer under another shell
debmirror: mirrors an apt repository
docker.io: runs steps in containers of its own daemon
docker-registry: serves an image to take a root from
dnf: installs packages into a simulated EL root
dnf-plugins-core: mirrors a yum repository
nginx-light: proxies in the tests of launchers, serves a remote cache
gdb: finds lines of the source by debug symbols
faketime: has hosts of tests live at a later day
fuse3: mounts the disk that fails on purpose
gpgv: verifies signatures as apt does
iproute2: looks at the ports a host listens on
openssl: makes the certificates of test servers
pacman-package-manager: reads and installs our packages for Arch
piuparts: installs and purges our debs as Debian tests its own
podman: runs steps in containers, without a daemon
rpm: builds the sample rpm and reads ours
runc: starts the containers of podman and docker
shellcheck: checks the shell scripts on hosts
sqv: verifies signatures as apt of Debian 13 does
lintian: judges our debs as Debian does
man-db: reads our manual pages
openssh-client: reaches a host as orchestrators do, publishes to one
openssh-server: is the host that is published to
reprepro: mirrors an apt repository
rpmlint: judges our rpms as Fedora does
skopeo: pushes images to a registry
varnish: caches a repository, and is told to forget
wget: downloads where there is no curl
zstd: reads packages independently of ours
'

# Every name that an installed package has or provides.
installed() {
    # shellcheck disable=SC2016 # the format is dpkg-query's
    dpkg-query --show --showformat='${db:Status-Status} ${Package}, ${Provides}\n' |
        sed -n 's/^installed //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//'
}

missing_of() {
    present=$(installed)
    printf '%s' "$1" | while IFS=: read -r package purpose; do
        [ -n "$package" ] || continue
        printf '%s\n' "$present" | grep -Fqx -- "$package" || printf '%s:%s\n' "$package" "$purpose"
    done
}

main() {
    case ${1:-test} in
    build) wanted=$build_packages ;;
    demo) wanted=$build_packages$demo_packages ;;
    test) wanted=$build_packages$demo_packages$test_packages ;;
    *)
        echo "usage: tools/setup_host.sh [build|demo|test]" >&2
        exit 2
        ;;
    esac
    if ! command -v dpkg-query >/dev/null; then
        echo "setup_host.sh: this machine is not a Debian or Ubuntu; the tools needed are:" >&2
        printf '%s' "$wanted" >&2
        exit 1
    fi
    missing=$(missing_of "$wanted")
    [ -n "$missing" ] || exit 0

    echo "missing Debian packages:"
    printf '%s\n' "$missing" | sed 's/^/  /'
    names=$(printf '%s\n' "$missing" | cut -d: -f1 | tr '\n' ' ')
    # Nothing that somebody chose to have on this machine may go to make room.
    install="apt-get install --yes --no-remove --no-install-recommends ${names% }"
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null; then
        as_root=sudo
    else
        echo "setup_host.sh: this needs root, and there is no sudo; run as root:" >&2
        echo "  apt-get update && $install" >&2
        exit 1
    fi
    $as_root apt-get update --quiet
    # The names are words on purpose. RUNLEVEL=1: no package starts a service on this machine.
    enabled_before=$(enabled_units)
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $install
    leave_disabled "$enabled_before"
}

# The units that start at boot, one a line; none where there is no systemd.
enabled_units() {
    command -v systemctl >/dev/null || return 0
    systemctl --root=/ list-unit-files --state=enabled --no-legend | cut -d' ' -f1
}

# Disables what has been enabled since: packages do so by themselves.
leave_disabled() {
    for unit in $(enabled_units); do
        printf '%s\n' "$1" | grep -Fqx -- "$unit" && continue
        $as_root systemctl --quiet disable "$unit" 2>/dev/null ||
            $as_root systemctl --quiet --root=/ disable "$unit"
        service=${unit%.service}
        # Without systemd as init the links of System V would start it.
        [ ! -e "/etc/init.d/$service" ] || $as_root update-rc.d "$service" disable
    done
}

main "$@"
