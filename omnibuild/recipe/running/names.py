"""Names that two things of an app would have: each process and each command has a launcher."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Python, Recipe, Web
from omnibuild.recipe.placing.programs import PROGRAMS_OF_HOSTS
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted

# What servers of the app's own bring for operators.
_PROGRAMS = {"postgresql": "psql", "valkey": "valkey-cli", "redis": "redis-cli"}


# Of every host below /etc, /run, /var/lib and /var/log: an app of such a name would have its own
# there, which the purge of its package removes.
HOSTS = {
    *("alternatives", "apparmor", "apparmor.d", "apt", "audit", "binfmt.d", "ca-certificates"),
    *("credentials", "cron.d", "cron.daily", "crontab", "dbus", "dbus-1", "default", "dnf", "dpkg"),
    *("environment", "fstab", "games", "group", "hostname", "hosts", "init.d", "initramfs-tools"),
    *("iproute2", "issue", "journal", "kernel", "ld.so.conf.d", "localtime", "lock", "log"),
    *("logrotate", "logrotate.d", "machines", "misc", "modprobe.d", "modules", "motd", "mount"),
    *("netns", "network", "networks", "opt", "pam", "pam.d", "passwd", "pki", "polkit-1"),
    *("portables", "private", "profile", "profile.d", "protocols", "resolvconf", "rpm", "security"),
    *("selinux", "services", "shadow", "shells", "skel", "ssh", "sshd", "ssl", "sudo", "sudoers.d"),
    *("sysctl.d", "systemd", "sysusers.d", "terminfo", "timezone", "tmpfiles.d", "ucf", "udev"),
    *("user", "xdg", "yum.repos.d"),
}


def name_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield what is called like something else of the app, or of hosts."""
    app = recipe.app.name
    if app in HOSTS:
        what = f"{quoted(app)} would have directories that are every host's own, as /var/lib/{app}"
        yield Fault(("app", "name"), what, "give the app another name, as one with a word more")
    named: list[tuple[Keys, str, str]] = []
    for table, names in (("service", recipe.services), ("timer", recipe.timers)):
        for name in names:
            named.append(((f"{table}s", name), f"{app}-{name}", f"the {table} `{name}`"))
    for name in recipe.commands:
        if name in PROGRAMS_OF_HOSTS:
            what = f"hosts have a program called {quoted(name)} already"
            yield Fault(("commands", name), what, f"call it `{app}-{name}`", in_key=True)
        named.append((("commands", name), name, f"the command `{name}`"))
    taken, units = _taken(recipe), dict[str, str]()
    for place, launcher, what in named:
        other = taken.setdefault(launcher, what)
        if other == what and place[0] != "commands":
            # Units have no plus sign in their names.
            other = units.setdefault(launcher.replace("+", "plus"), what)
        if other != what:
            said = f"{what} would be {launcher} on hosts, and so is {other}"
            yield Fault(place, said, "give one of them another name", in_key=True)


def _taken(recipe: Recipe) -> dict[str, str]:
    """Return the launchers that an app has besides, and what each of them is."""
    app = recipe.app.name
    taken = {f"{app}-run": "what starts all of the app"}
    if isinstance(recipe.web, Web):
        taken[f"{app}-web"] = "[web]"
        if recipe.web.tls:
            taken[f"{app}-tls"] = "what renews the certificate of [web.tls]"
        if recipe.web.proxy:
            taken[f"{app}-{recipe.web.proxy}"] = "the proxy of [web]"
    for name in recipe.bundle.names if recipe.bundle else ():
        taken[f"{app}-{name}"] = taken[f"{app}-{_PROGRAMS.get(name, name)}"] = f"[bundle.{name}]"
    if isinstance(recipe.python, Python) and recipe.python.additions:
        taken[f"{app}-pip"] = "what installs additions"
    return taken
