"""Pages of an index, as old and new ones answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import SourceError
from omnibuild.sources.python.simple import IndexFile, read_page
from omnibuild.transfer.http import Downloader

DIGEST = "0" * 64
HTML = f"""<!DOCTYPE html>
<html><head><title>Links for lib</title></head><body>
<a href="../../files/lib-1%2Blocal.tar.gz#sha256={DIGEST}" data-requires-python="&gt;=3.9">x</a>
<a href="lib-2.tar.gz#md5=00" data-yanked="broken">lib-2.tar.gz</a>
</body></html>
"""


def page(path: Path, text: str) -> str:
    path.write_text(text)
    return path.as_uri()


def test_html(tmp_path: Path) -> None:
    (tmp_path / "simple/lib").mkdir(parents=True)
    url = page(tmp_path / "simple/lib/index.html", HTML)
    files = read_page(url, Downloader())
    one = f"{tmp_path.as_uri()}/files/lib-1%2Blocal.tar.gz"
    two = f"{tmp_path.as_uri()}/simple/lib/lib-2.tar.gz"
    assert list(files.values()) == [
        IndexFile("lib-1+local.tar.gz", one, DIGEST, ">=3.9"),
        IndexFile("lib-2.tar.gz", two, "", "", yanked=True),
    ]


@pytest.mark.parametrize("text", ["nothing", "", "[]", '{"files": [{"filename": 3}]}'])
def test_neither(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_page(page(tmp_path / "page", text), Downloader())
    assert "PEP 691" in caught.value.why
