"""What an action produced, as recorded in the store under its key."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from omnibuild import digests
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
        believed: whether a remote cache said so and no trusted key signed it.
    """

    output: Output
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    log: str = ""
    believed: bool = False

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Result:
        """Read what :meth:`to_data` wrote."""
        return cls(**{**data, "output": Output(**data["output"])})


def write_record(key: Digest, result: Result) -> bytes:
    """Return the record of an action's result, sealed: a flipped bit anywhere is found."""
    data = result.to_data()
    return digests.canonical_json({**data, _SEAL: _seal(key, data)})


def read_record(key: Digest, record: bytes) -> Result:
    """Read what :func:`write_record` wrote for that key; raises ``ValueError`` if it is damaged."""
    data = json.loads(record)
    try:
        seal = data.pop(_SEAL)
        result = Result.from_data(data)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    if seal != _seal(key, data) or not digests.is_digest(result.output.digest):
        raise ValueError("its content is not what was written")
    return result


_SEAL = "seal"


def _seal(key: Digest, data: dict[str, Any]) -> Digest:
    return digests.of_json([key, data])
