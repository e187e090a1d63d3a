"""What pages have in common: where it is the same, the same packages make the same pages."""

from __future__ import annotations

from omnibuild import __version__, digests
from omnibuild.digests import Digest
from omnibuild.repository.state.entries import Change, Deb, Yank
from omnibuild.repository.web.catalogue import Listed
from omnibuild.repository.web.listing import DEB, Offer, Row, Yanked
from omnibuild.repository.web.lists import list_page
from omnibuild.repository.web.package import Known, package_page
from omnibuild.repository.web.programs import listed
from omnibuild.repository.web.site import Site


def frame(site: Site) -> Digest:
    """Return the digest of what pages have in common."""
    row = Row("n", "1", "a", "s", site.first, site.first, 1, "d", "h", DEB, ("a",), "m")
    deb = Deb(
        name="n",
        version="1",
        architecture="a",
        summary="s",
        digest="d",
        size=1,
        path="h",
        stanza="Package: n\nHomepage: https://h\nDescription: s\n d",
        changes=(Change("1", 1, "a", "t"),),
    )
    yank = Yank(name="n", version="0", title="n 0 (a)", reason="r", time=1)
    manifest = b'{"components": [{"name": "n", "version": "1", "license": "l"}]}'
    pages = (
        package_page(
            site, "n", Known([Offer(row, deb)], [Yanked(site.first, yank)]), lambda _: manifest
        ),
        list_page(site, "n", [Listed("n", (row,))]),
        listed(site, [row]),
    )
    return digests.of_bytes("\0".join((__version__, *pages)).encode() + site.seal)
