"""Programs that mirror a repository, and proof that what they got is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omnibuild import digests
from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.repository.apt.release import rows_of, signed_text
from omnibuild.repository.apt.switch import FORMS
from tests.integration.repository.clients import Apt, Dnf, Done, run

INDEX = "{}/binary-amd64/Packages"


@dataclass(frozen=True)
class Aptly:
    """aptly, which reads InRelease and then an index by its plain name."""

    work: Path
    components: tuple[str, ...] = ("main",)

    def update(self, url: str, keyring: Path) -> Done:
        config = self.work / "aptly.json"
        options = ("-config", config, f"-keyring={keyring}")
        if not config.exists():
            content = {"rootDir": str(self.work / "aptly"), "gpgProvider": "internal"}
            config.write_text(json.dumps(content))
            words = ("aptly", "mirror", "create", *options)
            done = run(*words, "shop", f"{url}/apt", "stable", *self.components)
            if done.returncode:
                config.unlink()
                return done
        # As often as its default: an answer that does not fit is final.
        return run("aptly", "mirror", "update", *options, "shop")

    def debs(self) -> dict[str, str]:
        """Return the digests of the packages of its newest state, by their file names."""
        config = ("-config", self.work / "aptly.json")
        done = run("aptly", "mirror", "show", *config, "-with-packages", "shop")
        assert done.returncode == 0, done.stdout
        names = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
        pool = {
            path.name.partition("_")[2]: path for path in (self.work / "aptly/pool").rglob("*.deb")
        }
        # It keeps a file below the beginning of its digest: ab/cd/ef..._NAME.
        return {f"{n}.deb": digests.of_file(pool[f"{n}.deb"]) for n in names if n.count("_") == 2}


@dataclass(frozen=True)
class Debmirror:
    """debmirror, which reads Release, InRelease, Release.gpg and what Release lists."""

    work: Path
    components: tuple[str, ...] = ("main",)

    @property
    def copy(self) -> Path:
        return self.work / "debmirror"

    def update(self, url: str, keyring: Path) -> Done:
        host = url.removeprefix("http://")
        return run(
            *("debmirror", "--method=http", f"--host={host}", "--root=apt", "--dist=stable"),
            *(f"--section={','.join(self.components)}", "--arch=amd64", "--nosource", "--i18n"),
            *("--diff=none", "--rsync-extra=none", f"--keyring={keyring}", self.copy),
        )

    def debs(self) -> dict[str, str]:
        """Return the digests of the packages that hosts find in the copy, by their file names."""
        return listed(self.copy, self.components)


@dataclass(frozen=True)
class AptMirror:
    """apt-mirror, which reads all by plain names, and verifies nothing.

    It loses the port of an address, so that it reads by way of a proxy.
    """

    work: Path
    components: tuple[str, ...] = ("main",)

    @property
    def copy(self) -> Path:
        return self.work / "apt-mirror/mirror/repository.test/apt"

    def update(self, url: str, keyring: Path) -> Done:
        del keyring
        base = self.work / "apt-mirror"
        for name in ("mirror", "skel", "var"):
            (base / name).mkdir(parents=True, exist_ok=True)
        config = self.work / "mirror.list"
        config.write_text(
            f"set base_path {base}\nset run_postmirror 0\nset nthreads 2\nset _tilde 0\n"
            f"set use_proxy on\nset http_proxy {url.removeprefix('http://')}\n"
            f"deb [arch=amd64] http://repository.test/apt stable {' '.join(self.components)}\n"
        )
        return run("apt-mirror", config)

    def debs(self) -> dict[str, str]:
        """Return the digests of the packages that hosts find in the copy, by their file names."""
        return listed(self.copy, self.components)


@dataclass(frozen=True)
class Reprepro:
    """reprepro update, which reads InRelease, then indexes by plain names, and makes its own."""

    work: Path
    components: tuple[str, ...] = ("main",)

    def update(self, url: str, keyring: Path) -> Done:
        base, home = self.work / "reprepro", self.work / "gnupg"
        if not home.exists():
            home.mkdir(mode=0o700)
            run("gpg", "--homedir", home, "--no-autostart", "--batch", "--import", keyring)
        shown = run("gpg", "--homedir", home, "--show-keys", "--with-colons", keyring).stdout
        name = next(line for line in shown.splitlines() if line.startswith("fpr:")).split(":")[9]
        (base / "conf").mkdir(parents=True, exist_ok=True)
        (base / "conf/distributions").write_text(
            "Codename: stable\nArchitectures: amd64\nUpdate: shop\n"
            f"Components: {' '.join(self.components)}\n"
        )
        # It takes the last digits of a fingerprint only.
        (base / "conf/updates").write_text(
            f"Name: shop\nMethod: {url}/apt\nSuite: stable\nVerifyRelease: {name[-16:]}\n"
        )
        return run("reprepro", f"--basedir={base}", f"--gnupghome={home}", "update")

    def debs(self) -> dict[str, str]:
        """Return the digests of the packages that it has, by their file names."""
        pool = self.work / "reprepro/pool"
        return {path.name: digests.of_file(path) for path in pool.rglob("*.deb")}


def listed(copy: Path, components: Sequence[str] = ("main",)) -> dict[str, str]:
    """Return the digests of what a copy lists, by file names; all of it is as it says."""
    suite = copy / "dists/stable"
    rows = rows_of(signed_text((suite / "InRelease").read_bytes()))
    indexes = [f"{INDEX.format(each)}{form}" for each in components for form in FORMS]
    found = {}
    for path in filter(rows.__contains__, indexes):
        data = (suite / path).read_bytes()
        assert rows[path] == f"{digests.of_bytes(data)} {len(data)}", path
        for stanza in _stanzas(suite / path):
            found[Path(stanza["Filename"]).name] = digests.of_file(copy / stanza["Filename"])
            assert found[Path(stanza["Filename"]).name] == stanza["SHA256"]
    return found


def as_a_host(
    copy: Path, scratch: Path, keyring: Path, *packages: str, components: Sequence[str] = ("main",)
) -> Done:
    """Have apt update from a copy, with every check, and fetch packages of it."""
    served = scratch / "served"
    served.mkdir()
    (served / "apt").symlink_to(copy)
    host = Apt(scratch / "host")
    host.follow(f"copy:{served}", keyring, components=" ".join(components))
    done = host.run("update")
    return done if done.returncode else host.run("download", *packages)


def _stanzas(index: Path) -> Iterator[dict[str, str]]:
    unpack = {".gz": "gzip", ".xz": "xz"}[index.suffix]
    for text in run(unpack, "-dc", index).stdout.split("\n\n"):
        if text.strip():
            yield parse_paragraph(f"{text.strip()}\n")


@dataclass(frozen=True)
class Reposync:
    """dnf reposync of a mirrorlist, every time into an empty directory."""

    work: Path

    @property
    def copy(self) -> Path:
        return self.work / "reposync"

    def update(self, url: str, key: Path) -> Done:
        dnf = Dnf(self.work)
        dnf.follow(f"mirrorlist={url}/yum/stable/el9/x86_64/mirrorlist", key)
        shutil.rmtree(self.copy, ignore_errors=True)
        options = ("--repoid=shop", "--norepopath", "--download-metadata")
        return dnf.run("reposync", "--download-path", str(self.copy), *options)

    def rpms(self) -> dict[str, str]:
        return {path.name: digests.of_file(path) for path in self.copy.rglob("*.rpm")}
