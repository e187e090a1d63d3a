"""The installer: one POSIX shell script at the root of a repository.

It carries the signing keys, lets apt or dnf verify the repository by them, and installs the package
that owns them on hosts, and the one that is asked for. Everything after that is the package
manager's own work: upgrades come with the host's. For a user without root it verifies a tarball
itself.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from msgspec import Struct

from omnibuild.repository.clients import apt_source, updater, yum_repo
from omnibuild.repository.clients.systems import TARBALL, USER, HostSystem
from omnibuild.repository.clients.template import render

# What the script consists of, in this order; what is shared is part of the updater, too.
PARTS = (
    *("install/head", "shared/json", "install/outcome", "install/arguments", "shared/schedule"),
    *("install/system", "install/files", "shared/run", "install/versions"),
    *("shared/apt", "install/apt", "shared/dnf", "install/dnf", "install/keyring"),
    *("install/keep", "install/user", "install/layers", "install/keep_user"),
    *("shared/health", "install/services", "install/keep_services", "install/main"),
)


class Keys(Struct, frozen=True):
    """What the script verifies the repository by, until a host has the package of its keys.

    Args:
        fingerprint: of the key that signs, for people to compare.
        fingerprints: of all keys.
        apt: all of them as text, in one block.
        dnf: the same in a block for each.
        serial: of the package that brings these keys to hosts.
    """

    fingerprint: str
    fingerprints: tuple[str, ...]
    apt: str
    dnf: str
    serial: int


def installer(
    *,
    name: str,
    former_names: Iterable[str],
    title: str,
    keys: Keys,
    base_url: str,
    channel: str,
    components: Sequence[str],
    systems: Iterable[HostSystem],
) -> str:
    """Return the text of ``install.sh``.

    Args:
        name: of keyring and sources on the host; it never changes.
        former_names: what earlier installers called them, to be taken away.
        title: who publishes.
        keys: the public keys.
        base_url: the repository's address; empty when hosts give it with ``--url``.
        channel: what hosts follow unless told otherwise.
        components: those of all suites.
        systems: the hosts that there are packages for.
    """
    ordered = sorted(systems)
    of_user = [system for system in ordered if system.family == USER]
    managed = [system for system in ordered if system.family != USER]
    values = {
        "NAME": shlex.quote(name),
        "FORMER_NAMES": shlex.quote(" ".join(former_names)),
        "TITLE": shlex.quote(title),
        "TITLE_COMMENT": title,
        "FINGERPRINT": keys.fingerprint,
        "FINGERPRINTS": shlex.quote(" ".join(keys.fingerprints)),
        "SERIAL": str(keys.serial),
        "BASE_URL": shlex.quote(base_url),
        "CHANNEL": channel,
        "KEY": keys.apt.strip(),
        "DNF_KEY": _dnf_key(keys),
        "SYSTEMS": "\n".join(map(_row, ordered)),
        "PLATFORMS": ", ".join(dict.fromkeys(system.name for system in managed)) or "none yet",
        "SUPPORTED": shlex.quote(_titles(managed) or "none yet"),
        "SUPPORTED_USERS": shlex.quote(_titles(of_user)),
        **_files(components),
        **_updater(name, title),
    }
    return "".join(render(f"{part}.sh.in", values) for part in PARTS)


def _files(components: Sequence[str]) -> dict[str, str]:
    """Return texts of files, in which the script's own variables stand."""
    return {
        "APT_SOURCE": apt_source.source(
            url="$url",
            suite="$channel$place",
            components=components,
            keyring="$1",
            architecture="$architecture",
        ),
        "APT_PREFERENCES": apt_source.preferences("$TITLE"),
        "YUM_REPO": yum_repo.repo(
            name="$NAME", title="$TITLE", location="$location", key="file://$1"
        ),
    }


def _updater(name: str, title: str) -> dict[str, str]:
    """Return what keeps services from tarballs current, and where it goes."""
    made = updater.files(name, title, TARBALL)
    path, service, timer = made
    return {
        "UPDATER_PATH": shlex.quote(path),
        "UPDATER_UNITS": service.rpartition("/")[0],
        "UPDATER": made[path].rstrip(),
        "UPDATER_SERVICE": made[service].rstrip(),
        "UPDATER_TIMER": made[timer].rstrip(),
    }


def _dnf_key(keys: Keys) -> str:
    """Return the commands that write the keys for dnf; those for apt, where they are equal."""
    return "    key" if keys.dnf == keys.apt else f"    cat <<'KEY'\n{keys.dnf.strip()}\nKEY"


def _titles(systems: Iterable[HostSystem]) -> str:
    return ", ".join(f"{system.title} ({system.architecture})" for system in systems)


def _row(system: HostSystem) -> str:
    title = system.title.replace("|", " ")
    fields = (system.family, system.name, system.architecture, system.glibc, system.place, title)
    return "|".join(fields)
