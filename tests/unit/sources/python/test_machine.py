"""Which indexes a machine names, by variables and by settings of uv and pip."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import DefinitionError, HostError
from omnibuild.sources.python.indexes import MACHINE, Index, Indexes
from omnibuild.sources.python.machine import Machine, machine_indexes

CORP, MIRROR = "https://corp.example/simple/", "https://mirror.example/simple/"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose settings are those that a test writes."""
    return {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "user"),
        "XDG_CONFIG_DIRS": str(tmp_path / "system"),
        # Of all users, on whichever machine this is tested.
        "PIP_CONFIG_FILE": str(tmp_path / "last.conf"),
    }


def write(home: dict[str, str], path: str, text: str) -> None:
    file = Path(home["HOME"]) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def asked(environment: dict[str, str]) -> Machine:
    return machine_indexes(environment, resolving=True)


@pytest.mark.parametrize(
    ("variables", "index", "more"),
    [
        ({"OMNIBUILD_INDEX_URL": MIRROR}, MIRROR, []),
        ({"PIP_INDEX_URL": "https://mirror.example/simple"}, MIRROR, []),
        ({"UV_DEFAULT_INDEX": f"near={MIRROR}"}, MIRROR, []),
        ({"UV_INDEX_URL": MIRROR, "PIP_INDEX_URL": MIRROR}, MIRROR, []),
        ({"UV_INDEX": f"corp={CORP} {MIRROR}"}, "", [Index(CORP, "corp"), Index(MIRROR)]),
        ({"UV_EXTRA_INDEX_URL": CORP, "UV_INDEX": MIRROR}, "", [Index(MIRROR), Index(CORP)]),
        ({"PIP_EXTRA_INDEX_URL": f"{CORP} {CORP}"}, "", [Index(CORP)]),
        ({"PIP_EXTRA_INDEX_URL": CORP, "OMNIBUILD_INDEX_URL": MIRROR}, MIRROR, [Index(CORP)]),
        # The machine's own comes last anyway.
        ({"UV_INDEX": MIRROR, "UV_DEFAULT_INDEX": MIRROR}, MIRROR, []),
        ({"UV_INDEX": "https://u:p=w@x.example/s"}, "", [Index("https://u:p=w@x.example/s/")]),
        ({"UV_INDEX": "", "UV_NO_INDEX": "0", "UV_INDEX_STRATEGY": "first-index"}, "", []),
    ],
)
def test_variables(
    home: dict[str, str], variables: dict[str, str], index: str, more: list[Index]
) -> None:
    write(home, "last.conf", "[global]\nextra-index-url =\n")
    found = asked({**home, **variables})
    assert found.index == index or (not index and found.origin.startswith("uv"))
    assert list(found.more) == more


def test_settings_of_uv(home: dict[str, str]) -> None:
    write(home, "last.conf", "[global]\nextra-index-url =\n")
    write(
        home,
        "user/uv/uv.toml",
        f'[[index]]\nname = "corp"\nurl = "{CORP}"\n'
        '[[index]]\nname = "odd"\nurl = "https://odd.example/"\nexplicit = true\n',
    )
    write(home, "system/uv/uv.toml", f'index-url = "{MIRROR}"\nextra-index-url = ["{CORP}"]\n')
    found = asked(home)
    assert found.index == MIRROR
    assert found.origin.endswith("system/uv/uv.toml")
    assert found.more == (Index(CORP, "corp"),)
    # As uv does: variables go before files, and may turn files off.
    assert asked({**home, "UV_DEFAULT_INDEX": CORP}).index == CORP
    assert not asked({**home, "UV_NO_CONFIG": "1"}).more
    assert asked({**home, "OMNIBUILD_INDEX_URL": MIRROR}) == Machine(MIRROR, "OMNIBUILD_INDEX_URL")


@pytest.mark.parametrize(
    "text",
    [
        'exclude-newer = "2020-01-01"',
        'resolution = "lowest"',
        'constraint-dependencies = ["a<2"]',
        'find-links = ["/x"]',
        '[pip]\nno-binary = ["a"]',
    ],
)
def test_what_of_uv_only_a_project_may_say(home: dict[str, str], text: str) -> None:
    write(home, "user/uv/uv.toml", text)
    with pytest.raises(DefinitionError, match="does not obey it") as caught:
        asked(home)
    assert "UV_NO_CONFIG" in str(caught.value.problems[0].hint)
    # What is pinned by its digest is fetched all the same.
    assert machine_indexes({**home, "OMNIBUILD_INDEX_URL": ""}).index


def test_settings_of_pip(home: dict[str, str]) -> None:
    write(home, "system/pip/pip.conf", f"[global]\nindex-url = {CORP}\n")
    write(home, "user/pip/pip.conf", f"[global]\nextra-index-url =\n    {CORP}\n    file:///x\n")
    write(home, "last.conf", f"[install]\nindex_url = {MIRROR}\n[global]\nfind-links = /wheels\n")
    found = asked(home)
    assert (found.index, found.more) == (MIRROR, (Index(CORP),))
    # A directory of this machine is no place for a lock that others build from, and that is said.
    assert found.unasked == ("file:///x", "/wheels")
    assert asked({**home, "PIP_INDEX_URL": CORP}).index == CORP
    nothing = asked({**home, "PIP_CONFIG_FILE": "/dev/null"})
    assert not nothing.more
    write(home, "last.conf", "no section\n")
    with pytest.raises(HostError, match="pip's settings cannot be read"):
        asked(home)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PIP_INDEX_URL": CORP, "UV_DEFAULT_INDEX": MIRROR}, "name different indexes"),
        ({"UV_FIND_LINKS": "/x"}, "UV_FIND_LINKS"),
        ({"PIP_FIND_LINKS": "https://x.example/links.html"}, "`find-links`"),
        ({"PIP_NO_INDEX": "1"}, "PIP_NO_INDEX"),
        ({"UV_INDEX_STRATEGY": "unsafe-best-match"}, "UV_INDEX_STRATEGY"),
        ({"UV_INDEX": "corp"}, "is not a URL"),
        ({"UV_INDEX": "corp=ftp://x"}, "is not a URL"),
    ],
)
def test_what_cannot_be_obeyed(home: dict[str, str], variables: dict[str, str], says: str) -> None:
    with pytest.raises(HostError, match=says) as caught:
        asked({**home, **variables})
    assert caught.value.hint


def test_what_a_machine_adds_goes_before_what_a_project_names() -> None:
    corp, other = Index(CORP, "corp"), Index("https://other.example/", "other")
    project = Indexes(ordered=(corp, other, MACHINE), pinned={"lib": other})
    found = project.on(MIRROR, [Index(other.url), Index("https://third.example/")])
    assert [each.url for each in found.ordered] == [
        *("https://other.example/", "https://third.example/", CORP, MIRROR)
    ]
    # It is called as the project calls it: so whoever asks knows who to be.
    assert found.ordered[0].name == "other"
    assert found.of("lib") == (other,)
    assert found.foreign("https://third.example/") == "https://third.example/"
    with pytest.raises(HostError, match="different indexes by `corp`"):
        project.on(MIRROR, [Index("https://stranger.example/", "corp")])
