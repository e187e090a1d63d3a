"""A simulated Enterprise Linux 9: Debian's libc and tools under EL's name, with real rpm and dnf.

No EL mirror can be reached from where these tests run. What is real: dnf, rpm, their databases,
signature checks, scriptlets and file handling. What is simulated: the identity in os-release, the
preset that disables services, and one package that claims what EL's base system provides. What is
missing: SELinux.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from omnibuild import digests
from omnibuild.files import remove_tree
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from tests.acceptance.hosts.bases import SERIAL, Base, cached, make_base
from tests.acceptance.hosts.machine import ChrootHost
from tests.acceptance.hosts.outcome import Done

CP = Tool("cp", "coreutils")
RPM = Tool("rpm", "rpm")
RPMBUILD = Tool("rpmbuild", "rpm")

HOST_BASE = Base("debian-bookworm-dnf", "bookworm", ("curl", "dnf", "rpm"))
ROOT_BASE = Base("debian-bookworm", "bookworm")

OS_RELEASE = """\
NAME="Simulated Enterprise Linux"
VERSION="9.0 (simulated on Debian)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="9.0"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Simulated Enterprise Linux 9.0"
"""

GLIBC_SYMBOLS = [
    *("2.2.5", "2.3", "2.3.2", "2.3.3", "2.3.4"),
    *(f"2.{minor}" for minor in range(4, 35)),
]
LIBRARIES = ["c.so.6", "m.so.6", "dl.so.2", "pthread.so.0", "rt.so.1", "util.so.1", "resolv.so.2"]
BASE_PROVIDES = [
    *("/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash", "/usr/bin/env"),
    *("/sbin/ldconfig", "/usr/sbin/useradd", "/usr/sbin/groupadd", "/sbin/nologin"),
    *("bash", "coreutils", "filesystem", "shadow-utils", "util-linux", "ca-certificates"),
    *("glibc = 2.34", "rtld(GNU_HASH)", "ld-linux-x86-64.so.2()(64bit)", "systemd = 252"),
    *(f"ld-linux-x86-64.so.2(GLIBC_{symbol})(64bit)" for symbol in GLIBC_SYMBOLS),
    *(f"lib{library}()(64bit)" for library in LIBRARIES),
    *(f"lib{library}(GLIBC_{symbol})(64bit)" for library in LIBRARIES for symbol in GLIBC_SYMBOLS),
]
BASE_SPEC = "\n".join(
    [
        "Name: simulated-el-base",
        "Version: 9.0",
        "Release: 1",
        "Summary: Claims what the base system of Enterprise Linux 9 provides",
        "License: none",
        "BuildArch: noarch",
        *(f"Provides: {provided}" for provided in BASE_PROVIDES),
        "%description",
        "Simulated: the files come from Debian.",
        "%files",
        "",
    ]
)

# Debian's rpm keeps its database in a home directory; EL's, in one place.
MACROS = "%_dbpath /var/lib/rpm\n"

# As EL 9 ships it: a repository that cannot be read or verified is an error.
DNF_CONF = """\
[main]
gpgcheck=1
installonly_limit=3
clean_requirements_on_remove=True
best=True
skip_if_unavailable=False
"""

# EL's preset for services that no other preset names.
PRESET = "usr/lib/systemd/system-preset/99-default-disable.preset"

# Debian's own package manager must not be found by an installer that looks around.
DEBIAN_ONLY = (
    *("usr/bin/apt*", "usr/bin/dpkg*", "usr/lib/apt", "usr/lib/dpkg", "usr/sbin/dpkg*"),
    *("etc/apt", "etc/dpkg", "etc/debian_version", "var/lib/apt", "var/lib/dpkg", "var/cache/apt"),
)


def simulated_el_tree(base: Base) -> Path:
    """Return the cached tree of ``base`` made over into a simulated EL 9."""
    debian = make_base(base)
    made_of = [SERIAL, debian.name, OS_RELEASE, BASE_SPEC, MACROS, DNF_CONF, DEBIAN_ONLY, PRESET]
    tree = debian.with_name(f"simulated-el9-{digests.of_json(made_of)[:12]}")
    with cached(tree) as temporary:
        if temporary:
            CP.run("--archive", "--reflink=auto", f"{debian}/.", temporary)
            make_over(temporary)
    return tree


def make_over(root: Path) -> None:
    """Turn a Debian tree into a simulated EL 9, in place."""
    for pattern in DEBIAN_ONLY:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink()
    (root / "etc/os-release").unlink()
    (root / "etc/os-release").write_text(OS_RELEASE)
    (root / "etc/redhat-release").write_text("Simulated Enterprise Linux release 9.0\n")
    (root / "etc/dnf").mkdir(exist_ok=True)
    (root / "etc/dnf/dnf.conf").write_text(DNF_CONF)
    (root / "etc/yum.repos.d").mkdir(exist_ok=True)
    (root / PRESET).parent.mkdir(parents=True, exist_ok=True)
    (root / PRESET).write_text("disable *\n")
    (root / "etc/pki/rpm-gpg").mkdir(parents=True, exist_ok=True)
    # For programs inside, and for this machine's when their home directory is the root's.
    for macros in (root / "etc/rpm/macros", root / "root/.rpmmacros"):
        macros.parent.mkdir(exist_ok=True)
        macros.write_text(MACROS)
    with tempfile.TemporaryDirectory() as name:
        package = build_rpm(BASE_SPEC, Path(name))
        home = CLEAN_ENVIRONMENT | {"HOME": str(root / "root")}
        RPM.run("--root", root, "--install", "--nosignature", package, environment=home)


def build_rpm(spec: str, directory: Path) -> Path:
    """Build the one package of a spec file by the real rpmbuild, below ``directory``."""
    file = directory / "package.spec"
    file.write_text(spec)
    RPMBUILD.run("-bb", "--quiet", "--define", f"_topdir {directory}", file)
    (package,) = (directory / "RPMS").rglob("*.rpm")
    return package


class SimulatedElHost(ChrootHost):
    """A simulated EL 9 with dnf inside: installers and commands run as on a host."""


class SimulatedElRoot(ChrootHost):
    """A simulated EL 9 base system without dnf, which this machine's dnf installs into."""

    def dnf(self, *arguments: str, check: bool = True) -> Done:
        """Run this machine's dnf, which knows only the repositories in the root."""
        root = self.scratch / "root"
        return self.enter(
            # The agent that its signature checks leave behind ends with the host.
            ("--mount", "--net", "--pid"),
            (
                *("env", f"HOME={root}/root"),
                *("dnf", "--assumeyes", f"--installroot={root}", "--releasever=9"),
                # Plugins of this machine would bring repositories of their own.
                "--noplugins",
                *("--setopt=install_weak_deps=False", f"--setopt=reposdir={root}/etc/yum.repos.d"),
                *(f"--setopt=varsdir={root}/etc/dnf/vars", *arguments),
            ),
            target=self.keeper(),
            check=check,
        )
