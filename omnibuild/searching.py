"""The search for the user's own directories in finished payloads, outside of all actions.

No key holds the path of a checkout: another one gives the same bytes. So what is found is
remembered beside the results, and from another checkout it is looked for anew.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from omnibuild.audit.answers import with_searched
from omnibuild.audit.report import Report
from omnibuild.blueprint.app import AppPlan
from omnibuild.errors import DamageError
from omnibuild.recipe.models import Waiver
from omnibuild.settings import Settings
from omnibuild.store.delivery import AGAIN, artifact_in
from omnibuild.store.results import Output
from omnibuild.store.searches import remembered
from omnibuild.store.store import Store

if TYPE_CHECKING:
    from omnibuild.payload.model import Payload

# Raised when the same search finds something else than before.
_SERIAL = 1


@dataclass(frozen=True)
class Search:
    """The search in all payloads of a plan.

    Args:
        settings: where the workspace is.
        store: holds the payloads, or at least what was packaged of them.
        planned: says where the projects are.
    """

    settings: Settings
    store: Store
    planned: AppPlan

    @cached_property
    def _checkouts(self) -> list[str]:
        """The directories that the app is built from, also as symlinks lead to them."""
        projects = [a.places["directory"] for a in self.planned.plan if a.kind == "snapshot"]
        given = {os.path.abspath(path) for path in (self.settings.workspace, *projects)}
        return sorted(given.union(map(os.path.realpath, given)))

    def over(
        self, report: Report, platform: str, outputs: Mapping[str, Output], package: Output
    ) -> Report:
        """Return what a platform's audit found, with what the search finds.

        Args:
            report: of the audit.
            platform: its name.
            outputs: of all actions.
            package: that of the platform.

        Raises :class:`DamageError`: what was searched is damaged; it is gone from the store.
        """
        audit = self.planned.plan.actions[self.planned.audits[platform]]
        payload = outputs[audit.inputs["payload"]]
        found = remembered(
            self.store,
            ["checkouts", _SERIAL, payload.digest, self._checkouts],
            lambda: self._look(payload, package),
        )
        waivers = msgspec.convert(audit.parameters["waivers"], tuple[Waiver, ...])
        return with_searched(report, Report.from_data(found), waivers)

    def _look(self, payload: Output, package: Output) -> dict[str, Any]:
        # Imported here: where all was looked at before, nothing is opened.
        from omnibuild.audit.audit import search
        from omnibuild.audit.owners import Owners, of_payload
        from omnibuild.kinds.payload import load_payload
        from omnibuild.package.opening.opened import open_package
        from omnibuild.package.opening.owners import owners_in
        from omnibuild.sources.archive import at_most
        from omnibuild.store.check import Checker

        def searched(opened: Payload) -> dict[str, Any]:
            known = {**of_payload(opened, ()).known, **owners_in(opened).known}
            return search(opened, map(Path, self._checkouts), Owners(known)).to_data()

        if self.store.take(payload):
            # Nothing is made of what is read here: that a bit of it flipped is found elsewhere.
            with contextlib.suppress(DamageError, OSError, ValueError, LookupError, TypeError):
                return searched(load_payload(self.store, payload.digest))
            self.store.remove(payload)
        # It came from a remote cache, without what it was made of, or that is damaged.
        if fault := Checker(self.store, self.settings.cores).fault(package):
            self.store.remove(package)
            raise DamageError("the store's copy of a package is damaged", why=fault, hint=AGAIN)
        path = self.store.tree_directory(package.digest) / artifact_in(self.store, package)
        with self._scratch() as scratch:
            limits = at_most(self.settings.unpacked)
            return searched(open_package(path, scratch, limits).payload)

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        if self.store.read_only:
            with tempfile.TemporaryDirectory(prefix="omnibuild-search-") as path:
                yield Path(path)
        else:
            with self.store.scratch() as scratch:
                yield scratch
