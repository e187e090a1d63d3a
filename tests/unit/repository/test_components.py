"""Components of apt's suites: what is where, and repositories from before there were several."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from omnibuild.errors import IdentityConflictError, UsageError
from omnibuild.recipe.models import Debian, Platform
from omnibuild.repository import layout
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.publish import Published, publish, remove
from tests.unit.repository.samples import DEBIAN_11, PLATFORMS, listing, package, signer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def into(root: Path, *files: Path, component: str = "main", channel: str = "stable") -> Published:
    return publish(files, root, signer(), channel, PLATFORMS, component=component)


def listed(root: Path, component: str, suite: str = "stable") -> list[str]:
    packed = root / f"apt/dists/{suite}/{component}/binary-amd64/Packages.gz"
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines()
    names = [line.removeprefix("Package: ") for line in lines if line.startswith("Package: ")]
    return [name for name in names if not layout.is_keyring_package(name)]


def said(root: Path, suite: str = "stable") -> str:
    lines = (root / f"apt/dists/{suite}/InRelease").read_text().splitlines()
    return next(line for line in lines if line.startswith("Components: "))


def test_each_component_has_its_own_packages(tmp_path: Path, root: Path) -> None:
    into(root, package(tmp_path, "shop"))
    into(root, package(tmp_path, "extra"), component="contrib")
    assert (listed(root, "main"), listed(root, "contrib")) == (["shop"], ["extra"])
    assert (root / "apt/pool/contrib/e/extra/extra_1.0-1_amd64.deb").is_file()
    # A source names the same components for each suite.
    for suite in ("stable", "stable-deb11"):
        assert said(root, suite) == "Components: main contrib"
    for place in ("install.sh", "index.html"):
        assert "Components: main contrib" in (root / place).read_text()
    assert check(root, deep=True).faults == []


def test_a_component_stays_where_packages_go(tmp_path: Path, root: Path) -> None:
    into(root, package(tmp_path, "extra"), component="contrib", channel="testing")
    promote(["extra"], root, signer(), "testing", "stable")
    assert listed(root, "contrib", "stable") == ["extra"]
    remove(["extra"], root, signer(), "testing")
    remove(["extra"], root, signer(), "stable")
    assert listed(root, "contrib") == []
    assert said(root) == "Components: main contrib"
    assert check(root).faults == []


def test_what_nothing_names_leaves_each_pool(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into(root, package(tmp_path, "shop"), package(tmp_path, "extra"), component="contrib")
    remove(["extra"], root, signer())
    later = time.time() + 100 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    collect(root, later)
    assert [path.name for path in root.glob("apt/pool/contrib/*/*/*")] == ["shop_1.0-1_amd64.deb"]


def test_other_content_in_another_component_is_refused(tmp_path: Path, root: Path) -> None:
    into(root, package(tmp_path), component="contrib", channel="testing")
    before = listing(root)
    with pytest.raises(IdentityConflictError, match="other content"):
        into(root, package(tmp_path, content="other"))
    assert listing(root) == before


def test_a_channel_has_a_package_in_one_component(tmp_path: Path, root: Path) -> None:
    deb = package(tmp_path)
    into(root, deb, component="contrib")
    before = listing(root)
    with pytest.raises(UsageError, match="in component contrib of channel stable already") as error:
        into(root, deb)
    assert "--component contrib" in error.value.hint
    assert listing(root) == before
    remove(["hello=1.0-1"], root, signer())
    into(root, deb)
    assert (listed(root, "main"), listed(root, "contrib")) == (["hello"], [])


@pytest.mark.parametrize("name", ["", "Main", "../x", "non free", "a" * 41])
def test_what_is_no_component(tmp_path: Path, root: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a component"):
        into(root, package(tmp_path), component=name)
    assert not root.exists() or not listing(root)


def test_a_component_is_for_apt_alone(tmp_path: Path, root: Path) -> None:
    with pytest.raises(UsageError, match=r"no \.deb for component contrib"):
        into(root, package(tmp_path, platform=PLATFORMS[2]), component="contrib")


def before_components(root: Path) -> None:
    """Have the state as it was written when there was one component."""
    path = root / layout.HEAD
    head = json.loads(path.read_text())
    del head["repository"]["components"]
    path.write_text(json.dumps(head))
    path = root / layout.SHOWN
    shown = json.loads(path.read_text())
    del shown["repository"]["components"]
    path.write_text(json.dumps(shown))


@pytest.mark.parametrize("component", ["main", "contrib"])
def test_a_repository_of_before_goes_on(tmp_path: Path, root: Path, component: str) -> None:
    into(root, package(tmp_path, "shop"), package(tmp_path, "old", platform=DEBIAN_11))
    before_components(root)
    old = listing(root)
    into(root, package(tmp_path, "extra"), component=component)
    assert check(root, deep=True).faults == []
    assert listed(root, "main") == (["extra", "shop"] if component == "main" else ["shop"])
    assert listed(root, component) == (["extra", "shop"] if component == "main" else ["extra"])
    assert listed(root, "main", "stable-deb11") == ["old"]
    kept = {path: data for path, data in old.items() if path.startswith("apt/pool/")}
    assert kept.items() <= listing(root).items()


def built_for(architecture: str) -> Platform:
    deb = Debian(compression="gzip", architecture=architecture)
    return Platform(name="x", title="X", glibc="2.31", root="bullseye", deb=deb)


def test_architectures_and_debug_symbols_are_beside_each_other(tmp_path: Path, root: Path) -> None:
    debs = [
        package(tmp_path, "shop"),
        package(tmp_path, "shop-dbgsym"),
        package(tmp_path, "shop", platform=built_for("arm64")),
        package(tmp_path, "shop-doc", platform=built_for("all")),
    ]
    into(root, *debs, component="contrib")
    assert listed(root, "contrib") == ["shop", "shop-dbgsym", "shop-doc"]
    packed = root / "apt/dists/stable/contrib/binary-arm64/Packages.gz"
    arm = gzip.decompress(packed.read_bytes()).decode()
    assert [line for line in arm.splitlines() if line.startswith("Filename: ")] == [
        "Filename: pool/contrib/s/shop/shop_1.0-1_arm64.deb",
        "Filename: pool/contrib/s/shop-doc/shop-doc_1.0-1_all.deb",
    ]
