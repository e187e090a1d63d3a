"""What an action produced, as recorded in the store under its key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from omnibuild.digests import Digest

OutputKind = Literal["blob", "tree"]


@dataclass(frozen=True, slots=True)
class Output:
    """An object in the store.

    Args:
        kind: a single file (blob) or a directory (tree).
        digest: the object's own digest, where it is stored.
        identity: what the keys of later actions see; the digest itself unless said otherwise
            (a root is identified by its lock, whatever made its files).
    """

    kind: OutputKind
    digest: Digest
    identity: Digest = ""

    @property
    def key_digest(self) -> Digest:
        """The digest that stands for this output in the keys of later actions."""
        return self.identity or self.digest


@dataclass(frozen=True, slots=True)
class Result:
    """One finished action.

    Args:
        output: what it produced.
        seconds: wall time.
        cpu: CPU seconds of its steps, all processes together; 0 when it has none.
        memory: peak of bytes that its steps' processes held together; 0 when it is not known.
        log: the name of its log in ``logs/``, empty without one.
    """

    output: Output
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    log: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Result:
        """Read what :meth:`to_data` wrote."""
        return cls(**{**data, "output": Output(**data["output"])})
