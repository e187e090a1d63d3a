"""A sample package with a service, and signed repositories of it, by the distributions' own tools.

It proves the hosts before omnibuild's packages and repositories are tried on them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from tests.acceptance.hosts.simulated_el import build_rpm

GPG = Tool("gpg", "gnupg")
GPGCONF = Tool("gpgconf", "gnupg")
DPKG_DEB = Tool("dpkg-deb", "dpkg")
APT_FTPARCHIVE = Tool("apt-ftparchive", "apt-utils")
CREATEREPO = Tool("createrepo_c", "createrepo-c")
RPMSIGN = Tool("rpmsign", "rpm")

OWNER = "Sample <sample@example.com>"

PROGRAM = "#!/bin/sh\nexec sleep infinity\n"
UNIT = """\
[Unit]
Description=Sample service

[Service]
User=sample
ExecStart=/usr/bin/sample

[Install]
WantedBy=multi-user.target
"""
CONTROL = f"""\
Package: sample
Version: 1.0
Architecture: all
Maintainer: {OWNER}
Description: does nothing, as a service
"""
ADD_USER = "id sample >/dev/null 2>&1 || useradd --system --no-create-home --user-group sample\n"
ON_SYSTEMD = "[ ! -d /run/systemd/system ] ||"
SCRIPTS = {
    "postinst": f"#!/bin/sh -e\n{ADD_USER}{ON_SYSTEMD} systemctl enable --now sample.service\n",
    "prerm": f'#!/bin/sh -e\n[ "$1" != remove ] || {ON_SYSTEMD} systemctl disable --now sample\n',
}
SPEC = f"""\
Name: sample
Version: 1.0
Release: 1
Summary: Does nothing, as a service
License: none
BuildArch: noarch
Requires(pre): shadow-utils
%description
Sample.
%install
mkdir -p %{{buildroot}}/usr/bin
printf '#!/bin/sh\\nexec sleep infinity\\n' >%{{buildroot}}/usr/bin/sample
%pre
{ADD_USER}
%files
%attr(0755, root, root) /usr/bin/sample
"""


@dataclass(frozen=True)
class SigningKey:
    """A private key of gpg, and its public half in a file."""

    home: Path
    public: Path


@contextlib.contextmanager
def signing_key(directory: Path) -> Iterator[SigningKey]:
    """Make a key for one test run; its agent is stopped at the end."""
    home = directory / "gnupg"
    home.mkdir(mode=0o700)
    key = SigningKey(home, directory / "key.asc")
    gpg = ("--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", "")
    try:
        GPG.run(*gpg, "--quick-generate-key", OWNER, "rsa3072", "sign", "never")
        key.public.write_bytes(GPG.run(*gpg, "--armor", "--export").stdout)
        yield key
    finally:
        GPGCONF.run("--homedir", home, "--kill", "all")


def sample_deb(directory: Path) -> Path:
    """Build the sample's .deb in ``directory``."""
    tree = directory / "deb"
    contents = {
        "usr/bin/sample": (PROGRAM, 0o755),
        "lib/systemd/system/sample.service": (UNIT, 0o644),
        "etc/sample.conf": ("greeting = hello\n", 0o644),
        "DEBIAN/control": (CONTROL, 0o644),
        "DEBIAN/conffiles": ("/etc/sample.conf\n", 0o644),
        **{f"DEBIAN/{name}": (script, 0o755) for name, script in SCRIPTS.items()},
    }
    for name, (text, mode) in contents.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
    package = directory / "sample_1.0_all.deb"
    # Debian 11 reads no zstd.
    DPKG_DEB.run("--root-owner-group", "-Zgzip", "--build", tree, package)
    return package


def apt_repository(directory: Path, key: SigningKey) -> Path:
    """Return a signed flat apt repository that holds the sample."""
    repository = directory / "apt"
    repository.mkdir()
    sample_deb(directory).rename(repository / "sample_1.0_all.deb")
    index = APT_FTPARCHIVE.run("packages", ".", directory=repository).stdout
    (repository / "Packages").write_bytes(index)
    release = APT_FTPARCHIVE.run("release", ".", directory=repository).stdout
    signed = GPG.run("--homedir", key.home, "--batch", "--clearsign", data=release).stdout
    (repository / "InRelease").write_bytes(signed)
    (repository / "key.asc").write_bytes(key.public.read_bytes())
    return repository


def yum_repository(directory: Path, key: SigningKey) -> Path:
    """Return a yum repository whose package and index are signed."""
    repository = directory / "yum"
    repository.mkdir()
    build = directory / "rpm"
    build.mkdir()
    package = build_rpm(SPEC, build)
    RPMSIGN.run(
        *("--addsign", "--define", f"__gpg {GPG.path()}"),
        *("--define", f"_gpg_name {OWNER}", "--define", f"_gpg_path {key.home}"),
        package,
        environment=CLEAN_ENVIRONMENT | {"GNUPGHOME": str(key.home)},
    )
    package.rename(repository / package.name)
    CREATEREPO.run("--quiet", repository)
    index = repository / "repodata/repomd.xml"
    GPG.run("--homedir", key.home, "--batch", "--armor", "--detach-sign", index)
    (repository / "key.asc").write_bytes(key.public.read_bytes())
    return repository


def repo_file(url: str) -> str:
    """Return a .repo file that demands both signatures of the repository at ``url``."""
    return (
        f"[sample]\nname=Sample\nbaseurl={url}\nenabled=1\n"
        f"gpgcheck=1\nrepo_gpgcheck=1\ngpgkey={url}/key.asc\n"
    )
