"""A host that boots: its process 1 is the real systemd."""

from __future__ import annotations

from tests.acceptance.hosts.machine import START_SECONDS, Host
from tests.acceptance.hosts.namespaces import is_alive
from tests.acceptance.hosts.outcome import eventually


class BootedHost(Host):
    """A host whose process 1 is systemd: services, users, the journal and reboots are real."""

    def payload(self) -> tuple[str, ...]:
        """Return the boot of the host's own init."""
        return ("--boot",)

    def is_up(self) -> bool:
        """Tell whether the boot is finished, with or without failed units."""
        return self.state() in ("running", "degraded")

    def state(self) -> str:
        """Return systemd's word for the whole host, ``running`` when all is well."""
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def reboot(self) -> None:
        """Shut down in order and boot again, keeping the disk."""
        leader = self.leader
        self.run("systemctl", "reboot")
        eventually(lambda: not is_alive(leader), f"{self.name} is down", seconds=START_SECONDS)
        self.wait_until_up()

    def power_off(self) -> None:
        """Shut down in order; the host is gone afterwards."""
        self.run("systemctl", "poweroff")
        self.supervisor.wait(START_SECONDS)
        self._leader = None

    def unit(self, name: str) -> dict[str, str]:
        """Return a unit's properties, such as ``ActiveState`` and ``MainPID``."""
        lines = self.run("systemctl", "show", "--", name).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def user_of(self, service: str) -> str:
        """Return the user that the main process of a running service belongs to."""
        pid = self.unit(service)["MainPID"]
        return self.run("stat", "--format=%U", f"/proc/{pid}").stdout.strip()

    def journal(self, *options: str) -> str:
        """Return the journal of this boot, or what ``options`` of journalctl select."""
        return self.run("journalctl", "--boot", "--no-pager", *options, check=False).output

    def diagnostics(self) -> str:
        """Return the console, the failed units and the journal's end."""
        parts = [super().diagnostics()]
        if self._leader is not None and is_alive(self._leader):
            failed = self.run("systemctl", "--failed", "--no-pager", check=False).output
            parts += ["-- failed units", failed, "-- journal", self.journal("--lines=150")]
        return "\n".join(parts)
