"""Real apt and dnf follow a channel to which packages are promoted, and that goes back."""

from __future__ import annotations

from pathlib import Path

from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Apt, Dnf, run, web_server
from tests.unit.repository.samples import DEBIAN_11, EL9, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer


def repository_of(tmp_path: Path, *platforms: object) -> Path:
    """Publish 1.0 to stable and 1.1 to testing."""
    root = tmp_path / "repository"
    for channel, version in (("stable", "1.0"), ("testing", "1.1")):
        files = [package(tmp_path, version=version, platform=each) for each in platforms]  # type: ignore[arg-type]
        publish(files, root, signer(), channel, PLATFORMS)
    return root


def key(repository: Path) -> Path:
    (path,) = repository.glob("keys/*.asc")
    return path


def test_apt_sees_what_is_promoted_and_no_more_what_is_demoted(tmp_path: Path) -> None:
    repository = repository_of(tmp_path, DEBIAN_11)
    apt = Apt(tmp_path / "apt")
    with web_server(repository) as url:
        apt.follow(url, key(repository), "stable-deb11")

        def candidate() -> str:
            done = apt.run("update")
            assert done.returncode == 0, done.stdout
            assert "W:" not in done.stdout
            return apt.run("--simulate", "install", "hello").stdout

        assert "Inst hello (1.0-1~deb11 " in candidate()
        promote([], repository, signer(), "testing", "stable")
        assert "Inst hello (1.1-1~deb11 " in candidate()
        done = apt.run("download", "hello")
        assert done.returncode == 0, done.stdout
        demote(repository, signer())
        assert "Inst hello (1.0-1~deb11 " in candidate()


def test_dnf_installs_what_is_promoted_and_keeps_it_when_it_is_demoted(tmp_path: Path) -> None:
    repository = repository_of(tmp_path, EL9)
    dnf = Dnf(tmp_path / "dnf")
    program = dnf.root / "root/opt/hello/bin/hello"
    with web_server(repository) as url:
        publish([], repository, signer(), platforms=PLATFORMS, base_url=url)
        dnf.follow(f"mirrorlist={url}/yum/stable/el9/x86_64/mirrorlist", key(repository))
        assert dnf.run("install", "hello").returncode == 0
        promote(["hello=1.1"], repository, signer(), "testing", "stable")
        done = dnf.run("upgrade", "--refresh")
        assert done.returncode == 0, done.stdout
        assert run("sh", program).stdout == "hello 1.1\n"
        demote(repository, signer())
        done = dnf.run("upgrade", "--refresh")
        assert done.returncode == 0, done.stdout
        # Neither of the two goes back by itself; who wants to says so.
        assert run("sh", program).stdout == "hello 1.1\n"
        done = dnf.run("downgrade", "--refresh", "hello")
        assert done.returncode == 0, done.stdout
    assert run("sh", program).stdout == "hello 1.0\n"
