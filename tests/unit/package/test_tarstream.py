from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from omnibuild.package.tarstream import TYPES, tar_stream
from omnibuild.tree import Entry, Kind

plain = st.text("abcXYZ019._-+ ", min_size=1, max_size=60)
odd = st.text(
    st.characters(blacklist_characters="\0/", blacklist_categories=("Cs",)), min_size=1, max_size=60
)
paths = st.lists(plain, min_size=1, max_size=4).map("/".join) | odd
entries = st.builds(
    Entry,
    path=paths,
    kind=st.sampled_from(Kind),
    mode=st.integers(0, 0o7777),
    size=st.integers(0, 2**36),
    target=paths,
)


@given(entry=entries, date=st.integers(0, 2**32 - 1))
def test_headers_are_those_of_tarfile(entry: Entry, date: int) -> None:
    blocks = tar_stream([entry], top=".", date=date, read=lambda _: [])
    next(blocks)
    link = f"./{entry.target}" if entry.kind is Kind.HARDLINK else entry.target
    info = tarfile.TarInfo(f"./{entry.path}")
    info.type, info.mode, info.mtime, info.linkname = TYPES[entry.kind], entry.mode, date, link
    info.size = entry.size if entry.kind is Kind.FILE else 0
    info.uname = info.gname = "root"
    assert next(blocks) == info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def test_an_archive_can_be_read() -> None:
    entry = Entry("a/b", Kind.FILE, 0o640, 3)
    data = b"".join(tar_stream([entry], top=".", date=5, read=lambda _: [b"abc"]))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.getmember("./a/b")
        assert (member.mode, member.mtime, member.uname) == (0o640, 5, "root")
        stream = archive.extractfile(member)
        assert stream is not None
        assert stream.read() == b"abc"
