from __future__ import annotations

import errno
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.errors import ArchiveError
from omnibuild.sources.python.wheels import install_wheel
from omnibuild.tree import scan
from tests.unit.sources.python.samples import WHEEL, digest_of, metadata, record_line, wheel

NAME = "app-1-py3-none-any.whl"
INFO = "app-1.dist-info"
SITE = "lib/python3.13/site-packages"


def installed(base: Path, data: bytes, name: str = NAME) -> Path:
    base.mkdir(exist_ok=True)
    (base / "content").write_bytes(data)
    install_wheel(base / "content", name, base / "files", SITE, base, "bin/python3.13")
    return base / "files"


def refused(base: Path, data: bytes, name: str = NAME) -> ArchiveError:
    with pytest.raises(ArchiveError, match="is not a valid wheel") as caught:
        installed(base, data, name)
    assert caught.value.code == "bad-archive"
    assert str(base) not in str(caught.value)
    return caught.value


def test_the_callers_umask_changes_no_installed_file(tmp_path: Path) -> None:
    trees = []
    for umask in (0o022, 0o077):
        before = os.umask(umask)
        try:
            files = installed(tmp_path / f"{umask:o}", wheel("app", members={"app/x": b"x"}))
        finally:
            os.umask(before)
        trees.append(scan(files))
    assert trees[0] == trees[1]


def test_scripts_are_installed_and_run_by_the_apps_python(tmp_path: Path) -> None:
    members = {
        "app-1.data/scripts/tool": b"\x7fELF binary",
        "app-1.data/scripts/script.py": b"#!python\nx = 1\n",
        "app-1.data/scripts/other": b"#!/bin/sh\n",
        "app-1.data/scripts/app.cmd": b"@echo off\n",
        "app-1.data/data/share/app/text": b"text",
        "app/run": b"#!/usr/bin/env python3\n",
    }
    files = installed(tmp_path, wheel("app", members=members, executable=("app/run",)))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (files / "bin").iterdir()}
    assert modes == {"tool": 0o755, "script.py": 0o755, "other": 0o755, "app.cmd": 0o644}
    assert (files / "bin/tool").read_bytes() == b"\x7fELF binary"
    assert (files / "bin/other").read_bytes() == b"#!/bin/sh\n"
    assert b')/python3.13"' in (files / "bin/script.py").read_bytes()
    assert b"/../../../../bin/python3.13" in (files / SITE / "app/run").read_bytes()
    record = (files / SITE / INFO / "RECORD").read_text()
    lines = sorted(line.split(",")[0] for line in record.splitlines())
    assert lines == [
        "../../../bin/app.cmd",
        "../../../bin/other",
        "../../../bin/script.py",
        "../../../bin/tool",
        "../../../share/app/text",
        f"{INFO}/INSTALLER",
        f"{INFO}/METADATA",
        f"{INFO}/RECORD",
        f"{INFO}/WHEEL",
        "app/__init__.py",
        "app/run",
    ]
    script = (files / "bin/script.py").read_bytes()
    assert f"script.py,{digest_of(script)},{len(script)}\n" in record


def test_only_programs_can_be_executed(tmp_path: Path) -> None:
    """The names are those of Django, croniter, docutils, supervisor, pre-commit and others."""
    line = b"#!/usr/bin/env python\n"
    members = {
        "app/project_template/manage.py-tpl": line,
        "app/tests/test_x.py": line,
        "app/math2html.py": line,
        "app/spew.py": b"#!<<PYTHON>>\n",
        "app/hook-tmpl": b"#!/usr/bin/env bash\n",
        "app/usage.rst": b"#!/bin/sh\n",
        "app/style.css": b"a {}",
        "app/_x.so": b"\x7fELF",
        "app/hook.sh": b"#!/bin/sh\n",
        "app/dist": b"#!/bin/sh\n",
    }
    files = installed(tmp_path, wheel("app", members=members, executable=tuple(members)))
    programs = {path for path in members if os.access(files / SITE / path, os.X_OK)}
    assert programs == {"app/_x.so", "app/hook.sh", "app/dist"}
    assert all((files / SITE / path).read_bytes() == text for path, text in members.items())


