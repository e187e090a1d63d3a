"""A repository on a host with a real sshd: the same as in a directory, whatever breaks off."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError
from omnibuild.repository import layout
from omnibuild.repository.life.checking import check
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.head import load
from omnibuild.repository.targets import open_target
from omnibuild.repository.targets.ssh.session import Session
from omnibuild.repository.targets.ssh.target import SshTarget
from tests.integration.repository.clients import Apt, Dnf
from tests.integration.repository.targets.hosts import Host, host, know, ssh
from tests.integration.repository.targets.test_bucket import key, public, served, start
from tests.unit.repository.samples import DEBIAN_12, EL9, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

__all__ = ["key"]

URL = "https://shop.example"
AGENT = Path(__file__).parents[4] / "omnibuild/repository/targets/ssh/agent.sh"


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch, ssh_host: Host, tmp_path: Path) -> None:
    configure(monkeypatch, ssh_host, tmp_path)


def configure(monkeypatch: pytest.MonkeyPatch, there: Host, tmp_path: Path, *more: str) -> None:
    monkeypatch.setenv("PATH", f"{ssh(there.base, tmp_path / 'bin', *more)}:{os.environ['PATH']}")


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    """Return what starts a host that runs something before each session."""
    hosts = []

    def started(command: str) -> Host:
        script = tmp_path / "login"
        script.write_text(f'#!/bin/sh\n{command}\neval "$SSH_ORIGINAL_COMMAND"\n')
        script.chmod(0o755)
        context = host(tmp_path / "other-host", f"ForceCommand {script}")
        hosts.append(context)
        there = context.__enter__()
        configure(monkeypatch, there, tmp_path)
        return there

    yield started
    for context in hosts:
        context.__exit__(None, None, None)


def opened(place: str) -> SshTarget:
    target = open_target(place)
    assert isinstance(target, SshTarget)
    return target


def named(root: Path) -> set[str]:
    """Return all that readers find, and what there is of the state; rpms differ by signatures."""
    paths = (str(path.relative_to(root)) for path in root.rglob("*"))
    return {re.sub("[0-9a-f]{64}", "DIGEST", path) for path in paths} - {"state/uploads"}


def test_it_is_as_in_a_directory_and_hosts_read_it(
    tmp_path: Path, ssh_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "0" * 2 * size)
    old = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    new = [package(tmp_path, version="1.1", platform=platform) for platform in PLATFORMS]
    directory, there = tmp_path / "directory", tmp_path / "there"
    for place in (ssh_host.url(there), directory):
        publish(old, place, signer(), platforms=PLATFORMS, base_url=URL)
        assert publish(new, place, signer(), platforms=PLATFORMS).changed
        assert not publish(new, place, signer(), platforms=PLATFORMS).changed
        assert remove(["hello=1.0-1~deb11"], place, signer()).removed
    assert served(there) == served(directory)
    assert named(there) == named(directory)
    assert check(there, deep=True).faults == check(ssh_host.url(there), deep=True).faults == []
    apt, dnf = Apt(tmp_path / "apt"), Dnf(tmp_path / "dnf")
    apt.follow(f"file:{there}", public(signer(), tmp_path))
    assert apt.run("update").returncode == 0
    assert apt.run("download", "hello=1.1-1").returncode == 0
    dnf.follow(f"baseurl=file://{there}/yum/stable/el9/x86_64", public(signer(), tmp_path))
    assert dnf.run("install", "hello-1.1").returncode == 0


def test_publishers_at_once_lose_nothing_also_not_those_on_the_host_itself(
    tmp_path: Path, ssh_host: Host, key: Path
) -> None:
    there = tmp_path / "there"
    names = [f"app-{number}" for number in range(6)]
    debs = [package(tmp_path, name) for name in names]
    rpms = [package(tmp_path, name, platform=EL9) for name in names]
    places = [str(there) if number % 3 == 0 else ssh_host.url(there) for number in range(6)]
    running = [start(place, key, *files) for place, *files in zip(places, debs, rpms, strict=True)]
    assert [process.wait() for process in running] == [0] * len(names)
    channel = load(open_target(there)).channels["stable"]
    debs_of = [deb.name for deb in channel.suites["stable"]]
    assert [name for name in debs_of if not layout.is_keyring_package(name)] == names
    assert check(there, deep=True).faults == []


def test_whoever_comes_next_shows_what_a_killed_one_published(
    tmp_path: Path, ssh_host: Host, key: Path
) -> None:
    there = tmp_path / "there"
    place = ssh_host.url(there)
    assert start(place, key, package(tmp_path)).wait() == 0
    assert start(place, key, package(tmp_path, "other"), killed=True).wait() < 0
    assert check(there).faults
    assert start(place, key, package(tmp_path, "third")).wait() == 0
    assert check(there, deep=True).faults == []
    assert {deb.name for deb in load(open_target(there)).channels["stable"].suites["stable"]} > {
        "hello",
        "other",
        "third",
    }
    assert [name for name in os.listdir(there / "state") if name.startswith(".tmp")] == []


def test_an_upload_that_was_cut_off_goes_on(
    tmp_path: Path, ssh_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom(1 << 23))
    there = tmp_path / "there"
    told = Session.tell
    sent: list[int] = []

    def counted(self: Session, *words: str, data: bytes | None = None) -> None:
        sent.append(len(data or b""))
        if len(sent) == 9 and not cut:
            cut.append(True)
            # All that was sent is there.
            self.finish()
            ssh_host.cut()
        told(self, *words, data=data)

    cut: list[bool] = []
    monkeypatch.setattr(Session, "tell", counted)
    target = opened(ssh_host.url(there))
    with pytest.raises(RepositoryError, match="connection to the host was lost") as lost:
        target.put_file("downloads/big.tar.xz", big)
    assert "do it again" in lost.value.hint
    with pytest.raises(RepositoryError, match="was lost"):
        target.read("x")
    assert not (there / "downloads").exists()
    (upload,) = (there / "state/uploads").iterdir()
    before = upload.stat().st_size
    assert before == 8 << 19
    sent.clear()
    again = opened(ssh_host.url(there))
    again.put_file("downloads/big.tar.xz", big)
    assert sum(sent) == (1 << 23) - before
    assert (there / "downloads/big.tar.xz").read_bytes() == big.read_bytes()
    assert os.listdir(there / "state/uploads") == []


def test_an_upload_with_other_bytes_is_not_taken(tmp_path: Path, ssh_host: Host) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(1 << 20))
    there = tmp_path / "there"
    target = opened(ssh_host.url(there))
    target.put_file("a", big)
    digest = target.digest("a")
    (there / "state/uploads" / digest).write_bytes(b"other" * 1000)
    with pytest.raises(RepositoryError, match="not what it was said to be"):
        target.put_file("b", big)
    assert not (there / "b").exists()
    again = opened(ssh_host.url(there))
    again.put_file("b", big)
    assert (there / "b").read_bytes() == big.read_bytes()


HOLDER = """
import sys, time
from omnibuild.events import silent
from omnibuild.repository.targets import open_target
from omnibuild.repository.targets.ssh import session
session.LEASE = 2
target = open_target(sys.argv[1])
with target.locked("state/lock", silent):
    print("held", flush=True)
    time.sleep(600)
