"""Addresses of package registries, as environments and configurations name them."""

from __future__ import annotations

from urllib.parse import urlsplit

from omnibuild.errors import HostError
from omnibuild.transfer.http import without_password


def base_url(url: str, what: str, origin: str, hint: str) -> str:
    """Return the address of a registry with one slash at its end, as joining needs it.

    Args:
        url: as somebody wrote it.
        what: it is the address of.
        origin: who wrote it, in words.
        hint: what to set instead.

    Raises :class:`HostError` when it is none.
    """
    try:
        parts = urlsplit(url)
        web = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
        valid = bool(web) or (parts.scheme == "file" and not parts.netloc and bool(parts.path))
        valid = valid and not any(each.isspace() for each in url)
    except ValueError:
        valid = False
    if not valid:
        raise HostError(
            f"the address of {what} is not a URL: {without_password(url)!r}",
            why=f"it comes from {origin}",
            hint=hint,
        )
    return url.rstrip("/") + "/"
