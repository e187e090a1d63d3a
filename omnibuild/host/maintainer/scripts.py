"""Maintainer scripts of all formats: small, idempotent, made of one set of shell functions.

A script holds only the functions that it calls. Users, directories and services come about by
the distribution's own means; where there is no systemd yet (containers, images) scripts do what
the first boot needs and start nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from omnibuild.host import hooks as points
from omnibuild.host.maintainer.functions import Told, functions, hook_name
from omnibuild.host.maintainer.shell import Steps, deb_case, if_erased, script

_DEB_ACTION = 'if [ -n "${2:-}" ]; then action=upgrade; else action=install; fi'
_CHECK_USER = 'check_user || [ "$action" = upgrade ]'
# opkg tells only the first script which of both it is.
_NOTE = "/run/{app}.upgrade"
_OPKG_FIRST = (
    'if [ "${{1:-}}" = upgrade ]; then action=upgrade; else action=install; fi',
    'if [ "$action" = upgrade ] && [ -d /run ]; then : >{note}; fi',
)
_OPKG_LAST = "if rm {note} 2>/dev/null; then action=upgrade; else action=install; fi"
# Images of other machines are made by calling scripts on the one that builds: nothing is done
# there, and what fails there is configured on the first boot.
_ELSEWHERE = '[ -z "${{D:-}}" ] || exit {status}'
_RPM_ACTION = 'if [ "${1:-1}" -gt 1 ]; then action=upgrade; else action=install; fi'


@dataclass(frozen=True)
class Scripts(Told):
    """The maintainer scripts of an app."""

    def by_format(self) -> dict[str, dict[str, str]]:
        """Return the scripts of all formats that have any, by the format's name."""
        return {
            "deb": self._for("deb").deb(),
            "rpm": self._for("rpm").rpm(),
            "archlinux": self._for("archlinux").archlinux(),
            "apk": self._for("apk").apk(),
            "ipk": self._for("ipk").ipk(),
            "tar": self._for("tar").tar(),
        }

    def _for(self, form: str) -> Scripts:
        ghosts = {
            path: formats for path, formats in self.ghosts.items() if form in formats or not formats
        }
        applied = {
            path: formats
            for path, formats in self.applied.items()
            if form in formats or not formats
        }
        return replace(self, ghosts=ghosts, applied=applied)

    def deb(self) -> dict[str, str]:
        """Return the scripts of a deb by their name."""
        before = self._hook(points.PRE_INSTALL, '"$action" "${2:-}"')
        after = self._hook(points.POST_CONFIGURE, '"$action" "${2:-}"')
        start = self._services('enable_services "$action"', 'start_services "$action"')
        accounts = self._user("create_user", "make_directories")
        # The format has that function: it knows where the defaults are.
        own = (*self._config("lay_configuration"), *(("finish_files",) if self.special else ()))
        secrets = self._secrets("make_secrets", "share_secrets")
        ready = (*accounts, *own, *self._applied(), *secrets, *self._additions("check_additions"))
        configure = (*ready, *self._prepare(), *after, *start)
        first = (
            *self._user(_CHECK_USER),
            *self._data(),
            *self._services("note_services"),
            *before,
        )
        cases: dict[str, dict[str, Steps]] = {
            "preinst": {
                "install|upgrade": first and (_DEB_ACTION, *first),
            },
            "postinst": {
                "configure": configure and (_DEB_ACTION, *configure),
                "abort-remove": self._services("resume_services"),
            },
            "prerm": {
                "remove": (
                    *self._services("note_services"),
                    *self._hook(points.PRE_REMOVE),
                    *self._services("stop_services"),
                ),
                "upgrade": self._services("note_units"),
            },
            "postrm": self._deb_postrm(),
        }
        wanted = {name: deb_case(name, steps) for name, steps in cases.items()}
        return self._scripts(wanted, "services-deb.sh.in")

    def _deb_postrm(self) -> dict[str, Steps]:
        return {
            "upgrade": self._services("stop_dropped"),
            "remove": (
                "clean_prefix",
                *self._user("remove_runtime"),
                *self._secrets("forget_shared"),
                *self._services("reload_systemd"),
            ),
            "purge": (
                *self._hook(points.PURGE),
                *self._services("forget_services", "reload_systemd"),
                *(("remove_ghosts", "clean_prefix") if self.ghosts else ()),
                "remove_data",
                *self._additions("remove_additions"),
                *self._secrets("remove_secrets"),
                "remove_configuration",
            ),
        }

    def rpm(self) -> dict[str, str]:
        """Return the scripts of an rpm by their name."""
        before = self._hook(points.PRE_INSTALL, '"$action" ""')
        after = self._hook(points.POST_CONFIGURE, '"$action" ""')
        enable = self._services('enable_services "$action"')
        # rpm goes on when this one fails, and the new services shall not start then.
        configure = (
            *self._services("begin_configuring"),
            # Once more: there is --nopre.
            *self._claim(*self._user("create_user", "make_directories")),
            *self._applied(),
            *self._secrets("make_secrets"),
            *enable,
            *self._additions("check_additions"),
            *self._prepare(),
            *after,
            *self._services("end_configuring"),
        )
        erase = (*self._hook(points.PRE_REMOVE), *self._services("stop_services"))
        first = (
            *self._user(_CHECK_USER),
            *self._data(),
            *self._user("create_user"),
            *self._services("note_services"),
            *before,
        )
        wanted = {
            # Only here does a failure keep the package from being installed.
            "pre": first and (_RPM_ACTION, *first),
            "post": configure and (_RPM_ACTION, *configure),
            # 0: the last version leaves; otherwise an upgrade removes the old one.
            "preun": erase and if_erased(erase),
            "postun": (
                *if_erased(("clean_prefix", *self._user("remove_runtime"))),
                *self._services("stop_dropped", "reload_systemd"),
            ),
            "posttrans": self._services("start_services"),
        }
        return self._scripts(wanted, "services-preset.sh.in", "services-rpm.sh.in")

    def archlinux(self) -> dict[str, str]:
        """Return the functions of pacman's ``.INSTALL`` by their name, each as a script."""
        return self._called_by_name("pre_{}", "post_{}", "pre_remove", "post_remove")

    def apk(self) -> dict[str, str]:
        """Return the scripts of an apk by their name."""
        return self._called_by_name("pre-{}", "post-{}", "pre-deinstall", "post-deinstall")

    def ipk(self) -> dict[str, str]:
        """Return the scripts of an ipk by their name: dpkg's, but that opkg tells them less."""
        note = _NOTE.format(app=self.layout.app)
        first = tuple(line.format(note=note) for line in _OPKG_FIRST)
        before, after = self._before(), self._after()
        leaving, left = self._leaving(), self._left()
        wanted: dict[str, Steps] = {
            "preinst": before and (*first, *before),
            "postinst": after and (_OPKG_LAST.format(note=note), *after),
            "prerm": leaving and ('[ "${1:-}" = remove ] || exit 0', *leaving),
            "postrm": ('[ "${1:-}" = remove ] || exit 0', *left),
        }
        guarded = {
            name: (_ELSEWHERE.format(status=int(name == "postinst")), *steps)
            for name, steps in wanted.items()
            if steps
        }
        return self._scriptlets(guarded)

    def tar(self) -> dict[str, str]:
        """Return what installing the services of a tarball runs, by the name of what happens."""
        return self._called_by_name("pre-{}", "post-{}", "pre-remove", "post-remove")

    def _called_by_name(self, before: str, after: str, leaving: str, left: str) -> dict[str, str]:
        """Return the scripts of managers that have one of its own for each thing that happens."""
        wanted: dict[str, Steps] = {}
        for action in ("install", "upgrade"):
            for name, steps in ((before, self._before()), (after, self._after())):
                wanted[name.format(action)] = steps and (f"action={action}", *steps)
        return self._scriptlets({**wanted, leaving: self._leaving(), left: self._left()})

    def _scriptlets(self, wanted: Mapping[str, Steps]) -> dict[str, str]:
        return self._scripts(wanted, "services-preset.sh.in", "services-scriptlets.sh.in")

    def _before(self) -> Steps:
        return (
            *self._user(_CHECK_USER),
            *self._data(),
            *self._services("note_services", "note_units"),
            *self._hook(points.PRE_INSTALL, '"$action" ""'),
        )

    def _after(self) -> Steps:
        configured = (
            # Once more: not every manager heeds that a script failed before.
            *self._user(_CHECK_USER),
            *self._checks(),
            *self._claim(*self._user("create_user", "make_directories"), known=""),
            *self._applied(),
            *self._secrets("make_secrets"),
            *self._services('enable_services "$action"'),
            *self._additions("check_additions"),
            *self._prepare(),
            *self._hook(points.POST_CONFIGURE, '"$action" ""'),
        )
        started = ("stop_dropped", "start_services", 'tell_how_to_start "$action"')
        return (*configured, *self._services(*started))

    def _leaving(self) -> Steps:
        return (*self._hook(points.PRE_REMOVE), *self._services("stop_services"))

    def _left(self) -> Steps:
        return (
            *(("remove_ghosts",) if self.ghosts else ()),
            "clean_prefix",
            *self._user("remove_runtime"),
            *self._services("reload_systemd"),
        )

    def _user(self, *steps: str) -> Steps:
        return steps if self.layout.user else ()

    def _applied(self) -> Steps:
        return ("apply_files",) if self.applied else ()

    def _additions(self, *steps: str) -> Steps:
        return steps if self.additions else ()

    def _secrets(self, *steps: str) -> Steps:
        return steps if self.secrets else ()

    def _config(self, *steps: str) -> Steps:
        return steps if self.config else ()

    def _claim(self, *accounts: str, known: str | None = None) -> Steps:
        """Let configuration files be whose they shall be, once the accounts are there.

        ``known`` is the user's number when files were unpacked; rpm gives them to whom it knows.
        """
        if all(line.startswith("root root ") for line in self.config):
            return accounts
        if known is not None:
            return (*accounts, f'claim_configuration "{known}"')
        ask = f"known=$(id -u {self.layout.user} 2>/dev/null || :)"
        return (ask, *accounts, 'claim_configuration "$known"')

    def _prepare(self) -> Steps:
        # It becomes the app's user itself, once it has read what only root may read.
        # The caller's state is none of its business.
        run = f"env -u {self.layout.variable('STATE')} {self.layout.prefix}/libexec/prepare"
        return () if self.hooks.keys().isdisjoint(points.PREPARING) else (run,)

    def _hook(self, point: str, arguments: str = "") -> Steps:
        return (f"{hook_name(point)} {arguments}".rstrip(),) if point in self.hooks else ()

    def _data(self) -> Steps:
        """Refuse a version that would not do for the data, before anything is changed."""
        return (*self._checks(), *(("back_up",) if self.beneath else ()))

    def _checks(self) -> Steps:
        return tuple(f"check_data {one.name} {one.file} {one.version}" for one in self.versioned)

    def _services(self, *steps: str) -> Steps:
        return steps if self.units.target else ()

    def _scripts(self, wanted: Mapping[str, Steps], *services: str) -> dict[str, str]:
        known = functions(self, *services)
        return {name: script(steps, known) for name, steps in wanted.items() if steps}
