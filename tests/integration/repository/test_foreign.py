"""Packages of other tools, whole and damaged: what is published, hosts' own tools can read."""

from __future__ import annotations

import gzip
import random
import subprocess
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from omnibuild.errors import PackageError
from omnibuild.package.deb.fields import check_fields
from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.repository.intake import inspect
from omnibuild.repository.publish import publish
from tests.certification.hostile.mutate import damaged
from tests.integration.repository.clients import Apt, Dnf, run
from tests.unit.repository.samples import DEBIAN_11, EL9, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

SEED, MUTATIONS = 20261126, 200

SPEC = """\
Name: sample
Epoch: 1
Version: 2.0
Release: 3
Summary: Has one of everything
License: MIT
Requires: /bin/sh, (bash or dash)
Recommends: curl >= 7
Suggests: wget
Supplements: (apache and php)
Enhances: emacs < 30
Provides: thing = 1
Conflicts: other < 2
Obsoletes: sample-old < 2
BuildArch: noarch
%description
A sample.
%install
mkdir -p %{buildroot}/usr/share/sample
echo text > %{buildroot}/usr/share/sample/file
%files
/usr/share/sample
%changelog
"""
CHANGES = "".join(
    f"* Tue Jan {day:02} 2024 Shop team <team@shop.example> - 1.{day}-1\n- Change {day} <&>\n\n"
    for day in range(14, 0, -1)
)


def foreign_deb(directory: Path, compression: str, name: str = "foreign") -> Path:
    root = directory / f"{name}-{compression}"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr/share/foreign").mkdir(parents=True)
    (root / "usr/share/foreign/file").write_text("text\n" * 500)
    (root / f"usr/share/foreign/{'n' * 150}").write_text("a long name\n")
    (root / "usr/share/foreign/link").symlink_to("l" * 150)
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: A <a@shop.example>\n"
        "Depends: libc6 (>= 2.31) | libc6.1, python3:any\nBreaks: old (<< 2)\n"
        "Description: a foreign package\n with more\n .\n  text\n"
    )
    (root / "DEBIAN/md5sums").write_bytes(
        subprocess.run(
            ["md5sum", "usr/share/foreign/file"], cwd=root, check=True, capture_output=True
        ).stdout
    )
    path = directory / f"{name}-{compression}.deb"
    build = ("dpkg-deb", "--root-owner-group", f"-Z{compression}", "--uniform-compression", "-b")
    assert run(*build, root, path).returncode == 0
    return path


@pytest.fixture(scope="module")
def sample_rpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("rpmbuild")
    (top / "sample.spec").write_text(SPEC + CHANGES)
    done = run("rpmbuild", "-ba", "--define", f"_topdir {top}", top / "sample.spec")
    assert done.returncode == 0, done.stdout
    return next(top.glob("RPMS/*/*.rpm"))


@pytest.mark.parametrize("compression", ["xz", "zstd", "gzip", "none"])
def test_debs_of_any_compression(tmp_path: Path, compression: str) -> None:
    path = foreign_deb(tmp_path, compression)
    root = tmp_path / "repository"
    publish([path], root, signer(), platforms=PLATFORMS)
    apt = Apt(tmp_path / "apt")
    apt.follow(f"file:{root}", next((root / "keys").glob("*.asc")))
    assert apt.run("update").returncode == 0
    done = apt.run("--print-uris", "download", "foreign")
    assert "foreign_2.0-1_all.deb" in done.stdout, done.stdout


def unpacked(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def test_udebs_are_for_the_installer_alone(tmp_path: Path) -> None:
    udeb = foreign_deb(tmp_path, "xz").rename(tmp_path / "foreign.udeb")
    root = tmp_path / "repository"
    publish([udeb, package(tmp_path)], root, signer(), platforms=PLATFORMS)
    main = root / "apt/dists/stable/main"
    assert "Package: foreign" not in unpacked(main / "binary-amd64/Packages.gz")
    text = unpacked(main / "debian-installer/binary-amd64/Packages.gz")
    assert "Filename: pool/main/f/foreign/foreign_2.0-1_all.udeb\n" in text
    release = (root / "apt/dists/stable/Release").read_text()
    assert " main/debian-installer/binary-amd64/Packages.gz\n" in release
    apt = Apt(tmp_path / "apt")
    apt.follow(f"file:{root}", next((root / "keys").glob("*.asc")))
    assert apt.run("update").returncode == 0
    assert apt.run("--print-uris", "download", "hello").returncode == 0
    assert apt.run("--print-uris", "download", "foreign").returncode != 0


def test_apt_takes_components_without_a_word(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, signer(), platforms=PLATFORMS)
    udeb = foreign_deb(tmp_path, "xz").rename(tmp_path / "foreign.udeb")
    files = [package(tmp_path, "extra"), udeb]
    publish(files, root, signer(), platforms=PLATFORMS, component="contrib")
    apt = Apt(tmp_path / "apt")
    keyring = next((root / "keys").glob("*.asc"))
    # One suite holds nothing for the second component.
    apt.follow(f"file:{root}", keyring, "stable stable-deb11", "main contrib")
    done = apt.run("update")
    assert done.returncode == 0, done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith(("W:", "N:", "E:"))]
    done = apt.run("--print-uris", "download", "extra", "hello")
    assert "/pool/contrib/e/extra/" in done.stdout, done.stdout
    assert "/pool/main/h/hello/" in done.stdout
    # Who wants main alone sees nothing of the other.
    apt.follow(f"file:{root}", keyring)
    assert apt.run("update").returncode == 0
    assert apt.run("--print-uris", "download", "extra").returncode != 0


