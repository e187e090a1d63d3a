"""Who brought the files of packages of others."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.audit.owners import NOBODY, Brings, Owner
from omnibuild.package.opening.opened import open_package
from omnibuild.package.opening.owners import owners_in
from omnibuild.payload.model import Payload
from omnibuild.sources.extraction import Limits

SITE = "opt/shop/lib/python3.13/site-packages"


def payload(root: Path, files: dict[str, str]) -> Payload:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return open_package(root, root / "unused", Limits()).payload


def distribution(name: str, record: str, **more: str) -> dict[str, str]:
    info = f"{SITE}/{name}-1.2.dist-info"
    return {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n\nName: other\n",
        f"{info}/RECORD": record,
        **{f"{info}/{file}": text for file, text in more.items()},
    }


def test_distributions_list_what_they_brought(tmp_path: Path) -> None:
    manifest = {"python": [{"name": "shop", "file": ""}, {"name": "tools", "file": "tools.whl"}]}
    files = {
        **distribution("Tools_X", "tools/a.py,sha256=x,1\n../../../bin/tool,,\n"),
        **distribution("shop", "shop/a.py,,\n"),
        **distribution("here", '"here/a.py",,\n', **{"direct_url.json": '{"dir_info": {}}'}),
        f"{SITE}/tools/a.py": "",
        f"{SITE}/tools/__pycache__/a.cpython-313.pyc": "",
        f"{SITE}/tools/b.py": "",
        f"{SITE}/shop/a.py": "",
        f"{SITE}/here/a.py": "",
        "opt/shop/bin/tool": "",
        "opt/shop/share/omnibuild/manifest.json": json.dumps(manifest),
    }
    owners = owners_in(payload(tmp_path, files))
    tools = Owner(Brings.DISTRIBUTION, "tools-x", "1.2")
    for path in (f"{SITE}/tools/a.py", "opt/shop/bin/tool"):
        assert owners.of(path) == tools
    assert owners.of(f"{SITE}/tools/__pycache__/a.cpython-313.pyc") == tools
    assert owners.of(f"{SITE}/tools/b.py") == NOBODY
    assert owners.of(f"{SITE}/shop/a.py") == Owner(Brings.PROJECT, "shop", "1.2")
    assert owners.of(f"{SITE}/here/a.py") == Owner(Brings.PROJECT, "here", "1.2")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_written_there(tmp_path: Path, record: str, about: str, origin: str) -> None:
    files = distribution("x", record.replace("\ud800", ""), **{"direct_url.json": origin})
    files[f"{SITE}/x-1.2.dist-info/METADATA"] = about
    files["opt/shop/share/omnibuild/manifest.json"] = origin
    encoded = {path: text.encode("utf-8", "replace").decode() for path, text in files.items()}
    owners_in(payload(tmp_path, encoded))
