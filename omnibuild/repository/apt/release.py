"""The text of Release, which lists a suite's indexes by their digests: written and read."""

from __future__ import annotations

import re
import time
from calendar import timegm
from collections.abc import Iterable, Mapping

from omnibuild import digests
from omnibuild.patterns import regex

CLEARTEXT_HEADER = b"-----BEGIN PGP SIGNED MESSAGE-----"
SIGNATURE_HEADER = b"-----BEGIN PGP SIGNATURE-----"

# In the words of RFC 5322, whatever the machine's language is; email.utils would load much more.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = (
    rb"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
_DATE = regex(rb"^Date: " + _TIME + rb"$", re.MULTILINE)
_UNTIL = regex(rb"^Valid-Until: " + _TIME + rb"$", re.MULTILINE)
_DATES = (b"Date: ", b"Valid-Until: ")
_ROW = regex(rb"^ ([0-9a-f]{64} [0-9]+) (\S+)$", re.MULTILINE)

# What lists files: their digest and size, by their path.
Rows = Mapping[str, str]


def row_of(data: bytes) -> str:
    """Return how a file is listed."""
    return f"{digests.of_bytes(data)} {len(data)}"


def release_text(
    name: str,
    title: str,
    architectures: Iterable[str],
    components: Iterable[str],
    rows: Rows,
    date: int,
    valid: int = 0,
) -> bytes:
    """Return the text of a suite's Release; ``date`` is in seconds since 1970.

    Hosts take it for ``valid`` seconds; with 0 there is no Valid-Until, which would cut off every
    host unless somebody signs anew in time.
    """
    lines = [
        f"Origin: {title}",
        f"Label: {title}",
        # Suite and Codename stay: apt asks a person when either of them changes.
        f"Suite: {name}",
        f"Codename: {name}",
        f"Date: {_said(date)}",
        *([f"Valid-Until: {_said(date + valid)}"] if valid else []),
        "Acquire-By-Hash: yes",
        f"Architectures: {' '.join(sorted(architectures))}",
        f"Components: {' '.join(components)}",
        "SHA256:",
        *(f" {row} {path}" for path, row in rows.items()),
    ]
    return ("\n".join(lines) + "\n").encode()


def release_date(release: bytes) -> int:
    """Return the date of a Release file, in seconds since 1970; 0 when it has none."""
    return _time(_DATE, release)


def valid_until(release: bytes) -> int:
    """Return until when hosts take a Release file, in seconds since 1970; 0: for ever."""
    return _time(_UNTIL, release)


def _time(field: re.Pattern[bytes], release: bytes) -> int:
    match = field.search(release)
    if match is None or match[2].decode() not in _MONTHS:
        return 0
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    return timegm((year, _MONTHS.index(match[2].decode()) + 1, day, hour, minute, second))


def _said(date: int) -> str:
    moment = time.gmtime(date)
    day, month = _DAYS[moment.tm_wday], _MONTHS[moment.tm_mon - 1]
    return f"{day}, {moment.tm_mday:02} {month} {time.strftime('%Y %H:%M:%S', moment)} GMT"


def rows_of(release: bytes) -> Rows:
    """Return what a Release file lists."""
    return {path.decode(): row.decode() for row, path in _ROW.findall(release)}


def by_hash(path: str, row: str) -> str:
    """Return the name under which apt asks for an index that is listed so.

    >>> by_hash("main/binary-amd64/Packages", "e3b0c44 0")
    'main/binary-amd64/by-hash/SHA256/e3b0c44'
    """
    return f"{path.rpartition('/')[0]}/by-hash/SHA256/{row.partition(' ')[0]}"


def signed_text(message: bytes) -> bytes:
    """Return the text inside a clear-signed message; empty when it is none."""
    if not message.startswith(CLEARTEXT_HEADER):
        return b""
    text = message.partition(b"\n\n")[2].partition(SIGNATURE_HEADER)[0]
    return text.rstrip(b"\n") + b"\n"


def undated(release: bytes) -> list[bytes]:
    """Return all lines but the dates: equal ones are of one state."""
    return [line for line in release.splitlines() if not line.startswith(_DATES)]