"""


def test_who_is_not_heard_of_loses_its_lock(tmp_path: Path, ssh_host: Host) -> None:
    place = ssh_host.url(tmp_path / "there")
    words = [sys.executable, "-c", HOLDER, place]
    # ssh and all that it started stop: as if the line were cut without a word.
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        (connection,) = subprocess.run(
            ["pgrep", "-P", str(holder.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        os.kill(int(connection), signal.SIGSTOP)
        holder.send_signal(signal.SIGSTOP)
        try:
            publish([package(tmp_path)], place, signer(), platforms=PLATFORMS)
        finally:
            os.kill(int(connection), signal.SIGKILL)
            holder.kill()
    assert check(place).faults == []


def test_pointers_are_later_by_a_second(tmp_path: Path, ssh_host: Host) -> None:
    there = tmp_path / "there"
    target = opened(ssh_host.url(there))
    target.put("pointer", b"1")
    # So it is after a publisher with a clock that was ahead.
    ahead = int(time.time()) + 3600
    os.utime(there / "pointer", (ahead, ahead))
    times = []
    for number in range(3):
        assert target.put("pointer", f"new {number}".encode())
        times.append(int((there / "pointer").stat().st_mtime))
    assert times == [ahead + 1, ahead + 2, ahead + 3]
    assert not target.put("pointer", b"new 2")
    assert int((there / "pointer").stat().st_mtime) == ahead + 3


def test_a_file_is_replaced_only_if_it_is_what_was_read(tmp_path: Path, ssh_host: Host) -> None:
    target = opened(ssh_host.url(tmp_path / "there"))
    assert not target.put_if("head", b"1", b"0")
    assert target.put_if("head", b"1", b"")
    assert not target.put_if("head", b"2", b"")
    assert target.put_if("head", b"2", b"1")
    assert target.read("head") == b"2"


@pytest.mark.parametrize("there", [1, 7, 8, 9, 20])
def test_the_newest_stay_however_old_they_are(tmp_path: Path, ssh_host: Host, there: int) -> None:
    root = tmp_path / "there"
    target = opened(ssh_host.url(root))
    names = [f"state-{number:02}" for number in range(there)]
    for number, name in enumerate(names):
        target.put(f"old/{name}", b"x")
        os.utime(root / "old" / name, (number, number))
    assert target.names("old") == names
    target.drop_retired("old", names, keep=8)
    assert sorted(os.listdir(root / "old")) == names[-8:]


def test_paths_run_nothing(tmp_path: Path, ssh_host: Host) -> None:
    marker = tmp_path / "ran"
    hostile = f"$(touch {marker});`touch {marker}`;'\";touch {marker};#&|<>*?~"
    url = ssh_host.url(tmp_path / "x").replace("/x", "/") + hostile.replace("/", "%2F").replace(
        "?", "%3F"
    ).replace("#", "%23")
    target = opened(url)
    for name in ("-rf", "$(id)", "a b", "'", '"', "*", "!x", "~", "ü", "\\n"):
        path = f"{name}/{name}"
        assert target.put(path, name.encode())
        assert target.read(path) == name.encode()
        assert target.exists(path)
        assert target.names(name) == [name]
        target.copy(path, f"{name}/copy")
        assert target.sizes(name) == {name: len(name.encode()), "copy": len(name.encode())}
        target.retire([path])
        target.remove(f"{name}/copy")
        assert target.names(name) == [name]
    with pytest.raises(RepositoryError, match="no path"):
        target.put("a\nremove\nb", b"")
    assert not marker.exists()


def test_modes_do_not_depend_on_the_umask_there_nor_on_what_start_files_say(
    tmp_path: Path, forced: Callable[[str], Host]
) -> None:
    there = tmp_path / "there"
    place = forced("umask 077; echo 'Welcome!'; echo; echo '- no newline at the end'").url(there)
    publish(
        [package(tmp_path), package(tmp_path, platform=EL9)], place, signer(), "stable", PLATFORMS
    )
    modes = {
        (path.is_dir(), path.stat().st_mode & 0o777)
        for path in (there, *there.rglob("*"))
        if ".tmp" not in str(path)
    }
    assert modes == {(True, 0o755), (False, 0o644)}


@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_other_shells_and_tools_do(
    tmp_path: Path, forced: Callable[[str], Host], shell: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to(f"/usr/bin/{shell}")
    if shell == "busybox":
        listed = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
        for name in {*listed.stdout.split()} - {"sh", "flock"}:
            (tools / name).symlink_to("/usr/bin/busybox")
        # Debian's has none; Alpine's does.
        (tools / "flock").symlink_to("/usr/bin/flock")
    path = tools if shell == "busybox" else f"{tools}:$PATH"
    there = tmp_path / "there"
    place = forced(f"PATH={path}; export PATH").url(there)
    big = package(tmp_path, content=os.urandom(1 << 20).hex())
    publish([big, package(tmp_path, platform=EL9)], place, signer(), platforms=PLATFORMS)
    publish([package(tmp_path, version="1.1")], place, signer(), platforms=PLATFORMS)
    assert check(place, deep=True).faults == []


def test_a_host_without_flock_is_one_error(tmp_path: Path, forced: Callable[[str], Host]) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for directory in ("/usr/bin", "/bin"):
        for name in os.listdir(directory):
            if name != "flock" and not (tools / name).exists():
                (tools / name).symlink_to(f"{directory}/{name}")
    place = forced(f"PATH={tools}; export PATH").url(tmp_path / "there")
    with pytest.raises(RepositoryError, match="lacks the program flock") as error:
        publish([package(tmp_path)], place, signer(), platforms=PLATFORMS)
    assert "util-linux" in error.value.hint


def test_a_full_disk_there_is_one_error(tmp_path: Path, forced: Callable[[str], Host]) -> None:
    there = tmp_path / "there"
    there.mkdir()
    script = tmp_path / "full"
    script.write_text(
        f'#!/bin/sh\nmount -t tmpfs -o size=300k none {there}\neval "$SSH_ORIGINAL_COMMAND"\n'
    )
    script.chmod(0o755)
    place = forced(f"exec unshare --map-root-user --mount {script}").url(there)
    big = package(tmp_path, content=os.urandom(1 << 20).hex())
    with pytest.raises(RepositoryError, match="disk of the host is full") as error:
        publish([big], place, signer(), platforms=PLATFORMS)
    assert place in str(error.value.where)
    assert "make room" in error.value.hint


def test_a_host_that_lets_nobody_in_and_none_at_all_are_one_error(
    tmp_path: Path, ssh_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ssh_host.url(tmp_path / "there")
    configure(
        monkeypatch,
        ssh_host,
        tmp_path,
        "-i",
        str(ssh_host.base / "host-key"),
        "-o",
        "PubkeyAcceptedAlgorithms=rsa-sha2-256",
    )
    with pytest.raises(RepositoryError, match="lets nobody in"):
        publish([package(tmp_path)], place, signer(), platforms=PLATFORMS)
    with pytest.raises(RepositoryError, match="cannot be reached"):
        open_target("ssh://127.0.0.1:9/srv").read("x")


def test_a_host_with_another_key_than_known_is_refused(
    tmp_path: Path, forced: Callable[[str], Host]
) -> None:
    there = forced("")
    place = there.url(tmp_path / "there")
    know(there.base, there.port, "key.pub")
    with pytest.raises(RepositoryError, match="another one than this machine knows") as error:
        publish([package(tmp_path)], place, signer(), platforms=PLATFORMS)
    assert "ssh-keygen -R" in error.value.hint
    (there.base / "known_hosts").write_text("")
    with pytest.raises(RepositoryError, match="does not know the host's key"):
        publish([package(tmp_path)], place, signer(), platforms=PLATFORMS)
    assert not (tmp_path / "there").exists()


def test_directories_that_are_not_ours_are_left_alone(tmp_path: Path, ssh_host: Host) -> None:
    foreign = tmp_path / "foreign"
    (foreign / "apt").mkdir(parents=True)
    with pytest.raises(RepositoryError, match="is no repository"):
        publish([package(tmp_path)], ssh_host.url(foreign), signer(), platforms=PLATFORMS)
    assert os.listdir(foreign) == ["apt"]
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(RepositoryError, match="director"):
            publish([package(tmp_path)], ssh_host.url(place), signer(), platforms=PLATFORMS)
    with pytest.raises(RepositoryError, match="this is no repository"):
        check(ssh_host.url(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_round_trips_do_not_become_more(
    tmp_path: Path, ssh_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ssh_host.url(tmp_path / "there")
    first = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(first, place, signer(), platforms=PLATFORMS, base_url=URL)
    sessions: list[Session] = []
    open_session = Session.open

    def noted(address: object) -> Session:
        sessions.append(open_session(address))  # type: ignore[arg-type]
        return sessions[-1]

    monkeypatch.setattr(Session, "open", noted)
    for platform, most in ((DEBIAN_12, 26), (EL9, 36)):
        publish(
            [package(tmp_path, "second", platform=platform)], place, signer(), "stable", PLATFORMS
        )
        assert sessions[-1].trips <= most
    assert len(sessions) == 2


def test_a_host_that_runs_nothing_is_told_with_its_words(
    tmp_path: Path, forced: Callable[[str], Host]
) -> None:
    there = forced("echo This account is currently not available.; exit 1")
    with pytest.raises(RepositoryError, match="the host runs no command") as caught:
        opened(there.url(tmp_path / "there")).read("x")
    assert caught.value.why == "This account is currently not available."
    assert "echo works" in caught.value.hint


def test_a_host_that_hangs_is_given_up(
    tmp_path: Path, forced: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnibuild.repository.targets.ssh.session._GREETING_SECONDS", 1.0)
    there = forced("exec sleep 30")
    with pytest.raises(RepositoryError, match="ran nothing within 1 s"):
        opened(there.url(tmp_path / "there")).read("x")
