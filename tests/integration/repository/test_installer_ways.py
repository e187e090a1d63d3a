"""What else install.sh can be asked for, on this host under an overlay that is thrown away."""

from __future__ import annotations

import json
import re
import shutil
import socket
import tarfile
from pathlib import Path
from typing import Any

import pytest

from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Done, Proxied, Quiet, web_server
from tests.integration.repository.test_install_sh import (
    ALMA,
    DEBIAN,
    NAME,
    REPOSITORY,
    URL,
    published,
    repository,
)
from tests.integration.repository.test_install_sh import (
    on_host as separately_on_host,
)
from tests.unit.repository.samples import LINUX, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

__all__ = ["published", "repository"]

INSTALL = f"sh {REPOSITORY}/install.sh"
RUN = f"/opt/{NAME}/bin/{NAME}"
FAMILIES = pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
# All that may be there because of the installer, with times; caches of dnf and rpm apart.
FILES = (
    f"find /etc/apt /etc/yum.repos.d /etc/pki /usr/share/keyrings /opt/{NAME} /var/lib/dpkg/status"
    " /var/lib/apt -not -type d -printf '%p %T@ %m\\n' 2>/dev/null | sort"
)


def on_host(repository: Path, script: str, release: str = DEBIAN.format(12)) -> Done:
    """Run a script as there, with all that it says in the order it says it."""
    return separately_on_host(repository, f"exec 2>&1; {script}", release)


