from __future__ import annotations

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageVcs, PackageWheel
from packaging.utils import canonicalize_name
from packaging.version import Version

from omnibuild.locking.building import told_of_needs, with_needs

HASHES = {"sha256": "0" * 64}
SDIST = PackageSdist(name="pyyaml-6.tar.gz", url="https://example.org/p.tar.gz", hashes=HASHES)
WHEEL = PackageWheel(name="cffi-2-py3-none-any.whl", url="https://example.org/w", hashes=HASHES)


def package(name: str, **origin: object) -> Package:
    return Package(name=canonicalize_name(name), version=Version("6"), **origin)  # type: ignore[arg-type]


def test_only_what_is_built_here_needs_components() -> None:
    vcs = PackageVcs(type="git", url="https://example.org/cffi", commit_id="0" * 40)
    archive = {
        kind: PackageArchive(url=f"https://example.org/cffi-2{kind}", hashes=HASHES)
        for kind in (".tar.gz", "-py3-none-any.whl")
    }
    said = {
        "sdist": package("cffi", sdist=SDIST),
        "git": package("cffi", vcs=vcs, tool={"omnibuild": {"version": "2"}}),
        "archive": package("cffi", archive=archive[".tar.gz"]),
        "wheel": package("cffi", wheels=[WHEEL], sdist=SDIST),
        "archived wheel": package("cffi", archive=archive["-py3-none-any.whl"]),
        "unknown": package("shop", sdist=SDIST),
    }
    needs = {"needs": ("libffi",)}
    assert {name: with_needs(each).tool for name, each in said.items()} == {
        "sdist": {"omnibuild": needs},
        "git": {"omnibuild": {"version": "2", **needs}},
        "archive": {"omnibuild": needs},
        "wheel": None,
        "archived wheel": None,
        "unknown": None,
    }


def test_it_is_said_in_one_line_each() -> None:
    packages = [with_needs(package(n, sdist=SDIST)) for n in ("cffi", "flask", "uwsgi")]
    assert told_of_needs(packages) == [
        "cffi is compiled: libffi is bundled",
        "uwsgi is compiled: libxcrypt, openssl, pcre2 and zlib are bundled",
    ]
