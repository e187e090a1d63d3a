"""Real hosts for the acceptance tests: Debian 11 to 13, a booted Debian 12, a simulated EL 9.

A host is a minimal file tree made by mmdebstrap once and cached; each test gets a clone of it
(an overlay) in namespaces of its own, with a loopback and nothing else of a network. Tests take
hosts from the fixtures ``hosts`` (one test) and ``module_hosts`` (the tests of one module)::

    def test_install(hosts: HostPool, apt_repository: Path) -> None:
        host = hosts.debian("bullseye", binds={apt_repository: "/repo"})
        host.write("/etc/apt/sources.list", "deb [signed-by=/repo/key.asc] file:/repo stable main")
        host.run("apt-get", "update")
"""

from tests.acceptance.hosts.bases import Base, make_base
from tests.acceptance.hosts.booted import BootedHost
from tests.acceptance.hosts.certificates import Authority, Certificate, make_authority, trust
from tests.acceptance.hosts.machine import ChrootHost, Host
from tests.acceptance.hosts.outcome import CommandFailedError, Done, Response, eventually
from tests.acceptance.hosts.pool import HostPool, debian_root
from tests.acceptance.hosts.simulated_el import SimulatedElHost, SimulatedElRoot
from tests.acceptance.hosts.web import serve

__all__ = [
    "HostPool",
    "Host",
    "ChrootHost",
    "BootedHost",
    "SimulatedElHost",
    "SimulatedElRoot",
    "Done",
    "Response",
    "CommandFailedError",
    "eventually",
    "serve",
    "Authority",
    "Certificate",
    "make_authority",
    "trust",
    "Base",
    "make_base",
    "debian_root",
]
