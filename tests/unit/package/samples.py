"""A payload that has everything a package can hold, and readers for what writers wrote."""

from __future__ import annotations

import io
import os
import random
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

from omnibuild.package.deb.ar import ar_members
from omnibuild.payload.model import Metadata, Payload, Relations
from omnibuild.recipe.models import Debian, Oci, Rpm, Tar
from omnibuild.tree import Entry, Kind, scan

DATE = 1_700_000_000
DEB = Debian(compression="zstd", architecture="amd64")
RPM = Rpm(architecture="x86_64", tree="el9")
TAR = Tar(architecture="x86_64")
OCI = Oci(architecture="amd64", base="container")

METADATA = Metadata(
    name="hello",
    version="1.4.2",
    revision="3",
    summary="Greets the world",
    description="Says hello.\n\nIn many languages:\n  * German\n.hidden is fine too",
    license="MIT",
    maintainer="Hello team <hello@example.org>",
    homepage="https://example.org/hello",
    vendor="Example",
    date=DATE,
    relations=Relations(
        depends=("libc6 (>= 2.31)", "systemd | systemd-standalone-sysusers (>> 249)"),
        recommends=("postgresql",),
        conflicts=("hello-classic (<< 1.0)",),
        replaces=("hello-classic",),
        provides=("greeter (= 1.4)",),
    ),
)

# All that can be said of packages, where METADATA has what most say.
EVERYTHING = replace(
    METADATA,
    relations=Relations(
        depends=("bash", "python3 (>= 3.9) | python-is-python3"),
        pre_depends=("adduser (>= 3.1)", "passwd | shadow"),
        recommends=("postgresql",),
        suggests=("redis | valkey (>= 7)",),
        enhances=("nginx",),
        breaks=("hello-client (<< 2.0)",),
        conflicts=("hello-classic",),
        replaces=("hello-classic (<< 1.0)",),
        provides=("greeter",),
    ),
    epoch=2,
    section="web",
    priority="extra",
    group="Applications/Internet",
)

SCRIPTS = {
    "deb": {"postinst": "#!/bin/sh\nset -e\n", "prerm": "#!/bin/sh\nexit 0\n"},
    "rpm": {"pre": "exit 0\n", "posttrans": "exit 0\n"},
}

LONG = "/".join(["a-directory-with-a-long-name"] * 5)
EXECUTABLE = b"\x7fELF" + bytes(range(256)) * 40


def sample_payload(root: Path) -> Payload:
    """Write the sample's files below ``root``."""
    write(root, "opt/hello/bin/hello", EXECUTABLE, 0o755)
    os.link(root / "opt/hello/bin/hello", root / "opt/hello/bin/hallo")
    write(root, "opt/hello/bin/raise", b"setuid", 0o4755)
    write(root, f"opt/hello/{LONG}/module.py", b"pass\n")
    os.link(root / f"opt/hello/{LONG}/module.py", root / f"opt/hello/{LONG}/zwilling.py")
    write(root, "opt/hello/share/with a space and ünïcode.txt", "ß".encode())
    write(root, "opt/hello/share/empty", b"")
    (root / "opt/hello/empty-directory").mkdir()
    (root / "opt/hello/lib").mkdir()
    (root / "opt/hello/lib/hello").symlink_to("../bin/hello")
    (root / "opt/hello/lib/far").symlink_to(f"../{LONG}/module.py")
    write(root, "etc/hello/hello.conf", b"greeting = hello\n", 0o640)
    write(root, "usr/lib/systemd/system/hello.service", b"[Service]\n")
    (root / "usr/bin").mkdir()
    (root / "usr/bin/hello").symlink_to("/opt/hello/bin/hello")
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o750 if path.name == "empty-directory" else 0o755)
    return Payload(
        metadata=METADATA,
        root=root,
        tree=scan(root),
        prefix="/opt/hello",
        config_files=("/etc/hello/hello.conf",),
        scripts=SCRIPTS,
    )


