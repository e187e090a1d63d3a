"""What dnf and yum need on a host: a ``.repo`` file.

The installer and the landing page say the same: one with shell variables, one with values.
"""

from __future__ import annotations

from typing import Final

# dnf has copies of the keys, for the metadata of each repository, and of a key that it has it takes
# no other copy. So they are made anew of the package's own: with an end that was extended, with a
# key before it signs, which nobody is asked for then, and without one that was dropped.
_RENEWAL: Final = """\
-- In rpm's own Lua: so the package requires nothing. Without gpg, dnf has no such copies.
os.execute([[
for copies in /var/cache/dnf/{name}-*/pubring /var/cache/libdnf5/{name}-*/pubring; do
    [ -d "$copies" ] || continue
    new=$copies.new
    rm -rf "$new"
    if mkdir -m 700 "$new" && gpg --batch --quiet --no-autostart --homedir "$new" --import {key}
    then
        rm -rf "$copies" && mv "$new" "$copies"
    else
        rm -rf "$new"
    fi
done >/dev/null 2>&1 </dev/null
]])
"""


def keyring_path(name: str) -> str:
    """Return where dnf hosts have the keys of a repository; the keyring package owns this file."""
    return f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{name}"


def renewal(name: str) -> str:
    """Return what rpm runs when the keyring package came or was upgraded."""
    return _RENEWAL.format(name=name, key=keyring_path(name))


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
