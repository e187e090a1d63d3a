from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.sources.python.requirements import NotARequirementError, checked


@pytest.mark.parametrize(
    "text",
    [
        "shop",
        "changedetection.io==0.60.10",
        "psycopg[c] >=3, <4",
        "tomli>=2; python_version < '3.11' and sys_platform == 'linux'",
    ],
)
def test_what_an_index_can_satisfy(text: str) -> None:
    assert checked(text) == checked(str(checked(text)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-e /path",
        "-r /etc/passwd",
        "--index-url=http://127.0.0.1/",
        "/path",
        "./path",
        "../path.whl",
        "file:///path",
        "git+https://example.org/x",
        "x\n--index-url http://127.0.0.1/",
        "x\r--index-url http://127.0.0.1/",
        "x\u2028-e /path",
        "x # comment",
        "x \\",
        "x --hash=sha256:00",
        "x==" + "9" * 5000,
        "x" * 2000,
        "x; " + "(" * 450 + "os_name=='a'" + ")" * 450,
        "${HOME}",
    ],
)
def test_what_resolvers_would_obey(text: str) -> None:
    with pytest.raises(NotARequirementError, match="is not a requirement"):
        checked(text)


@pytest.mark.parametrize("url", ["file:///path", "https://example.org/x.whl", "git+file:///x"])
def test_addresses_are_not_pinned(url: str) -> None:
    with pytest.raises(NotARequirementError, match="no digest pins"):
        checked(f"x @ {url}")


@given(st.text(max_size=40))
def test_any_text_is_one_harmless_line_or_refused(text: str) -> None:
    try:
        line = str(checked(text))
    except NotARequirementError:
        return
    assert line.isprintable()
    assert line[0].isalnum()
