from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import random
import re
import subprocess
import sys

import pytest
import zstandard

from omnibuild.package.compression import (
    LEVELS,
    CompressingSink,
    Compression,
    Effort,
    HashingSink,
    libraries_of,
    zstd_compressor,
)
from tests.unit.package.samples import unzstd


def some_data(size: int) -> bytes:
    dice = random.Random(7)  # noqa: S311
    words = [dice.randbytes(9) for _ in range(500)]
    return b"".join(dice.choice(words) for _ in range(size // 9))


@pytest.mark.parametrize("effort", LEVELS)
@pytest.mark.parametrize(
    ("compression", "decompress"),
    [("zstd", unzstd), ("xz", lzma.decompress), ("gzip", gzip.decompress)],
)
def test_what_was_written_can_be_read_by_others(
    compression: Compression, decompress: object, effort: Effort
) -> None:
    data = some_data(700_000)
    target = io.BytesIO()
    sink = CompressingSink(target, compression, effort)
    for start in range(0, len(data), 100_001):
        sink.write(data[start : start + 100_001])
    sink.close()
    assert decompress(target.getvalue()) == data  # type: ignore[operator]


@pytest.mark.parametrize("effort", LEVELS)
def test_the_number_of_workers_does_not_change_the_bytes(effort: Effort) -> None:
    # More than one of zstd's jobs, which take several windows of 4 MiB each.
    piece = some_data(1_000_000)
    data = b"".join(bytes([number]) + piece[number * 1000 :] for number in range(40))
    digests = set()
    for workers, step in [(1, 1 << 20), (2, 262_144), (3, 777_777)]:
        compressor = zstd_compressor(workers, LEVELS[effort]["zstd"])
        digest = hashlib.sha256()
        for start in range(0, len(data), step):
            digest.update(compressor.compress(data[start : start + step]))
        digest.update(compressor.flush())
        digests.add(digest.hexdigest())
    assert len(digests) == 1


def test_a_hashing_sink_knows_what_passed() -> None:
    target = io.BytesIO()
    sink = HashingSink(target)
    sink.write(b"ab")
    sink.write(b"c")
    assert target.getvalue() == b"abc"
    assert (sink.size, sink.digest) == (3, hashlib.sha256(b"abc").hexdigest())


def test_each_format_is_keyed_by_the_libraries_that_decide_its_bytes() -> None:
    assert set(libraries_of("zstd", "gzip")) == {"zstandard", "libzstd", "zlib"}
    assert set(libraries_of("xz", "gzip")) == {"liblzma", "zlib"}
    assert set(libraries_of("gzip")) == {"zlib"}
    assert set(libraries_of("zstd")) == {"zstandard", "libzstd"}
    done = subprocess.run(["xz", "--version"], capture_output=True, text=True, check=True)
    (library,) = re.findall(r"liblzma (\S+)", done.stdout)
    assert libraries_of("xz", "gzip")["liblzma"] in (library, f"python {sys.version}")


def test_a_damaged_frame_never_gives_other_data() -> None:
    data = some_data(3_000)
    stream = io.BytesIO()
    sink = CompressingSink(stream, "zstd", "quick")
    sink.write(data)
    sink.close()
    frame = bytearray(stream.getvalue())
    found = 0
    for place in range(len(frame)):
        frame[place] ^= 1
        try:
            # Some bits of the header only say how much memory to take.
            given = zstandard.ZstdDecompressor().decompress(bytes(frame), max_output_size=1 << 20)
            assert given == data, f"byte {place}"
        except zstandard.ZstdError:
            found += 1
        frame[place] ^= 1
    assert found > len(frame) * 0.9
