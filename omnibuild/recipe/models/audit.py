"""What a recipe says to the audit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Meta, field

from omnibuild.recipe.fields import HostPath, Line
from omnibuild.recipe.models.base import Model

Check = Literal[
    "elf",
    "libraries",
    "library-version",
    "one-library",
    "glibc-version",
    "interpreter",
    "runpath",
    "machine",
    "other-machines",
    "executable-stack",
    "text-relocations",
    "bindnow",
    "fortify",
    "stack-protector",
    "pie",
    "one-openssl",
    "prefix-leftover",
    "build-path",
    "checkout-path",
    "syntax",
    "symlinks",
    "shebang",
    "data-scripts",
    "permissions",
    "unreadable",
    "root-only",
    "credentials",
    "secrets",
    "published-keys",
]

# Checks that no reason is good enough for, and what it would mean.
NEVER_WAIVED: Mapping[str, str] = MappingProxyType(
    {
        "prefix-leftover": "no host has the directory that components are compiled for",
        "permissions": "any user of a host could change or become what others run",
        "unreadable": "nobody could use the file",
    }
)

# Checks of how a program was compiled, which only who compiles it can change.
OF_COMPILERS: frozenset[str] = frozenset({"bindnow", "fortify", "stack-protector", "pie"})

# Checks whose findings are waived one by one: a glob would cover what nobody has looked at.
NO_GLOBS: frozenset[str] = frozenset({"credentials", "secrets"})
WILDCARDS = "*?["


class HostPackages(Model, frozen=True, kw_only=True):
    """``depends``: who brings to hosts what is missing; packages of each family require it."""

    deb: Annotated[
        tuple[Line, ...],
        Meta(description="Names as dpkg has them.", examples=["libgl1"]),
    ] = ()
    rpm: Annotated[
        tuple[Line, ...],
        Meta(description="Names or capabilities as rpm has them.", examples=["libglvnd-glx"]),
    ] = ()


class Waiver(Model, frozen=True, kw_only=True):
    """``[[audit.waivers]]``: findings that somebody has looked at, and why they may stay."""

    check: Annotated[
        Check,
        Meta(description="The check, as findings name it; docs/reference/audit.md explains each."),
    ]
    path: Annotated[
        HostPath,
        Meta(
            description="Glob of paths on hosts, as findings show them: `*` within one name, `**`"
            " for any number of directories. Of `secrets` and `credentials` one path each.",
            examples=["/opt/shop/lib/python3.13/site-packages/cv2/**"],
        ),
    ]
    reason: Annotated[Line, Meta(description="Why that is right; it is shown at each build.")]
    depends: HostPackages = field(default_factory=HostPackages)


class Audit(Model, frozen=True, kw_only=True):
    """``[audit]``: what the audit finds and the recipe answers."""

    waivers: Annotated[
        tuple[Waiver, ...],
        Meta(description="One that covers no finding is told at each build."),
    ] = ()