@pytest.mark.parametrize(
    "points",
    ["[console_scripts]\napp = not a function\n", "[console_scripts]\napp=a:b\napp=a:c\n", "\0"],
)
def test_entry_points_hurt_only_whoever_asks_for_them(tmp_path: Path, points: str) -> None:
    members = {f"{INFO}/entry_points.txt": points.encode()}
    files = installed(tmp_path, wheel("app", members=members))
    assert (files / SITE / INFO / "entry_points.txt").read_text() == points
    assert not (files / "bin").exists()


def true_record() -> str:
    with zipfile.ZipFile(io.BytesIO(wheel("app"))) as archive:
        return archive.read(f"{INFO}/RECORD").decode()


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("", "app/__init__.py is not mentioned in RECORD"),
        ("app/__init__.py\n", "expected 3 elements"),
        ('"unclosed', "expected 3 elements"),
        (true_record().replace("sha256=", "sha256=A"), "didn't match RECORD"),
        (true_record().replace("sha256=", "sha999="), "sha999"),
        (true_record().replace("sha256=", ""), "invalid"),
        (true_record().replace(",0\n", ",x\n"), "invalid"),
        (true_record().replace(",0\n", ",7\n"), "didn't match RECORD"),
        ("\0", ""),
    ],
)
def test_a_record_that_is_not_true(tmp_path: Path, record: str, why: str) -> None:
    assert why in refused(tmp_path, wheel("app", record=record)).why


def test_a_file_that_record_does_not_list(tmp_path: Path) -> None:
    data = wheel("app", members={"extra.pth": b"import evil"}, record=true_record())
    assert refused(tmp_path, data).why == "extra.pth is not mentioned in RECORD"


def test_not_all_reasons_are_listed(tmp_path: Path) -> None:
    members = {f"app/{n}": b"" for n in range(30)}
    why = refused(tmp_path, wheel("app", members=members, record=true_record())).why
    assert why.splitlines()[-1] == "… and 25 more"


@pytest.mark.parametrize(
    "name",
    [
        "app.whl",
        "../app-1-py3-none-any.whl",
        "a/app-1-py3-none-any.whl",
        "app-1-py3-none-any.zip",
        f"app-1-{'.'.join(['py3'] * 50)}-none-{'.'.join(['any'] * 10)}.whl",
        "x" * 300 + "-1-py3-none-any.whl",
        "app-" + "9" * 5000 + "-py3-none-any.whl",
        "other-1-py3-none-any.whl",
    ],
)
def test_names_that_are_none_of_this_wheel(tmp_path: Path, name: str) -> None:
    refused(tmp_path, wheel("app"), name)


@pytest.mark.parametrize(
    "path", ["/outside", "../../outside", "app-1.data/scripts/../../../outside", "app-1.data/no/x"]
)
def test_members_that_lead_out(tmp_path: Path, path: str) -> None:
    refused(tmp_path, wheel("app", members={path: b"x"}))
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("data", [b"", b"no archive", wheel("app")[:-40], wheel("app")[40:]])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path, data)


def test_two_descriptions(tmp_path: Path) -> None:
    members = {"b-1.dist-info/METADATA": metadata("b", "1").encode()}
    refused(tmp_path, wheel("app", members=members))


def test_a_format_of_the_future(tmp_path: Path) -> None:
    text = WHEEL.replace("1.0", "2.0").encode()
    files = {f"{INFO}/WHEEL": text, f"{INFO}/METADATA": metadata("app", "1").encode()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        lines = "".join(record_line(*item) for item in files.items())
        archive.writestr(f"{INFO}/RECORD", f"{lines}{INFO}/RECORD,,\n")
    assert "Incompatible Wheel-Version" in refused(tmp_path, stream.getvalue()).why


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(wheel("app")) - 1), flips=st.integers(1, 255))
def test_any_flipped_bits_are_noticed_or_harmless(tmp_path: Path, place: int, flips: int) -> None:
    data = bytearray(wheel("app", members={"app/data": b"x" * 50}))
    data[place] ^= flips
    try:
        files = installed(tmp_path, bytes(data))
    except ArchiveError:
        return
    assert (files / SITE / "app/data").read_bytes() == b"x" * 50


def test_a_full_disk_is_no_fault_of_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(OSError, match="No space left"):
        installed(tmp_path, wheel("app", members={"app/x": b"x"}))
