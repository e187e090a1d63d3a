"""install.sh --user takes a release in layers: what it fetches, what it keeps, and the way back."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path
from typing import IO, Any

import pytest

from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Quiet, web_server
from tests.integration.repository.test_install_sh import NAME, REPOSITORY, URL
from tests.integration.repository.test_installer_ways import HOME, LINK, OWN, as_user, document
from tests.unit.repository.samples import PLATFORMS, layered_tarball, package
from tests.unit.repository.samples import created_signer as signer

SHELLS = pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
INSTALL = f"alice sh {REPOSITORY}/install.sh --user"
HOME_OF_APP = f"{HOME}/.local/opt/{NAME}"
STATE = f"readlink '{HOME_OF_APP}/current' '{HOME_OF_APP}/previous'"


def noise(size: int) -> str:
    """Return so many bytes that take half as many when they are compressed."""
    return "".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(size // 64))


# What does not change from version to version.
LARGE = {
    "python-3.13": {"lib/python.txt": noise(1 << 20)},
    "python:flask": {"lib/flask.txt": noise(1 << 19)},
    "zlib": {"lib/zlib.txt": "zlib"},
}


def tarball(directory: Path, version: str) -> Path:
    """Write a version of an app: 1.5 MB that stay as they are, and itself."""
    parts = {**LARGE, f"python:{NAME}": {"lib/app.txt": version}}
    return layered_tarball(directory, version, parts, NAME)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repositories after each of three versions, called after them."""
    base = tmp_path_factory.mktemp("made")
    before = None
    for version in ("1.0", "1.1", "1.2"):
        repository = base / version
        if before:
            shutil.copytree(before, repository)
        publish([tarball(base, version)], repository, signer(), platforms=PLATFORMS, base_url=URL)
        before = repository
    return base


@pytest.fixture
def repository(made: Path, tmp_path: Path) -> Path:
    """A directory with the repository after 1.0, and below it that after 1.1 and after 1.2."""
    shutil.copytree(made / "1.0", tmp_path / "repository")
    for version in ("1.1", "1.2"):
        shutil.copytree(made / version, tmp_path / "repository" / version)
    return tmp_path / "repository"


class Counted(Quiet):
    """Serves files, and notes how many bytes of each."""

    served: list[tuple[str, int]]

    def copyfile(self, source: IO[bytes], outputfile: Any) -> None:
        data = source.read()
        self.served.append((self.path, len(data)))
        outputfile.write(data)


@pytest.fixture
def counted() -> type[Counted]:
    class Here(Counted):
        served: list[tuple[str, int]] = []  # noqa: RUF012 - a class for each test

    return Here


def layers_of(served: list[tuple[str, int]]) -> list[int]:
    return [size for path, size in served if path.endswith(".tar.zst")]


@SHELLS
def test_an_update_fetches_what_changed_and_goes_back_without_a_byte(
    repository: Path, counted: type[Counted], shell: str
) -> None:
    with web_server(repository, counted) as url:
        install = f"alice {shell} {REPOSITORY}/install.sh --user --json --url {url}"
        first = as_user(repository, f"{install} {NAME} && cp -a '{HOME}' {REPOSITORY}/home")
        whole = sum(size for _, size in counted.served)
        assert document(first)["bytes"] == sum(layers_of(counted.served)) > 800_000
        counted.served.clear()
        said = as_user(
            repository,
            f"cp -a {REPOSITORY}/home/. '{HOME}';"
            f" {install}/1.1 --dry-run {NAME} >{REPOSITORY}/dry;"
            f" {install}/1.1 {NAME} && alice {LINK} && {STATE} && {OWN} >/tmp/before;"
            f" {install}/1.1 {NAME} >/dev/null; {OWN} | diff /tmp/before - && echo same;"
            f" alice {shell} {REPOSITORY}/install.sh --user --rollback {NAME}; {LINK}; {STATE};"
            f" ls -A '{HOME}/.local/opt' /tmp",
        )
    dry = document((repository / "dry").read_text())
    found = document(said)
    assert (found["version"], found["version_before"], found["changed"]) == ("1.1", "1.0", True)
    brought = layers_of(counted.served)
    assert (len(brought), sum(brought)) == (2, found["bytes"])
    assert dry["bytes"] == found["bytes"] < 2000
    # With the lists, which are signed or named by what is signed, and fetched three times.
    assert sum(size for _, size in counted.served) < 10_000 < whole // 50
    assert f"\n{NAME} 1.1\n1.1\n1.0\n" in said, said
    assert "\nsame\n" in said, said
    assert f"{NAME} 1.0 is current again; 1.1 stays in {HOME_OF_APP} until" in said
    assert said.endswith(f"\n{NAME} 1.0\n1.0\n{HOME}/.local/opt:\n{NAME}\n\n/tmp:\nbefore\n"), said


