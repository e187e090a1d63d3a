from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omnibuild.blueprint.components import root_actions
from omnibuild.errors import LockError
from omnibuild.sources.roots.lock import load_root_lock
from omnibuild.sources.roots.pins import ImageRoot, TarballRoot

DIGEST = "0123456789abcdef" * 4
TARBALL = {"tarball": {"sha256": DIGEST, "places": ["https://example.com/root.tar.xz"]}}


def written(tmp_path: Path, data: object) -> Path:
    path = tmp_path / "jammy.lock.json"
    path.write_text(json.dumps(data, indent=2))
    return path


def test_an_image_is_pinned_by_its_digest_alone(tmp_path: Path) -> None:
    pinned = ImageRoot("jammy", "ubuntu:22.04", f"sha256:{DIGEST}")
    root = load_root_lock(written(tmp_path, json.loads(pinned.to_json())))
    assert root == pinned
    assert root.identity == DIGEST
    (action,) = root_actions("jammy", root)
    assert action.name == "root:jammy@amd64"
    assert action.parameters == {"digest": f"sha256:{DIGEST}"}
    assert action.places == {"image": "ubuntu:22.04"}


def test_a_tarball_is_fetched_like_every_source(tmp_path: Path) -> None:
    root = load_root_lock(written(tmp_path, TARBALL))
    assert root == TarballRoot("jammy", DIGEST, ("https://example.com/root.tar.xz",))
    fetch, made = root_actions("jammy", root)
    assert fetch.kind == "fetch"
    assert fetch.parameters == {"sha256": DIGEST}
    assert made.inputs == {"tarball": fetch.name}
    assert made.parameters == {"tarball": DIGEST}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"image": "ubuntu:22.04"}, "`digest` is not sha256:"),
        ({"image": "ubuntu:22.04", "digest": "sha256:22.04"}, "`digest` is not sha256:"),
        ({"image": "", "digest": f"sha256:{DIGEST}"}, "`image` is not the name"),
        ({"image": "u", "digest": f"sha256:{DIGEST}", "packages": []}, "`packages`"),
        ({"tarball": "root.tar"}, "`tarball` is not an object"),
        ({"tarball": {"sha256": "1", "places": ["x"]}}, "`sha256` is not a SHA-256"),
        ({"tarball": {"sha256": DIGEST, "places": []}}, "`places` is not a list"),
        ({"tarball": {"sha256": DIGEST, "places": ["x"], "url": "x"}}, "`url`"),
    ],
)
def test_a_pin_that_does_not_pin_is_refused(
    tmp_path: Path, data: dict[str, Any], said: str
) -> None:
    with pytest.raises(LockError) as caught:
        load_root_lock(written(tmp_path, data))
    assert said in caught.value.why
    assert caught.value.where is not None
