"""Rules about what a proxy reads for ``[web]``: certificates, static and media files."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe, Web
from omnibuild.recipe.validate import quoted
from omnibuild.regular import read_regular

# Below the app's state: what the proxy, backups and moved trees have there.
_OWN = {
    "nginx": "nginx keeps bodies of requests there",
    "backups": "copies of databases are there",
    "etc": "a moved tree has its configuration there",
}


# What the configuration of each server reads beside itself.
_READ = {
    "nginx": ("nginx.conf", "nginx-http*.conf", "nginx-server*.conf", "nginx-headers*.conf"),
    "httpd": ("httpd.conf", "httpd-*.conf"),
}


def unread_faults(recipe: Recipe, web: Web, directory: Path) -> Iterator[Fault]:
    """Yield what of ``[config]`` is called like a server's, and is not read by it.

    Args:
        recipe: the app.
        web: its ``[web]``.
        directory: of the recipe.
    """
    start = f"/etc/{recipe.app.name}/"
    kinds = [
        kind for kind in _READ if kind == web.proxy or (kind, web.server) == ("httpd", "apache")
    ]
    for target in recipe.config_files:
        name = target.removeprefix(start)
        kind = next((each for each in kinds if name.startswith(each)), "")
        # A configuration of its own may read what it likes.
        if not target.startswith(start) or not kind or f"{start}{kind}.conf" in recipe.config:
            continue
        known = "/" not in name and any(fnmatchcase(name, glob) for glob in _READ[kind])
        if not known and not _is_named(recipe, target, directory):
            what = f"{quoted(target)} is read by nobody"
            hint = f"{kind} reads {', '.join(f'`{start}{glob}`' for glob in _READ[kind][1:])}"
            yield Fault(("config", target), what, hint, in_key=True)


def _is_named(recipe: Recipe, target: str, directory: Path) -> bool:
    """Tell whether another file of ``[config]`` has the name of this one, to include it."""
    name = posixpath.basename(target).encode()
    for path, file in recipe.config_files.items():
        # What cannot be read is told elsewhere.
        with contextlib.suppress(OSError):
            if path != target and name in read_regular(directory / file.source):
                return True
    return False


def file_faults(recipe: Recipe, web: Web) -> Iterator[Fault]:
    """Yield what is wrong with the paths of ``[web]``."""
    yield from _certificate_faults(recipe, web)
    own = dict(_OWN)
    for name in recipe.bundle.names if recipe.bundle else ():
        own[name] = f"the data of [bundle.{name}] are there"
    for location, directory in web.media.items():
        place = ("web", "media", location)
        if location in web.static:
            what = f"{quoted(location)} is answered from [web.static] already"
            yield Fault(place, what, "give one of them another path", in_key=True)
        if why := own.get(directory.partition("/")[0]):
            what = f"{quoted(directory)} would be answered to everybody, and {why}"
            yield Fault(place, what, "write it like `media`")


def _certificate_faults(recipe: Recipe, web: Web) -> Iterator[Fault]:
    if not web.tls:
        return
    own = f"/opt/{recipe.app.name}/"
    for key, path in (("certificate", web.tls.certificate), ("key", web.tls.key)):
        place = ("web", "tls", key)
        directory = posixpath.dirname(path)
        if path.endswith("/") or posixpath.normpath(path) != path:
            what = f"{quoted(path)} is not the plain absolute path of a file"
            yield Fault(place, what, "write it like `/etc/shop/tls/key.pem`")
        elif path.startswith(own):
            what = f"{quoted(path)} is in the app's own directory, which upgrades replace"
            yield Fault(place, what, f"put it below `/etc/{recipe.app.name}/`")
        elif directory != directory.rstrip("\\ "):
            # A unit watches the directory: systemd takes spaces off the end of a line, and joins
            # one that ends in a backslash with the next.
            what = f"{quoted(path)} is in a directory that systemd cannot watch"
            yield Fault(place, what, f"put it below `/etc/{recipe.app.name}/`")
