from __future__ import annotations

import pytest

from omnibuild.sources.python.told import version_variables


def test_every_way_in_which_backends_ask() -> None:
    told = version_variables("My.web-shop", "1.4.2~rc1")
    assert told["SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MY_WEB_SHOP"] == "1.4.2rc1"
    assert set(told.values()) == {"1.4.2rc1"}


@pytest.mark.parametrize("version", ["next", "1.4.2-debian"])
def test_what_is_no_version_of_python_is_not_told(version: str) -> None:
    assert version_variables("shop", version) == {}
