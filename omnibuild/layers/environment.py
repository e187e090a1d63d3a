"""The environment of every step that compiles: built from nothing, the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping

from omnibuild.payload.placing import LOGICAL_PREFIX

# 2025-01-01T00:00:00Z: the time of everything that is built.
SOURCE_DATE_EPOCH = 1735689600

# Below the prefix: what a recipe's own steps may write besides what is beside the project's files.
SHARE = "share"

# Buffers, stacks and jumps are guarded, as distributions compile what they ship. Programs are
# position-independent, and stacks not executable, because the root's compiler makes them so.
# Definitions that set flags of their own add these, as $HARDENING.
HARDENING = " ".join(
    (
        "-fstack-protector-strong",
        "-fstack-clash-protection",
        "-fcf-protection",
        "-D_FORTIFY_SOURCE=2",
    )
)
COMPILER_FLAGS = f"-O2 {HARDENING}"
LINKER_FLAGS = (
    f"-L{LOGICAL_PREFIX}/lib",
    # Every file names the prefix itself; placing turns it into $ORIGIN/… in the same bytes.
    # The linker lets strings share tails: no symbol is called `lib/`, so nothing shares this one.
    f"-Wl,-rpath,{LOGICAL_PREFIX}/lib/",
    "-Wl,--enable-new-dtags",
    "-Wl,-z,relro",
    "-Wl,-z,now",
    "-Wl,--as-needed",
)


# Part of every key whose action runs steps.
FIXED_ENVIRONMENT = {
    "PATH": f"{LOGICAL_PREFIX}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/build",
    "TMPDIR": "/tmp",  # noqa: S108 - inside the sandbox
    "LC_ALL": "C",
    "TZ": "UTC",
    "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
    "ZERO_AR_DATE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PREFIX": LOGICAL_PREFIX,
    "CC": "gcc",
    "CXX": "g++",
    "HARDENING": HARDENING,
    "CFLAGS": COMPILER_FLAGS,
    "CXXFLAGS": COMPILER_FLAGS,
    "CPPFLAGS": f"-I{LOGICAL_PREFIX}/include",
    "LDFLAGS": " ".join(LINKER_FLAGS),
    "PKG_CONFIG_LIBDIR": f"{LOGICAL_PREFIX}/lib/pkgconfig",
}


def build_environment(fixed: Mapping[str, str], cores: int) -> dict[str, str]:
    """Return the environment of a step; only ``JOBS`` depends on the machine."""
    return {**fixed, "JOBS": str(cores)}
