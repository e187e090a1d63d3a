"""Looking up what an action makes: known beforehand, recorded here, or in the remote cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnibuild.digests import Digest
from omnibuild.plan.graph import Action
from omnibuild.plan.keys import key, key_document
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

if TYPE_CHECKING:
    from omnibuild.remote.cache import RemoteCache


@dataclass(frozen=True)
class Lookup:
    """Finds results of actions whose inputs are known.

    Args:
        store: the local store.
        serials: kind to its serial.
        remote: the remote cache, or none.
    """

    store: Store
    serials: Mapping[str, int]
    remote: RemoteCache | None = None

    def document(self, action: Action, outputs: Mapping[str, Output]) -> dict[str, object]:
        """Return what decides the action's output."""
        return key_document(action, self.serials[action.kind], outputs)

    def key(self, action: Action, outputs: Mapping[str, Output]) -> Digest:
        """Return the action's key."""
        return key(self.document(action, outputs))

    def local(self, action: Action, outputs: Mapping[str, Output]) -> Result | None:
        """Return the result that is known without asking the remote cache.

        With trusted keys, what some remote cache was believed before is not known.
        """
        if action.output is not None:
            return Result(action.output)
        result = self.store.result(self.key(action, outputs))
        if result and result.believed and self.remote and self.remote.verifies:
            return None
        return result

    def distant(self, action: Action, outputs: Mapping[str, Output]) -> Result | None:
        """Return the result that the remote cache has."""
        if self.remote is None or action.output is not None:
            return None
        return self.remote.result(self.key(action, outputs))
