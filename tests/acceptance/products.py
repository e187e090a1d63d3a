"""The products that the acceptance tests install: built and published by the command line.

Everything is built in the user's store, so a second run builds nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COMPILED = CHECKOUT / "tests/acceptance/compiled"
SHAPES = CHECKOUT / "tests/acceptance/shapes"


# Nobody reads what is published here just then: there is nobody to wait for.
AT_ONCE = """
import sys
from omnibuild.cli.main import main
from omnibuild.repository.apt import switch
switch.PAIR_SECONDS = switch.INDEX_SECONDS = 0
sys.exit(main())
"""


def omnibuild(
    *words: str | Path, check: bool = True, at_once: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would; ``at_once``, it waits for no readers."""
    program = ("-c", AT_ONCE) if at_once else ("-m", "omnibuild")
    done = subprocess.run(
        [sys.executable, *program, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"omnibuild {words} failed:\n{done.stdout}\n{done.stderr}")
    return done


@dataclass(frozen=True)
class Products:
    """Artifacts and repositories below one scratch directory; each is made when first asked for."""

    base: Path

    @cached_property
    def hello(self) -> Path:
        """Directory with hello 1.0.0 for every platform."""
        omnibuild("build", "hello", "-C", CHECKOUT, "-o", self.base / "dist-1.0.0")
        return self.base / "dist-1.0.0"

    @cached_property
    def hello_pex(self) -> Path:
        """Directory with hello 1.0.0 as a PEX file."""
        directory = self.base / "dist-pex"
        omnibuild("build", "hello", "-C", CHECKOUT, "-p", "pex", "-o", directory)
        return directory

    @cached_property
    def hello_whole(self) -> Path:
        """Directory with the tarball of hello 1.0.0, of which nothing is left out."""
        workspace = copied(self.base / "whole")
        whole(workspace / "recipes/hello.toml")
        omnibuild("build", "hello", "-C", workspace, "-p", "linux", "-o", self.base / "dist-whole")
        return self.base / "dist-whole"

    @cached_property
    def httpbin(self) -> Path:
        """Directory with httpbin for every platform."""
        omnibuild("build", "httpbin", "-C", CHECKOUT, "-o", self.base / "dist-httpbin")
        return self.base / "dist-httpbin"

    @cached_property
    def compiled(self) -> Path:
        """Directory with an app of wheels that others compiled, for Debian 12."""
        omnibuild(
            *("build", "compiled", "-C", COMPILED, "-p", "debian-12"),
            *("-o", self.base / "dist-compiled"),
        )
        return self.base / "dist-compiled"

    @cached_property
    def shelf(self) -> Path:
        """Directory with an app that its own build steps add to, for Debian 12."""
        directory = self.base / "dist-shelf"
        omnibuild("build", "shelf", "-C", SHAPES, "-p", "debian-12", "-o", directory)
        return directory

    @cached_property
    def hello_next(self) -> Path:
        """Directory with hello 1.1.0, whose page and default configuration say so."""
        workspace = next_version(self.base / "next")
        omnibuild("build", "hello", "-C", workspace, "-o", self.base / "dist-1.1.0")
        return self.base / "dist-1.1.0"

    @cached_property
    def key(self) -> Path:
        """A signing key."""
        path = self.base / "release.key"
        omnibuild("key", "create", path, "--user", "Releases <releases@example.com>")
        return path

    @cached_property
    def repository(self) -> Path:
        """A repository with hello 1.0.0 and httpbin, published by the command line."""
        path = self.base / "repository"
        self.publish(path, self.hello, self.httpbin)
        return path

    @property
    def public_key(self) -> Path:
        """The key of the repository as hosts can fetch it."""
        (path,) = self.repository.glob("keys/*.asc")
        return path

    @cached_property
    def repository_next(self) -> Path:
        """The same repository after hello 1.1.0 was published, too."""
        path = self.base / "repository-next"
        shutil.copytree(self.repository, path, symlinks=True)
        self.publish(path, self.hello_next)
        return path

    def publish(self, repository: Path, *directories: Path) -> None:
        """Publish every file of the directories."""
        files = [path for directory in directories for path in sorted(directory.iterdir())]
        omnibuild("publish", *files, "--repo", repository, "--key", self.key, at_once=True)


def whole(recipe: Path) -> None:
    """Let hello's recipe leave out nothing of what its components bring."""
    for name in ('"python-3.13"', "openssl"):
        replace(recipe, f'{name} = {{ variants = ["small"] }}\n', "")


def copied(workspace: Path) -> Path:
    """Make a workspace with hello as it is here."""
    for name in ("recipes", "examples", "package-scripts"):
        shutil.copytree(CHECKOUT / name, workspace / name)
    return workspace


def next_version(workspace: Path) -> Path:
    """Make a workspace whose hello is 1.1.0: another version, another page, another default."""
    copied(workspace)
    for path in (workspace / "recipes/hello.toml", workspace / "examples/hello/pyproject.toml"):
        replace(path, 'version = "1.0.0"', 'version = "1.1.0"')
    replace(workspace / "examples/hello/src/hello/__init__.py", "1.0.0", "1.1.0")
    configuration = workspace / "examples/hello/files/hello.toml"
    replace(configuration, "Hello from omnibuild", "Hello from omnibuild 1.1")
    return workspace


def replace(path: Path, old: str, new: str) -> None:
    """Replace text that must be there."""
    text = path.read_text()
    assert old in text, f"{path} holds no {old!r}"
    path.write_text(text.replace(old, new))
