"""What actions do: one module for each kind, called like it, and the table of them.

The serial of a kind is part of its keys: raise it whenever the kind's function produces other
bytes for the same inputs. A golden test notices when that was forgotten.

A kind is imported when it first runs: what is in the store already needs neither HTTP nor
archives nor packages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from omnibuild.execute.job import Job, Kind
from omnibuild.store.results import Output


def serials() -> Mapping[str, int]:
    """Return each kind's serial."""
    return {name: kind.serial for name, kind in all_kinds().items()}


def all_kinds() -> Mapping[str, Kind]:
    """Return the table for one run."""
    return {
        "fetch": Kind(serial=1, run=_fetching(), network=True),
        "npm": Kind(serial=1, run=_tarballs(), network=True),
        "snapshot": Kind(serial=1, run=_snapshot),
        "files": Kind(serial=1, run=_files),
        "checkout": Kind(serial=1, run=_checkout, network=True),
        "root": Kind(serial=1, run=_root),
        "image": Kind(serial=1, run=_image, network=True),
        "component": Kind(serial=1, run=_component),
        "runtime": Kind(serial=2, run=_runtime),
        "backend": Kind(serial=5, run=_backend),
        "wheel": Kind(serial=3, run=_wheel),
        "install": Kind(serial=5, run=_install),
        "node": Kind(serial=1, run=_node),
        "steps": Kind(serial=1, run=_steps),
        "syntax": Kind(serial=1, run=_syntax),
        "place": Kind(serial=7, run=_place),
        "payload": Kind(serial=31, run=_payload),
        "symbols": Kind(serial=1, run=_symbols),
        "audit": Kind(serial=17, run=_audit),
        "package": Kind(serial=14, run=_package),
        "pex": Kind(serial=1, run=_pex),
    }


def _fetching() -> Callable[[Job], Output]:
    """Return the kind ``fetch`` of one run, which remembers hosts that do not answer."""

    @cache
    def fetching() -> Callable[[Job], Output]:
        from omnibuild.kinds.fetch import Fetching

        return Fetching().run

    return lambda job: fetching()(job)


def _tarballs() -> Callable[[Job], Output]:
    """Return the kind ``npm`` of one run, which remembers hosts that do not answer."""

    @cache
    def fetching() -> Callable[[Job], Output]:
        from omnibuild.kinds.npm import Tarballs

        return Tarballs().run

    return lambda job: fetching()(job)


def _snapshot(job: Job) -> Output:
    from omnibuild.kinds.snapshot import run

    return run(job)


def _checkout(job: Job) -> Output:
    from omnibuild.kinds.checkout import run

    return run(job)


def _root(job: Job) -> Output:
    from omnibuild.kinds.root import run

    return run(job)


def _image(job: Job) -> Output:
    from omnibuild.kinds.image import run

    return run(job)


def _component(job: Job) -> Output:
    from omnibuild.kinds.component import run

    return run(job)


def _files(job: Job) -> Output:
    from omnibuild.kinds.files import run

    return run(job)


def _runtime(job: Job) -> Output:
    from omnibuild.kinds.runtime import run

    return run(job)


def _backend(job: Job) -> Output:
    from omnibuild.kinds.backend import run

    return run(job)


def _wheel(job: Job) -> Output:
    from omnibuild.kinds.wheel import run

    return run(job)


def _install(job: Job) -> Output:
    from omnibuild.kinds.install import run

    return run(job)


def _syntax(job: Job) -> Output:
    from omnibuild.kinds.syntax import run

    return run(job)


def _node(job: Job) -> Output:
    from omnibuild.kinds.node import run

    return run(job)


def _steps(job: Job) -> Output:
    from omnibuild.kinds.steps import run

    return run(job)


def _place(job: Job) -> Output:
    from omnibuild.kinds.place import run

    return run(job)


def _symbols(job: Job) -> Output:
    from omnibuild.kinds import symbols

    return symbols.run(job)


def _payload(job: Job) -> Output:
    from omnibuild.kinds.payload import run

    return run(job)


def _audit(job: Job) -> Output:
    from omnibuild.kinds.audit import run

    return run(job)


def _package(job: Job) -> Output:
    from omnibuild.kinds.package import run

    return run(job)


def _pex(job: Job) -> Output:
    from omnibuild.kinds.pex import run

    return run(job)
