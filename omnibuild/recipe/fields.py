"""Types of the fields of definitions: what a name, a version, an address may look like."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from omnibuild.patterns import regex

# Patterns end in \Z, because Python's $ also matches before a last line break; in JSON schemas
# and messages that is $ again. The examples are what error messages propose.
Name = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9+.-]*\Z", min_length=2, max_length=60),
]
OptionalName = Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9+.-]*)?\Z", max_length=60)]
Version = Annotated[
    str, Meta(pattern=r"^[0-9][A-Za-z0-9.+~]*\Z", max_length=60, examples=["1.4.2", "2.0~rc1"])
]
# Of an app, where Python's rules (PEP 440) have an epoch: `1!2.0`.
AppVersion = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{1,9}!)?[0-9][A-Za-z0-9.+~]*\Z",
        max_length=60,
        examples=["1.4.2", "2.0~rc1"],
    ),
]
OptionalVersion = Annotated[str, Meta(pattern=r"^([0-9][A-Za-z0-9.+~]*)?\Z", max_length=60)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
OptionalSha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
Commit = Annotated[str, Meta(pattern=r"^([0-9a-f]{40}([0-9a-f]{24})?)?\Z")]
HostPath = Annotated[str, Meta(pattern=r"^/[^\x00-\x1f\x7f]+\Z", examples=["/etc/shop/shop.toml"])]
Listen = Annotated[
    str,
    Meta(
        pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}\Z",
        examples=["127.0.0.1:8080", "[::1]:8080"],
    ),
]
# What nginx takes as a prefix of paths, and as the directory that has them.
Location = Annotated[
    str,
    Meta(
        pattern=r"^/(\.?[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)+\Z", max_length=200, examples=["/static/"]
    ),
]
BelowApp = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)*\Z",
        max_length=200,
        examples=["share/static"],
    ),
]
# In a source, empty for its top: shell goes there.
Directory = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_@+][A-Za-z0-9._@+-]*(/[A-Za-z0-9_@+][A-Za-z0-9._@+-]*)*)?\Z",
        max_length=200,
        examples=["expat"],
    ),
]
Script = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z",
        max_length=100,
        examples=["shop", "shop-admin"],
    ),
]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z", examples=["SHOP_CONFIG"])]
Place = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9+.-]*:[^\s\x00-\x1f\x7f]+\Z",
        examples=["https://example.com/shop-1.0.tar.gz", "debian:main/z/zlib/zlib_1.3.orig.tar.gz"],
    ),
]
Architecture = Annotated[str, Meta(pattern=r"^[a-z0-9_-]+\Z", examples=["x86_64"])]
# One line without control characters: it goes into control files and units as it is.
OptionalLine = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Line = Annotated[OptionalLine, Meta(min_length=1)]
# Several lines, for people only.
Text = Annotated[str, Meta(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*\Z")]
Address = Annotated[
    str,
    Meta(
        pattern=r"^[^<>\x00-\x1f\x7f]+ <[^<>@\s]+@[^<>@\s]+>\Z",
        examples=["Shop team <shop@example.com>"],
    ),
]
# As PEP 751 has it; other tools know a lock by its name.
LockFile = Annotated[
    str,
    Meta(
        pattern=r"^(|([^\x00-\x1f\x7f]*/)?pylock\.([^./\x00-\x1f\x7f]+\.)?toml)\Z",
        examples=["pylock.shop.toml", "pylock.toml"],
    ),
]
# Of the Python index, spelt in any way that PEP 503 takes for the same.
Distribution = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z",
        max_length=200,
        examples=["typing-extensions"],
    ),
]
Pin = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?==[0-9][A-Za-z0-9.+!]*)?\Z",
        max_length=200,
        examples=["shop==1.4.2"],
    ),
]


def is_url(text: str) -> bool:
    """Tell whether this can be taken apart as a URL, which no pattern says."""
    try:
        parts = urlsplit(text)
        return bool(parts.scheme) and parts.port != 0
    except ValueError:
        return False


# By which commits are fetched.
_PROTOCOLS = ("https", "http", "ssh", "file")


def is_repository(text: str) -> bool:
    """Tell whether this can be the address of a git repository which is fetched."""
    return is_url(text) and text.partition("://")[0] in _PROTOCOLS and not _ODD.search(text)


_ODD = regex(r"[\s\"'\\\x00-\x1f\x7f]")
