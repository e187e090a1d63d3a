"""Valid definitions to start from, and comparison with golden files."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
CHECKOUT = Path(__file__).parents[3]

RECIPE = """\
[app]
name = "shop"
version = "1.4.2"
summary = "The web shop"
license = "MIT"
maintainer = "Shop team <shop@example.com>"

[source]
path = ".."

[python]
version = "3.13"
lock = "pylock.toml"

[software]
libpq = "17.2"

[web]
server = "gunicorn"
app = "shop.wsgi:application"
proxy = "nginx"
workers = 4

[services.worker]
command = "shop-worker --queue mail"

[commands]
shop = "shop"

[config]
"/etc/shop/shop.toml" = "../files/shop.toml"

[package]
recommends = [
    "postgresql",  # or a remote one
    "redis",
]
scripts = "../package-scripts/shop"
"""

SOFTWARE = """\
name = "zlib"
version = "1.3.1"
license = "Zlib"
license-files = ["LICENSE"]
needs = []
steps = [
    "./configure --prefix=$PREFIX",
    '''
make -j$JOBS
make install
''',
]
test = "test -e $PREFIX/lib/libz.so"

[source]
sha256 = "9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23"
places = ["https://example.org/zlib-1.3.1.tar.gz", "debian:main/z/zlib/zlib_1.3.1.orig.tar.gz"]
"""


def workspace(directory: Path) -> Path:
    """Make a workspace in which both samples are valid; return it."""
    for name in ("recipes", "software", "platforms", "files", "package-scripts/shop"):
        (directory / name).mkdir(parents=True)
    (directory / "recipes/shop.toml").write_text(RECIPE)
    (directory / "software/zlib.toml").write_text(SOFTWARE)
    (directory / "files/shop.toml").touch()
    return directory


def assert_golden(path: Path, text: str) -> None:
    """Compare with a golden file; OMNIBUILD_WRITE_GOLDEN=1 writes it, for review in the diff."""
    if os.environ.get("OMNIBUILD_WRITE_GOLDEN"):
        path.write_text(text + "\n")
    assert text + "\n" == path.read_text()