def test_back_once_and_forth_again(repository: Path) -> None:
    said = as_user(
        repository,
        f"{INSTALL} --rollback {NAME}; echo status $?; {INSTALL} {NAME} >/dev/null;"
        f" {INSTALL} --rollback {NAME}; echo status $?; {INSTALL} --url file://{REPOSITORY}/1.1"
        f" {NAME} >/dev/null; {INSTALL} --rollback --dry-run {NAME}; {LINK};"
        f" {INSTALL} --rollback {NAME} >/dev/null; {INSTALL} --rollback {NAME}; echo status $?;"
        f" {INSTALL} --json --url file://{REPOSITORY}/1.1 {NAME} 2>/dev/null; {LINK}; {STATE};"
        f" alice sh {REPOSITORY}/install.sh --rollback {NAME}; echo status $?;"
        f" {INSTALL} --rollback {NAME}=1.0; echo status $?",
    )
    assert f"{NAME} is not installed in {HOME_OF_APP}\nstatus 1\n" in said
    nothing = f"there is no version of {NAME} before 1.0 in {HOME_OF_APP}; nothing was changed"
    assert said.count(f"{nothing}\nstatus 1\n") == 2, said
    assert f"would go back from {NAME} 1.1 to 1.0\n{NAME} 1.1\n" in said
    # What was left is still there, and need not be fetched.
    assert (document(said)["bytes"], document(said)["version"]) == (0, "1.1")
    assert f"\n{NAME} 1.1\n1.1\n1.0\n" in said
    assert "--rollback is for --user" in said
    assert said.count("status 2") == 2


def test_what_no_version_uses_goes(repository: Path) -> None:
    files = f"cd '{HOME_OF_APP}'; ls; ls .layers | grep -c zst; ls .layers | grep list"
    said = as_user(
        repository,
        f"{INSTALL} {NAME}; {INSTALL} --url file://{REPOSITORY}/1.1 {NAME};"
        f" {INSTALL} --url file://{REPOSITORY}/1.2 {NAME}; {files}; {INSTALL} --uninstall {NAME};"
        f" find '{HOME}'",
    )
    listed, _, after = said.partition("is not installed\n")
    lines = listed.splitlines()
    # Three layers that both have, and two of each.
    expected = ["1.1", "1.2", "current", "previous", "7", "1.1.list", "1.2.list", NAME]
    assert lines[-8:-1] == expected[:-1], said
    assert sorted(after.splitlines()) == [
        HOME,
        *(f"{HOME}/.local{name}" for name in ("", "/bin", "/opt")),
    ]


@pytest.mark.parametrize(
    ("way", "program"),
    [("curl", "zstd"), ("wget", "dpkg"), ("busybox", "zstd"), ("apt", "dpkg")],
)
def test_whatever_the_host_has(repository: Path, way: str, program: str) -> None:
    others = {"curl", "wget", "busybox", "zstd"} - {way, program}
    gone = " ".join(f"/usr/bin/{name}" for name in others)
    with web_server(repository) as url:
        said = as_user(
            repository,
            f"rm {gone}; {INSTALL} --url {url} {NAME} && {INSTALL} --url {url}/1.1 {NAME} &&"
            f" {LINK} && cat '{HOME_OF_APP}/1.1/lib/'*.txt | sha256sum | cut -c -64 &&"
            f" stat -c %a '{HOME_OF_APP}/1.1/lib/app.txt' '{HOME_OF_APP}/1.1/bin/{NAME}'",
        )
    assert f"\n{NAME} 1.1\n" in said, said
    whole = "".join(["1.1", LARGE["python:flask"]["lib/flask.txt"]])
    whole += LARGE["python-3.13"]["lib/python.txt"] + "zlib"
    assert said.endswith(f"\n{hashlib.sha256(whole.encode()).hexdigest()}\n644\n755\n"), said


