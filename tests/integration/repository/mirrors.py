"""Programs that mirror a repository, and proof that what they got is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild import digests
from omnibuild.package.deb.control import parse_paragraph
from omnibuild.repository.apt.release import rows_of, signed_text
from omnibuild.repository.apt.switch import FORMS
from tests.integration.repository.clients import Apt, Dnf, Done, run

INDEX = "main/binary-amd64/Packages"


@dataclass(frozen=True)
class Aptly:
    """aptly, which reads InRelease and then an index by its plain name."""

    work: Path

    def update(self, url: str, keyring: Path) -> Done:
        config = self.work / "aptly.json"
        options = ("-config", config, f"-keyring={keyring}")
        if not config.exists():
            content = {"rootDir": str(self.work / "aptly"), "gpgProvider": "internal"}
            config.write_text(json.dumps(content))
            words = ("aptly", "mirror", "create", *options)
            done = run(*words, "shop", f"{url}/apt", "stable", "main")
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

    @property
    def copy(self) -> Path:
        return self.work / "debmirror"

    def update(self, url: str, keyring: Path) -> Done:
        host = url.removeprefix("http://")
        return run(
            *("debmirror", "--method=http", f"--host={host}", "--root=apt", "--dist=stable"),
            *("--section=main", "--arch=amd64", "--nosource", "--i18n", "--diff=none"),
            *("--rsync-extra=none", f"--keyring={keyring}", self.copy),
        )

    def debs(self) -> dict[str, str]:
        """Return the digests of the packages that hosts find in the copy, by their file names."""
        suite = self.copy / "dists/stable"
        rows = rows_of(signed_text((suite / "InRelease").read_bytes()))
        listed = [path for path in rows if path.startswith(INDEX) and path.endswith(FORMS)]
        for path in listed:
            data = (suite / path).read_bytes()
            assert rows[path] == f"{digests.of_bytes(data)} {len(data)}", path
        return {
            Path(stanza["Filename"]).name: digests.of_file(self.copy / stanza["Filename"])
            for stanza in self._stanzas(suite / listed[0])
        }

    def as_a_host(self, scratch: Path, keyring: Path, *packages: str) -> Done:
        """Have apt update from the copy, with every check, and fetch packages of it."""
        served = scratch / "served"
        served.mkdir()
        (served / "apt").symlink_to(self.copy)
        host = Apt(scratch / "host")
        host.follow(f"copy:{served}", keyring)
        done = host.run("update")
        return done if done.returncode else host.run("download", *packages)

    def _stanzas(self, index: Path) -> Iterator[dict[str, str]]:
        unpack = {".gz": "gzip", ".xz": "xz"}[index.suffix]
        for text in run(unpack, "-dc", index).stdout.split("\n\n"):
            if text.strip():
                stanza = parse_paragraph(f"{text.strip()}\n")
                assert stanza["SHA256"] == digests.of_file(self.copy / stanza["Filename"])
                yield stanza


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
