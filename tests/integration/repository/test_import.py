"""Repositories that aptly, reprepro and createrepo_c made, taken over and read by apt and dnf."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import PackageError, RepositoryError, SourceError, UsageError
from omnibuild.repository.importing.sources import Mapping
from omnibuild.repository.importing.takeover import Imported, Wanted, import_repository
from omnibuild.repository.intake import inspect
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.inventory import inventories
from tests.integration.repository.clients import Apt, Dnf, run, web_server
from tests.unit.repository.samples import (
    DEBIAN_12,
    EL9,
    LINUX,
    PLATFORMS,
    package,
)
from tests.unit.repository.samples import (
    created_signer as signer,
)


def done(*command: str | Path) -> None:
    found = run(*command)
    assert found.returncode == 0, found.stdout


def take(
    tmp_path: Path, place: Path | str, mapping: Mapping | None = None, **words: object
) -> Imported:
    wanted = Wanted(str(place), mapping or Mapping("stable"), tmp_path / "downloads", **words)  # type: ignore[arg-type]
    return import_repository(wanted, tmp_path / "new", signer(), PLATFORMS)


def aptly(tmp_path: Path, debs: list[Path]) -> Path:
    config = tmp_path / "aptly.json"
    config.write_text(json.dumps({"rootDir": str(tmp_path / "aptly")}))
    words = ("aptly", "-config", config)
    done(*words, "repo", "create", "-distribution=bookworm", "shop")
    done(*words, "repo", "add", "shop", *debs)
    done(*words, "publish", "repo", "-skip-signing", "-architectures=amd64", "shop")
    return tmp_path / "aptly"


def signed(suite: Path) -> Path:
    """Sign a suite; return the public key."""
    key = suite.parent.parent / "key.asc"
    key.write_bytes(signer("Other tool <other@example.com>").public_key_armored)
    message = signer("Other tool <other@example.com>").sign_cleartext(
        (suite / "Release").read_bytes()
    )
    (suite / "InRelease").write_bytes(message)
    return key


def debs_of(tmp_path: Path) -> list[Path]:
    return [package(tmp_path, version=version, platform=DEBIAN_12) for version in ("1.0", "1.1")]


def same_by_apt(tmp_path: Path, debs: list[Path], suite: str = "stable") -> None:
    """Have apt download each package, and compare its bytes."""
    keyring = next((tmp_path / "new/keys").glob("*.gpg"))
    apt = Apt(tmp_path / f"apt-{suite}")
    with web_server(tmp_path / "new") as url:
        apt.follow(url, keyring, suite)
        assert apt.run("update").returncode == 0
        for deb in debs:
            found = inspect(deb)
            said = apt.run("download", f"{found.name}={found.version}")
            assert said.returncode == 0, said.stdout
    digest = {digests.of_file(path) for path in apt.root.glob("*.deb")}
    assert digest == {digests.of_file(deb) for deb in debs}


def test_what_aptly_keeps_is_taken_from_its_directory(tmp_path: Path) -> None:
    debs = debs_of(tmp_path)
    found = take(tmp_path, aptly(tmp_path, debs))
    assert (found.added, found.refused) == (2, {})
    assert check(tmp_path / "new", deep=True).faults == []
    same_by_apt(tmp_path, debs)


def test_a_repository_is_taken_from_its_address_with_its_signature(tmp_path: Path) -> None:
    debs = debs_of(tmp_path)
    root = aptly(tmp_path, debs) / "public"
    key = signed(root / "dists/bookworm")
    mapping = Mapping("stable", ("bookworm",))
    with web_server(root) as url:
        with pytest.raises(UsageError, match="signatures"):
            take(tmp_path, url, mapping)
        other = tmp_path / "other.asc"
        other.write_bytes(signer("Somebody <s@example.com>").public_key_armored)
        with pytest.raises(RepositoryError, match="not signed"):
            take(tmp_path, url, mapping, signed_by=(other,))
        assert not (tmp_path / "new").exists()
        assert take(tmp_path, url, mapping, signed_by=(key,)).added == 2
        (deb,) = root.glob("pool/**/*1.1*.deb")
        deb.unlink()
        # What was downloaded is not fetched again.
        assert take(tmp_path, url, mapping, signed_by=(key,)).added == 0
        shutil.rmtree(tmp_path / "downloads")
        with pytest.raises(SourceError):
            take(tmp_path, url, mapping, signed_by=(key,))
    same_by_apt(tmp_path, debs)


def test_suites_and_components_of_reprepro_become_channels_and_components(tmp_path: Path) -> None:
    base, debs = tmp_path / "reprepro", debs_of(tmp_path)
    (base / "conf").mkdir(parents=True)
    about = "Suite: {0}-suite\nArchitectures: amd64\nComponents: main contrib\n"
    text = "\n".join(f"Codename: {name}\n{about.format(name)}" for name in ("bookworm", "trixie"))
    (base / "conf/distributions").write_text(text)
    done("reprepro", "-b", base, "-C", "main", "includedeb", "bookworm", debs[0])
    done("reprepro", "-b", base, "-C", "contrib", "includedeb", "trixie", debs[1])
    told = import_repository(
        Wanted(str(base), Mapping("stable"), tmp_path),
        *(tmp_path / "new", signer(), PLATFORMS),
        dry_run=True,
    )
    assert [(part.channel, part.component, part.packages) for part in told.parts] == [
        ("bookworm", "main", 1),
        ("trixie", "contrib", 1),
    ]
    assert list(told.lines(dry_run=True))[:2] == [
        "suite bookworm would become channel bookworm",
        "suite trixie would become channel trixie",
    ]
    assert not (tmp_path / "new").exists()
    mapping = Mapping("stable", ("bookworm=stable", "trixie=testing"), "main")
    taken = take(tmp_path, base, mapping)
    assert taken.added == 2
    assert next(taken.lines(dry_run=False)) == "suite bookworm is now channel stable"
    same_by_apt(tmp_path, debs[:1])
    same_by_apt(tmp_path, debs[1:], "testing")


def test_dnf_installs_what_createrepo_listed(tmp_path: Path) -> None:
    tree = tmp_path / "yum/el9/x86_64"
    tree.mkdir(parents=True)
    rpms = [package(tree, version=version, platform=EL9) for version in ("1.0", "1.1")]
    done("createrepo_c", tree)
    with web_server(tmp_path / "yum/el9/x86_64") as url:
        assert take(tmp_path, url, unsigned=True).added == 2
    assert take(tmp_path, tmp_path / "yum").added == 0
    served = {inspect(path).identity for path in (tmp_path / "new").rglob("hello*.rpm")}
    assert served == {inspect(rpm).identity for rpm in rpms}
    dnf = Dnf(tmp_path / "dnf")
    key = next((tmp_path / "new/keys").glob("RPM-GPG-KEY-*"))
    with web_server(tmp_path / "new") as url:
        dnf.follow(f"baseurl={url}/yum/stable/el9/x86_64", key)
        installed = dnf.run("install", "--downloadonly", "hello-1.0")
    assert installed.returncode == 0, installed.stdout
    assert list((tmp_path / "dnf").rglob("hello-1.0*.rpm"))


def test_a_directory_of_files_and_a_flat_repository(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    debs = [shutil.copy(deb, flat) for deb in debs_of(tmp_path)]
    tarball = package(tmp_path, platform=LINUX)
    shutil.copy(tarball, flat)
    assert take(tmp_path, flat).added == 3
    text = run("env", "-C", flat, "apt-ftparchive", "packages", ".").stdout
    (flat / "Packages").write_text(text)
    (flat / tarball.name).unlink()
    shutil.rmtree(tmp_path / "new")
    with web_server(flat) as url:
        assert take(tmp_path, url, unsigned=True).added == 2
    same_by_apt(tmp_path, [Path(deb) for deb in debs])


def test_all_that_is_refused_is_named_and_nothing_is_taken(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    good, bad = (Path(shutil.copy(deb, flat)) for deb in debs_of(tmp_path))
    bad.write_bytes(bad.read_bytes()[:-100])
    (flat / "other.rpm").write_bytes(b"no package")
    with pytest.raises(PackageError, match="2 of 3 packages are refused") as raised:
        take(tmp_path, flat)
    assert bad.name in raised.value.why
    assert "other.rpm" in raised.value.why
    assert not (tmp_path / "new").exists()
    found = take(tmp_path, flat, skip_refused=True)
    assert (found.added, sorted(found.refused)) == (1, [bad.name, "other.rpm"])
    held = [item.version for each in inventories(tmp_path / "new") for item in each.items]
    assert held == [inspect(good).version]


def test_what_an_index_says_and_is_not_there_is_refused(tmp_path: Path) -> None:
    root = aptly(tmp_path, debs_of(tmp_path)) / "public"
    (deb,) = root.glob("pool/**/*1.1*.deb")
    data = bytearray(deb.read_bytes())
    data[-1] ^= 1
    deb.unlink()
    deb.write_bytes(data)
    with pytest.raises(PackageError, match="refused") as raised:
        take(tmp_path, root)
    assert "not what its index says" in raised.value.why
    (index,) = root.glob("dists/bookworm/main/binary-amd64/Packages.gz")
    index.unlink()
    (root / "dists/bookworm/main/binary-amd64/Packages").write_bytes(b"Package: other\n")
    (root / "dists/bookworm/main/binary-amd64/Packages.bz2").unlink()
    with pytest.raises(RepositoryError, match="not what Release says"):
        take(tmp_path, root)
