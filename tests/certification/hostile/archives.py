"""Boundaries of archives: sources, sdists, wheels."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import random
import tarfile
import warnings
import zipfile
from pathlib import Path

from omnibuild.kinds.install import install_wheel
from omnibuild.sources.archive import unpack
from tests.certification.hostile.harness import SECRET, Boundary, Place, nothing
from tests.certification.hostile.mutate import NASTY, damaged, reworded
from tests.unit.sources.archives import COMPRESSORS, Member, tar, zipped

KINDS = (
    *(tarfile.REGTYPE,) * 6,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
)
NAMES = ("pkg", "pkg/a", "pkg/a/b", "pkg/link", "pkg/link/x", "pkg/setup.py", "pkg/PKG-INFO", "b")


def _name(place: Place, dice: random.Random) -> str:
    outside = (str(place.outside / "new"), f"pkg/../../../{place.outside.name}/new")
    name = dice.choice((*NAMES * 4, *outside, *NASTY))
    return name.replace("\0", "") if dice.randrange(4) else name


def _members(place: Place, dice: random.Random) -> list[Member]:
    return [
        Member(
            _name(place, dice),
            dice.randbytes(dice.choice((0, 1, 700))) if kind == tarfile.REGTYPE else b"",
            kind,
            _name(place, dice) if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "",
            dice.choice((0o644, 0o755, 0o4755, 0, 0o777)),
        )
        for kind in dice.choices(KINDS, k=dice.choice((1, 3, 8, 40)))
    ]


def _bomb(dice: random.Random) -> bytes:
    """Return an archive that is small, and is not when it is unpacked."""
    body = b"\0" * (96 << 20)
    return dice.choice((COMPRESSORS["gzip"], COMPRESSORS["zstd"]))(tar([Member("pkg/zeros", body)]))


def _make_archive(place: Place, _: None, dice: random.Random) -> None:
    # Two members of one name are what somebody may send.
    warnings.simplefilter("ignore", UserWarning)
    try:
        members = _members(place, dice)
        form = dice.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
        data = tar(members, form) if dice.randrange(3) else zipped(members)
    except (ValueError, UnicodeError, OverflowError, zipfile.LargeZipFile):
        data = tar([Member("pkg/fine")])
    if not dice.randrange(3):
        data = damaged(data, dice)
    if not data.startswith(b"PK"):
        data = COMPRESSORS[dice.choice(list(COMPRESSORS))](data)
    if not dice.randrange(3):
        data = damaged(data, dice)
    if not dice.randrange(400):
        data = _bomb(dice)
    (place.inbox / "source").write_bytes(data)


def _take_archive(place: Place, _: None) -> str:
    unpack(place.inbox / "source", place.outbox / "tree")
    _no_secret(place.outbox)
    return "taken"


def _no_secret(directory: Path) -> None:
    for path in directory.rglob("*"):
        # Not Path.is_file: it fails at symlinks to overlong names.
        if os.path.isfile(path):
            assert SECRET.encode() not in path.read_bytes(), f"{path} holds the host's secret"


WHEEL = {
    "app/__init__.py": b"value = 1\n",
    "app/data.bin": bytes(range(256)),
    "app-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\n",
    "app-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "app-1.0.dist-info/entry_points.txt": b"[console_scripts]\napp = app:main\n",
    "app-1.0.data/scripts/tool": b"#!python\nprint(1)\n",
}


PLACES = (
    "",
    "app/",
    *(
        f"app-1.0.data/{place}/"
        for place in ("scripts", "data", "headers", "purelib", "platlib", "odd", "", "..", ".")
    ),
    "app-1.0.data/",
    "APP-1.0.data/scripts/",
    "app-2.0.data/scripts/",
    "app-1.0.dist-info/",
    "app-1.0.dist-info/../",
    "other-1.0.dist-info/",
)
CLASHES = (
    "app",
    "app/__init__.py/x",
    "APP/__init__.py",
    "app/./data.bin",
    "app//data.bin",
    "app-1.0.data/purelib/app/data.bin",
    "app-1.0.data/platlib/app-1.0.dist-info/RECORD",
    "app-1.0.data/data/lib",
    "app-1.0.data/data/lib/python3.13/site-packages/app/data.bin",
    "app-1.0.data/data/bin/tool",
    "app-1.0.data/scripts/../tool",
    "app-1.0.dist-info/INSTALLER",
    "app-1.0.dist-info/RECORD.jws",
    "app-1.0.dist-info/entry_points.txt/x",
)
MODES = (0o120777, 0o020666, 0o010644, 0o104755, 0o100000, 0o40755)


def _row(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def _make_wheel(place: Place, _: None, dice: random.Random) -> None:
    files = dict(WHEEL)
    if not dice.randrange(2):
        name = dice.choice(list(files))
        files[name] = reworded(files[name].decode("latin-1"), dice).encode("utf-8", "replace")
    if not dice.randrange(2):
        extra = _name(place, dice).replace("\0", "")
        extra = dice.choice(PLACES) + extra
        files[extra or "app/x"] = b"x"
    if not dice.randrange(4):
        # One path by two names, or a file where another has a directory.
        files[dice.choice(CLASHES)] = b"y"
    record = "".join(_row(name, content) for name, content in files.items())
    record += "app-1.0.dist-info/RECORD,,\n"
    if not dice.randrange(3):
        record = reworded(record, dice)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name.encode("utf-8", "replace").decode())
            # What wheels say of modes: symlinks, devices, setuid.
            member.external_attr = dice.choice((0o100644,) * 8 + MODES) << 16
            archive.writestr(member, content)
        archive.writestr("app-1.0.dist-info/RECORD", record.encode("utf-8", "replace"))
    data = stream.getvalue()
    if not dice.randrange(3):
        data = damaged(data, dice)
    (place.inbox / "content").write_bytes(data)
    names = ("app-1.0-py3-none-any.whl",) * 9 + ("app-2.0-py3-none-any.whl", "app.whl")
    (place.inbox / "name").write_text(dice.choice(names))


def _take_wheel(place: Place, _: None) -> str:
    scratch = place.inbox / "scratch"
    scratch.mkdir()
    target = scratch / "tree"
    name = (place.inbox / "name").read_text()
    packages = "lib/python3.13/site-packages"
    install_wheel(place.inbox / "content", name, target, packages, scratch, "bin/python3.13")
    _no_secret(target)
    for path in target.rglob("*"):
        inside = os.path.realpath(path).startswith(os.path.realpath(target))
        assert inside, f"{path} leads out"
    return "taken"


BOUNDARIES = {
    "archives and sdists": Boundary(nothing, _make_archive, _take_archive),
    "wheels": Boundary(nothing, _make_wheel, _take_wheel),
}
