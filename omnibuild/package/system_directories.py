"""Directories that belong to the distribution, never to an app's package.

They are owned by base packages, or by nobody, as /opt on Debian. A package that owned them too
would change their permissions, conflict with their owners, or remove them, also where they are
an operator's symlink or mount. What is not listed (``/opt/<app>``, ``/etc/<app>``,
``/var/lib/<app>``) is the app's own.
"""

from __future__ import annotations

from typing import Final

from omnibuild.tree import Entry, Kind

_NAMES_BY_PARENT: Final = {
    "": "bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr var",
    "etc": "bash_completion.d cron.d cron.daily cron.hourly cron.monthly cron.weekly default"
    " init.d ld.so.conf.d logrotate.d modprobe.d opt pam.d pki polkit-1 profile.d rsyslog.d"
    " security skel ssl sudoers.d sysconfig sysctl.d systemd sysusers.d tmpfiles.d udev xdg",
    "etc/polkit-1": "rules.d",
    "etc/security": "limits.d",
    "etc/systemd": "system user",
    "etc/udev": "rules.d",
    "lib": "systemd sysusers.d tmpfiles.d udev",
    "lib/systemd": "system",
    "lib/udev": "rules.d",
    "usr": "bin games include lib lib64 libexec local sbin share src",
    "usr/lib": "debug environment.d modules-load.d sysctl.d systemd sysusers.d tmpfiles.d udev",
    "usr/lib/debug": ".build-id",
    "usr/lib/systemd": "system system-generators system-preset user user-preset",
    "usr/lib/udev": "rules.d",
    "usr/local": "bin etc lib sbin share",
    "usr/share": "applications bash-completion dbus-1 doc fish icons info licenses lintian locale"
    " man metainfo pixmaps pkgconfig polkit-1 zsh",
    "usr/share/bash-completion": "completions",
    "usr/share/fish": "vendor_completions.d",
    "usr/share/lintian": "overrides",
    "usr/share/man": "man1 man2 man3 man4 man5 man6 man7 man8",
    "usr/share/zsh": "site-functions vendor-completions",
    "var": "cache lib local lock log mail opt run spool tmp",
    "var/spool": "cron",
}

# Paths as in a tree, relative to the host's root.
SYSTEM_DIRECTORIES: Final = frozenset(
    f"{parent}/{name}".lstrip("/")
    for parent, names in _NAMES_BY_PARENT.items()
    for name in names.split()
)


def is_system_directory(entry: Entry) -> bool:
    """Tell whether an entry is a directory that no package of an app may own."""
    return entry.kind is Kind.DIRECTORY and entry.path in SYSTEM_DIRECTORIES
