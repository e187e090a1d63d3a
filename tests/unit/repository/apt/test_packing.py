"""An index in its forms, packed in pieces."""

from __future__ import annotations

import gzip
import lzma
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests
from omnibuild.repository.apt import packing
from omnibuild.repository.apt.packing import Known, Packed, Piece, cut, dump, load, pack

texts = st.lists(st.binary(max_size=400), max_size=5, unique=True)


def packed(contents: Sequence[bytes], known: Known | None = None) -> Packed:
    return pack([piece(text) for text in contents], known or {})


def piece(text: bytes) -> Piece:
    return Piece(digests.of_bytes(text), lambda: text)


def known(found: Packed) -> Known:
    return cut(found.record, found.gzip, found.xz)


@given(texts, texts)
def test_all_forms_say_the_same(before: list[bytes], after: list[bytes]) -> None:
    kept = known(packed(before))
    assert kept.keys() == {digests.of_bytes(text) for text in before}
    found = packed(after, kept)
    assert found == packed(after), "what was kept makes no difference"
    plain = b"".join(after)
    assert (found.digest, found.size) == (digests.of_bytes(plain), len(plain))
    assert gzip.decompress(found.gzip) == plain
    assert lzma.decompress(found.xz, format=lzma.FORMAT_XZ) == plain
    assert load(dump(found.record)) == found.record


def test_long_pieces() -> None:
    noise = random.Random(1).randbytes(packing.WINDOW + 50_000)  # noqa: S311
    contents = [noise, b"a" * packing.WINDOW, noise[::-1]]
    found = packed(contents)
    assert lzma.decompress(found.xz) == b"".join(contents)
    assert len(found.xz) < 2.1 * len(noise)


def test_what_is_known_is_not_made_again() -> None:
    kept = known(packed([b"one", b"two"]))
    made: list[bytes] = []

    def told(text: bytes) -> Piece:
        return Piece(digests.of_bytes(text), lambda: made.append(text) or text)  # type: ignore[func-returns-value]

    pack([told(text) for text in (b"one", b"three", b"two")], kept)
    assert made == [b"three"]


@given(st.integers(0, 10_000), st.integers(0, 7), st.booleans())
def test_damaged_pieces_are_not_taken(position: int, bit: int, first: bool) -> None:
    found = packed([b"some text", b"more"])
    forms = [bytearray(found.gzip), bytearray(found.xz)]
    damaged = forms[first]
    damaged[position % len(damaged)] ^= 1 << bit
    assert cut(found.record, *map(bytes, forms)) == {}


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"\xff", b"[" * 100_000])
def test_a_damaged_record_is_none(data: bytes) -> None:
    assert load(data) is None
    record = packed([b"text"]).record
    assert load(dump(record).replace(b'"gzip_lengths":[', b'"gzip_lengths":[1,')) is None
