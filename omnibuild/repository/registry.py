"""Images go to a registry, by skopeo: it knows credentials, proxies, and layers that are there."""

from __future__ import annotations

import json
import os
import re
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from omnibuild.errors import (
    IdentityConflictError,
    PackageError,
    RepositoryError,
    ToolFailedError,
    UsageError,
    Where,
)
from omnibuild.package.reading import reading
from omnibuild.repository.intake import check_sidecars
from omnibuild.repository.layout import check_channel
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool

SKOPEO: Final = Tool("skopeo", package="skopeo")

# What says who may push, and how the registry is reached; nothing else of the user's environment.
_PASSED: Final = re.compile(
    "HOME|XDG_RUNTIME_DIR|REGISTRY_AUTH_FILE|DOCKER_CONFIG"
    "|SSL_CERT_(FILE|DIR)|((https?|no|all)_proxy)",
    re.IGNORECASE,
)
_REGISTRY: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_NAMED: Final = re.compile(r"([a-z0-9]+(?:[._-]+[a-z0-9]+)*):([A-Za-z0-9_][A-Za-z0-9._-]{0,127})")
# What registries say of an image that nobody has pushed.
_UNKNOWN: Final = ("manifest unknown", "name unknown", "not found")
# Bytes; a document has some thousands.
_LARGEST: Final = 1 << 20


@dataclass(frozen=True)
class Pushed:
    """An image in a registry.

    Args:
        name: where it is, as ``registry.example.com/team/shop:1.4.2``.
        digest: of its manifest, as ``sha256:…``.
        added: whether it was not there before.
    """

    name: str
    digest: str
    added: bool


def push(images: Sequence[Path], registry: str, channel: str) -> list[Pushed]:
    """Push images, each under its version and under the channel's name.

    Args:
        images: files that ``build`` wrote.
        registry: as ``registry.example.com/team``.
        channel: what whoever follows it pulls.

    Raises:
        UsageError: that is no registry, or no channel.
        PackageError: a file is damaged, or no image.
        IdentityConflictError: another image has that version there; raised before any is pushed.
        RepositoryError: the registry does not take it.
    """
    check_channel(channel)
    if not _REGISTRY.fullmatch(registry):
        raise UsageError(
            f"{registry!r} is no place in a registry",
            hint="name it without a scheme: --registry registry.example.com/team",
        )
    read = {path: _read(path) for path in images}
    there = {path: _digest_of(f"{registry}/{name}:{tag}") for path, (name, tag, _) in read.items()}
    for path, (name, tag, digest) in read.items():
        if there[path] and there[path] != digest:
            raise IdentityConflictError(
                f"another image is called {registry}/{name}:{tag}",
                where=Where(str(path)),
                why=f"there: {there[path]}\nhere:  {digest}",
                hint="a version means one image: raise the version",
            )
    found = []
    for path, (name, tag, digest) in read.items():
        for each in dict.fromkeys((tag, channel)):
            _copy(path, f"{registry}/{name}:{each}")
        found.append(Pushed(f"{registry}/{name}:{tag}", digest, not there[path]))
    return found


def _read(path: Path) -> tuple[str, str, str]:
    """Return an image's name, its tag and the digest of its manifest."""
    check_sidecars(path)
    with reading(path):
        try:
            with tarfile.open(path, mode="r:") as tar:
                index, (loaded,) = _json(tar, "index.json"), _json(tar, "manifest.json")
                (manifest,) = index["manifests"]
                named = _NAMED.fullmatch(loaded["RepoTags"][0])
                digest = manifest["digest"]
        except (tarfile.TarError, KeyError, IndexError, TypeError, ValueError) as error:
            raise PackageError(
                "this is no image that omnibuild made", where=Where(str(path)), why=str(error)
            ) from error
    if not named or not re.fullmatch(r"sha256:[0-9a-f]{64}", str(digest)):
        raise PackageError("the image has no name, or no digest", where=Where(str(path)))
    return named[1], named[2], digest


def _json(tar: tarfile.TarFile, name: str) -> Any:
    member = tar.getmember(name)
    stream = tar.extractfile(member)
    if stream is None or member.size > _LARGEST:
        raise ValueError(f"{name} is no document")
    return json.loads(stream.read())


def _digest_of(name: str) -> str:
    """Return the digest of the image of that name in its registry; empty if there is none."""
    words = ("inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{name}")
    done = SKOPEO.run(*words, environment=_environment(), check=False)
    if done.returncode == 0:
        return done.stdout.decode().strip()
    said = done.stderr.decode(errors="replace").strip()
    if any(words in said.lower() for words in _UNKNOWN):
        return ""
    raise _refused(name, said)


def _copy(path: Path, name: str) -> None:
    # Names of archives end at a colon for skopeo: it is given one without.
    with tempfile.TemporaryDirectory(prefix="omnibuild-push-") as directory:
        link = Path(directory) / "image"
        link.symlink_to(path.absolute())
        words = ("copy", "--quiet", "--preserve-digests", f"oci-archive:{link}", f"docker://{name}")
        try:
            SKOPEO.run(*words, environment=_environment())
        except ToolFailedError as error:
            raise _refused(name, error.why) from error


def _refused(name: str, said: str) -> RepositoryError:
    return RepositoryError(
        f"the registry did not answer for {name}",
        why=said[-2000:],
        hint=f"log in as for other images: skopeo login {name.partition('/')[0]}",
    )


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    return {**CLEAN_ENVIRONMENT, **passed}
