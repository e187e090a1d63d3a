"""Configuration files of debs through lives that do not go well: failures, kills, other packages.

Small packages with the real maintainer scripts, on each of the three Debians.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from omnibuild.host.layout import Layout
from omnibuild.host.maintainer.scripts import Scripts
from omnibuild.host.units.names import UnitNames
from omnibuild.host.users import directories, sysusers_conf, sysusers_path
from omnibuild.package.deb.writer import write_deb
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Debian
from omnibuild.tree import scan
from tests.acceptance.hosts import Done, HostPool
from tests.acceptance.hosts.machine import ChrootHost
from tests.acceptance.operators import metadata_of

# Host path to the content of a file, or to that with its owner, group and mode.
Config = Mapping[str, str | tuple[str, str, str, int]]


def write_package(base: Path, app: str, version: str, config: Config) -> None:
    """Write a deb of an app with a user and these configuration files."""
    root, layout = base / f"{app}-{version}", Layout(app, app, "")
    said = {
        path: (x, "root", "root", 0o644) if isinstance(x, str) else x for path, x in config.items()
    }
    files = {path: (text, mode) for path, (text, _, _, mode) in said.items()}
    files[f"/opt/{app}/version"] = (version, 0o644)
    files[layout.directories] = (directories(layout), 0o755)
    files[sysusers_path(layout)] = (sysusers_conf(layout), 0o644)
    for path, (text, mode) in files.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
    lines = tuple(
        f"{user} {group} {mode:o} {path}" for path, (_, user, group, mode) in said.items()
    )
    payload = Payload(
        metadata=metadata_of(app, version),
        root=root,
        tree=scan(root),
        prefix=layout.prefix,
        config_files=tuple(sorted(said)),
        owners={path: (user, group) for path, (_, user, group, _) in said.items()},
        scripts={"deb": Scripts(layout, UnitNames(), {}, lines).deb()},
    )
    write_deb(payload, Debian(compression="gzip", architecture="amd64"), base / "packages")


class Life:
    """One host, and packages that come and go on it."""

    def __init__(self, base: Path, host: ChrootHost) -> None:
        self.base, self.host = base, host

    def make(self, app: str, *versions: Config) -> None:
        """Write a package for each set of configuration files, from version 1 on."""
        for number, config in enumerate(versions, start=1):
            write_package(self.base, app, str(number), config)

    def dpkg(self, *words: str, check: bool = True) -> Done:
        command = " ".join(f"/packages/{w}-1_amd64.deb" if "_" in w else w for w in words)
        return self.host.shell(f"dpkg --force-unsafe-io {command} </dev/null", check=check)

    def install(self, *packages: str, check: bool = True) -> Done:
        return self.dpkg("--install", *packages, check=check)

    def holds(self, *conditions: str) -> None:
        for condition in conditions:
            self.host.shell(f"test {condition}")


@pytest.fixture(scope="module")
def lives(module_hosts: HostPool, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Life]:
    found = {}
    for suite in ("bullseye", "bookworm", "trixie"):
        base = tmp_path_factory.mktemp("configuration")
        (base / "packages").mkdir()
        host = module_hosts.debian(suite, binds={base / "packages": "/packages"})
        found[suite] = Life(base, host)
    return found


@pytest.fixture(params=["bullseye", "bookworm", "trixie"])
def life(request: pytest.FixtureRequest, lives: Mapping[str, Life]) -> Life:
    return lives[request.param]


@pytest.fixture
def app(request: pytest.FixtureRequest, life: Life) -> Iterator[str]:
    """A name of the test's own; all of that name goes again."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:20].rstrip("-")
    yield name
    life.host.shell(f"dpkg --purge --force-all {name} {name}-next 2>/dev/null || :")


def test_a_renamed_package_keeps_it(life: Life, app: str) -> None:
    shared = f"/etc/{app}/shared.conf"
    life.make(app, {shared: "one"}, {})
    life.make(f"{app}-next", {shared: "next"})
    life.install(f"{app}_1")
    life.dpkg("--remove", app)
    life.install(f"{app}-next_1")
    life.host.write(shared, "mine")
    life.dpkg("--purge", app)
    life.holds(f'"$(cat {shared})" = mine')
    # And where both are there, one of them stops to bring it.
    life.install(f"{app}_1")
    life.install(f"{app}_2")
    life.holds(f'"$(cat {shared})" = mine')


