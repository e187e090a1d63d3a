"""Names that not each format can hold: the error says who brought them."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild import events
from omnibuild.errors import PackageError
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import scan
from tests.unit.kinds.test_golden_outputs import OWN, plan


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"latin-\xfe", "is not UTF-8, which rpm demands"),
        (b"x" * 250, "no host can unpack"),
        (b".wh.gone", "no image can hold"),
    ],
)
def test_who_brought_a_name_is_told(tmp_path: Path, name: bytes, said: str) -> None:
    def captured(job: Job) -> Output:
        files = job.scratch / "tree/files"
        files.mkdir(parents=True)
        (files / name.decode("utf-8", "surrogateescape")).write_bytes(b"")
        return job.store.add_scanned_tree(job.scratch / "tree", scan(files))

    wanted = plan(tmp_path)
    store = Store(tmp_path / "store")
    store.add_blob((tmp_path / "root.tar").read_bytes())
    kinds = {**all_kinds(), **OWN, "captured": Kind(1, captured)}
    with pytest.raises(PackageError) as caught:
        Execution(wanted, kinds, store, events.silent, 1).run()
    assert said in caught.value.what
    assert "it comes with tiny-c" in caught.value.why
    assert "globs below the app's directory go into `prune` of its definition" in caught.value.hint
