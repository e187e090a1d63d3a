"""What the installer reads: the list of tarballs, and the script with its signature."""

from __future__ import annotations

import subprocess
from pathlib import Path

from omnibuild.digests import of_file
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.head import load
from omnibuild.repository.targets.directory import DirectoryTarget
from tests.unit.repository.samples import LINUX, PLATFORMS, listing, package, signer

SIGNATURE = "-----BEGIN PGP SIGNATURE-----"


def into(repository: Path, *files: Path, channel: str = "stable") -> None:
    publish(files, repository, signer(), channel, PLATFORMS)


def tarball(directory: Path, version: str = "1.0", name: str = "hello") -> Path:
    return package(directory, name, version, platform=LINUX)


def verified(repository: Path, channel: str = "stable") -> list[str]:
    """Return the lines of a list as a client has them, with the signature checked by gpgv."""
    text = (repository / f"downloads/{channel}.list").read_text()
    lines, mark, signature = text.partition(SIGNATURE)
    (repository.parent / "list").write_text(lines)
    (repository.parent / "list.asc").write_text(mark + signature)
    check(repository, repository.parent / "list")
    return lines.splitlines()


def check(repository: Path, file: Path) -> None:
    (key,) = (repository / "keys").glob("*.gpg")
    command = ["gpgv", "--keyring", str(key.resolve()), f"{file}.asc", str(file)]
    subprocess.run(command, check=True, capture_output=True)


def test_the_newest_is_first(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    files = [tarball(tmp_path, version) for version in ("1.9", "2.0~rc1", "1.10")]
    into(root, *files, tarball(tmp_path, name="another"), package(tmp_path))
    record = load(DirectoryTarget(root)).repository
    assert record
    name, channel, date, *rows = verified(root)
    assert (name, channel) == (f"repository {record.name}", "channel stable")
    assert date.startswith("date 1")
    assert [row.split()[1:4] for row in rows] == [
        ["another", "1.0", "x86_64"],
        ["hello", "2.0~rc1", "x86_64"],
        ["hello", "1.10", "x86_64"],
        ["hello", "1.9", "x86_64"],
    ]
    *_, digest, size, path = rows[1].split()
    assert path == f"downloads/{files[1].name}"
    assert (digest, int(size)) == (of_file(root / path), (root / path).stat().st_size)


def test_its_date_goes_on_when_it_changes_and_only_then(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    into(root, tarball(tmp_path))
    first = verified(root)
    before = listing(root)
    into(root)
    assert listing(root) == before
    into(root, tarball(tmp_path, "1.1"))
    second = verified(root)
    assert int(second[2].split()[1]) > int(first[2].split()[1])
    remove(["hello-1.0-linux-x86_64.tar.zst"], root, signer())
    assert [row.split()[2] for row in verified(root)[3:]] == ["1.1"]
    remove(["hello-1.1-linux-x86_64.tar.zst"], root, signer())
    assert len(verified(root)) == 3


def test_each_channel_has_its_own(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    into(root, tarball(tmp_path))
    into(root, tarball(tmp_path, "1.1"), channel="testing")
    into(root, package(tmp_path), channel="packages")
    assert [row.split()[2] for row in verified(root)[3:]] == ["1.0"]
    assert [row.split()[2] for row in verified(root, "testing")[3:]] == ["1.1"]
    assert not (root / "downloads/packages.list").exists()


def test_a_list_that_was_changed_is_written_again(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    into(root, tarball(tmp_path))
    before = listing(root)
    path = root / "downloads/stable.list"
    for harmed in (path.read_text().replace("hello", "hallo"), "", path.read_text()[:-100]):
        path.write_text(harmed)
        into(root)
        assert verified(root)[3:] == before["downloads/stable.list"].decode().splitlines()[3:4]


def test_the_installer_is_signed(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    into(root, package(tmp_path))
    check(root, root / "install.sh")
    command = ["sha256sum", "--check", "install.sh.sha256"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (root / "install.sh.asc").write_text("nonsense")
    into(root)
    check(root, root / "install.sh")