def test_back_after_a_failure(life: Life, app: str) -> None:
    kept, edited = f"/etc/{app}/kept.conf", f"/etc/{app}/edited.conf"
    life.make(app, {kept: "one", edited: "one"}, {f"/etc/{app}/other.conf": "two"})
    life.install(f"{app}_1")
    life.host.write(edited, "mine")
    life.dpkg("--unpack", f"{app}_2")
    life.install(f"{app}_1")
    life.holds(f'"$(cat {kept} {edited})" = onemine')


def test_half_laid_is_not_edited(life: Life, app: str) -> None:
    first, second = f"/etc/{app}/a.conf", f"/etc/{app}/b.conf"
    life.make(app, *({first: version, second: version} for version in ("one", "two", "three")))
    life.install(f"{app}_1")
    life.host.shell(f"cp {second} /tmp/b; mount --bind /tmp/b {second}")
    assert life.install(f"{app}_2", check=False).status
    life.host.shell(f"umount {second}")
    life.holds(f'"$(cat {first} {second})" = twoone')
    life.install(f"{app}_3")
    life.holds(f'"$(cat {first} {second})" = threethree', f'-z "$(ls /etc/{app} | grep dpkg)"')
    life.install(f"{app}_1")
    life.holds(f'"$(cat {first} {second})" = oneone')


def test_it_comes_back(life: Life, app: str) -> None:
    path = f"/etc/{app}/a.conf"
    life.make(app, {path: "one"}, {}, {path: "three"})
    life.install(f"{app}_1")
    life.install(f"{app}_2")
    life.holds(f"! -e /etc/{app}")
    life.install(f"{app}_3")
    life.holds(f'"$(cat {path})" = three')


def test_kinds_and_backups(life: Life, app: str) -> None:
    kind = f"/etc/{app}/kind"
    life.make(app, {kind: "one"}, {f"{kind}/k.conf": "two"})
    life.install(f"{app}_1")
    life.host.write(kind, "mine")
    life.install(f"{app}_2")
    life.holds(f'"$(cat {kind}.dpkg-bak {kind}/k.conf)" = minetwo')
    life.install(f"{app}_1")
    life.holds(f'"$(cat {kind}.dpkg-bak {kind})" = mineone')
    life.host.write(kind, "mine again")
    life.install(f"{app}_2")
    life.holds(f'"$(cat {kind}.dpkg-bak {kind}.dpkg-bak~)" = "minemine again"')
    life.dpkg("--purge", app)
    life.holds(f"! -e /etc/{app}")


def test_killed_between_owner_and_mode(life: Life, app: str) -> None:
    path = f"/etc/{app}/a.conf"
    life.make(app, {path: "same"}, {path: ("same", app, "root", 0o600)})
    life.install(f"{app}_1")
    life.host.shell(
        "mv /bin/chmod /bin/chmod.away; printf '#!/bin/sh\\nkill -9 $PPID\\n' >/bin/chmod;"
        " /bin/chmod.away 755 /bin/chmod"
    )
    assert life.install(f"{app}_2", check=False).status
    life.host.shell("mv /bin/chmod.away /bin/chmod; dpkg --configure --pending")
    life.holds(f"\"$(stat -c '%U %a' {path})\" = '{app} 600'")


def test_what_cannot_change_need_not(life: Life, app: str) -> None:
    path, edited = f"/etc/{app}/a.conf", f"/etc/{app}/b.conf"
    life.make(app, {path: "same", edited: "one"}, {path: "same", edited: "two"})
    life.install(f"{app}_1")
    life.host.shell(
        f"mkdir /tmp/ro; echo mine >/tmp/ro/b.conf; ln -sf /tmp/ro/b.conf {edited};"
        f" mount --bind {path} {path}; mount -o remount,ro,bind {path};"
        " mount --bind /tmp/ro /tmp/ro; mount -o remount,ro,bind /tmp/ro"
    )
    done = life.install(f"{app}_2")
    life.host.shell(f"umount {path}; umount /tmp/ro; rm -r /tmp/ro")
    assert "was edited, and stays" in done.output


def test_purge_of_what_never_ended(life: Life, app: str) -> None:
    a, b = f"/etc/cron.d/{app}", f"/etc/{app}/b.conf"
    life.make(app, {a: "#one\n", b: "one"})
    life.host.shell(f"mkdir -p /etc/{app}/b.conf.dpkg-new/in/the/way")
    assert life.install(f"{app}_1", check=False).status
    life.host.shell(f"rm -r /etc/{app}/b.conf.dpkg-new")
    life.dpkg("--purge", app)
    life.holds(f"! -e {a}", f"! -e {b}")


