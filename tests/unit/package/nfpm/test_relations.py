from __future__ import annotations

from dataclasses import replace

import pytest

from omnibuild.package.formats import left_out
from omnibuild.package.nfpm.families import APK, ARCHLINUX, IPK, faults
from omnibuild.package.nfpm.relations import apk_relations, opkg_relations, pacman_relations
from omnibuild.payload.model import Relations
from omnibuild.recipe.models import ArchLinux, Ipk, Platform
from tests.unit.package.samples import EVERYTHING, METADATA

SAID = Relations(
    depends=("bash", "python3 (>= 3.9)"),
    pre_depends=("adduser (>= 3.1)",),
    breaks=("hello-client (<< 2.0~rc1-1)",),
    conflicts=("hello-classic",),
    replaces=("hello-classic (<< 1.0)",),
    provides=("greeter (= 1.4)",),
    recommends=("postgresql",),
    suggests=("redis | valkey (>= 7)",),
)
HELLO = replace(METADATA, relations=SAID)


def test_pacman() -> None:
    assert pacman_relations(HELLO) == {
        "depends": ["adduser>=3.1", "bash", "python3>=3.9"],
        "conflicts": ["hello-classic", "hello-client<2.0rc1-1"],
        "replaces": ["hello-classic<1.0"],
        "provides": ["greeter=1.4"],
    }


def test_for_apk_a_conflict_is_a_dependency_on_what_is_not_there() -> None:
    assert apk_relations(HELLO) == {
        "depends": [
            *("adduser>=3.1", "bash", "python3>=3.9"),
            *("!hello-classic", "!hello-client<2.0_rc1-r1"),
        ],
        "replaces": ["hello-classic<1.0"],
        "provides": ["greeter=1.4"],
    }


def test_opkg() -> None:
    assert opkg_relations(HELLO) == {
        "depends": ["bash", "python3 (>= 3.9)"],
        "predepends": ["adduser (>= 3.1)"],
        "conflicts": ["hello-classic", "hello-client (<< 2.0~rc1-1)"],
        "replaces": ["hello-classic (<< 1.0)"],
        "provides": ["greeter (= 1.4)"],
        "recommends": ["postgresql"],
        "suggests": ["redis | valkey (>= 7)"],
    }


def test_a_format_may_have_its_own() -> None:
    own = {
        "archlinux": {"depends": ("openssl>=3.2-1", "libz.so=1-64")},
        "apk": {"depends": ("so:libz.so.1", "cmd:bash", "openssl~3"), "conflicts": ("old<2",)},
        "ipk": {"depends": ("libz1 (>= 1.2)",)},
    }
    hello = replace(HELLO, overrides=own)
    assert pacman_relations(hello)["depends"] == ["adduser>=3.1", "openssl>=3.2-1", "libz.so=1-64"]
    assert apk_relations(hello)["depends"] == [
        *("adduser>=3.1", "so:libz.so.1", "cmd:bash", "openssl~3"),
        *("!old<2", "!hello-client<2.0_rc1-r1"),
    ]
    assert opkg_relations(hello)["depends"] == ["libz1 (>= 1.2)"]


@pytest.mark.parametrize("text", ["bash (>= 5)", "a b", "", "a>=", ">=1", "a\nb", "a>=1,b"])
def test_no_other_words_are_taken(text: str) -> None:
    hello = replace(METADATA, relations=Relations(), overrides={"archlinux": {"depends": (text,)}})
    (fault,) = faults(ARCHLINUX, hello)
    assert "is not a relation" in fault.what
    assert fault.path == ("package", "archlinux", "depends", 0)


def test_alternatives_are_refused_with_the_way_out() -> None:
    hello = replace(METADATA, relations=Relations(depends=("bash", "redis | valkey")))
    for family in (ARCHLINUX, APK):
        (fault,) = faults(family, hello)
        assert "no alternatives" in fault.what
        assert f"[package.{family.name}] with depends" in fault.hint
        assert fault.path == ("package", "depends", 1)
    assert not list(faults(IPK, hello))


def test_what_a_format_has_no_words_for_is_refused_all_at_once() -> None:
    plain = replace(METADATA, relations=Relations())
    for family in (ARCHLINUX, APK, IPK):
        assert not list(faults(family, plain))
    assert not list(faults(ARCHLINUX, replace(plain, epoch=2)))
    wrong = replace(plain, version="1~~x", revision="1~x", epoch=2)
    said = {fault.path: fault.what for fault in faults(APK, wrong)}
    assert list(said) == [("app", "version"), ("package", "revision"), ("package", "epoch")]
    assert said["app", "version"].startswith("apk has no words for the version 1~~x: it would")
    assert [fault.path for fault in faults(ARCHLINUX, wrong)] == list(said)[:2]
    assert not list(faults(IPK, wrong))


def platform(**settings: object) -> Platform:
    return Platform(name="here", title="Here", glibc="2.31", root="bullseye", **settings)  # type: ignore[arg-type]


def test_what_is_left_out_is_told() -> None:
    arch = platform(archlinux=ArchLinux(architecture="x86_64"))
    (told,) = left_out(EVERYTHING, arch)
    assert told.endswith("they name none of: postgresql, redis | valkey (>= 7), nginx")
    (told,) = left_out(EVERYTHING, platform(ipk=Ipk(architecture="x86_64")))
    assert told.endswith("none of: nginx")
    assert not left_out(replace(METADATA, relations=Relations()), arch)
