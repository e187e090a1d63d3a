from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import PackageError
from omnibuild.package.nfpm.configuration import configuration, content_lines, moment, quoted
from omnibuild.tree import Entry, Kind
from tests.unit.package.golden import assert_golden

ROOT = Path("/store/payload")
DIGEST = "0" * 64


def file(path: str, mode: int = 0o644) -> Entry:
    return Entry(path, Kind.FILE, mode, 1, DIGEST)


MEMBERS = (
    file("etc/hello/hello.conf", 0o640),
    Entry("opt/hello", Kind.DIRECTORY, 0o755),
    file("opt/hello/bin/hello", 0o4755),
    Entry("opt/hello/bin/hallo", Kind.HARDLINK, 0o4755, target="opt/hello/bin/hello"),
    file("opt/hello/a*[b]{c} $HOME \u00fc\U0001f600\x85.txt"),
    Entry("usr/bin/hello", Kind.SYMLINK, 0o777, target="../../opt/hello/bin/hello"),
)


def test_golden() -> None:
    text = configuration(
        {
            "name": "hello",
            "version": "1.0",
            "description": 'It costs $5: "cheap"',
            "homepage": "",
            "mtime": moment(1_700_000_000),
        },
        {"depends": ["glibc>=2.31", "bash", "bash"], "conflicts": []},
        {"archlinux": {"packager": quoted("A <a@example.org>")}},
        {"postinstall": Path("/scratch/script-post_install")},
        content_lines(MEMBERS, ROOT, {"/etc/hello/hello.conf"}),
    )
    assert_golden("nfpm.yaml", text)


@pytest.mark.parametrize("target", ["../a/../b", "a/..", "/opt/x/../y"])
def test_symlinks_that_nfpm_would_change_are_refused(target: str) -> None:
    link = Entry("opt/hello/l", Kind.SYMLINK, 0o777, target=target)
    with pytest.raises(PackageError, match="nfpm cannot write the symlink /opt/hello/l"):
        list(content_lines([link], ROOT, ()))


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (file("opt/hello/\udcff"), "is not UTF-8"),
        (file("opt/hello/nobody", 0), "nobody may read"),
    ],
)
def test_names_and_modes_that_nfpm_cannot_write_are_refused(member: Entry, says: str) -> None:
    with pytest.raises(PackageError, match=says):
        list(content_lines([member], ROOT, ()))
