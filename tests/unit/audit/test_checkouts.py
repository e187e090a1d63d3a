"""The directories that an app was built from are found however they are written."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from omnibuild.audit import checkouts
from omnibuild.audit.answers import with_searched
from omnibuild.audit.audit import search
from omnibuild.audit.checkouts import Written, first_in
from omnibuild.audit.owners import Brings, Owner, Owners
from omnibuild.audit.report import Finding, Level, Report
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Waiver
from omnibuild.tree import scan
from tests.unit.audit.test_audit import METADATA

ANN = "/home/ann/my shop"


def payload(root: Path, **files: bytes) -> Payload:
    (root / "opt/hello").mkdir(parents=True)
    for name, content in files.items():
        (root / "opt/hello" / name).write_bytes(content)
    return Payload(METADATA, root, scan(root), "/opt/hello")


def found(tmp_path: Path, content: bytes, *paths: str) -> list[str]:
    made = payload(tmp_path / "payload", it=content)
    report = search(made, map(Path, paths), Owners())
    assert {(f.check, f.level, f.path) for f in report.findings} <= {
        ("checkout-path", Level.WARNING, "opt/hello/it")
    }
    return [finding.detail for finding in report.findings]


@pytest.mark.parametrize(
    "content",
    [
        b"ROOT = '/home/ann/my shop'",
        b"-I/home/ann/my shop/include",
        b"file:///home/ann/my%20shop/x",
        b"\0\x09/home/ann/my shop\0",
        b"it was built in /home/ann/my shop.",
        b"/home/ann/my shop-2 and /home/ann/my shop/x",
    ],
)
def test_found(tmp_path: Path, content: bytes) -> None:
    (detail,) = found(tmp_path, content, ANN)
    assert ANN not in detail


@pytest.mark.parametrize(
    "content", [b"", b"/home/ann/my shop-2", b"/home/ann/my shop.old/x", b"/home/ann", b"my shop/x"]
)
def test_another_path(tmp_path: Path, content: bytes) -> None:
    assert found(tmp_path, content, ANN) == []


def test_non_ascii_in_json(tmp_path: Path) -> None:
    assert found(tmp_path, b'{"a": "/home/m\\u00fcller/x"}', "/home/müller")


def test_a_short_path_is_found_where_it_begins(tmp_path: Path) -> None:
    assert found(tmp_path / "1", b"project/app/views.py /app /application/x", "/app") == []
    assert found(tmp_path / "2", b"ROOT=/app/views.py", "/app")


def test_what_hosts_or_the_payload_have_is_none(tmp_path: Path) -> None:
    content = b"/opt/hello/it /tmp/x /srv/x /opt/x"
    assert found(tmp_path, content, "/opt/hello", "/tmp", "/srv", "/opt", "/") == []


def test_where_symlinks_lead_counts(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    os.symlink("real", tmp_path / "link")
    text = os.fsencode(tmp_path / "real/x")
    assert found(tmp_path, text, str(tmp_path / "link"))


def test_pieces_do_not_hide_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = [Written.of(b"/home/ann/shop"), Written.of(b"/app")]
    monkeypatch.setattr(checkouts, "READ_SIZE", 32)
    for at in range(100):
        before = b"-" * at
        for text, hit in (
            (b"=/home/ann/shop", 1),
            (b"=/home/ann/shop/x", 1),
            (b"=/app/x", 1),
            (b"=/home/ann/shops", 0),
            (b"y/app/x", 0),
            (b"=/app", 0),
        ):
            for after in (b"", b"\n" * 70):
                offset = first_in(io.BytesIO(before + text + after), ways)
                assert offset == (at + 1 if hit else None), (at, text)


def test_waivers_answer_what_is_found_later(tmp_path: Path) -> None:
    made = payload(tmp_path / "payload", a=ANN.encode(), b=ANN.encode())
    who = Owner(Brings.PROJECT, "shop", "1")
    later = search(made, [Path(ANN)], Owners({"opt/hello/a": who}))
    waivers = [
        Waiver(check="shebang", path="/opt/hello/a", reason="x"),
        Waiver(check="checkout-path", path="/opt/hello/b", reason="a sample"),
        Waiver(check="checkout-path", path="/opt/hello/c", reason="nothing"),
    ]
    said = Finding(Level.WARNING, "bindnow", "opt/hello/x", "is bound lazily")
    unused = [("audit", "waivers", number) for number in range(3)]
    both = with_searched(Report.of("hello", [said], unused), later, waivers)
    assert [(f.level, f.check, f.path) for f in both.findings] == [
        (Level.WARNING, "bindnow", "opt/hello/x"),
        (Level.WARNING, "checkout-path", "opt/hello/a"),
        (Level.WAIVED, "checkout-path", "opt/hello/b"),
    ]
    assert 'write under [python.prune]: shop = ["a"]' in both.findings[1].remedy
    assert both.unused == (unused[0], unused[2])
