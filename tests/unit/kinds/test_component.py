from __future__ import annotations

from omnibuild.kinds.component import licence_names


def test_licences_keep_their_path_only_where_names_clash() -> None:
    assert licence_names(["LICENSE", "doc/COPYING", "lib/vendored/LICENSE"]) == {
        "LICENSE": "LICENSE",
        "doc/COPYING": "COPYING",
        "lib/vendored/LICENSE": "lib/vendored/LICENSE",
    }
