"""The bytes that each kind produces are pinned.

When one of these fails, outputs changed for everybody: raise the kind's serial in
``omnibuild/kinds/__init__.py``, then run with OMNIBUILD_WRITE_GOLDEN=1.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import zlib
from pathlib import Path

import msgspec
import zstandard

from omnibuild import events
from omnibuild.digests import of_bytes
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds
from omnibuild.payload.placing import LOGICAL_PREFIX, check_capture
from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.keys import key, key_document
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Recipe
from omnibuild.sources.snapshot import snapshot
from omnibuild.store.check import Checker
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import scan

GOLDEN = Path(__file__).parent / "golden_outputs.json"

RECIPE = """\
[app]
name = "tiny"
version = "1.0"
summary = "A tiny app"
description = "It is used to pin bytes."
license = "MIT"
maintainer = "Tester <tester@example.com>"

[software]
tiny-c = "1"

[config]
"/etc/tiny.conf" = "tiny.conf"
"""

FORMATS = {
    "deb": {"compression": "zstd", "architecture": "amd64"},
    "rpm": {"architecture": "x86_64", "tree": "el9"},
    "tar": {"architecture": "x86_64"},
}


COMPONENT = {
    "name": "tiny-c",
    "version": "1",
    "license": "MIT",
    "homepage": "https://tiny.example",
    "source": {"sha256": ""},
}


def captured(job: Job) -> Output:
    """Stand for a built component: a script and a file that name the logical prefix."""
    files = job.scratch / "tree/files"
    (files / "bin").mkdir(parents=True)
    (files / "bin/tool").write_text(f"#!/bin/sh\nexec {LOGICAL_PREFIX}/bin/other\n")
    (files / "bin/tool").chmod(0o755)
    (files / "data").write_bytes(b"\0" + LOGICAL_PREFIX.encode() + b"/data\0")
    os.link(files / "data", files / "twin")
    (files / "link").symlink_to(f"{LOGICAL_PREFIX}/data")
    tree = scan(files)
    check_capture(files, tree)
    return job.store.add_scanned_tree(job.scratch / "tree", tree)


def with_symbols(job: Job) -> Output:
    """Stand for a built component whose debug symbols are kept."""
    files = job.scratch / "tree/files"
    (files / "lib/debug").mkdir(parents=True)
    note = b"\x04\0\0\0\x08\0\0\0\x03\0\0\0GNU\0" + b"build-id"
    head = b"\x7fELF\2\1" + bytes(12) + b"\x3e\0"
    (files / "lib/tiny.so").write_bytes(head + note)
    (files / f"lib/debug/{b'build-id'.hex()}.debug").write_bytes(head + note + b"symbols")
    return job.store.add_scanned_tree(job.scratch / "tree", scan(files))


OWN = {"captured": Kind(1, captured), "with-symbols": Kind(1, with_symbols)}


def plan(base: Path) -> Plan:
    (base / "tiny.toml").write_text(RECIPE)
    (base / "tiny.conf").write_text("setting = 1\n")
    recipe = load(base / "tiny.toml", Recipe)
    payload = {
        "recipe": msgspec.to_builtins(recipe),
        "prefix": "/opt/tiny",
        "hooks": {},
        "config": {"/etc/tiny.conf": "setting = 1\n"},
        "prune": {"tiny-c": ["twin"]},
        "manifest": {"name": "tiny", "components": [COMPONENT]},
        "own": [],
        "changes": [
            {"version": "1.0", "date": 1_700_000_000, "author": "T <t@example.org>", "items": ["a"]}
        ],
        "manuals": {"tiny.5": ".TH tiny 5\n"},
    }
    project = base / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("[project]\n")
    (project / "run").write_text("#!/bin/sh\n")
    (project / "run").chmod(0o755)
    digest = snapshot(project).digest
    places = {"directory": str(project)}
    archive = root_archive()
    (base / "root.tar").write_bytes(archive)
    tarball = Action(
        "tarball",
        "fetch",
        {"sha256": of_bytes(archive)},
        places={"places": [(base / "root.tar").as_uri()]},
        output=Output("blob", of_bytes(archive)),
    )
    return Plan.of(
        [
            Action("snapshot", "snapshot", {"digest": digest}, places=places),
            tarball,
            Action("root", "root", {"tarball": of_bytes(archive)}, {"tarball": "tarball"}),
            Action("component:tiny-c", "captured"),
            Action("place", "place", {"prefix": "/opt/tiny"}, {"tree": "component:tiny-c"}),
            Action("component:symbols", "with-symbols"),
            Action("placed", "place", {"prefix": "/opt/tiny"}, {"tree": "component:symbols"}),
            Action("symbols", "symbols", {}, {"part:symbols": "placed"}),
            Action("syntax", "syntax", {"environment": {}}, {"tree": "component:tiny-c"}),
            Action("payload", "payload", payload, {"part:tiny-c": "place"}),
            Action(
                "audit",
                "audit",
                {
                    "glibc": "2.31",
                    "architecture": "amd64",
                    "owners": {"tiny-c": {"kind": "component", "name": "tiny-c", "version": "1"}},
                    "waivers": [{"check": "shebang", "path": "/opt/tiny/**", "reason": "unused"}],
                    "prune": {},
                },
                {"payload": "payload", "part:tiny-c": "place", "syntax:tiny-c": "syntax"},
            ),
            *(
                Action(
                    f"package:{name}",
                    "package",
                    {"format": {name: settings}, "libraries": {}, "effort": "release"},
                    {"payload": "payload"},
                )
                for name, settings in FORMATS.items()
            ),
            Action(
                "package:oci",
                "package",
                {
                    "format": {"oci": {"architecture": "amd64", "base": "root"}},
                    "libraries": {},
                    "effort": "release",
                },
                {"payload": "payload", "part:tiny-c": "place", "base": "root"},
            ),
        ]
    )


def root_archive() -> bytes:
    """Return a root as somebody else may have made it: device, owners and leftovers go."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in (("bin/sh", b"#!"), ("etc/hostname", b"there"), ("etc/passwd", b"")):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid = len(content), 0o4755, 1234
            tar.addfile(member, io.BytesIO(content))
        device = tarfile.TarInfo("dev/null")
        device.type = tarfile.CHRTYPE
        tar.addfile(device)
    return stream.getvalue()


