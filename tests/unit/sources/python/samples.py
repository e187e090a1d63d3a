"""Distributions made by hand, and an index of the loopback that serves them (PEP 691)."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Mapping

from omnibuild.sources.python.simple import MEDIA_TYPE
from tests.unit.transfer.server import Handler, Server, content

WHEEL = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def metadata(name: str, version: str, *requires: str) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires), ""])


def digest_of(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"sha256={digest}"


def record_line(name: str, data: bytes) -> str:
    return f'"{name}",{digest_of(data)},{len(data)}\n'


def wheel(
    name: str,
    version: str = "1",
    members: Mapping[str, bytes] | None = None,
    requires: tuple[str, ...] = (),
    record: str | None = None,
    executable: tuple[str, ...] = (),
) -> bytes:
    """Return a wheel; ``record`` replaces what its RECORD would say."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": b"",
        **(members or {}),
        f"{info}/METADATA": metadata(name, version, *requires).encode(),
        f"{info}/WHEEL": WHEEL.encode(),
    }
    true = "".join(record_line(*item) for item in files.items()) + f"{info}/RECORD,,\n"
    files[f"{info}/RECORD"] = (true if record is None else record).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in files.items():
            member = zipfile.ZipInfo(path)
            member.external_attr = (0o100755 if path in executable else 0o100644) << 16
            archive.writestr(member, data)
    return stream.getvalue()


def sdist(name: str, version: str, files: Mapping[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, text in {"PKG-INFO": metadata(name, version), **files}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def publish(server: Server, **projects: Mapping[str, bytes]) -> str:
    """Serve the files of projects; return the address of the index."""
    for project, files in projects.items():
        listed = []
        for name, data in files.items():
            server.serve(f"/files/{name}", content(data))
            hashes = {"sha256": hashlib.sha256(data).hexdigest()}
            described: dict[str, object] = {
                "filename": name,
                "url": f"../../files/{name}",
                "hashes": hashes,
            }
            if name.endswith(".whl"):
                server.serve(f"/files/{name}.metadata", content(_metadata_of(data)))
                described["core-metadata"] = True
            listed.append(described)
        page = {"meta": {"api-version": "1.1"}, "name": project, "files": listed}
        body = json.dumps(page).encode()

        def answer(handler: Handler, body: bytes = body) -> None:
            handler.reply(200, body, Content_Type=MEDIA_TYPE)

        server.serve(f"/simple/{project}/", answer)
    return server.url("/simple/")


def _metadata_of(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        (name,) = (n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
        return archive.read(name)
