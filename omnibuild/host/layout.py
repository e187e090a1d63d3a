"""Where an app lives on a host, and what its variables, units and user are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from omnibuild.errors import DefinitionError
from omnibuild.recipe.checks import service_user
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.running.environment import own_variable

# What only the host reads, for its own files.
_NOT_COPIED = "/etc/logrotate.d/"


@dataclass(frozen=True)
class Layout:
    """The names of one app on a host; derived from the recipe, never chosen twice.

    Args:
        app: the package's name.
        user: the system user of its services; empty when nothing runs as one.
        python: the interpreter's file name in ``bin/``; empty without Python.
    """

    app: str
    user: str
    python: str

    @classmethod
    def of(cls, recipe: Recipe) -> Layout:
        """Return the layout of a recipe."""
        python = f"python{recipe.python.version}" if recipe.python else ""
        return cls(recipe.app.name, service_user(recipe), python)

    @property
    def prefix(self) -> str:
        """The app's own directory."""
        return f"/opt/{self.app}"

    @property
    def etc(self) -> str:
        """Configuration that the operator edits."""
        return f"/etc/{self.app}"

    @property
    def secrets(self) -> str:
        """What only this host knows, a file each."""
        return f"{self.etc}/secrets"

    @property
    def state(self) -> str:
        """What the services write and keep."""
        return f"/var/lib/{self.app}"

    @property
    def additions(self) -> str:
        """What operators install beside the app; it is root's."""
        return f"/var/lib/{self.app}-additions"

    @property
    def pip(self) -> str:
        """The command by which operators install something beside the app."""
        return f"{self.app}-pip"

    @property
    def logs(self) -> str:
        """Log files, for apps that write some; services log to the journal."""
        return f"/var/log/{self.app}"

    @property
    def runtime(self) -> str:
        """Sockets; gone after a reboot."""
        return f"/run/{self.app}"

    @property
    def directories(self) -> str:
        """The program that makes the directories for state, logs and sockets."""
        return f"{self.prefix}/libexec/directories"

    @property
    def site_packages(self) -> str:
        """Where Python packages are, relative to the prefix."""
        return f"lib/{self.python}/site-packages"

    @property
    def unit(self) -> str:
        """The app's name as units may carry it: systemd forbids ``+`` in their names."""
        return self.app.replace("+", "plus")

    def variable(self, what: str) -> str:
        """Return the name of one of the app's environment variables, as ``SHOP_STATE``."""
        return own_variable(self.app, what)


def config_copies(layout: Layout, config: Iterable[str]) -> dict[str, str]:
    """Return the place of each config file's default copy below the prefix, by its host path.

    The copies are what a moved tree starts from. Two files of one name would be one copy.
    """
    copies: dict[str, str] = {}
    for host in config:
        if host.startswith(_NOT_COPIED):
            continue
        copy = f"etc/{host.rsplit('/', 1)[-1]}"
        if copy in copies.values():
            raise DefinitionError(
                f"two configuration files are called {copy.removeprefix('etc/')!r}",
                why=", ".join(path for path in config if path.endswith(copy[3:])),
                hint=f"give one of them another name below {layout.etc}",
            )
        copies[host] = copy
    return copies