def write(root: Path, path: str, data: bytes, mode: int = 0o644) -> None:
    """Write one file with its parents."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    file.chmod(mode)


def with_metadata(payload: Payload, **changes: object) -> Payload:
    """Return the payload with other metadata."""
    return replace(payload, metadata=replace(payload.metadata, **changes))  # type: ignore[arg-type]


def random_payload(root: Path, seed: int) -> Payload:
    """Write a random tree below ``root``: every kind of entry, names of all lengths."""
    dice = random.Random(seed)  # noqa: S311
    directories, files = [root], []
    for number in range(dice.randint(1, 25)):
        name = f"{dice.choice(['a', 'a-b', 'a.b', 'ü ß', 'n' * dice.randint(1, 130)])}{number}"
        path = dice.choice(directories) / name
        kind = dice.choice(["file", "file", "directory", "symlink", "hardlink"])
        if kind == "directory":
            path.mkdir(mode=0o755)
            directories.append(path)
        elif kind == "symlink":
            path.symlink_to("../" * dice.randint(0, 3) + "t" * dice.randint(1, 150))
        elif kind == "hardlink" and files:
            os.link(dice.choice(files), path)
        else:
            path.write_bytes(dice.randbytes(dice.choice([0, 1, 511, 512, 513, 5000])))
            path.chmod(dice.choice([0o644, 0o755, 0o600, 0o4755, 0o2755]))
            files.append(path)
    return Payload(METADATA, root, scan(root), prefix="/opt/hello")


@dataclass(frozen=True)
class Found:
    """An entry of an archive that was read back."""

    kind: Kind
    mode: int
    data: bytes = b""
    target: str = ""


def expected(payload: Payload) -> dict[str, Found]:
    """Return what an archive must hold, all names of a hard-linked file alike."""
    return {entry.path: _expected(payload.root, entry) for entry in payload.tree.entries}


def _expected(root: Path, entry: Entry) -> Found:
    if entry.kind is Kind.SYMLINK:
        return Found(Kind.SYMLINK, 0o777, target=entry.target)
    if entry.kind is Kind.DIRECTORY:
        return Found(Kind.DIRECTORY, entry.mode)
    return Found(Kind.FILE, entry.mode, (root / entry.path).read_bytes())


def read_tar(archive: bytes, top: str) -> tuple[dict[str, Found], list[tarfile.TarInfo]]:
    """Read a tar with the standard library; also proves that links follow their files."""
    found: dict[str, Found] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        infos = tar.getmembers()
        for info in infos[1:]:
            name = info.name.removeprefix(f"{top}/")
            if info.isdir():
                found[name] = Found(Kind.DIRECTORY, info.mode)
            elif info.issym():
                found[name] = Found(Kind.SYMLINK, info.mode, target=info.linkname)
            elif info.islnk():
                found[name] = found[info.linkname.removeprefix(f"{top}/")]
            else:
                stream = tar.extractfile(info)
                assert stream is not None
                found[name] = Found(Kind.FILE, info.mode, stream.read())
    assert infos[0].name == top
    return found, infos


def deb_member(path: Path, name: str) -> bytes:
    """Return the raw content of a member of a .deb."""
    with path.open("rb") as stream:
        member = next(member for member in ar_members(stream) if member.name == name)
        stream.seek(member.offset)
        return stream.read(member.size)


def unzstd(data: bytes) -> bytes:
    """Decompress one frame; more than one is an error, as dpkg would drop the rest."""
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    plain = decompressor.decompress(data)
    assert decompressor.eof
    assert not decompressor.unused_data
    return plain


def read_cpio(archive: bytes) -> tuple[dict[str, Found], dict[str, tuple[int, int]]]:
    """Read a payload; return what it holds, and inode and number of links by path."""
    entries: list[tuple[str, int, int, int, bytes]] = []
    offset = 0
    while True:
        assert archive[offset : offset + 6] == b"070701"
        digits = archive[offset + 6 : offset + 110]
        numbers = [int(digits[i : i + 8], 16) for i in range(0, 104, 8)]
        inode, mode, links, size, name_size = (numbers[i] for i in (0, 1, 4, 6, 11))
        name = archive[offset + 110 : offset + 110 + name_size - 1].decode()
        data = offset + (110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            break
        entries.append((name[2:], inode, mode, links, archive[data : data + size]))
        offset = data + (size + 3) // 4 * 4
    contents = {inode: data for _, inode, _, _, data in entries}
    found = {}
    for name, inode, mode, _, data in entries:
        permissions = mode & 0o7777
        if mode >> 12 == 0o04:
            found[name] = Found(Kind.DIRECTORY, permissions)
        elif mode >> 12 == 0o12:
            found[name] = Found(Kind.SYMLINK, permissions, target=data.decode())
        else:
            # The content stands under the last name of a file, as rpm expects.
            found[name] = Found(Kind.FILE, permissions, contents[inode])
    return found, {name: (inode, links) for name, inode, _, links, _ in entries}
