"""An index in its forms, packed in pieces."""

from __future__ import annotations

import gzip
import lzma
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.repository.apt import packing
from omnibuild.repository.apt.packing import dump, load, pack

texts = st.lists(st.binary(min_size=1, max_size=400), max_size=5, unique=True)


@given(texts, texts)
def test_all_forms_say_the_same(before: list[bytes], after: list[bytes]) -> None:
    known = pack(before, {}).pieces
    packed = pack(after, known)
    assert packed == pack(after, {}), "what was kept makes no difference"
    assert packed.plain == b"".join(after)
    assert gzip.decompress(packed.gzip) == packed.plain
    assert lzma.decompress(packed.xz, format=lzma.FORMAT_XZ) == packed.plain
    assert load(dump(packed.pieces)) == packed.pieces


def test_long_pieces() -> None:
    noise = random.Random(1).randbytes(packing.WINDOW + 50_000)  # noqa: S311
    packed = pack([noise, b"a" * packing.WINDOW, noise[::-1]], {})
    assert lzma.decompress(packed.xz) == packed.plain
    assert len(packed.xz) < 2.1 * len(noise)


def test_what_is_known_is_not_compressed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = pack([b"one", b"two"], {}).pieces
    done: list[bytes] = []
    monkeypatch.setattr(packing, "_gzip", lambda text: done.append(text) or gzip.compress(text))
    packed = pack([b"one", b"two", b"three"], known)
    assert done == [b"three"]
    assert set(packed.pieces) > set(known)
    assert pack([b"one"], packed.pieces).pieces.keys() == pack([b"one"], {}).pieces.keys()


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_damaged_pieces_are_not_taken(position: int, bit: int) -> None:
    data = bytearray(dump(pack([b"some text", b"more"], {}).pieces))
    data[position % len(data)] ^= 1 << bit
    assert load(bytes(data)) == {}
    assert load(b"") == {}