def test_what_this_machine_has_installed_would_be_taken() -> None:
    """Fields of some hundred packages of Debian; an index's and a database's own put aside."""
    text = Path("/var/lib/dpkg/status").read_text()
    paragraphs = [parse_paragraph(part) for part in text.strip().split("\n\n")]
    assert len(paragraphs) > 50
    for fields in paragraphs:
        own = ("Status", "Conffiles", "Config-Version")
        check_fields({k: v for k, v in fields.items() if k not in own})


def test_a_source_rpm_is_refused(tmp_path: Path, sample_rpm: Path) -> None:
    source = next(sample_rpm.parents[2].glob("SRPMS/*.src.rpm"))
    renamed = tmp_path / "sample-2.0-3.noarch.rpm"
    renamed.write_bytes(source.read_bytes())
    for path in (source, renamed):
        with pytest.raises(PackageError, match="source package"):
            publish([path], tmp_path / "repository", signer(), platforms=PLATFORMS)
    assert not (tmp_path / "repository/state").exists()


def test_metadata_is_that_of_createrepo(tmp_path: Path, sample_rpm: Path) -> None:
    root = tmp_path / "repository"
    publish([sample_rpm], root, signer(), platforms=PLATFORMS)
    tree = root / "yum/stable/el9/x86_64"
    copy = tmp_path / "copy"
    assert run("cp", "-a", tree, copy).returncode == 0
    assert run("rm", "-r", copy / "repodata").returncode == 0
    options = ("--quiet", "--changelog-limit=10", "--general-compress-type=gz", "--no-database")
    assert run("createrepo_c", *options, copy).returncode == 0
    for kind in ("primary", "filelists", "other"):
        ours, theirs = (elements(directory, kind) for directory in (tree, copy))
        assert ours == theirs, kind


def elements(tree: Path, kind: str) -> list[tuple[str, dict[str, str], str]]:
    """Return what metadata says; times of files are their own affair."""
    (path,) = (tree / "repodata").glob(f"*{kind}.xml.gz")
    document = ElementTree.fromstring(gzip.decompress(path.read_bytes()))  # noqa: S314
    left_out = ("}time", "}packager", "}vendor", "}url")
    found = [
        (item.tag, dict(item.attrib), (item.text or "").strip())
        for item in document.iter()
        if not item.tag.endswith(left_out)
    ]
    return sorted(found, key=str)


def test_dnf_reads_weak_relations_and_changes(tmp_path: Path, sample_rpm: Path) -> None:
    root = tmp_path / "repository"
    publish([sample_rpm], root, signer(), platforms=PLATFORMS)
    dnf = Dnf(tmp_path / "dnf")
    where = f"baseurl=file://{root}/yum/stable/el9/x86_64"
    dnf.follow(where, next((root / "keys").glob("*.asc")))
    wanted = {"suggests": "wget", "supplements": "php", "enhances": "emacs", "recommends": "curl"}
    for kind, name in wanted.items():
        assert name in dnf.run("-q", "repoquery", f"--{kind}", "sample").stdout, kind
    assert "Change 14 <&>" in dnf.run("-q", "repoquery", "--changelogs", "sample").stdout


def accepted(samples: Iterable[Path], directory: Path, name: str) -> list[Path]:
    """Return which of many damaged copies would be published."""
    dice = random.Random(SEED)  # noqa: S311
    found = []
    for sample in samples:
        whole = sample.read_bytes()
        for number in range(MUTATIONS):
            content = damaged(whole, dice)
            path = directory / f"{sample.stem}-{number}{name}"
            path.write_bytes(content)
            try:
                inspect(path)
            except PackageError:
                path.unlink()
            else:
                found.append(path)
    return found


def test_damaged_debs_that_are_taken_dpkg_takes(tmp_path: Path) -> None:
    samples = [
        package(tmp_path, content="#!/bin/sh\n" * 99),
        package(tmp_path, "gz", platform=DEBIAN_11),
        foreign_deb(tmp_path, "xz"),
        foreign_deb(tmp_path, "none"),
    ]
    for path in accepted(samples, tmp_path, "-damaged.deb"):
        assert run("dpkg-deb", "--info", path).returncode == 0, path
        done = run("dpkg-deb", "--extract", path, tmp_path / "extracted")
        assert done.returncode == 0, (path, done.stdout)


def test_damaged_rpms_that_are_taken_rpm_takes(tmp_path: Path, sample_rpm: Path) -> None:
    samples = [package(tmp_path, platform=EL9, content="#!/bin/sh\n" * 99), sample_rpm]
    database = ("--dbpath", tmp_path / "rpmdb")
    assert all(run("rpmkeys", *database, "-K", sample).returncode == 0 for sample in samples)
    for path in accepted(samples, tmp_path, "-damaged.rpm"):
        done = run("rpmkeys", *database, "--checksig", "--verbose", path)
        assert done.returncode == 0, (path, done.stdout)
