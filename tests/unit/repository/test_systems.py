"""Which packages a host gets: by real texts of os-release and its C library."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from omnibuild.repository.clients.installer import Keys, installer
from omnibuild.repository.clients.systems import HostSystem

SYSTEMS = [
    HostSystem("debian-11", "Debian 11", "amd64", "-deb11", "2.31"),
    HostSystem("debian-12", "Debian 12", "amd64", "", "2.36"),
    HostSystem("debian-12", "Debian 12", "arm64", "", "2.36"),
    HostSystem("debian-13", "Debian 13", "amd64", "", "2.41"),
    # A suite of its own, which only the code name leads to.
    HostSystem("ubuntu-22.04", "Ubuntu 22.04", "amd64", "-jammy", "2.35"),
    HostSystem("ubuntu-24.04", "Ubuntu 24.04", "amd64", "-noble", "2.39"),
    HostSystem("el9", "Enterprise Linux 9", "x86_64", "el9", "2.34"),
]

DEBIAN_12 = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
"""
DEBIAN_SID = """PRETTY_NAME="Debian GNU/Linux forky/sid"
NAME="Debian GNU/Linux"
VERSION_CODENAME=forky
ID=debian
"""
UBUNTU_22 = """PRETTY_NAME="Ubuntu 22.04.5 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.5 LTS (Jammy Jellyfish)"
VERSION_CODENAME=jammy
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=jammy
"""
UBUNTU_25 = """PRETTY_NAME="Ubuntu 25.10"
VERSION_ID="25.10"
VERSION_CODENAME=questing
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=questing
"""
MINT_22 = """NAME="Linux Mint"
VERSION="22 (Wilma)"
ID=linuxmint
ID_LIKE="ubuntu debian"
PRETTY_NAME="Linux Mint 22"
VERSION_ID="22"
VERSION_CODENAME=wilma
UBUNTU_CODENAME=noble
"""
LMDE_6 = """PRETTY_NAME="LMDE 6 (faye)"
NAME="LMDE"
VERSION_ID="6"
VERSION="6 (faye)"
VERSION_CODENAME=faye
ID=linuxmint
ID_LIKE=debian
DEBIAN_CODENAME=bookworm
"""
POP_22 = """NAME="Pop!_OS"
VERSION="22.04 LTS"
ID=pop
ID_LIKE="ubuntu debian"
PRETTY_NAME="Pop!_OS 22.04 LTS"
VERSION_ID="22.04"
VERSION_CODENAME=jammy
UBUNTU_CODENAME=jammy
"""
RASPBERRY_64 = DEBIAN_12
RASPBIAN_32 = """PRETTY_NAME="Raspbian GNU/Linux 12 (bookworm)"
NAME="Raspbian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=raspbian
ID_LIKE=debian
"""
KALI = """PRETTY_NAME="Kali GNU/Linux Rolling"
NAME="Kali GNU/Linux"
VERSION_ID="2025.3"
VERSION="2025.3"
VERSION_CODENAME=kali-rolling
ID=kali
ID_LIKE=debian
"""
DEBIAN_10 = """PRETTY_NAME="Debian GNU/Linux 10 (buster)"
VERSION_ID="10"
VERSION_CODENAME=buster
ID=debian
"""
UBUNTU_20 = """PRETTY_NAME="Ubuntu 20.04.6 LTS"
VERSION_ID="20.04"
VERSION_CODENAME=focal
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=focal
"""
ROCKY_9 = """NAME="Rocky Linux"
VERSION="9.4 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"
"""
ALMA_9 = ROCKY_9.replace("rocky", "almalinux").replace("Rocky Linux", "AlmaLinux")
RHEL_9 = """NAME="Red Hat Enterprise Linux"
VERSION="9.4 (Plow)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Red Hat Enterprise Linux 9.4 (Plow)"
"""
ORACLE_9 = """NAME="Oracle Linux Server"
VERSION="9.4"
ID="ol"
ID_LIKE="fedora"
VARIANT="Server"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Oracle Linux Server 9.4"
"""
STREAM_9 = """NAME="CentOS Stream"
VERSION="9"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="9"
PLATFORM_ID="platform:el9"
PRETTY_NAME="CentOS Stream 9"
"""
AMAZON_2023 = """NAME="Amazon Linux"
VERSION="2023"
ID="amzn"
ID_LIKE="fedora"
VERSION_ID="2023"
PLATFORM_ID="platform:al2023"
PRETTY_NAME="Amazon Linux 2023.5.20240708"
"""
AMAZON_2 = """NAME="Amazon Linux"
VERSION="2"
ID="amzn"
ID_LIKE="centos rhel fedora"
VERSION_ID="2"
PRETTY_NAME="Amazon Linux 2"
"""
ALMA_10 = ALMA_9.replace("el9", "el10").replace("9.4", "10.0")
ALMA_8 = ALMA_9.replace("el9", "el8").replace("9.4", "8.10")
FEDORA = """NAME="Fedora Linux"
ID=fedora
VERSION_ID=42
PLATFORM_ID="platform:f42"
PRETTY_NAME="Fedora Linux 42 (Container Image)"
"""
ALPINE = """NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.20.1
PRETTY_NAME="Alpine Linux v3.20"
"""
SUSE = """NAME="openSUSE Leap"
ID="opensuse-leap"
ID_LIKE="suse opensuse"
VERSION_ID="15.6"
PRETTY_NAME="openSUSE Leap 15.6"
"""