def test_purge_of_backups(life: Life, app: str) -> None:
    a, b = f"/etc/cron.d/{app}", f"/etc/{app}/b.conf"
    life.make(app, {a: "#one\n", b: "one"}, {a: "#two\n", b: "one"}, {b: "one"})
    life.install(f"{app}_1")
    life.host.write(a, "#mine\n")
    life.install(f"{app}_2")
    life.install(f"{app}_3")
    life.holds(f'"$(cat {a}.dpkg-bak)" = "#mine"')
    life.dpkg("--purge", app)
    life.holds(f'-z "$(ls -d {a}* /etc/{app} 2>/dev/null)"')


OTHERS = """
mkdir -p /tmp/{app}/DEBIAN /tmp/{app}/etc/{app}.d
echo theirs >/tmp/{app}/etc/{app}.d/theirs.conf
printf '%s: %s\\n' Package {app}-next Version 1 Architecture all Maintainer 'X <x@example.org>' \\
    Description x >/tmp/{app}/DEBIAN/control
chmod 755 /tmp/{app} /tmp/{app}/DEBIAN
dpkg-deb --build /tmp/{app} /tmp/{app}.deb
dpkg --install /tmp/{app}.deb
rm -rf /tmp/{app}
"""


def test_what_others_have_is_theirs(life: Life, app: str) -> None:
    theirs, before = f"/etc/{app}.d/theirs.conf", f"/etc/{app}.d/before.conf"
    own = f"/etc/{app}.d/own.conf"
    life.host.shell(OTHERS.format(app=app))
    life.host.write(before, "same")
    life.make(
        app,
        {theirs: "same", before: "same", own: "one"},
        {theirs: ("two", app, "root", 0o600), before: ("same", app, "root", 0o600)},
        {},
    )
    life.install(f"{app}_1")
    life.install(f"{app}_2")
    life.holds(
        f"! -e {own}",
        f'"$(cat {theirs})" = theirs',
        f"\"$(stat -c '%U %a' {theirs} {before} | uniq)\" = 'root 644'",
    )
    life.install(f"{app}_3")
    life.dpkg("--purge", app)
    life.holds(f'"$(cat {theirs} {before})" = "$(printf "theirs\\nsame")"')


def test_names_of_all_kinds(life: Life, app: str) -> None:
    names = [
        "back\\tslash",
        "two\\c",
        "a  b",
        "it's $HOME `id`",
        "*",
        "%s",
        "-n",
        "ümläut",
        "a",
        "ab",
    ]
    paths = [f"/etc/{app}/{name}" for name in names]
    life.make(app, dict.fromkeys(paths, "one"), dict.fromkeys(paths, "two"))
    life.install(f"{app}_1")
    done = life.install(f"{app}_2")
    assert "edited" not in done.output
    assert life.host.shell(f"cd /etc/{app}; cat ./*").stdout == "two" * len(names)
    assert life.host.shell(f"ls /etc/{app} | wc -l").stdout.strip() == str(len(names))
    life.dpkg("--purge", app)
    life.holds(f"! -e /etc/{app}")


def test_a_full_disk_of_notes(life: Life, app: str) -> None:
    edited = f"/etc/{app}/a.conf"
    life.make(app, {edited: "one"}, {f"/etc/{app}/b.conf": "two"})
    life.install(f"{app}_1")
    life.host.write(edited, "mine")
    life.host.shell(
        "cp -a /var/lib/misc /tmp/misc; mount -t tmpfs -o size=8k notes /var/lib/misc;"
        " cp -a /tmp/misc/. /var/lib/misc/; dd if=/dev/zero of=/var/lib/misc/zero 2>/dev/null || :"
    )
    failed = life.install(f"{app}_2", check=False).status
    life.holds(f'"$(cat {edited} {edited}.dpkg-bak 2>/dev/null)" = mine')
    life.host.shell("umount /var/lib/misc; rm -r /tmp/misc")
    assert failed
    life.install(f"{app}_1")
    life.holds(f'"$(cat {edited} {edited}.dpkg-bak 2>/dev/null)" = mine')


def test_a_closed_input(life: Life, app: str) -> None:
    paths = [f"/etc/{app}/{name}.conf" for name in "abcdef"]
    gone = f"/etc/{app}/gone.conf"
    life.make(app, dict.fromkeys([*paths, gone], "one"), dict.fromkeys(paths, "two"))
    life.install(f"{app}_1")
    life.host.shell(f"dpkg --force-unsafe-io --install /packages/{app}_2-1_amd64.deb <&-")
    assert life.host.shell(f"cd /etc/{app}; cat ./*").stdout == "two" * len(paths)
    life.holds(f"! -e {gone}")
