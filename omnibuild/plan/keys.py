"""Keys: what an action's output depends on, as one digest.

The key of an action is the digest of canonical JSON of its kind's serial, its parameters and the
output digests of its inputs. Because outputs decide, a dependency that rebuilds to the same bytes
changes no key after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.plan.graph import Action
from omnibuild.store.results import Output


def key_document(action: Action, serial: int, outputs: Mapping[str, Output]) -> dict[str, Any]:
    """Return everything that decides the action's output.

    Args:
        action: the action.
        serial: its kind's serial; raised whenever the kind's code changes what it produces.
        outputs: the outputs of its inputs, by the name of the action that made them.
    """
    return {
        "kind": action.kind,
        "serial": serial,
        "parameters": dict(action.parameters),
        "inputs": {role: outputs[name].key_digest for role, name in action.inputs.items()},
    }


def key(document: Mapping[str, Any]) -> Digest:
    """Return the key of a key document."""
    return digests.of_json(document)
