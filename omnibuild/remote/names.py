"""The names of objects in a remote cache."""

from __future__ import annotations

from omnibuild.digests import Digest
from omnibuild.store.results import Output


def blob(digest: Digest) -> str:
    """Return the name of a blob."""
    return f"blobs/{digest[:2]}/{digest}"


def archive(digest: Digest) -> str:
    """Return the name of a tree's archive."""
    return f"trees/{digest[:2]}/{digest}.tar.zst"


def result(key: Digest) -> str:
    """Return the name of the document with the result of a key."""
    return f"results/{key[:2]}/{key}.json"


def of_output(output: Output) -> str:
    """Return the name of the object that is an output."""
    return (blob if output.kind == "blob" else archive)(output.digest)
