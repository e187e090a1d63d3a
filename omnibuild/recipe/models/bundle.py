"""What an app brings besides itself: databases and caches of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from omnibuild.recipe.models.base import Model

Memory = Annotated[
    str,
    Meta(
        description="For its data: of PostgreSQL its shared buffers, of the others all that they"
        " keep. Operators change it in its configuration.",
        pattern=r"^[1-9][0-9]{0,5}(MB|GB)\Z",
        examples=["256MB", "2GB"],
    ),
]


def megabytes(memory: str) -> int:
    """Return what a recipe says of memory as a number.

    >>> megabytes("2GB")
    2048
    """
    return int(memory[:-2]) * (1024 if memory.endswith("GB") else 1)


class PostgreSQL(Model, frozen=True, kw_only=True):
    """``[bundle.postgresql]``: a database server of the app's own."""

    version: Annotated[
        Literal["17", "18"],
        Meta(
            description="Major version. Data stay with theirs: a package that brings another one is"
            " not installed over them until they are exported."
        ),
    ] = "18"
    memory: Memory = "128MB"


class KeyValueStore(Model, frozen=True, kw_only=True):
    """``[bundle.valkey]`` and ``[bundle.redis]``: a store of keys and values of the app's own."""

    memory: Memory = "256MB"
    persistent: Annotated[
        bool,
        Meta(
            description="Whether it keeps all that it is told, on disk, and refuses more when its"
            " memory is full, as queues want it; else it is a cache, that forgets what was used"
            " longest ago, and all of it when it stops."
        ),
    ] = True


class Memcached(Model, frozen=True, kw_only=True):
    """``[bundle.memcached]``: a cache of the app's own."""

    memory: Memory = "64MB"


class Bundle(Model, frozen=True, kw_only=True):
    """``[bundle]``: servers of the app's own, each by an empty table, as ``[bundle.valkey]``."""

    postgresql: PostgreSQL | UnsetType = UNSET
    valkey: KeyValueStore | UnsetType = UNSET
    redis: KeyValueStore | UnsetType = UNSET
    memcached: Memcached | UnsetType = UNSET

    @property
    def names(self) -> tuple[str, ...]:
        """What is there of it."""
        return tuple(name for name in self.__struct_fields__ if getattr(self, name))
