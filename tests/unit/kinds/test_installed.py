"""What of placed trees can be started: modules, programs, console scripts."""

from pathlib import Path

from omnibuild.kinds.payload import installed
from omnibuild.payload.assembly import Part
from omnibuild.tree import scan

SITE = "lib/python3.13/site-packages"
FILES = {
    "bin/tool": 0o755,
    "bin/data": 0o644,
    "lib/python3.13/json/__init__.py": 0o644,
    "lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so": 0o755,
    f"{SITE}/shop/__init__.py": 0o644,
    f"{SITE}/shop/wsgi.py": 0o644,
    f"{SITE}/shop/fast.abi3.so": 0o755,
    f"{SITE}/shop/page.html": 0o644,
    f"{SITE}/shop/old.py": 0o644,
    f"{SITE}/space/inner.py": 0o644,
}


def test_what_parts_hold(tmp_path: Path) -> None:
    for name, mode in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(mode)
    (tmp_path / "bin/link").symlink_to("tool")
    entry_points = tmp_path / SITE / "shop-1.dist-info/entry_points.txt"
    entry_points.parent.mkdir()
    entry_points.write_text("[console_scripts]\nshop = shop.cli:main [all]\n")
    part = Part("python:shop", scan(tmp_path), tmp_path, (f"{SITE}/shop/old.py",))
    found = installed([part], "/opt/app")
    assert found.entry_points == {"shop": "shop.cli:main"}
    assert {"bin/tool", "bin/link"} <= set(found.programs)
    assert "bin/data" not in found.programs
    wanted = {"json", "json.__init__", "_ssl", "shop", "shop.__init__", "shop.wsgi", "shop.fast"}
    # What is pruned is not there.
    assert set(found.modules) == wanted | {"space.inner"}
