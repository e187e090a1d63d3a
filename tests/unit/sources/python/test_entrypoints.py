"""What can be started of installed files, by their names and by ``entry_points.txt``."""

from __future__ import annotations

import pytest

from omnibuild.sources.python.entrypoints import console_scripts, modules_of


def test_console_scripts_alone_are_read() -> None:
    text = "[gui_scripts]\nx = a:b\n[console_scripts]\nShop = shop.cli:main [dev]\nodd%s=a:b\n"
    assert console_scripts(text) == {"Shop": "shop.cli:main", "odd%s": "a:b"}
    assert console_scripts("") == {}


def test_what_is_no_list_of_entry_points_is_refused() -> None:
    with pytest.raises(ValueError, match="no section headers"):
        console_scripts("shop = shop.cli:main\n")


@pytest.mark.parametrize(
    ("path", "modules"),
    [
        ("shop/__init__.py", {"shop", "shop.__init__"}),
        ("shop/_fast.cpython-313-x86_64-linux-gnu.so", {"shop._fast"}),
        ("shop/static/x.css", set()),
        ("shop-1.dist-info/METADATA", set()),
    ],
)
def test_modules_are_known_by_their_files(path: str, modules: set[str]) -> None:
    assert modules_of(path) == modules
