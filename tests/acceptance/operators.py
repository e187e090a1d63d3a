"""A small package with the real maintainer scripts, and hosts that handle it by every tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omnibuild.host.layout import Layout
from omnibuild.host.maintainer.scripts import Scripts
from omnibuild.host.units.names import UnitNames
from omnibuild.host.users import directories, sysusers_conf, sysusers_path
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian, Rpm
from omnibuild.tree import scan
from tests.acceptance.hosts import Done, Host

SHOP = Layout("shop", "shop", "")
COMMON = {
    "etc/shop/shop.conf": "of version {version}\n",
    "etc/shop/plugins/extra.conf": "extra\n",
    "etc/shop/secret.ini": "of version {version}\n",
    "etc/shop/agrees.conf": "of version {version}\n",
    "etc/shop/deleted.conf": "of version {version}\n",
    "etc/shop/same.conf": "the same\n",
    "etc/shop/closes.ini": "of version {version}\n",
    "etc/shop/opens.ini": "of version {version}\n",
    "opt/shop/share/version": "{version}\n",
    "usr/lib/systemd/system/shop-note": "a file in a directory that minimal hosts lack\n",
    sysusers_path(SHOP)[1:]: sysusers_conf(SHOP),
}
# What a path is in each version: a text is a file, `-> …` a symlink.
OLD = {
    "opt/shop/share/a/file": "was in a directory\n",
    "opt/shop/share/b/own": "was in a directory\n",
    "opt/shop/share/c": "was a file\n",
    "opt/shop/share/d": "-> e",
    "opt/shop/share/e/file": "behind a symlink\n",
    "opt/shop/share/f": "-> version",
    "opt/shop/share/gone/file": "was in a directory\n",
    "etc/shop/gone.conf": "gone\n",
    "etc/shop/edited.conf": "edited and gone\n",
    "etc/shop/kind": "was a file\n",
}
NEW = {
    "opt/shop/share/a": "is a file\n",
    "opt/shop/share/b": "-> e",
    "opt/shop/share/c/file": "is in a directory\n",
    "opt/shop/share/d/own": "is in a directory\n",
    "opt/shop/share/e/file": "on its own\n",
    "opt/shop/share/f": "is a file\n",
    "etc/shop/kind/kind.conf": "is in a directory\n",
    "etc/shop/new.ini": "new\n",
}
VERSIONS: Mapping[str, Mapping[str, str]] = {"1": COMMON | OLD, "2": COMMON | NEW}
# Whose configuration is, and its mode; all else is root's.
OWNED: Mapping[str, Mapping[str, tuple[str, str, int]]] = {
    "1": {"secret": ("root", "shop", 0o640), "opens": ("root", "shop", 0o640)},
    "2": {
        "secret": ("root", "shop", 0o640),
        "closes": ("shop", "root", 0o600),
        "new": ("shop", "shop", 0o400),
    },
}
PLAIN = ("root", "root", 0o644)


def make_packages(directory: Path) -> Path:
    """Write both versions in both formats; return where they are."""
    packages = directory / "packages"
    for version, files in VERSIONS.items():
        root = directory / f"root-{version}"
        for path, text in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("-> "):
                place.symlink_to(text[3:])
            else:
                place.write_text(text.format(version=version))
                place.chmod(owner_of(version, path)[2])
        program = root / SHOP.directories[1:]
        program.parent.mkdir(parents=True)
        program.write_text(directories(SHOP))
        program.chmod(0o755)
        payload = payload_of(version, root)
        write_deb(payload, Debian(compression="gzip", architecture="amd64"), packages)
        write_rpm(payload, Rpm(architecture="x86_64", tree="el9"), packages)
    return packages


def owner_of(version: str, path: str) -> tuple[str, str, int]:
    return OWNED[version].get(Path(path).stem, PLAIN)


def metadata_of(name: str, version: str) -> Metadata:
    """Return what a small package says about itself."""
    return Metadata(
        name=name,
        version=version,
        revision="1",
        summary="A shop",
        description="",
        license="MIT",
        maintainer="Shop <shop@example.org>",
        homepage="",
        vendor="",
        date=1_700_000_000,
    )


def payload_of(version: str, root: Path) -> Payload:
    config = sorted(path for path in VERSIONS[version] if path.startswith("etc/"))
    owners = {path: owner_of(version, path) for path in config}
    lines = [f"{user} {group} {mode:o} /{path}" for path, (user, group, mode) in owners.items()]
    scripts = Scripts(SHOP, UnitNames(), {}, tuple(lines))
    return Payload(
        metadata=metadata_of("shop", version),
        root=root,
        tree=scan(root),
        prefix=SHOP.prefix,
        config_files=tuple(f"/{path}" for path in config),
        owners={f"/{path}": (user, group) for path, (user, group, _) in owners.items()},
        scripts={"deb": scripts.deb(), "rpm": scripts.rpm()},
    )


# Nobody answers, and nobody said what to do with configuration: there shall be no question.
APT = ("apt-get", "--quiet=2", "--yes", "-o", "Dpkg::Options::=--force-unsafe-io")
DPKG = ("dpkg", "--force-unsafe-io")
DNF = ("dnf", "--assumeyes", "--noplugins", "--releasever=9")
# How each tool brings a file, the same version again, and an older one; removes; purges.
TOOLS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "dpkg": {
        **dict.fromkeys(("install", "reinstall", "downgrade"), (*DPKG, "--install")),
        "remove": ("dpkg", "--remove"),
        "purge": ("dpkg", "--purge"),
    },
    "apt": {
        "install": (*APT, "install"),
        "reinstall": (*APT, "--reinstall", "install"),
        "downgrade": (*APT, "--allow-downgrades", "install"),
        "remove": (*APT, "remove"),
        "purge": (*APT, "purge"),
    },
    "rpm": {
        "install": ("rpm", "--upgrade"),
        "reinstall": ("rpm", "--reinstall"),
        "downgrade": ("rpm", "--upgrade", "--oldpackage"),
        "remove": ("rpm", "--erase"),
    },
    "dnf": {verb: (*DNF, verb) for verb in ("install", "reinstall", "downgrade", "remove")},
}

FORGET = """
grep -o ' /[^ ]*' /proc/self/mounts | sed 's/^ //; s/\\\\040/ /g' | tac | while read -r mount; do
    case $mount in
        /opt/* | /etc/shop* | /var/l*/shop*) umount --lazy "$mount" ;;
    esac
done
rm -rf /srv/* /etc/shop /opt/shop /var/lib/shop /var/log/shop /home/shop
userdel shop 2>/dev/null || :
groupdel shop 2>/dev/null || :
"""


@dataclass
class Machine:
    """A host, and the tool by which packages are handled on it."""

    host: Host
    tool: str = ""

    @property
    def is_debian(self) -> bool:
        return self.tool in ("dpkg", "apt")

    def package(self, version: str) -> str:
        if self.is_debian:
            return f"/packages/shop_{version}-1_amd64.deb"
        return f"/packages/shop-{version}-1.x86_64.rpm"

    def install(self, version: str, verb: str = "install", *, check: bool = True) -> Done:
        return self.host.run(*TOOLS[self.tool][verb], self.package(version), check=check)

    def remove(self, verb: str = "remove") -> None:
        self.host.run(*TOOLS[self.tool][verb], "shop")

    def forget(self) -> None:
        """Make the host again what it was, whatever a test has left."""
        remove = "dpkg --purge shop" if self.is_debian else "rpm --erase shop"
        self.host.shell(f"{remove} 2>/dev/null || :\n{FORGET}")
