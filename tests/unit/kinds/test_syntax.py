"""Which modules of a project the interpreter is asked about, and what becomes of its answer."""

from __future__ import annotations

import json
from pathlib import Path

from omnibuild.audit.audit import audit
from omnibuild.audit.owners import Brings, Owner, of_payload
from omnibuild.audit.report import Level
from omnibuild.kinds.syntax import ASK, without_bytecode
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Waiver
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from omnibuild.tree import scan
from tests.unit.audit.test_audit import METADATA

PYTHON = Tool("python3", "python3")


def write(base: Path, *names: str) -> None:
    for name in names:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def broken(:\n")


def test_only_what_has_no_bytecode_is_asked_about(tmp_path: Path) -> None:
    write(tmp_path, "app/fine.py", "app/__pycache__/fine.cpython-313.pyc")
    write(tmp_path, "app/two.words.py", "app/__pycache__/two.words.cpython-313.pyc")
    write(tmp_path, "app/data.txt", "app/broken.py", "app/in/fine.py")
    (tmp_path / "app/link.py").symlink_to("broken.py")
    assert list(without_bytecode(scan(tmp_path))) == ["app/broken.py", "app/in/fine.py"]


def test_the_answer_names_the_line(tmp_path: Path) -> None:
    contents = {
        "broken.py": b"x = 1\ndef broken(:\n",
        "zero.py": b"x = 1\0\n",
        "latin.py": b"x = '\xe9'\n",
        "fine.py": b"x = 1\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "paths.json").write_text(json.dumps(sorted(contents)))
    script = ASK.partition("<<'END'\n")[2].partition("\nEND\n")[0].replace("/build", str(tmp_path))
    environment = {**CLEAN_ENVIRONMENT, "PREFIX": str(tmp_path)}
    PYTHON.run("-I", "-c", script, environment=environment)
    found = json.loads((tmp_path / "answer.json").read_text())
    assert found.keys() == contents.keys() - {"fine.py"}
    assert found["broken.py"].startswith("line 2: ")
    assert "null bytes" in found["zero.py"]
    assert found["latin.py"].startswith("line 1: ")


def test_it_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    write(tmp_path, "opt/hello/app/broken.py")
    payload = Payload(METADATA, tmp_path, scan(tmp_path), "/opt/hello")
    who = of_payload(
        payload,
        [("python:hello", Owner(Brings.PROJECT, "hello", "1"), scan(tmp_path / "opt/hello"))],
    )
    said = {"opt/hello/app/broken.py": "line 1: invalid syntax"}
    (finding,) = audit(payload, "2.31", "amd64", owners=who, uncompiled=said).findings
    assert (finding.check, finding.level) == ("syntax", Level.ERROR)
    assert "line 1: invalid syntax" in finding.detail
    assert 'write under [python.prune]: hello = ["app/broken.py"]' in finding.remedy
    waiver = Waiver(check="syntax", path="/opt/hello/app/*.py", reason="a template")
    report = audit(payload, "2.31", "amd64", waivers=[waiver], uncompiled=said)
    assert [each.level for each in report.findings] == [Level.WAIVED]