def detect(
    directory: Path,
    release: str,
    architecture: str,
    glibc: str,
    *,
    platform: str = "",
    shell: str = "dash",
) -> subprocess.CompletedProcess[str]:
    """Let the script's own functions decide, with the facts of a host that is not this one."""
    said = directory / "os-release"
    said.write_text(release)
    text = installer(
        name="shop-1a2b3c4d",
        former_names=[],
        title="Shop",
        keys=Keys("0" * 40, ("0" * 40,), "", "", 1),
        base_url="https://shop.example",
        channel="stable",
        components=["main"],
        systems=SYSTEMS,
    ).replace('main "$@"\n}', "}")
    facts = f"""
OS_RELEASE={said}
host_architecture() {{ printf '%s' {architecture}; }}
host_glibc() {{ printf '%s' '{glibc}'; }}
platform='{platform}'
detect_system
printf '%s:%s:%s\\n' "$family" "$chosen" "$place"
"""
    return subprocess.run(
        [*shell.split(), "-s"], input=text + facts, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
@pytest.mark.parametrize(
    ("release", "architecture", "glibc", "found"),
    [
        (DEBIAN_12, "amd64", "2.36", "apt:Debian 12:"),
        (RASPBERRY_64, "arm64", "2.36", "apt:Debian 12:"),
        (UBUNTU_22, "amd64", "2.35", "apt:Ubuntu 22.04:-jammy"),
        (MINT_22, "amd64", "2.39", "apt:Ubuntu 24.04:-noble"),
        (POP_22, "amd64", "2.35", "apt:Ubuntu 22.04:-jammy"),
        (LMDE_6, "amd64", "2.36", "apt:Debian 12:"),
        (ROCKY_9, "x86_64", "2.34", "dnf:Enterprise Linux 9:el9"),
        (ALMA_9, "x86_64", "2.34", "dnf:Enterprise Linux 9:el9"),
        (RHEL_9, "x86_64", "2.34", "dnf:Enterprise Linux 9:el9"),
        (ORACLE_9, "x86_64", "2.34", "dnf:Enterprise Linux 9:el9"),
        (STREAM_9, "x86_64", "2.34", "dnf:Enterprise Linux 9:el9"),
        # The first that os-release does not tell about its release.
        (STREAM_9.replace("PLATFORM_ID", "OTHER"), "x86_64", "2.34", "dnf:Enterprise Linux 9:el9"),
    ],
)
def test_known_systems_and_their_derivatives(
    tmp_path: Path, release: str, architecture: str, glibc: str, found: str, shell: str
) -> None:
    done = detect(tmp_path, release, architecture, glibc, shell=shell)
    assert (done.stdout.strip(), done.stderr, done.returncode) == (found, "", 0)


@pytest.mark.parametrize(
    ("release", "architecture", "glibc", "found"),
    [
        (DEBIAN_SID, "amd64", "2.42", "apt:Debian 13:"),
        (KALI, "amd64", "2.41", "apt:Debian 13:"),
        (UBUNTU_25, "amd64", "2.42", "apt:Debian 13:"),
        # Older than Debian 12, newer than Debian 11.
        (KALI, "amd64", "2.34", "apt:Debian 11:-deb11"),
        (UBUNTU_20, "amd64", "2.31", "apt:Debian 11:-deb11"),
        (AMAZON_2023, "x86_64", "2.34", "dnf:Enterprise Linux 9:el9"),
        (ALMA_10, "x86_64", "2.39", "dnf:Enterprise Linux 9:el9"),
        (FEDORA, "x86_64", "2.41", "dnf:Enterprise Linux 9:el9"),
    ],
)
def test_unknown_systems_get_what_their_glibc_runs_and_are_told(
    tmp_path: Path, release: str, architecture: str, glibc: str, found: str
) -> None:
    done = detect(tmp_path, release, architecture, glibc)
    assert (done.stdout.strip(), done.returncode) == (found, 0)
    assert f"its glibc {glibc} runs what is made for {found.split(':')[1]}" in done.stderr


@pytest.mark.parametrize(
    ("release", "architecture", "glibc"),
    [
        (DEBIAN_10, "amd64", "2.28"),
        (ALMA_8, "x86_64", "2.28"),
        (AMAZON_2, "x86_64", "2.26"),
        (ALPINE, "x86_64", ""),
        (SUSE, "x86_64", "2.38"),
        # Raspberry Pi OS with 32 bits on a 64-bit kernel: dpkg says what its programs are.
        (RASPBIAN_32, "armhf", "2.36"),
        (ROCKY_9, "aarch64", "2.34"),
        (DEBIAN_SID, "amd64", ""),
        ("", "x86_64", "2.41"),
    ],
)
def test_what_cannot_work_is_refused_with_what_there_is(
    tmp_path: Path, release: str, architecture: str, glibc: str
) -> None:
    done = detect(tmp_path, release, architecture, glibc)
    assert (done.stdout, done.returncode) == ("", 3)
    assert "there are no packages for this system" in done.stderr
    assert "Debian 12 (amd64)" in done.stderr
    assert "--platform" in done.stderr


def test_a_platform_can_be_said(tmp_path: Path) -> None:
    done = detect(tmp_path, SUSE, "x86_64", "2.38", platform="el9")
    assert (done.stdout, done.stderr) == ("dnf:Enterprise Linux 9:el9\n", "")
    done = detect(tmp_path, DEBIAN_10, "amd64", "2.28", platform="debian-11")
    assert done.stdout == "apt:Debian 11:-deb11\n"
    assert "may need glibc 2.31; this host has 2.28" in done.stderr


@pytest.mark.parametrize(
    ("platform", "architecture", "status", "cause"),
    [
        ("plan9", "amd64", 2, "no packages for a platform 'plan9'"),
        ("el9", "aarch64", 3, "no packages of el9 for this architecture, aarch64"),
    ],
)
def test_a_platform_that_is_not_there(
    tmp_path: Path, platform: str, architecture: str, status: int, cause: str
) -> None:
    done = detect(tmp_path, DEBIAN_12, architecture, "2.36", platform=platform)
    assert done.returncode == status
    assert cause in done.stderr
