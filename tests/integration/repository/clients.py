"""Real package managers in directories of their own, and a web server for them."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

Done = subprocess.CompletedProcess[str]

# What a package manager of the user's own must not bring into a test.
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


def run(*command: str | Path) -> Done:
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout + done.stderr)


@dataclass(frozen=True)
class Apt:
    """apt with all its directories below ``root``; every check that it has is on."""

    root: Path

    def follow(
        self, url: str, keyring: Path, suite: str = "stable", components: str = "main"
    ) -> None:
        for name in ("lists/partial", "cache/archives/partial", "preferences.d", "conf.d"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        (self.root / "test.sources").write_text(
            f"Types: deb\nURIs: {url}/apt\nSuites: {suite}\nComponents: {components}\n"
            f"Signed-By: {keyring}\n"
        )

    def run(self, *arguments: str) -> Done:
        return run(*self.command(self.root, *arguments))

    def command(self, root: Path, *arguments: str) -> tuple[str | Path, ...]:
        """Return what to run; ``root`` is where its directories are as apt sees them."""
        options = {
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "root",
            "APT::Update::Error-Mode": "any",
            "Acquire::Check-Valid-Until": "true",
            "Acquire::Check-Date": "true",
            "Acquire::Languages": "none",
            "Dir::Cache": root / "cache",
            "Dir::Etc::Parts": root / "conf.d",
            "Dir::Etc::PreferencesParts": root / "preferences.d",
            "Dir::Etc::SourceList": root / "test.sources",
            "Dir::Etc::SourceParts": "-",
            "Dir::State::Lists": root / "lists",
            "Dir::State::Status": root / "status",
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return ("env", "-C", root, "apt-get", "-q", *words, *arguments)


@dataclass(frozen=True)
class Dnf:
    """dnf that knows one repository and installs into a root of its own."""

    root: Path

    def follow(self, location: str, key: Path) -> None:
        (self.root / "repos").mkdir(parents=True, exist_ok=True)
        (self.root / "repos/shop.repo").write_text(
            f"[shop]\nname=Shop\n{location}\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\n"
            f"gpgkey=file://{key}\nmetadata_expire=0\nskip_if_unavailable=0\n"
        )

    def run(self, *arguments: str) -> Done:
        done = run(
            "dnf",
            "-y",
            f"--installroot={self.root / 'root'}",
            f"--setopt=reposdir={self.root / 'repos'}",
            f"--setopt=cachedir={self.root / 'cache'}",
            *([] if arguments[0] == "reposync" else ["--setopt=pluginpath=/nonexistent"]),
            "--releasever=9",
            "--forcearch=x86_64",
            *arguments,
        )
        # Each repository's key has an agent of its own, which would outlive the test, and take one
        # of the few inotify instances that a user has.
        for keyring in (self.root / "cache").glob("*/pubring"):
            run("gpgconf", "--homedir", keyring, "--kill", "gpg-agent")
        return done


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Proxied(Quiet):
    """Serves the same for whatever host it is asked for, as a proxy."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(urlsplit(path).path)


@contextlib.contextmanager
def web_server(directory: Path, kind: type[Quiet] = Quiet) -> Iterator[str]:
    """Serve a directory; yields its address."""
    handler = functools.partial(kind, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
