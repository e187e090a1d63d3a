"""How thorough property tests are: quick by default, OMNIBUILD_EXAMPLES=500 to certify.

And the container engines and the registry that tests share: each starts for the first that asks.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from omnibuild.store.store import Store
from tests.engines import running_docker, running_podman, running_registry

# Who starts the tests in the background has the signal ignored; tests send it to be answered.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A skip that may stand in CI, and why. Every other one is a failure there: it would hide that
# something was never tested.
FINE_IN_CI = {
    "this kernel refuses an overlay over its root": "decided by the machine that CI lends",
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skips into failures where CI promises that everything is there."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(call.excinfo.value) if call.excinfo else ""
        if reason.removeprefix("Skipped: ") not in FINE_IN_CI:
            report.outcome = "failed"
            report.longrepr = f"skipped, and CI must skip nothing: {reason}"
    return report


# Files of long tests, the longest first: begun last, one would keep one core busy, and one idle.
LONG_FILES = (
    *("test_crash", "test_tarball_services", "test_updates", "test_lowest_versions"),
    *("test_interruption", "test_s3", "test_updater", "test_orchestrators", "test_mirrors"),
    *("test_service_settings", "test_pex", "test_user_timer", "test_debian", "test_booted"),
    *("test_sandboxes", "test_install_sh", "test_containers"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files of long tests first; what is short evens out at the end."""
    order = {name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


settings.register_profile(
    "omnibuild",
    max_examples=int(os.environ.get("OMNIBUILD_EXAMPLES", "12")),
    # Shared machines have slow moments; time is never an assertion here.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("omnibuild")


@pytest.fixture(scope="session")
def docker() -> Iterator[str]:
    """The address of a dockerd of our own."""
    with running_docker() as address:
        yield address


@pytest.fixture(scope="session")
def podman() -> Iterator[str]:
    """The address of a podman service of our own."""
    with running_podman() as address:
        yield address


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """The host and port of an image registry of our own."""
    with running_registry() as address:
        yield address


@pytest.fixture
def here(tmp_path: Path) -> Store:
    """The store of one machine."""
    return Store(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Store:
    """The store of another."""
    return Store(tmp_path / "there")