def test_keys_and_outputs_are_pinned(tmp_path: Path) -> None:
    wanted = plan(tmp_path)
    kinds = {**all_kinds(), **OWN}
    store = Store(tmp_path / "store")
    store.add_blob((tmp_path / "root.tar").read_bytes())
    outputs = Execution(wanted, kinds, store, events.silent, 1).run()
    found = {
        action.name: {
            "key": key(key_document(action, kinds[action.kind].serial, outputs)),
            "output": outputs[action.name].digest,
        }
        for action in wanted
    }
    # Another libzstd or zlib may compress otherwise; their versions are part of real keys.
    found["zstd"] = {"version": ".".join(map(str, zstandard.ZSTD_VERSION))}
    found["zlib"] = {"version": zlib.ZLIB_RUNTIME_VERSION}
    if os.environ.get("OMNIBUILD_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=2) + "\n")
    expected = json.loads(GOLDEN.read_text())
    packages = ("package:deb", "package:rpm", "package:tar", "package:oci")
    for library, made in (("zlib", ("payload", "audit", *packages)), ("zstd", packages)):
        if expected[library] != found[library]:
            for name in (library, *made):
                expected.pop(name, None)
                found.pop(name, None)
    assert found == expected


def test_every_kind_is_pinned() -> None:
    pinned = {name.partition(":")[0] for name in json.loads(GOLDEN.read_text())}
    # What needs a real root is pinned where there is one.
    acceptance = Path(__file__).parents[2] / "acceptance/golden_outputs.json"
    pinned |= {name.partition(":")[0] for name in json.loads(acceptance.read_text())}
    # What is fetched or copied is pinned by its digest; an image becomes a root as a tarball does.
    assert {*all_kinds()} - pinned == {"checkout", "fetch", "files", "npm", "image"}


def test_what_is_stored_is_what_its_tree_says_whatever_the_umask(tmp_path: Path) -> None:
    wanted = plan(tmp_path)
    before = os.umask(0o077)
    try:
        store = Store(tmp_path / "store")
        store.add_blob((tmp_path / "root.tar").read_bytes())
        kinds = {**all_kinds(), **OWN}
        outputs = Execution(wanted, kinds, store, events.silent, 1).run()
    finally:
        os.umask(before)
    checker = Checker(store, 1)
    assert {name: checker.fault(output) for name, output in outputs.items()} == dict.fromkeys(
        outputs, ""
    )
