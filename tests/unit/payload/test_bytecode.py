from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from omnibuild.payload.bytecode import bytecode_alone
from omnibuild.tree import scan

LIB = f"lib/python3.{sys.version_info.minor}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for path, text in {
        f"{LIB}/site-packages/shop/__init__.py": "from shop.cart import price",
        f"{LIB}/site-packages/shop/__main__.py": "from shop import price; print(price(2))",
        f"{LIB}/site-packages/shop/cart.py": "def price(count):\n    return count * 21\n",
        f"{LIB}/site-packages/shop/page.html": "<p>",
        "app/manage.py": "print(1)",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        if path.endswith(".py"):
            py_compile.compile(str(root / path), doraise=True)
    (root / f"{LIB}/site-packages/template.py").write_text("def {{ name }}")
    return root


def test_modules_are_bytecode_alone_and_run(root: Path) -> None:
    tree = bytecode_alone(scan(root), root)
    assert tree == scan(root)
    names = [path.removeprefix(f"{LIB}/site-packages/") for path in tree.by_path]
    assert names[-6:] == [
        "shop",
        "shop/__init__.pyc",
        "shop/__main__.pyc",
        "shop/cart.pyc",
        "shop/page.html",
        "template.py",
    ]
    # What is run by its path keeps its source, and its bytecode.
    assert "app/manage.py" in tree.by_path
    said = subprocess.run(
        [sys.executable, "-m", "shop"],
        env={"PYTHONPATH": str(root / LIB / "site-packages")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert said.stdout == "42\n"


def test_linked_sources_and_other_bytecode_stay(root: Path) -> None:
    cart = root / LIB / "site-packages/shop/cart.py"
    os.link(cart, cart.with_name("again.py"))
    py_compile.compile(str(cart), optimize=1, doraise=True)
    tree = bytecode_alone(scan(root), root)
    assert tree == scan(root)
    left = {path.rpartition("/")[2] for path in tree.by_path if "shop/" in path}
    assert {"cart.py", "again.py", "__pycache__", "__init__.pyc"} <= left
    assert "__init__.py" not in left
    assert len([name for name in left if name.startswith("cart.cpython")]) == 2