@pytest.mark.parametrize(
    ("harm", "served"),
    [
        *((harm, True) for harm in ("layer", "longer", "gone", "list", "list gone", "older list")),
        *((harm, False) for harm in ("longer", "gone")),
    ],
)
def test_what_is_not_signed_changes_nothing(repository: Path, harm: str, served: bool) -> None:
    new = {path.name for path in (repository / "1.1/layers").iterdir()}
    new -= {path.name for path in (repository / "layers").iterdir()}
    suffix = "list" if "list" in harm else "zst"
    path = next(repository / "1.1/layers" / name for name in new if name.endswith(suffix))
    data = path.read_bytes()
    if harm in ("layer", "list"):
        path.write_bytes(data[:-1] + b"?")
    elif harm == "longer":
        path.write_bytes(data + bytes(1 << 20))
    elif harm == "older list":
        path.write_bytes(next(repository.glob("layers/*.list")).read_bytes())
    else:
        path.unlink()
    with web_server(repository) as url:
        address = url if served else f"file://{REPOSITORY}"
        said = as_user(
            repository,
            f"{INSTALL} {NAME} >/dev/null; {OWN} | grep -v 'opt [0-9]' >/tmp/before;"
            f" {INSTALL} --url {address}/1.1 {NAME}; echo status $?;"
            f" {OWN} | grep -v 'opt [0-9]' | diff /tmp/before - && {LINK};"
            f" ls -A '{HOME}/.local/opt' /tmp",
        )
    assert "nothing was changed\nstatus 5\n" in said, said
    assert said.endswith(f"\n{NAME} 1.0\n{HOME}/.local/opt:\n{NAME}\n\n/tmp:\nbefore\n"), said


def test_a_kept_layer_that_somebody_changed_is_fetched_again(repository: Path) -> None:
    """Neither what lies there nor what was installed is taken for what was signed."""
    said = as_user(
        repository,
        f"{INSTALL} {NAME} >/dev/null; cd '{HOME_OF_APP}';"
        ' for file in .layers/*.zst; do echo more >>"$file"; done; echo mine >1.0/lib/zlib.txt;'
        f" {INSTALL} --json --url file://{REPOSITORY}/1.1 {NAME} 2>/dev/null;"
        " cat 1.1/lib/zlib.txt 1.0/lib/zlib.txt; for file in .layers/*.zst; do name=${file##*/};"
        ' echo "${name%.tar.zst}  $file" | sha256sum -c --quiet && echo good; done',
    )
    assert document(said)["bytes"] > 800_000
    assert "\nzlibmine\n" in said
    # Those of 1.0 alone are neither used nor repaired.
    assert said.count("\ngood") == 5, said


def test_two_at_once_do_the_same_as_one(repository: Path) -> None:
    said = as_user(
        repository,
        f"{INSTALL} {NAME} >/dev/null & {INSTALL} {NAME} >/dev/null & wait; {LINK};"
        f" for n in 1 2 3; do {INSTALL} --url file://{REPOSITORY}/1.1 {NAME} >/tmp/$n 2>&1 & done;"
        f" {INSTALL} --url file://{REPOSITORY}/1.2 {NAME} >/tmp/4 2>&1; wait; cat /tmp/[1-4];"
        f" {LINK}; cd '{HOME_OF_APP}'; readlink current; cat \"$(readlink current)/lib/app.txt\";"
        f" ls -A .. | grep -v '^{NAME}$'; find . -name '.*.new' -o -name '*.*.*.*/[0-9]*'",
    )
    assert said.startswith(f"{NAME} 1.0\n"), said
    # Whoever comes late with an older list is refused, and the newest stays.
    assert said.endswith(f"\n{NAME} 1.2\n1.2\n1.2"), said
    assert "unexpected" not in said


def test_a_lock_that_is_never_given_up(repository: Path) -> None:
    said = as_user(
        repository,
        f"sed 's/^LOCK_SECONDS=.*/LOCK_SECONDS=1/' {REPOSITORY}/install.sh >/tmp/install.sh;"
        f" alice mkdir -p '{HOME}/.local/opt'; alice flock '{HOME}/.local/opt/.{NAME}.lock'"
        f" sleep 20 & sleep 1; alice sh /tmp/install.sh --user --from {REPOSITORY} {NAME};"
        " echo status $?",
    )
    assert said.endswith("another run of this script kept its lock for 1 s\nstatus 8\n"), said


