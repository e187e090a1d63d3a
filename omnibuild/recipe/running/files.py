"""Rules about what a proxy reads for ``[web]``: certificates, static and media files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe, Web
from omnibuild.recipe.validate import quoted

# Below the app's state: what the proxy, backups and moved trees have there.
_OWN = {
    "nginx": "nginx keeps bodies of requests there",
    "backups": "copies of databases are there",
    "etc": "a moved tree has its configuration there",
}


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
