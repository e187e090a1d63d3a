"""Fixtures of the acceptance tests: hosts, and what they say when a test fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from omnibuild.tools import Tool
from tests.acceptance.hosts import Authority, HostPool, make_authority
from tests.acceptance.hosts.pool import remove_leftovers
from tests.acceptance.products import Products

# Program, and the Debian package of it; tools/setup_host.sh installs them all.
NEEDED = (
    Tool("mmdebstrap", "mmdebstrap"),
    Tool("systemd-nspawn", "systemd-container"),
    Tool("curl", "curl"),
    Tool("openssl", "openssl"),
    Tool("ss", "iproute2"),
    Tool("dnf", "dnf"),
    Tool("rpmbuild", "rpm"),
)


@pytest.fixture(scope="session")
def real_hosts() -> None:
    """Skip, with the reason, where no real host can be started; in CI that is a failure."""
    refuse = pytest.fail if os.environ.get("CI") else pytest.skip
    if sys.platform != "linux" or os.geteuid():
        refuse("real hosts need root on Linux: sudo make test")
    for tool in NEEDED:
        tool.path()
    remove_leftovers()


@pytest.fixture
def hosts(real_hosts: None) -> Iterator[HostPool]:
    """Real hosts for one test."""
    with HostPool() as pool:
        yield pool


@pytest.fixture(scope="module")
def module_hosts(real_hosts: None) -> Iterator[HostPool]:
    """Real hosts that the tests of one module share."""
    with HostPool() as pool:
        yield pool


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority; hosts trust it after ``trust(host, authority)``."""
    directory: Path = tmp_path_factory.mktemp("authority")
    return make_authority(directory)


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> Products:
    """Artifacts and repositories, built once a session from the user's store."""
    base = tmp_path_factory.mktemp("products")
    # apt reads repositories as a user of its own.
    for directory in (base, *base.parents[:2]):
        directory.chmod(0o755)
    return Products(base)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport]:
    """Add the journals and consoles of a failed test's hosts to its report."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and report.when in ("setup", "call"):
        for pool in getattr(item, "funcargs", {}).values():
            if isinstance(pool, HostPool):
                for host in pool.hosts:
                    report.sections.append((f"host {host.name}", host.diagnostics()))
