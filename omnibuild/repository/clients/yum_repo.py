"""What dnf and yum need on a host: a ``.repo`` file.

The installer and the landing page say the same: one with shell variables, one with values.
"""

from __future__ import annotations


def keyring_path(name: str) -> str:
    """Return where dnf hosts have the keys of a repository; the keyring package owns this file."""
    return f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{name}"


def repo(*, name: str, title: str, location: str, key: str) -> str:
    """Return a ``.repo`` file.

    Args:
        name: of the repository on this host.
        title: who publishes.
        location: the line that says where it is, ``baseurl=…`` or ``mirrorlist=…``.
        key: address of the public key.
    """
    return f"""[{name}]
name={title}
{location}
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey={key}
metadata_expire=300
# Of two packages with one name, that of this repository, also when the other is newer.
priority=90"""
