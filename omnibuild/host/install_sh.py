"""The installer: one POSIX shell script at the root of a repository.

It carries the signing key, sets up apt or dnf, lets them verify the repository, and installs a
package. Everything after that is the package manager's own work: upgrades come with the host's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

TEMPLATE = "install.sh.in"

_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True, order=True)
class HostSystem:
    """A kind of host, and where its packages are in a repository.

    Args:
        name: as hosts say it: ``ID-VERSION_ID`` of os-release for apt, the yum tree for dnf.
        title: what people call it.
        architecture: as dpkg or ``uname -m`` says it.
        place: suffix of the apt suite, or the yum tree.
    """

    name: str
    title: str
    architecture: str
    place: str


def installer(
    *,
    name: str,
    title: str,
    fingerprint: str,
    key: str,
    base_url: str,
    channel: str,
    systems: Iterable[HostSystem],
) -> str:
    """Return the text of ``install.sh``.

    Args:
        name: of keyring and sources on the host; it never changes.
        title: who publishes.
        fingerprint: of the key, for people to compare.
        key: the armored public key.
        base_url: the repository's address; empty when hosts give it with ``--url``.
        channel: what hosts follow unless told otherwise.
        systems: the hosts that there are packages for.
    """
    ordered = sorted(systems)
    supported = ", ".join(f"{system.title} ({system.architecture})" for system in ordered)
    values = {
        "NAME": shlex.quote(name),
        "TITLE": shlex.quote(title),
        "TITLE_COMMENT": title,
        "FINGERPRINT": fingerprint,
        "BASE_URL": shlex.quote(base_url),
        "CHANNEL": channel,
        "KEY": key.strip(),
        "PLACES": "\n".join(map(_place, ordered)),
        "SUPPORTED": shlex.quote(supported or "none yet"),
    }
    template = resources.files("omnibuild.host").joinpath(TEMPLATE).read_text()
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _place(system: HostSystem) -> str:
    pattern = shlex.quote(f"{system.name}/{system.architecture}")
    return f"        {pattern}) printf '%s' {shlex.quote(system.place)} ;;"
