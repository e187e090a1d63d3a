"""Build roots that somebody else made: an image of a registry, or a tarball, pinned by digest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omnibuild import digests
from omnibuild.architectures import TARGET
from omnibuild.digests import Digest

IMAGE_DIGEST = "sha256:"


@dataclass(frozen=True)
class ImageRoot:
    """A root from a registry.

    Args:
        suite: the root's own name, that of its lock file.
        image: where it is, as ``ubuntu:22.04``.
        digest: what pins it, as ``sha256:…``: of the manifest that the registry serves.
    """

    suite: str
    image: str
    digest: str
    architecture = TARGET.dpkg

    @property
    def identity(self) -> Digest:
        """The digest that stands for the root."""
        return self.digest.removeprefix(IMAGE_DIGEST)

    def to_json(self) -> str:
        """Return the lock file's text."""
        return json.dumps({"image": self.image, "digest": self.digest}, indent=2) + "\n"


@dataclass(frozen=True)
class TarballRoot:
    """A root from an archive.

    Args:
        suite: the root's own name, that of its lock file.
        sha256: of the archive.
        places: where it can be fetched, in the order to try.
    """

    suite: str
    sha256: Digest
    places: tuple[str, ...]
    architecture = TARGET.dpkg

    @property
    def identity(self) -> Digest:
        """The digest that stands for the root."""
        return self.sha256


def is_pin(data: object) -> bool:
    """Tell whether a lock's data is that of an image or a tarball."""
    return isinstance(data, dict) and not data.keys().isdisjoint(("image", "tarball"))


def from_data(name: str, data: Mapping[str, Any]) -> ImageRoot | TarballRoot:
    """Read the data of a lock without :func:`faults`."""
    if "image" in data:
        return ImageRoot(name, data["image"], data["digest"])
    tarball = data["tarball"]
    return TarballRoot(name, tarball["sha256"], tuple(tarball["places"]))


def faults(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield everything wrong with a pin: text to search for its line, and a sentence."""
    wanted = {"image", "digest"} if "image" in data else {"tarball"}
    for key in sorted(data.keys() - wanted):
        yield f'"{key}"', f"unknown field `{key}`"
    if "image" not in data:
        yield from _tarball_faults(data["tarball"])
        return
    if not isinstance(data["image"], str) or not data["image"]:
        yield '"image"', "`image` is not the name of an image"
    digest = data.get("digest")
    if not isinstance(digest, str) or not _is_image_digest(digest):
        yield '"digest"', f"`digest` is not {IMAGE_DIGEST} and 64 hexadecimal digits"


def _tarball_faults(tarball: object) -> Iterator[tuple[str, str]]:
    if not isinstance(tarball, dict):
        yield '"tarball"', "`tarball` is not an object"
        return
    for key in sorted(tarball.keys() - {"sha256", "places"}):
        yield f'"{key}"', f"unknown field `{key}`"
    sha256, places = tarball.get("sha256"), tarball.get("places")
    if not isinstance(sha256, str) or not digests.is_digest(sha256):
        yield '"sha256"', "`sha256` is not a SHA-256 digest"
    if not isinstance(places, list) or not places or not all(isinstance(p, str) for p in places):
        yield '"places"', "`places` is not a list of places"


def _is_image_digest(digest: str) -> bool:
    return digest.startswith(IMAGE_DIGEST) and digests.is_digest(digest.removeprefix(IMAGE_DIGEST))