class Slow(Quiet):
    """Serves lists, and never any layer."""

    def do_GET(self) -> None:  # noqa: N802
        if self.path.endswith(".tar.zst"):
            time.sleep(6)
        else:
            super().do_GET()


def test_who_interrupts_it_keeps_what_there_was(repository: Path) -> None:
    with web_server(repository, Slow) as url:
        said = as_user(
            repository,
            f"{INSTALL} {NAME} >/dev/null; {OWN} | grep -v 'opt [0-9]' >/tmp/before;"
            f" alice timeout --preserve-status 3 sh {REPOSITORY}/install.sh --user --json"
            f" --url {url}/1.1 {NAME} 2>/dev/null;"
            f" echo status $?; {OWN} | grep -v 'opt [0-9]' | diff /tmp/before - && {LINK};"
            f" ls -A '{HOME}/.local/opt'; {INSTALL} --url file://{REPOSITORY}/1.1 {NAME} && {LINK}",
        )
    assert (document(said)["exit"], document(said)["changed"]) == (130, False)
    assert f"status 130\n{NAME} 1.0\n{NAME}\n" in said, said
    assert said.endswith(f"\n{NAME} 1.1\n")


@pytest.mark.parametrize("known", [True, False], ids=["said before", "met"])
def test_a_full_disk_keeps_what_there_was(repository: Path, known: bool) -> None:
    said = as_user(
        repository,
        f"{INSTALL} {NAME} >/dev/null; cp -a '{HOME}/.local' /tmp/local;"
        f" mount -t tmpfs -o size=5m,mode=755,uid=1234 none '{HOME}/.local';"
        f" cp -a /tmp/local/. '{HOME}/.local'; {OWN} | grep -v 'opt [0-9]' >/tmp/before;"
        f" {'' if known else 'rm /usr/bin/df;'}"
        f" dd if=/dev/zero of='{HOME}/.local/fill' bs=1k count={1500 if known else 1600};"
        f" alice sh {REPOSITORY}/install.sh --user --url file://{REPOSITORY}/1.1 {NAME};"
        f" echo status $?; rm '{HOME}/.local/fill';"
        f" {OWN} | grep -v -e 'opt [0-9]' -e 'local [0-9]' >/tmp/after;"
        f" grep -v -e 'local [0-9]' /tmp/before | diff - /tmp/after && {LINK};"
        f" ls -A '{HOME}/.local/opt'",
    )
    assert ("has no room: " in said) is known, said
    assert f"nothing was changed\nstatus 1\n{NAME} 1.0\n{NAME}\n" in said, said


def test_what_an_earlier_script_installed_goes_on(repository: Path) -> None:
    """There were links from each command to a version, and none between."""
    said = as_user(
        repository,
        f"{INSTALL} {NAME} >/dev/null; cd '{HOME_OF_APP}'; rm -r current .layers;"
        f" ln -sfn ../opt/{NAME}/1.0/bin/{NAME} {LINK}; {LINK};"
        f" {INSTALL} --url file://{REPOSITORY}/1.1 {NAME} >/dev/null; {LINK}; readlink {LINK};"
        f" {INSTALL} --rollback {NAME} >/dev/null; {LINK}",
    )
    link = f"../opt/{NAME}/current/bin/{NAME}"
    assert said == f"{NAME} 1.0\n{NAME} 1.1\n{link}\n{NAME} 1.0\n", said


def test_a_tarball_without_layers_takes_part(repository: Path, tmp_path: Path) -> None:
    linux = next(platform for platform in PLATFORMS if platform.tar)
    plain = package(tmp_path, NAME, "1.3", platform=linux)
    publish([plain], repository / "1.2", signer(), platforms=PLATFORMS)
    said = as_user(
        repository,
        f"{INSTALL} {NAME} >/dev/null; {INSTALL} --json --url file://{REPOSITORY}/1.2 {NAME}"
        f" 2>/dev/null; {LINK}; {INSTALL} --rollback {NAME} >/dev/null; {LINK};"
        f" ls '{HOME_OF_APP}/.layers' | grep -c zst",
    )
    assert document(said)["bytes"] == plain.stat().st_size
    # What the one before needs is kept.
    assert said.endswith(f"\n{NAME} 1.3\n{NAME} 1.0\n5\n"), said
