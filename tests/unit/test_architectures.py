import platform

import pytest
from packaging.tags import sys_tags

from omnibuild.architectures import AMD64, ARCHITECTURES, ARM64, of_package


def test_packages_of_both_families_are_of_one_architecture() -> None:
    assert of_package("amd64") is of_package("x86_64") is AMD64
    assert of_package("arm64") is of_package("aarch64") is ARM64
    assert of_package("noarch") is None


def test_this_machine_is_called_as_the_table_says() -> None:
    machine = platform.machine()
    here = [one for one in ARCHITECTURES if one.wheels == machine]
    if not here:
        pytest.skip(f"{machine} is no architecture that packages are made for")
    assert any(tag.platform == f"linux_{here[0].wheels}" for tag in sys_tags())