def document(said: str) -> dict[str, Any]:
    """Return the one JSON document among lines that all else of a test's output is."""
    (line,) = [line for line in said.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(line)
    return found


def upgraded(repository: Path, tmp_path: Path, version: str = "1.1") -> None:
    files = [package(tmp_path, NAME, version, platform=p) for p in PLATFORMS]
    publish(files, repository, signer(), platforms=PLATFORMS)


@FAMILIES
def test_a_dry_run_verifies_and_changes_nothing(repository: Path, release: str) -> None:
    done = on_host(
        repository,
        f"{FILES} >/tmp/before; {INSTALL} --dry-run {NAME} && {FILES} | diff /tmp/before - &&"
        f" ls -A /var/cache/dnf/shop* 2>/dev/null; {INSTALL} {NAME} >/dev/null 2>&1;"
        f" {FILES} >/tmp/before; {INSTALL} --dry-run --uninstall {NAME} &&"
        f" {INSTALL} --dry-run {NAME}=1.0 && {FILES} | diff /tmp/before - && ls /tmp",
        release,
    )
    lines = done.stdout.splitlines()
    assert lines.count(f"would install {NAME} 1.0-1") == 1, done.stdout
    assert lines.count(f"would remove {NAME} 1.0-1") == 1
    written = [line for line in lines if line.startswith("would write /")]
    removed = [line for line in lines if line.startswith("would remove /")]
    assert sorted(line.split()[-1] for line in written) == sorted(
        line.split()[-1] for line in removed
    )
    assert lines[-2:] == ["nothing would be changed", "before"]


@FAMILIES
def test_a_dry_run_says_what_is_wrong_to_everybody(repository: Path, release: str) -> None:
    nobody = "setpriv --reuid 65534 --clear-groups"
    done = on_host(repository, f"{nobody} {INSTALL} --dry-run {NAME}=7.0; echo status $?", release)
    assert f"of {NAME} it has: 1.0-1" in done.stdout
    assert done.stdout.endswith("status 6\n")
    for path in (*repository.glob("apt/dists/*/InRelease"), *repository.rglob("repomd.xml")):
        path.write_bytes(path.read_bytes() + b" ")
    done = on_host(repository, f"{INSTALL} --dry-run {NAME}; echo status $?", release)
    assert done.stdout.endswith("status 5\n"), done.stdout


@FAMILIES
def test_it_may_run_a_thousand_times(repository: Path, release: str) -> None:
    done = on_host(
        repository,
        f"{INSTALL} --json {NAME} 2>/dev/null; {FILES} | grep -v /lists/ >/tmp/before;"
        f" {INSTALL} --json {NAME} 2>/dev/null;"
        f" {FILES} | grep -v /lists/ | diff /tmp/before - && echo same",
        release,
    )
    first, second, same = done.stdout.splitlines()
    assert same == "same", done.stdout
    assert json.loads(first) == {
        "exit": 0,
        "error": None,
        "changed": True,
        "dry_run": False,
        "action": "install",
        "way": "apt" if release != ALMA else "dnf",
        "package": NAME,
        "version": "1.0-1",
        "version_before": None,
        "kept_current": False,
        "bytes": None,
        "repository": URL,
        "channel": "stable",
        "fingerprint": signer().fingerprint,
    }
    again = json.loads(second)
    assert (again["changed"], again["version"], again["version_before"]) == (
        False,
        "1.0-1",
        "1.0-1",
    )


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
@FAMILIES
def test_failures_are_documents_too(repository: Path, release: str, shell: str) -> None:
    install = f"{shell} {REPOSITORY}/install.sh --json"
    words = {
        f"{NAME}=7": 6,
        "--bogus": 2,
        "--channel nowhere": 5,
        "--url 'https://x/\"\\\\\xe9\n'": 2,
        "--user --keep-current --report-command id shop": 2,
        f"--user --rollback {NAME}": 1,
        "--tarball --keep-current --window noon shop": 2,
        f"--tarball --keep-current {NAME}": 6,
        f"--tarball --rollback {NAME}": 1,
        "--from /etc": 2,
    }
    script = "; ".join(f"{install} {word} 2>/tmp/errors; echo $?" for word in words)
    done = on_host(repository, f"{script}; cat /tmp/errors", release)
    lines = done.stdout.splitlines()
    for (word, status), line, code in zip(words.items(), lines[::2], lines[1::2], strict=False):
        found = json.loads(line)
        assert (found["exit"], code, found["changed"]) == (status, str(status), word == f"{NAME}=7")
        assert found["error"]
    assert lines[-1].startswith("install.sh: no copy of this repository")


@FAMILIES
def test_what_was_set_up_goes_again(repository: Path, release: str) -> None:
    files = FILES.replace(" -printf '%p %T@ %m\\n'", "")
    kept = "grep -v '/var/lib/apt/\\|/var/lib/dpkg'"
    done = on_host(
        repository,
        f"{files} | {kept} >/tmp/before; {INSTALL} {NAME} >/dev/null 2>&1; {RUN};"
        f" {INSTALL} --json --uninstall {NAME} 2>/dev/null &&"
        f" {files} | {kept} | diff /tmp/before - && echo same; ls {RUN} /var/cache/dnf/shop*;"
        f" rpm -q gpg-pubkey; {INSTALL} --json --uninstall {NAME}",
        release,
    )
    assert f"{NAME} 1.0\n" in done.stdout
    first, second = (json.loads(x) for x in done.stdout.splitlines() if x.startswith("{"))
    assert (first["changed"], first["version_before"]) == (True, "1.0-1")
    assert (second["changed"], second["exit"]) == (False, 0)
    assert f"cannot access '{RUN}'" in done.stdout
    assert "cannot access '/var/cache/dnf/shop" in done.stdout
    assert "package gpg-pubkey is not installed" in done.stdout
    assert "\nsame\n" in done.stdout, done.stdout


def test_a_key_that_another_repository_needs_stays(repository: Path, tmp_path: Path) -> None:
    second = repository / "second"
    files = [package(tmp_path, f"{NAME}-two", platform=p) for p in PLATFORMS]
    publish(files, second, signer(), platforms=PLATFORMS, base_url=f"{URL}/second")
    done = on_host(
        repository,
        f"{INSTALL} {NAME} && sh {REPOSITORY}/second/install.sh {NAME}-two &&"
        f" {INSTALL} --uninstall && rpm -q gpg-pubkey {NAME} &&"
        f" sh {REPOSITORY}/second/install.sh --uninstall; rpm -q gpg-pubkey",
        ALMA,
    )
    assert f"\n{NAME}-1.0-1.x86_64\n" in done.stdout
    assert done.stdout.count("gpg-pubkey-") == 1
    assert done.stdout.splitlines()[-1] == "package gpg-pubkey is not installed"


@FAMILIES
def test_only_a_set_up_goes_when_no_package_is_said(repository: Path, release: str) -> None:
    script = f"{INSTALL} {NAME} && {INSTALL} --uninstall && {RUN} && find /etc -name 'shop-*'"
    done = on_host(repository, script, release)
    assert done.stdout.splitlines()[-1] == f"{NAME} 1.0", done.stdout


@FAMILIES
def test_files_are_readable_whatever_the_umask(repository: Path, release: str) -> None:
    find = "find /etc /usr/share/keyrings -path '*shop-packages-*' -printf '%m %p\\n'"
    done = on_host(repository, f"umask 077; {INSTALL} {NAME} && {find}; {RUN}", release)
    modes = re.findall(r"^([0-7]{3,4}) /", done.stdout, re.MULTILINE)
    assert len(modes) > 1
    assert set(modes) == {"644"}


@FAMILIES
def test_offline_from_a_directory(repository: Path, release: str) -> None:
    script = (
        f"cp -r {REPOSITORY} /srv/copy; rm -rf {REPOSITORY}/*; cd /srv;"
        f" sh copy/install.sh --from copy {NAME} && {RUN}; grep -rh /srv/copy /etc/*.d /etc/apt"
    )
    done = on_host(repository, script, release)
    assert f"{NAME} 1.0\n" in done.stdout, done.stdout
    assert "file:///srv/copy/" in done.stdout


@FAMILIES
def test_through_a_proxy(repository: Path, release: str) -> None:
    with web_server(repository, Proxied) as proxy:
        script = f"export http_proxy={proxy}; {INSTALL} --url http://repo.invalid {NAME} && {RUN}"
        done = on_host(repository, script, release)
    assert done.stdout.splitlines()[-1] == f"{NAME} 1.0", done.stdout


def test_a_lock_that_is_never_given_up(repository: Path) -> None:
    script = (
        f"sed 's/^LOCK_SECONDS=.*/LOCK_SECONDS=2/' {REPOSITORY}/install.sh >/tmp/install.sh;"
        ' python3 -c \'import fcntl,time; f=open("/var/lib/dpkg/lock-frontend","w");'
        " fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(30)' & sleep 1;"
        f" sh /tmp/install.sh --json {NAME} 2>/dev/null; echo status $?"
    )
    said = on_host(repository, script).stdout
    assert said.endswith("status 8\n"), said
    assert document(said)["error"] == "another package manager kept its lock for 2 s"


@FAMILIES
@pytest.mark.parametrize("options", ["", "--user"], ids=["root", "user"])
def test_who_interrupts_it_finds_what_was_there(
    repository: Path, release: str, options: str
) -> None:
    """Also while it waits for a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = on_host(
            repository,
            f"export HOME=/tmp/home; mkdir /tmp/home; {FILES} >/tmp/before;"
            f" timeout --preserve-status 4 {INSTALL} --json {options} --url {url} {NAME}"
            f" 2>/dev/null; echo status $?; {FILES} | diff /tmp/before - &&"
            " rm -rf /tmp/home/.rpmdb; ls -A /tmp /tmp/home",
            release,
        )
    found = document(done.stdout)
    assert (found["exit"], found["error"], found["changed"]) == (130, "interrupted", False)
    assert done.stdout.endswith("status 130\n/tmp:\nbefore\nhome\n\n/tmp/home:\n"), done.stdout


@FAMILIES
@pytest.mark.parametrize("word", ["2.0rc1", "2.0-rc.1", "2.0~rc1", "2.0rc1-1"])
def test_versions_as_python_spells_them(
    repository: Path, tmp_path: Path, release: str, word: str
) -> None:
    for version in ("2.0~rc1", "2.0"):
        upgraded(repository, tmp_path, version)
    done = on_host(repository, f"{INSTALL} {NAME}={word} && {RUN}", release)
    assert done.stdout.splitlines()[-1] == f"{NAME} 2.0~rc1", done.stdout


@FAMILIES
def test_a_channel_is_followed_but_not_back(repository: Path, tmp_path: Path, release: str) -> None:
    files = [package(tmp_path, NAME, "1.1", platform=p) for p in PLATFORMS]
    publish(files, repository, signer(), "testing", PLATFORMS)
    done = on_host(
        repository,
        f"{INSTALL} {NAME} >/dev/null 2>&1; {INSTALL} --channel testing {NAME}; {RUN};"
        f" {INSTALL} {NAME}; echo status $?; {RUN}; {INSTALL} {NAME}=1.0; {RUN}",
        release,
    )
    said = [line for line in done.stdout.splitlines() if re.match(f"{NAME} [0-9.]+$", line)]
    assert said == [f"{NAME} 1.1", f"{NAME} 1.1", f"{NAME} 1.0"], done.stdout
    assert f"is newer than 1.0-1; to go back, name the version: {NAME}=1.0-1\n" in done.stdout
    assert "status 7" in done.stdout


# ---- without root ----

HOME = "/home/alice smith"
USER = (
    f"mkdir -p '{HOME}'; chown 1234 '{HOME}'; export HOME='{HOME}';"
    ' alice() { setpriv --reuid 1234 --clear-groups "$@"; };'
)
LINK = f"'{HOME}/.local/bin/{NAME}'"
LAUNCHER = "#!/bin/sh\n# The command {0} of {0}.\necho {0} {1} $0\n"
TREES = f"ls '{HOME}/.local/opt/{NAME}'"
# What the user has, in all detail.
OWN = f"find '{HOME}' -printf '%p %T@ %l\\n' | sort"


def as_user(repository: Path, script: str, release: str = DEBIAN.format(12)) -> str:
    return on_host(repository, USER + script, release).stdout


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
def test_a_user_needs_no_root(repository: Path, tmp_path: Path, shell: str) -> None:
    install = f"alice {shell} {REPOSITORY}/install.sh --user"
    said = as_user(
        repository,
        f"{install} {NAME} && alice {LINK}; {OWN} >/tmp/before;"
        f" {install} --json {NAME}; {OWN} | diff /tmp/before - && echo same;"
        f" {install} --dry-run {NAME}; ls -A /tmp",
    )
    assert f"{NAME} 1.0 is installed in {HOME}/.local/opt/{NAME}/1.0\n" in said, said
    assert f"its commands are in {HOME}/.local/bin, which is not in PATH\n" in said
    assert f"\n{NAME} 1.0\n" in said
    found = document(said)
    assert (found["way"], found["version"], found["changed"]) == ("user", "1.0", False)
    assert "\nsame\n" in said
    assert said.splitlines()[-2:] == ["nothing would be changed", "before"]


def test_a_dry_run_of_a_user(repository: Path) -> None:
    install = f"alice {INSTALL} --user --dry-run"
    said = as_user(
        repository,
        f"{install} {NAME} && find '{HOME}' && alice {INSTALL} --user {NAME} >/dev/null;"
        f" {OWN} >/tmp/before; {install} --uninstall {NAME}; {OWN} | diff /tmp/before - && {LINK}",
    )
    size = next(repository.glob("downloads/*.zst")).stat().st_size
    assert said.splitlines() == [
        f"would install {NAME} 1.0",
        f"would fetch {size} bytes",
        HOME,
        f"would remove {HOME}/.local/bin/{NAME}",
        f"would remove {HOME}/.local/opt/{NAME}",
        f"{NAME} 1.0",
    ]


def test_upgrades_and_the_way_back(repository: Path, tmp_path: Path) -> None:
    for version in ("1.1", "2.0~rc1"):
        upgraded(repository, tmp_path, version)
    install = f"alice {INSTALL} --user"
    words = [f"{NAME}=1.0", NAME, f"{NAME}=1.1", f"{NAME}=2.0rc1"]
    said = as_user(
        repository,
        "; ".join(f"{install} {w} && alice {LINK}" for w in words)
        + f"; {TREES}; {install} --uninstall {NAME}; find '{HOME}'",
    )
    ran = [line for line in said.splitlines() if re.match(f"{NAME} [0-9a-z~.]+$", line)]
    assert ran == [f"{NAME} {v}" for v in ("1.0", "2.0~rc1", "1.1", "2.0~rc1")], said
    assert "\n1.1\n2.0~rc1\n" in said
    left = said.partition("is not installed\n")[2].splitlines()
    assert sorted(left) == [HOME, *(f"{HOME}/.local{name}" for name in ("", "/bin", "/opt"))]


def test_commands_that_are_gone_are_no_links_any_more(repository: Path, tmp_path: Path) -> None:
    upgraded(repository, tmp_path)
    said = as_user(
        repository,
        f"alice {INSTALL} --user {NAME}=1.0 >/dev/null; cd '{HOME}/.local/bin';"
        f" ln -s ../opt/{NAME}/1.0/bin/gone old; ln -s /bin/true theirs;"
        f" alice {INSTALL} --user {NAME}; ls; {LINK}",
    )
    assert said.endswith(f"\n{NAME}\ntheirs\n{NAME} 1.1\n"), said


@pytest.mark.parametrize("way", ["curl", "wget", "busybox", "apt"])
@pytest.mark.parametrize("verifier", ["gpgv", "sqv", "gpg"])
@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxy"])
def test_whatever_the_host_has(repository: Path, way: str, verifier: str, proxied: bool) -> None:
    others = {"curl", "wget", "busybox", "gpgv", "sqv", "gpg", "zstd"} - {way, verifier}
    gone = " ".join(f"/usr/bin/{name}" for name in others)
    with web_server(repository, Proxied if proxied else Quiet) as url:
        variable, url = (
            (f"export http_proxy={url}", "http://repo.invalid") if proxied else (":", url)
        )
        said = as_user(
            repository,
            f"rm {gone}; {variable}; alice {INSTALL} --user --url {url} {NAME} && {LINK};"
            " ls -A /tmp",
        )
    assert said.endswith(f"\n{NAME} 1.0\n"), said


def test_without_a_program_that_verifies_a_user_gets_nothing(repository: Path) -> None:
    gone = "rm /usr/bin/gpgv /usr/bin/sqv /usr/bin/gpg"
    said = as_user(
        repository, f"{gone}; alice {INSTALL} --user {NAME}; echo status $?; find '{HOME}'"
    )
    assert said.endswith(f"status 1\n{HOME}\n"), said
    assert "nothing on this host verifies signatures" in said


@pytest.mark.parametrize("missing", ["sha256sum", "base64", "tar", "flock", "curl"])
def test_nothing_goes_on_without_a_check(repository: Path, missing: str) -> None:
    """Others went on where no program could compute a checksum."""
    gone = [f"/usr/bin/{name}" for name in (missing, "busybox")]
    if missing == "curl":
        gone += ["/usr/bin/wget", "/usr/lib/apt/apt-helper"]
    script = f"rm {' '.join(gone)}"
    install = f"alice {INSTALL} --user --url http://127.0.0.1:9 {NAME}"
    said = as_user(repository, f"{script}; {install}; echo status $?; find '{HOME}'")
    assert f"no {missing}\n" in said or "neither curl nor wget\n" in said
    assert said.endswith(f"status 1\n{HOME}\n"), said


def test_a_tarball_that_the_host_cannot_unpack(repository: Path) -> None:
    said = as_user(
        repository,
        f"rm /usr/bin/zstd /usr/bin/dpkg; alice {INSTALL} --user {NAME}; echo status $?",
    )
    assert "zstd is needed to unpack" in said
    assert said.endswith("status 1\n")


@pytest.mark.parametrize(
    "harm", ["list", "signature", "tarball", "longer", "channel", "repository", "gone", "other key"]
)
@pytest.mark.parametrize("verifier", ["gpgv", "sqv", "gpg"])
def test_what_is_not_signed_is_refused(
    repository: Path, tmp_path: Path, harm: str, verifier: str
) -> None:
    listed = repository / "downloads/stable.list"
    tarball = next(repository.glob("downloads/*.tar.zst"))
    publish([tarball], repository, signer(), "testing", PLATFORMS)
    text = listed.read_text()
    if harm == "list":
        listed.write_text(text.replace("x86_64 ", "x86_64 0"))
    elif harm == "signature":
        listed.write_text(text.partition("-----BEGIN")[0])
    elif harm == "tarball":
        tarball.write_bytes(tarball.read_bytes()[:-1] + b"?")
    elif harm == "longer":
        tarball.write_bytes(tarball.read_bytes() + bytes(1 << 20))
    elif harm == "channel":
        listed.write_text((repository / "downloads/testing.list").read_text())
    elif harm == "repository":
        other = tmp_path / "other"
        publish([tarball], other, signer(), platforms=PLATFORMS)
        listed.write_text((other / "downloads/stable.list").read_text())
    elif harm == "other key":
        other = tmp_path / "other"
        shutil.copytree(repository / "state", other / "state")
        key = signer("Somebody else <else@shop.example>")
        lines = text.partition("-----BEGIN")[0]
        listed.write_text(lines + key.sign_detached_armored(lines.encode()).decode())
    else:
        listed.unlink()
    gone = " ".join(f"/usr/bin/{name}" for name in {"gpgv", "sqv", "gpg"} - {verifier})
    said = as_user(
        repository,
        f"rm {gone}; alice {INSTALL} --user {NAME}; echo status $?; find '{HOME}' -not -type d;"
        f" ls -A '{HOME}/.local/opt' /tmp",
    )
    assert "nothing was changed\nstatus 5\n" in said, said
    assert NAME not in said.partition("status ")[2]
    assert "tmp." not in said.partition("status ")[2]


def test_an_older_list_is_not_taken(repository: Path, tmp_path: Path) -> None:
    listed = repository / "downloads/stable.list"
    (repository / "before.list").write_bytes(listed.read_bytes())
    upgraded(repository, tmp_path)
    install = f"alice {INSTALL} --user {NAME}"
    said = as_user(
        repository,
        f"{install}; cp {REPOSITORY}/before.list {REPOSITORY}/downloads/stable.list; {install};"
        f" echo status $?; {LINK}",
    )
    assert "shows an older state than it did before" in said
    assert said.endswith(f"status 5\n{NAME} 1.1\n"), said


@pytest.mark.parametrize(
    "row",
    ["../../evil x86_64 {} downloads/{}", "9 x86_64 {} downloads/../../{}", "9 x86_64 {} /{}"],
)
def test_no_name_of_the_server_leads_elsewhere(repository: Path, row: str) -> None:
    """Others wrote where a file name from the server told them to. This one is even signed."""
    listed = repository / "downloads/stable.list"
    lines = listed.read_text().partition("-----BEGIN")[0]
    (name,) = [path.name for path in repository.glob("downloads/*.zst")]
    about = " ".join(lines.split()[-3:-1])
    lines = f"{lines[: lines.index('tarball')]}tarball {NAME} {row.format(about, name)}\n"
    listed.write_text(lines + signer().sign_detached_armored(lines.encode()).decode())
    install = f"alice {INSTALL} --user {NAME}"
    said = as_user(repository, f"{install}; echo status $?; find '{HOME}'")
    assert said.endswith(f"status 6\n{HOME}\n"), said


def test_no_tarball_leads_elsewhere(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}-9-linux-x86_64.tar.gz"
    program = tmp_path / NAME
    program.write_text("#!/bin/sh\n")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(program, f"{NAME}-9/bin/{NAME}")
        tar.add(program, "../../../evil")
        tar.add(program, "/tmp/evil")
    publish([path], repository, signer(), platforms=PLATFORMS)
    for tar_program in ("/usr/bin/tar", "/usr/bin/busybox tar"):
        said = as_user(
            repository,
            f"printf '#!/bin/sh\\nexec {tar_program} \"$@\"\\n' >/usr/local/bin/tar;"
            f" chmod +x /usr/local/bin/tar; export PATH=/usr/local/bin:$PATH;"
            f" alice {INSTALL} --user {NAME}; echo found:;"
            f" find /tmp /opt '{HOME}' -maxdepth 5 -name evil -not -path '*/{NAME}/9/*'; ls /evil",
        )
        assert said.endswith("found:\nls: cannot access '/evil': No such file or directory\n"), said


@pytest.mark.parametrize("foreign", ["command", "directory"])
def test_what_is_the_users_stays(repository: Path, foreign: str) -> None:
    path = f"bin/{NAME}" if foreign == "command" else f"opt/{NAME}/mine"
    directory = f"'{HOME}'/.local/{path.rpartition('/')[0]}"
    said = as_user(
        repository,
        f"alice mkdir -p {directory} '{HOME}/.local/opt';"
        f" echo mine >'{HOME}/.local/{path}'; {OWN} | grep -v '/opt ' >/tmp/before;"
        f" alice {INSTALL} --user {NAME}; echo status $?;"
        f" {OWN} | grep -v '/opt ' | diff /tmp/before - && echo same",
    )
    assert "move it away first; nothing was changed" in said
    assert said.endswith("status 1\nsame\n"), said


def test_unknown_versions_and_packages_of_a_user(repository: Path, tmp_path: Path) -> None:
    upgraded(repository, tmp_path)
    install = f"alice {INSTALL} --user"
    said = as_user(
        repository,
        f"{install} {NAME}=7; echo status $?; {install} other; echo status $?;"
        f" {install} --channel nowhere {NAME}; echo status $?",
    )
    assert f"of {NAME} it has: 1.1 1.0\nstatus 6\n" in said
    assert f"it has: {NAME}\nstatus 6\n" in said
    assert said.endswith("status 5\n")


def test_a_system_that_tarballs_do_not_run_on(repository: Path) -> None:
    hidden = "rm /usr/bin/getconf /usr/bin/ldd"
    said = as_user(repository, f"{hidden}; alice {INSTALL} --user {NAME}; echo status $?")
    assert "there are no tarballs for this system" in said
    assert said.endswith("there are for: Linux (x86_64)\nstatus 3\n"), said


def test_commands_of_an_app_are_linked_and_no_interpreter(repository: Path, tmp_path: Path) -> None:
    content = LAUNCHER.format("tool", "1.0")
    tarball = package(tmp_path, "tool", platform=LINUX, content=content)
    publish([tarball], repository, signer(), platforms=PLATFORMS)
    said = as_user(
        repository,
        f"alice {INSTALL} --user tool; ls '{HOME}/.local/bin'; tool=1; '{HOME}/.local/bin/tool'",
    )
    assert said.endswith(f"tool\ntool 1.0 {HOME}/.local/bin/tool\n"), said
