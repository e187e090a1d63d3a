"""What runs on a host besides the web server: services, timers, databases; and their secrets."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType, field

from omnibuild.recipe.fields import Line
from omnibuild.recipe.models.base import Model

_COMMAND = (
    "What runs, with its arguments: a console script of the app's packages, `python -m MODULE`, or"
    " a program of its components by its path below the app's directory; the path can be left out"
    " below `bin` and `sbin`."
)
_COMMANDS = ["shop-worker --queue mail", "python -m shop.worker", "bin/valkey-server"]

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


class Resources(Model, frozen=True, kw_only=True):
    """``resources``: how much of a host a service may take, in all its processes together."""

    memory: Annotated[
        str,
        Meta(
            description="Beyond it, the kernel ends one of them.",
            pattern=r"^([1-9][0-9]{0,5}(MB|GB))?\Z",
            examples=["512MB"],
        ),
    ] = ""
    cpu: (
        Annotated[
            int, Meta(description="Percent of one core: 150 is one and a half.", ge=1, le=100_000)
        ]
        | None
    ) = None
    tasks: Annotated[int, Meta(description="Processes and threads.", ge=1, le=1_000_000)] | None = (
        None
    )
    files: (
        Annotated[
            int, Meta(description="Files and sockets that a process may open.", ge=16, le=1 << 20)
        ]
        | None
    ) = None
    nice: (
        Annotated[
            int,
            Meta(
                description="What runs at 19 waits for all others; at 0, it does not.", ge=0, le=19
            ),
        ]
        | None
    ) = None


class Service(Model, frozen=True, kw_only=True):
    """``[services.NAME]``: a process that runs as long as the app does."""

    command: Annotated[Line, Meta(description=_COMMAND, examples=_COMMANDS)]
    instances: Annotated[
        int,
        Meta(
            description="How often it runs: above 1 as `shop-worker@1` and so on, each told its"
            " number by `$SHOP_INSTANCE`.",
            ge=1,
            le=64,
        ),
    ] = 1
    notify: Annotated[
        bool,
        Meta(description="Whether it tells systemd when it is ready, as sd_notify(3) says."),
    ] = False
    watchdog: (
        Annotated[
            int,
            Meta(
                description="Seconds after which it is killed and started again unless it tells"
                " systemd that it is well; for one that notifies.",
                ge=1,
                le=86_400,
            ),
        ]
        | None
    ) = None
    resources: Resources = field(default_factory=Resources)


class Timer(Model, frozen=True, kw_only=True):
    """``[timers.NAME]``: what runs at certain times, as a systemd timer, and then ends."""

    command: Annotated[Line, Meta(description="What runs, as for services.", examples=_COMMANDS)]
    calendar: Annotated[
        Line,
        Meta(
            description="When it runs, in the words of systemd's OnCalendar=: host's time, or `UTC`"
            " at the end.",
            examples=["daily", "Mon..Fri 04:30", "*:0/15 UTC"],
        ),
    ]
    persistent: Annotated[
        bool,
        Meta(description="Whether what was missed while the host was off is made up for."),
    ] = False
    resources: Resources = field(default_factory=Resources)


# Of a secret that is generated.
_DEFAULT_BYTES: Final = 32


class Secret(Model, frozen=True, kw_only=True):
    """``[secrets]``: a text that is in no package, in a file that only the app and root read."""

    generated: Annotated[
        bool,
        Meta(
            description="Whether it is made at random when it is first needed, in hexadecimal"
            " digits; otherwise the operator writes it, and services wait for that."
        ),
    ] = True
    bytes: (
        Annotated[
            int,
            Meta(description="Random bytes of one that is made; 32 if unset.", ge=16, le=1024),
        ]
        | None
    ) = None

    @property
    def made(self) -> int:
        """How many random bytes are made; none where the operator writes it."""
        return (self.bytes or _DEFAULT_BYTES) if self.generated else 0
