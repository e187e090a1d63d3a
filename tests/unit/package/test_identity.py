from __future__ import annotations

from dataclasses import replace

import pytest

from omnibuild.errors import PackageError
from omnibuild.package.identity import check_identity
from tests.unit.package.samples import METADATA


def test_good_metadata_passes() -> None:
    check_identity(METADATA, revision="3~deb11", architecture="amd64")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Hello"},
        {"name": "../hello"},
        {"name": "hello\n"},
        {"version": "1.0-1"},
        {"version": "v1"},
        {"version": ""},
        {"summary": "a\nEssential: yes"},
        {"summary": " "},
        {"maintainer": ""},
        {"maintainer": "A\r <a@example.org>"},
        {"license": "MIT\n"},
        {"homepage": "https://example.org/\nDepends: evil"},
        {"vendor": "a\0b"},
        {"vendor": "\udcff"},
        {"description": "bell \a"},
        {"description": "\udcff"},
        {"date": -1},
        {"date": 2**32},
        {"epoch": -1},
        {"epoch": 2**31},
        {"section": "web\nEssential: yes"},
        {"group": "a\nb"},
    ],
)
def test_bad_metadata_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(PackageError):
        check_identity(
            replace(METADATA, **changes),  # type: ignore[arg-type]
            revision="3",
            architecture="amd64",
        )


def test_bad_revisions_and_architectures_are_refused() -> None:
    with pytest.raises(PackageError):
        check_identity(METADATA, revision="1-2", architecture="amd64")
    with pytest.raises(PackageError):
        check_identity(METADATA, revision="1", architecture="amd64/x")
