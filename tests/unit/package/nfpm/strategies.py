"""Versions as packages have them."""

from __future__ import annotations

from hypothesis import strategies as st

from omnibuild.package.versions import host_version

_NUMBERS = st.integers(0, 12).map(str)
_CHOICE = st.booleans()
_LOCAL = st.sampled_from(["12", "2", "cu118", "dirty", "ubuntu", "zzz"])


@st.composite
def version_pairs(draw: st.DrawFn, *, local: bool = False) -> tuple[str, str]:
    """Draw two versions of one app, which often differ late, as hosts are told them.

    An app numbers its patches by letters, as OpenSSL did, or as Python does: not both.
    """
    lettered = draw(st.integers(0, 5)) == 0
    return tuple(_version(draw, lettered=lettered, local=local) for _ in range(2))  # type: ignore[return-value]


def _version(draw: st.DrawFn, *, lettered: bool, local: bool) -> str:
    release = ".".join(draw(st.lists(_NUMBERS, min_size=1, max_size=3)))
    if lettered:
        return release + draw(st.sampled_from(["", "a", "b", "z"]))
    words = [release]
    words += [draw(st.sampled_from(["a", "b", "rc"])) + draw(_NUMBERS)] if draw(_CHOICE) else []
    words += [f".post{draw(_NUMBERS)}"] if draw(_CHOICE) else []
    words += [f".dev{draw(_NUMBERS)}"] if draw(_CHOICE) else []
    if local and draw(_CHOICE):
        words.append("+" + ".".join(draw(st.lists(_LOCAL, min_size=1, max_size=2))))
    return host_version("".join(words))
