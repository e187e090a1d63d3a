import json
import os
import tempfile
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from omnibuild.audit import libraries
from omnibuild.audit.audit import audit
from omnibuild.audit.checks.table import CHECKS
from omnibuild.audit.facts import NOTHING_SPECIAL, from_data
from omnibuild.audit.glibc import version_of
from omnibuild.audit.keys import is_der_key, private_key_in
from omnibuild.audit.owners import NOBODY, Brings, Owner, Owners, of_payload
from omnibuild.audit.report import Finding, Level, Report, told, united
from omnibuild.elf.loader import Loader
from omnibuild.errors import AuditError
from omnibuild.kinds.place import describe_contents
from omnibuild.payload.model import Metadata, Payload
from omnibuild.payload.placing import LOGICAL_PREFIX, place_file
from omnibuild.recipe.models import Waiver
from omnibuild.recipe.models.audit import NEVER_WAIVED, NO_GLOBS
from omnibuild.recipe.models.audit import Check as KnownCheck
from omnibuild.tools import Tool
from omnibuild.tree import Tree, scan
from tests.programs import (
    LIBRARY,
    PROGRAM,
    RUNPATH,
    compiled,
    greet_library,
    greet_program,
    linked,
)
from tests.unit.recipe.samples import assert_golden

METADATA = Metadata(
    name="hello",
    version="1.0",
    revision="1",
    summary="",
    description="",
    license="",
    maintainer="",
    homepage="",
    vendor="",
    date=0,
)
APP = "opt/hello"
OPENSSL = Tool("openssl", "openssl")


@cache
def made(*arguments):
    """Return what the real openssl writes."""
    with tempfile.TemporaryDirectory() as scratch:
        OPENSSL.run(arguments[0], "-out", f"{scratch}/out", *arguments[1:])
        return Path(scratch, "out").read_bytes()


PKCS8 = made("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024").decode()
RSA = made("genrsa", "-traditional", "1024").decode()


class Host:
    """A payload in the making."""

    def __init__(self, root, prefix="/opt/hello"):
        self.root, self.prefix = root, prefix

    def write(self, path, content, mode=0o644):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        target.chmod(mode)
        return self

    def link(self, path, target):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(target)
        return self

    def payload(self, **more):
        return Payload(METADATA, self.root, scan(self.root), self.prefix, **more)

    def report(self, glibc="2.99"):
        payload = self.payload()
        found = audit(payload, glibc, "amd64")
        # What is known of contents from before must lead to the same findings.
        kept = json.loads(json.dumps(describe_contents(payload.tree, self.root)))["facts"]
        known = {entry.digest: NOTHING_SPECIAL for entry in payload.tree.files()} | from_data(kept)
        assert audit(payload, glibc, "amd64", known) == found
        return found

    def found(self, glibc="2.99"):
        return [(f.check, f.path) for f in self.report(glibc).findings]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def hello(host):
    """A sound payload: a program, its library, and a command in /usr/bin."""
    host.write(f"{APP}/bin/hello", place_file(greet_program(), "/opt/hello", "bin/hello"), 0o755)
    host.write(f"{APP}/lib/libgreet.so.1.0", place_file(greet_library(), "/opt/hello", "lib/x"))
    host.link(f"{APP}/lib/libgreet.so.1", "libgreet.so.1.0")
    return host.link("usr/bin/hello", "/opt/hello/bin/hello")


def test_a_sound_payload_has_no_findings(hello):
    report = hello.report()
    assert report.findings == ()
    report.raise_if_failed()


def test_every_check_has_a_name_of_its_own_and_explains_itself():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.explanation.endswith(".") for check in CHECKS)


def test_a_missing_library_is_found(hello):
    (hello.root / APP / "lib/libgreet.so.1").unlink()
    (finding,) = hello.report().findings
    assert finding.check == "libraries"
    assert "libgreet.so.1" in finding.detail
    assert "/opt/hello/lib" in finding.detail


def test_a_library_of_another_machine_does_not_count(hello):
    path = hello.root / APP / "lib/libgreet.so.1.0"
    data = bytearray(path.read_bytes())
    data[18] = 183
    path.write_bytes(data)
    assert ("libraries", f"{APP}/bin/hello") in hello.found()


def test_a_library_beside_the_program_is_not_found_without_runpath(host):
    program = compiled(PROGRAM.replace(LOGICAL_PREFIX, ""), "-lgreet")
    host.write(f"{APP}/bin/hello", program, 0o755).write(f"{APP}/bin/libgreet.so.1", b"")
    (finding,) = host.report().findings
    assert (finding.check, "no directory" in finding.detail) == ("libraries", True)


def test_libraries_bundled_in_a_wheel_are_found_through_its_rpath(host):
    flags = ("-shared", "-fPIC", "-lgreet", "-Wl,--disable-new-dtags")
    extension = compiled(
        "const char *greeting(void); void *f(void) { return (void *)greeting(); }",
        *flags,
        "-Wl,-rpath,$ORIGIN/../shop.libs",
    )
    site = f"{APP}/lib/python3.13/site-packages"
    host.write(f"{site}/shop/_x.so", extension)
    assert host.found() == [("libraries", f"{site}/shop/_x.so")]
    library = compiled("char *greeting(void) { return 0; }", "-shared", "-fPIC")
    host.write(f"{site}/shop.libs/libgreet.so.1", library)
    assert host.found() == []


LIBS = f"{APP}/lib/python3.13/site-packages/shop.libs"
OLD_TAGS = "-Wl,--disable-new-dtags"


def needing(name, *flags):
    """Return a library that needs another one."""
    return compiled(
        "const char *greeting(void); void *f(void) { return (void *)greeting(); }",
        *("-shared", "-fPIC", "-lgreet", f"-Wl,-soname,{name}", *flags),
    )


@pytest.mark.parametrize(("tags", "missing"), [(OLD_TAGS, False), ("-Wl,--enable-new-dtags", True)])
def test_libraries_of_a_wheel_find_each_other_by_the_rpath_of_who_loads_them(host, tags, missing):
    module = linked(
        "void *f(void); void *g(void) { return f(); }",
        *("-shared", "-fPIC", "-Wl,-z,undefs", f"{tags},-rpath,$ORIGIN/../shop.libs"),
        *("-Wl,--no-as-needed", "-l:middle"),
        beside={"middle": needing("libmiddle.so.1")},
    )
    host.write(f"{APP}/lib/python3.13/site-packages/shop/_x.so", module)
    host.write(f"{LIBS}/libmiddle.so.1", needing("libmiddle.so.1"))
    host.write(f"{LIBS}/libgreet.so.1", compiled("char *greeting(void) { return 0; }", "-shared"))
    assert host.found() == [("libraries", f"{LIBS}/libmiddle.so.1")] * missing


def versioned(*versions):
    """Return a library whose symbols have versions, the first of them `greeting`."""
    script = "".join(
        f"{v} {{ global: {'greeting' if v == versions[0] else v}; }};" for v in versions
    )
    flags = ("-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", "-Wl,--version-script,script")
    return linked(LIBRARY, *flags, beside={"script": script.encode()})


@pytest.mark.parametrize(
    ("has", "faults"), [(("G_2",), 0), (("G_1", "G_2"), 0), (("G_1",), 1), ((), 0)]
)
def test_libraries_of_the_payload_must_have_the_versions_that_are_asked_of_them(host, has, faults):
    program = linked(PROGRAM, RUNPATH, "-l:lib", beside={"lib": versioned("G_2")})
    host.write(f"{APP}/bin/hello", place_file(program, "/opt/hello", "bin/hello"), 0o755)
    host.write(f"{APP}/lib/libgreet.so.1", versioned(*has) if has else needing("libgreet.so.1"))
    found = [(f.check, f.detail) for f in host.report().findings if f.check == "library-version"]
    detail = "needs G_2 of libgreet.so.1, which /opt/hello/lib/libgreet.so.1 does not have"
    assert found == [("library-version", detail)] * faults


def desktop(*names):
    """Return a library that needs some of a host's desktop."""
    stubs = {f"{name}.so": compiled("", "-shared", f"-Wl,-soname,{name}") for name in names}
    flags = ("-shared", "-Wl,--no-as-needed", *(f"-l:{stub}" for stub in stubs))
    return linked("", *flags, beside=stubs)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("opencv-python", "take opencv-python-headless in place of opencv-python, or waive it"),
        ("pyqt6", "take a package without it, or waive it"),
    ],
)
def test_libraries_of_a_desktop_are_refused_with_a_way_out(host, name, first):
    path = f"{APP}/lib/x.so"
    host.write(path, desktop("libGL.so.1", "libgthread-2.0.so.0", "libglib-2.0.so.0"))
    owner = Owner(Brings.DISTRIBUTION, name, "4.12")
    report = audit(host.payload(), "2.99", "amd64", owners=Owners({path: owner}))
    (finding,) = report.findings
    names = "libGL.so.1, libgthread-2.0.so.0, libglib-2.0.so.0"
    assert finding.detail.startswith(f"needs {names}, not in the payload (")
    assert finding.owner == f"{name} 4.12"
    remedy = report.findings[0].remedy
    assert first in remedy
    depends = '{ deb = ["libgl1", "libglib2.0-0"], rpm = ["glib2", "libglvnd-glx"] }'
    assert f"depends = {depends}" in remedy
    # The way out that it names is one.
    waiver = Waiver(check="libraries", path=f"/{path}", reason="the host has them")
    waived = audit(host.payload(), "2.99", "amd64", owners=Owners({path: owner}), waivers=[waiver])
    assert {finding.level for finding in waived.findings} == {Level.WAIVED}


def test_a_library_that_lies_elsewhere_in_the_payload_is_told(host):
    host.write(f"{APP}/lib/x.so", needing("x.so"))
    library = place_file(greet_library(), "/opt/hello", "lib/private/x")
    host.write(f"{APP}/lib/private/libgreet.so.1", library)
    (finding,) = host.report().findings
    assert "lies at /opt/hello/lib/private/libgreet.so.1, where it is not looked" in finding.detail
    assert finding.remedy == "bring it by a component of [software]"


def test_entangled_libraries_are_an_error(hello, monkeypatch):
    monkeypatch.setattr(libraries, "Loader", partial(Loader, steps=2))
    assert [f.detail for f in hello.report().findings] == [libraries.ENTANGLED]


def test_glibc_versions_compare_as_numbers(hello):
    assert hello.found("2.100") == []
    findings = hello.report("2.2").findings
    assert {f.check for f in findings} == {"glibc-version"}
    assert "the platform has 2.2" in findings[0].detail


def test_another_loader_is_found(host):
    program = compiled("int main(void) { return 0; }", "-Wl,-I/lib/ld-musl-x86_64.so.1")
    host.write(f"{APP}/bin/x", program, 0o755)
    assert host.found() == [("interpreter", f"{APP}/bin/x")]


@pytest.mark.parametrize("entry", ["/tmp", "lib", "$ORIGIN/../../..", "$ORIGINAL", "$LIB"])
@pytest.mark.parametrize("tags", ["-Wl,--enable-new-dtags", "-Wl,--disable-new-dtags"])
def test_runpaths_that_leave_the_app_are_found(host, entry, tags):
    host.write(f"{APP}/lib/x.so", compiled("int x;", "-shared", tags, f"-Wl,-rpath,{entry}"))
    assert host.found() == [("runpath", f"{APP}/lib/x.so")]


def test_traces_of_the_prefix_are_found(host):
    host.write(f"{APP}/a", f"x {LOGICAL_PREFIX}").write(f"{APP}/b", b"\0" + b"/omb/omb" * 2)
    host.link(f"{APP}/c", f"{LOGICAL_PREFIX}/a")
    found = host.found()
    assert [path for check, path in found if check == "prefix-leftover"] == [
        f"{APP}/a",
        f"{APP}/b",
        f"{APP}/c",
    ]


def test_an_app_may_have_a_name_like_the_prefix(tmp_path):
    host = Host(tmp_path, prefix="/opt/ombi")
    program = compiled('char *data = "/opt/ombi/share"; int main(void) { return 0; }')
    host.write("opt/ombi/bin/x", program, 0o755)
    assert host.found() == []


def test_build_paths_are_a_warning(host):
    report = host.write(f"{APP}/x", "cd /build/src/x").report()
    assert [(f.level, f.check) for f in report.findings] == [(Level.WARNING, "build-path")]
    report.raise_if_failed()


@pytest.mark.parametrize(
    "target", ["missing", "/etc/passwd", "../../../../../etc/passwd", "loop", "/opt/hello/none"]
)
def test_symlinks_to_nothing_in_the_payload_are_found(host, target):
    host.write(f"{APP}/file", "").link(f"{APP}/link", target).link(f"{APP}/loop", "loop")
    assert ("symlinks", f"{APP}/link") in host.found()


def test_symlinks_may_lead_through_others(host):
    host.write(f"{APP}/lib/deep/x", "").link(f"{APP}/lib64", "lib")
    host.link(f"{APP}/y", "lib64/./deep/../deep/x").link("usr/bin/y", "/opt/hello/y")
    assert host.found() == []


@pytest.mark.parametrize(
    "line",
    [
        "#!/usr/bin/env python3",
        "#!/usr/bin/env",
        "#!/usr/bin/env ../x",
        "#!/bin/bash",
        "#!python3",
        "#!",
        "#! /opt/hello/bin/none",
        "#!/opt/hello/bin",
        "#!/bin/sh\r",
    ],
)
def test_interpreters_that_hosts_need_not_have_are_found(host, line):
    host.write(f"{APP}/bin/x", f"{line}\n", 0o755)
    assert host.found() == [("shebang", f"{APP}/bin/x")]


def test_scripts_may_use_sh_and_programs_of_the_payload(hello):
    hello.write(f"{APP}/bin/a", "#!/bin/sh -e\n", 0o755)
    hello.write(f"{APP}/bin/b", "#! /opt/hello/bin/hello -I\n", 0o755)
    hello.write(f"{APP}/lib/module.py", "#!/usr/bin/env python3\n")
    hello.write(f"{APP}/bin/c", "#!/usr/bin/env -S hello -p\n", 0o755)
    hello.write(f"{APP}/bin/d", "#!/usr/bin/env hello\n", 0o755)
    assert hello.found() == []


def test_scripts_among_the_data_of_packages_are_only_told(host):
    path = f"{APP}/lib/python3.13/site-packages/bleach/vendor_install.sh"
    host.write(path, "#!/bin/bash\n", 0o755)
    report = audit(host.payload(), "2.99", "amd64")
    found = [(each.level, each.check, each.path) for each in report.findings]
    assert found == [(Level.WARNING, "data-scripts", path)]
    report.raise_if_failed()
    host.write(path, "#!/bin/bash\n", 0o644)
    assert host.found() == []


def test_scripts_that_distributions_install_are_only_told(host):
    host.write(f"{APP}/bin/build-index.sh", "#!/bin/bash\n", 0o755)

    def levels(owner):
        report = audit(host.payload(), "2.99", "amd64", owners=Owners(others=owner))
        return [(each.level, each.check) for each in report.findings]

    assert levels(INDEX) == [(Level.WARNING, "data-scripts")]
    assert levels(PROJECT) == levels(COMPONENT) == [(Level.ERROR, "shebang")]


def test_long_shebangs_are_found(hello):
    hello.write(f"{APP}/bin/a", "#!/bin/sh " + "x" * 117 + "\n", 0o755)
    assert hello.found() == []
    hello.write(f"{APP}/bin/a", "#!/bin/sh " + "x" * 118 + "\n", 0o755)
    assert hello.found() == [("shebang", f"{APP}/bin/a")]


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o666])
def test_too_many_rights_are_found(host, mode):
    host.write(f"{APP}/x", "", mode)
    assert host.found() == [("permissions", f"{APP}/x")]


def converted(text, *arguments):
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "in").write_text(text)
        OPENSSL.run(*arguments, "-in", f"{scratch}/in", "-out", f"{scratch}/out")
        return Path(scratch, "out").read_bytes()


def pkcs12():
    with tempfile.TemporaryDirectory() as scratch:
        key, certificate = Path(scratch, "key"), Path(scratch, "certificate")
        key.write_text(PKCS8)
        signed = ("req", "-x509", "-key", str(key), "-subj", "/CN=x", "-out", str(certificate))
        OPENSSL.run(*signed)
        exported = ("pkcs12", "-export", "-inkey", str(key), "-in", str(certificate))
        OPENSSL.run(*exported, "-passout", "pass:x", "-out", f"{scratch}/out")
        return certificate.read_bytes(), Path(scratch, "out").read_bytes()


def ssh_key():
    with tempfile.TemporaryDirectory() as scratch:
        Tool("ssh-keygen", "openssh-client").run(
            "-q", "-t", "ed25519", "-N", "", "-f", f"{scratch}/k"
        )
        return Path(scratch, "k").read_text()


EC = ("ecparam", "-name", "prime256v1", "-genkey", "-noout")
CERTIFICATE, PKCS12 = pkcs12()


# Made anew each time: so tests are called by their numbers.
KEYS = (
    PKCS8,
    "x" + RSA.replace("\n", "\r\n"),
    json.dumps({"key": PKCS8}),
    "KEY = (\n" + "".join(f'    "{line}\\n"\n' for line in RSA.splitlines()) + ")\n",
    "-----BEGIN PRIVATE KEY-----\n…\n" + PKCS8,
    made(*EC),
    made("genrsa", "-traditional", "-aes128", "-passout", "pass:x", "1024"),
    made("genpkey", "-algorithm", "ED25519", "-aes128", "-pass", "pass:x"),
    made("dsaparam", "-genkey", "-noout", "1024"),
    converted(PKCS8, "pkey", "-outform", "DER"),
    converted(RSA, "rsa", "-outform", "DER", "-traditional"),
    made(*EC, "-outform", "DER"),
    made("genpkey", "-algorithm", "ED25519", "-outform", "DER"),
    converted(PKCS8, "pkcs8", "-topk8", "-outform", "DER", "-v2", "aes128", "-passout", "pass:x"),
    PKCS12,
    ssh_key(),
)


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_private_keys_are_found(host, number):
    host.write("etc/hello/x.conf", KEYS[number])
    assert host.found() == [("secrets", "etc/hello/x.conf")]


NO_KEYS = (
    'START = b"-----BEGIN OPENSSH PRIVATE KEY-----"\nEND = 1\n',
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA...\n-----END RSA PRIVATE KEY-----\n",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\n" + "QUFB" * 40 + "\n-----END PRIVATE KEY-----\n",
    CERTIFICATE,
    converted(CERTIFICATE.decode(), "x509", "-outform", "DER"),
    converted(PKCS8, "pkey", "-pubout", "-outform", "DER"),
    b"0" * 64,
    b"\x30\x80\0\0",
    b"\x30",
    b"\x30\x84\xff\xff\xff\xff\x02\x01\0",
)


@pytest.mark.parametrize("number", range(len(NO_KEYS)))
def test_what_is_only_called_a_key_is_none(host, number):
    host.write(f"{APP}/x", NO_KEYS[number])
    assert host.found() == []


@given(st.binary(max_size=80))
def test_any_bytes_can_be_asked_for_a_key(data):
    is_der_key(data)
    is_der_key(b"\x30\x40" + data)
    private_key_in(b"-----BEGIN PRIVATE KEY-----" + data + b"-----END PRIVATE KEY-----")


INDEX = Owner(Brings.DISTRIBUTION, "x", "1.2")
PROJECT = Owner(Brings.PROJECT, "shop", "1.0")
COMPONENT = Owner(Brings.COMPONENT, "zlib", "1.3")


@pytest.mark.parametrize(
    ("owner", "directory", "check"),
    [
        (PROJECT, "shop", "secrets"),
        (PROJECT, "shop/tests", "secrets"),
        (Owner(Brings.RECIPE), "tests", "secrets"),
        (INDEX, "x", "published-keys"),
        (COMPONENT, "share", "secrets"),
        (COMPONENT, "share/testing", "published-keys"),
        (NOBODY, "share/test", "published-keys"),
        (NOBODY, "share", "secrets"),
    ],
)
def test_keys_that_everybody_has_are_a_warning(host, owner, directory, check):
    path = f"{APP}/lib/{directory}/server.pem"
    payload = host.write(path, RSA).payload()
    (found,) = audit(payload, "2.99", "amd64", owners=Owners({path: owner})).findings
    level = Level.ERROR if check == "secrets" else Level.WARNING
    assert (found.check, found.level, found.owner) == (check, level, str(owner))


def test_an_error_names_file_owner_and_what_to_write(host):
    """All three can be copied from the message into the recipe."""
    site = "lib/python3.13/site-packages"
    host.write(f"{APP}/{site}/shop/server.key", RSA)
    host.write(f"{APP}/lib/x/run", "x", 0o000)
    host.write(f"{APP}/bin/y", "#!/usr/bin/perl\n", 0o755)
    host.write("etc/hello/hello.pem", RSA).write(f"{APP}/etc/hello.pem", RSA)
    host.write(f"{APP}/libexec/own", "#!\n", 0o755)
    trees = {}
    for name, path in (("shop", f"{site}/shop/server.key"), ("x", "lib/x/run"), ("y", "bin/y")):
        trees[name] = Tree((replace(host.payload().tree.by_path[f"{APP}/{path}"], path=path),))
    payload = host.payload(config_files=("/etc/hello/hello.pem",))
    parts = [
        ("python:shop", PROJECT, trees["shop"]),
        ("python:x", INDEX, trees["x"]),
        ("y", COMPONENT, trees["y"]),
    ]
    report = audit(payload, "2.99", "amd64", owners=of_payload(payload, parts))
    with pytest.raises(AuditError) as caught:
        report.raise_if_failed()
    take_out = "take the key out, and replace it wherever it is in use"
    assert caught.value.why.splitlines() == [
        "secrets: /etc/hello/hello.pem (of the recipe): holds a private key at offset 0x0",
        f"    {take_out}; it is a file of [config] or [files]: change it, or take it out",
        f"secrets: /{APP}/etc/hello.pem (of the recipe): holds a private key at offset 0x0",
        f"    {take_out}; it is a file of [config] or [files]: change it, or take it out",
        f"secrets: /{APP}/{site}/shop/server.key (of the project shop 1.0): holds a private key"
        " at offset 0x0",
        f"    {take_out}; to leave it out, write under [python.prune]:"
        f' shop = ["{site}/shop/server.key"]',
        f"shebang: /{APP}/bin/y (of the component zlib 1.3): its interpreter '/usr/bin/perl' is"
        " neither /bin/sh nor a program of the payload",
        '    to leave it out, write into its definition: prune = ["bin/y"]',
        f"shebang: /{APP}/libexec/own (of omnibuild): its interpreter '' is neither /bin/sh nor a"
        " program of the payload",
        "    omnibuild made this file itself: please report it",
        f"unreadable: /{APP}/lib/x/run (of x 1.2): nobody may read it: mode 0000",
        '    to leave it out, write under [python.prune]: x = ["lib/x/run"]',
    ]
    waiver = tomllib.loads(caught.value.hint.partition("\n")[2])["audit"]["waivers"]
    assert waiver == [{"check": "secrets", "path": "/etc/hello/hello.pem", "reason": "…"}]
    assert caught.value.findings[0]["path"] == "etc/hello/hello.pem"


def test_what_the_recipe_answers_is_waived(host):
    host.write(f"{APP}/a/b/x", "#!/bin/bash\n", 0o755).write(f"{APP}/a/y", "#!/bin/bash\n", 0o755)
    host.write(f"{APP}/x", "cd /build/src/x")
    waivers = [
        Waiver(check="shebang", path="/opt/hello/a/*", reason="for developers"),
        Waiver(check="build-path", path="/opt/hello/a/**", reason="no such file"),
        Waiver(check="shebang", path="/opt/hello/**", reason="nobody starts it"),
        Waiver(check="shebang", path="/opt/hello/a/y", reason="said twice"),
        Waiver(check="shebang", path=f"{APP}/a/y", reason="no path of a host"),
    ]
    report = audit(host.payload(), "2.99", "amd64", waivers=waivers)
    found = [(f.level, f.check, f.path, f.reason) for f in report.findings]
    assert found == [
        (Level.WARNING, "build-path", f"{APP}/x", ""),
        (Level.WAIVED, "shebang", f"{APP}/a/b/x", "nobody starts it"),
        (Level.WAIVED, "shebang", f"{APP}/a/y", "for developers"),
    ]
    report.raise_if_failed()
    assert report.unused == (("audit", "waivers", 1), ("audit", "waivers", 4))
    assert Report.from_data(json.loads(json.dumps(report.to_data()))) == report
    assert [line.partition(":")[0] for line in told(report)] == [
        "warning hello",
        "waived  hello",
        "waived  hello",
    ]
    assert list(told(report))[1].endswith("of the payload; waived: nobody starts it")


def test_a_waiver_for_one_platform_is_of_use(host):
    one = Report("hello", (), (("audit", "waivers", 0), ("audit", "waivers", 1)))
    other = Report("hello", (), (("audit", "waivers", 1),))
    assert united([one, other]).unused == (("audit", "waivers", 1),)


def test_recipes_know_all_checks():
    assert get_args(KnownCheck) == tuple(check.name for check in CHECKS)
    assert {*NEVER_WAIVED, *NO_GLOBS} <= {check.name for check in CHECKS}


def library(*flags, source="int f(void) { return 1; }"):
    return compiled(source, "-shared", "-fPIC", *flags)


COPY = "#include <string.h>\nvoid g(char *); void f(char *s) { char b[9]; strcpy(b, s); g(b); }"
PRINT = (
    "#include <stdio.h>\nvoid g(char *);"
    ' void f(char *s) { char b[9]; snprintf(b, 9, "%s!", s); g(b); }'
)
TEXTREL = r'int x; __asm__(".text\n.quad x\n");'


@pytest.mark.parametrize(
    ("path", "content", "level", "checks"),
    [
        ("lib/x.so", lambda: library("-Wl,-z,execstack"), "error", ["executable-stack"]),
        (
            "lib/x.so",
            lambda: library("-Wl,-z,notext", source=TEXTREL),
            "error",
            ["text-relocations"],
        ),
        ("lib/x.so", lambda: library("-Wl,-z,lazy", source=COPY), "warning", ["bindnow"]),
        (
            "lib/x.so",
            lambda: library("-fno-stack-protector", source=COPY),
            "warning",
            ["stack-protector"],
        ),
        ("lib/x.so", lambda: library("-U_FORTIFY_SOURCE", source=PRINT), "warning", ["fortify"]),
        # The compiler may have proved that it fits.
        ("lib/x.so", lambda: library("-U_FORTIFY_SOURCE", source=COPY), "", []),
        ("bin/x", lambda: compiled("int main(void) { return 0; }", "-no-pie"), "warning", ["pie"]),
        ("lib/x.so", lambda: library(source=COPY), "", []),
    ],
)
def test_hardening(host, path, content, level, checks):
    report = host.write(f"{APP}/{path}", content(), 0o755).report()
    assert [(f.level, f.check) for f in report.findings] == [(level, check) for check in checks]


@pytest.mark.parametrize(
    ("path", "content", "check"),
    [
        ("lib/x.so", lambda: library("-Wl,-z,lazy", source=COPY), "bindnow"),
        ("bin/x", lambda: compiled("int main(void) { return 0; }", "-no-pie"), "pie"),
    ],
)
def test_what_is_compiled_here_must_be_hardened(host, path, content, check):
    """Others' wheels are as they are; a definition can be mended."""
    host.write(f"{APP}/{path}", content(), 0o755)
    found = {
        owner.kind: audit(host.payload(), "2.99", "amd64", owners=Owners(others=owner)).findings
        for owner in (Owner(Brings.COMPONENT, "zlib", "1.3"), INDEX)
    }
    levels = {kind: [(f.level, f.check) for f in findings] for kind, findings in found.items()}
    assert levels == {
        Brings.COMPONENT: [(Level.ERROR, check)],
        Brings.DISTRIBUTION: [(Level.WARNING, check)],
    }
    mended = {kind: "$LDFLAGS" in findings[0].remedy for kind, findings in found.items()}
    assert mended == {Brings.COMPONENT: True, Brings.DISTRIBUTION: False}


def keeper(*flags, soname="", text="OpenSSL 3.5.1 1 Jul 2025"):
    """Return a library that says it is an OpenSSL."""
    named = (f"-Wl,-soname,{soname}",) if soname else ()
    return library(*flags, *named, source=f'const char version[] = "{text}";')


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (keeper, "OpenSSL 3.5.1 1 Jul 2025"),
        (partial(keeper, soname="libssl-5f2e.so.3"), "OpenSSL 3.5.1 1 Jul 2025"),
        (
            partial(keeper, text="OpenSSL 1.1.1 (compatible; BoringSSL)"),
            "OpenSSL 1.1.1 (compatible; BoringSSL)",
        ),
        (partial(keeper, text="OpenSSL 1.1.1w  11 Sep 2023"), "OpenSSL 1.1.1w  11 Sep 2023"),
        (
            partial(keeper, text="OpenSSL 1.1.1k  FIPS 25 Mar 2021"),
            "OpenSSL 1.1.1k  FIPS 25 Mar 2021",
        ),
        (partial(keeper, text=r"x\0BoringSSL"), "BoringSSL"),
        (partial(keeper, text="groups for BoringSSL."), ""),
        (partial(keeper, text="OpenSSL 3.0 or newer"), ""),
        (partial(keeper, text="see OpenSSL OpenSSL 3.5.1 says"), ""),
        (library, ""),
    ],
)
def test_an_openssl_in_a_wheel_is_named(host, content, found):
    host.write(f"{APP}/lib/x.so", content(), 0o755)
    report = audit(host.payload(), "2.99", "amd64", owners=Owners(others=INDEX))
    said = [(f.level, f.detail) for f in report.findings if f.check == "one-openssl"]
    assert said == ([(Level.WARNING, f"has an OpenSSL of its own: {found}")] if found else [])


def test_who_takes_a_shared_openssl_has_none(host):
    host.write(f"{APP}/lib/libcrypto.so.3", keeper(soname="libcrypto.so.3"), 0o755)
    flags = (f"-L{host.root}/{APP}/lib", "-Wl,--no-as-needed", "-l:libcrypto.so.3")
    user = library(*flags, source='const char made[] = "OpenSSL 3.5.1 1 Jul 2025";')
    host.write(f"{APP}/lib/user.so", user, 0o755)
    known = {f"{APP}/lib/libcrypto.so.3": Owner(Brings.COMPONENT, "openssl", "3.5.1")}
    report = audit(host.payload(), "2.99", "amd64", owners=Owners(known, INDEX))
    assert [f for f in report.findings if f.check == "one-openssl"] == []
    # Nobody knows whose it is in a package of others, and it is the only one.
    assert [f for f in host.report().findings if f.check == "one-openssl"] == []
    host.write(f"{APP}/lib/other.so", keeper(text="LibreSSL 4.0.0"), 0o755)
    paths = [f.path for f in host.report().findings if f.check == "one-openssl"]
    assert paths == [f"{APP}/lib/libcrypto.so.3", f"{APP}/lib/other.so"]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("psycopg-binary", "psycopg[c] in its place"),
        ("cryptography", "which no component brings"),
        ("scrypt", "to compile it against the app's, write under [python]: from-source = "),
        ("grpcio", "if its source builds"),
    ],
)
def test_what_compiles_it_against_the_app_s_is_said(host, name, remedy):
    host.write(f"{APP}/lib/x.so", keeper(), 0o755)
    owners = Owners(others=Owner(Brings.DISTRIBUTION, name, "1"))
    found = audit(host.payload(), "2.99", "amd64", owners=owners).findings
    (said,) = [finding.remedy for finding in found if finding.check == "one-openssl"]
    assert remedy in said


@pytest.mark.parametrize(
    "header", [{18: 183}, {18: 40, 4: 1}, {18: 243}, {5: 2, 16: 0, 17: 3, 19: 8}]
)
def test_programs_for_other_processors_are_errors(host, header):
    data = bytearray(library())
    for offset, value in header.items():
        data[offset] = value
    report = host.write(f"{APP}/lib/x.so", bytes(data)).report()
    assert [(f.level, f.check) for f in report.findings] == [(Level.ERROR, "machine")]


def test_a_distribution_may_choose_among_processors(host):
    """selenium brings each of its programs for two."""
    here, other = (f"{APP}/lib/x/{name}/manager" for name in ("amd64", "arm64"))
    foreign = bytearray(library())
    foreign[18] = 183
    host.write(here, library()).write(other, bytes(foreign))

    def found(**owned):
        report = audit(host.payload(), "2.99", "amd64", owners=Owners(**owned))
        return [(f.level, f.check, f.path) for f in report.findings]

    assert found(others=INDEX) == [(Level.WARNING, "other-machines", other)]
    # Somebody else's program for this one is no choice, and neither is one of the project's own.
    refused = [(Level.ERROR, "machine", other)]
    assert found(known={other: INDEX}) == refused
    assert found(others=PROJECT) == refused


def test_what_nobody_may_read_is_an_error_and_what_root_alone_may_a_warning(host):
    host.write(f"{APP}/a", "", 0o000).write(f"{APP}/b", "", 0o600)
    host.write(f"{APP}/d/c", "").write("etc/hello/secret", "", 0o640)
    (host.root / APP / "d").chmod(0o750)
    found = [(f.level, f.check, f.path) for f in host.report().findings]
    assert found == [
        (Level.ERROR, "unreadable", f"{APP}/a"),
        (Level.WARNING, "root-only", f"{APP}/b"),
        (Level.WARNING, "root-only", f"{APP}/d"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env", "DEBUG=1\nexport SECRET_KEY='s3cr3t-k'\n"),
        (".env.production", "DATABASE_URL=postgres://shop:pw@db/shop\n"),
        (".env", "AWS_SECRET_ACCESS_KEY=abcDEF\n"),
        (".netrc", "machine x login y password z\n"),
        (".pypirc", "[pypi]\nusername = x\npassword = pypi-abc\n"),
        (".npmrc", "//registry/:_authToken=abc\n"),
        (".git-credentials", "https://me:pw@example.org\n"),
        (".pgpass", "db:5432:shop:shop:pw\n"),
    ],
)
def test_credentials_are_errors(host, name, text):
    report = host.write(f"{APP}/lib/x/{name}", text).report()
    assert [(f.level, f.check) for f in report.findings] == [(Level.ERROR, "credentials")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env", "DEBUG=1\nSECRET_KEY=\nAPI_KEY=${API_KEY}\nTOKEN=<yours>\nPASSWORD=changeme\n"),
        (".env", "DATABASE_URL=sqlite:///shop.db\nTOKEN_LIFETIME=3600\n"),
        (".env.example", "SECRET_KEY=s3cr3t-k\n"),
        ("settings.py", "SECRET_KEY='s3cr3t-k'\n"),
    ],
)
def test_samples_of_credentials_are_none(host, name, text):
    assert host.write(f"{APP}/lib/x/{name}", text).found() == []


def test_warnings_are_told_once_for_each_check():
    warned = [Finding(Level.WARNING, "bindnow", f"x/{n}", "is bound lazily") for n in range(3)]
    pie = Finding(Level.WARNING, "pie", "x/y", "is not", remedy="link with -pie")
    one = Report.of("hello", [*warned, pie])
    other = Report.of("hello", warned)
    assert Report.from_data(one.to_data()) == one
    assert list(told(united([one, other]))) == [
        "warning hello: bindnow: /x/0: is bound lazily (and 2 more)",
        "warning hello: pie: /x/y: is not\n    link with -pie",
    ]


def test_nobody_is_warned_of_what_he_cannot_change():
    shipped, own = "the component openssl 3.5.7", "the component mine 1"
    report = Report.of(
        "hello",
        [
            Finding(Level.WARNING, "bindnow", "x/1", "is bound lazily", shipped),
            Finding(Level.WARNING, "bindnow", "x/2", "is bound lazily", own),
            Finding(Level.WARNING, "pie", "x/2", "is not", shipped),
            Finding(Level.WAIVED, "shebang", "x/3", "is odd", shipped, reason="so it is"),
        ],
    )
    assert list(told(report, {("bindnow", shipped)})) == [
        f"warning hello: bindnow: /x/2 (of {own}): is bound lazily",
        f"warning hello: pie: /x/2 (of {shipped}): is not",
        f"waived  hello: shebang: /x/3 (of {shipped}): is odd; waived: so it is",
    ]


def test_damaged_programs_are_found(host):
    host.write(f"{APP}/bin/x", greet_program()[:1000], 0o755)
    assert host.found() == [("elf", f"{APP}/bin/x")]


def test_second_names_of_a_file_are_checked_where_they_stand(hello):
    os.makedirs(hello.root / APP / "lib/deep")
    os.link(hello.root / APP / "bin/hello", hello.root / APP / "lib/deep/hello")
    # The file's first name, in bin, finds lib; from lib/deep the same runpath leads to lib/lib.
    assert hello.found() == [("libraries", f"{APP}/lib/deep/hello")]


def test_errors_come_first_and_only_twenty_are_listed():
    findings = [Finding(Level.WARNING, "a", "x", "y")]
    findings += [Finding(Level.ERROR, "b", f"{n:02}", "bad") for n in reversed(range(23))]
    report = Report.of("hello", findings)
    assert [f.path for f in report.findings] == [*(f"{n:02}" for n in range(23)), "x"]
    with pytest.raises(AuditError, match="23 faults") as caught:
        report.raise_if_failed()
    lines = caught.value.why.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("b: /00: bad", "and 3 more", 21)


def test_a_report_is_json_data():
    data = Report.of("hello", [Finding(Level.ERROR, "a", "x", "y")]).to_data()
    assert json.loads(json.dumps(data)) == {
        "name": "hello",
        "findings": [{"level": "error", "check": "a", "path": "x", "detail": "y"}],
    }


def test_repetition_costs_no_time() -> None:
    """Both took time that grew with the square of what they read: here, half an hour."""
    begin = b"-----BEGIN PRIVATE KEY-----"
    assert private_key_in(begin * 40_000 + b"-----END PRIVATE KEY-----") is None


def test_long_lines_of_credentials_cost_no_time(host):
    assert not host.write(f"{APP}/lib/x/.env", "TOKEN" * 200_000).report().findings


@pytest.mark.parametrize("place", ["/opt/other/embedded/lib", "/usr/lib/x86_64-linux-gnu"])
def test_libraries_of_others_are_found_where_hosts_look(host, place):
    """By an absolute runpath, which only its own check dislikes, and where every loader looks."""
    flags = () if place.startswith("/usr") else (f"-Wl,-rpath,{place}",)
    program = compiled(PROGRAM.replace(LOGICAL_PREFIX, ""), "-lgreet", *flags)
    host.prefix = ""
    host.write("usr/bin/hello", program, 0o755)
    assert ("libraries", "usr/bin/hello") in host.found()
    host.write(f"{place[1:]}/libgreet.so.1", place_file(greet_library(), "/opt/x", "lib/x"))
    assert ("libraries", "usr/bin/hello") not in host.found()
    assert (("runpath", "usr/bin/hello") in host.found()) == bool(flags)


def test_a_version_of_glibc_that_somebody_made_up_is_newer_than_all():
    assert version_of("GLIBC_2." + "9" * 5000) > version_of("GLIBC_2.99999")
    assert version_of("GLIBC_PRIVATE") is None


def test_a_library_in_two_places_is_a_warning(hello):
    twin = f"{APP}/lib/python3.13/site-packages/greetings.libs/libgreet.so.1"
    other = library("-Wl,-soname,libgreet.so.1", source="const char *greeting(void) { return 0; }")
    hello.write(twin, other)
    greet = Owner(Brings.COMPONENT, "greet", "1.0")
    known = {f"{APP}/lib/libgreet.so.1.0": greet, f"{APP}/bin/hello": greet}

    def found(**others):
        report = audit(hello.payload(), "2.99", "amd64", owners=Owners(known | others, INDEX))
        return [each for each in report.findings if each.check == "one-library"]

    # Nobody else takes the one that the component has for its own program.
    assert found() == []
    user = f"{APP}/lib/python3.13/site-packages/user.so"
    flags = (f"-L{hello.root}/{APP}/lib", "-Wl,--no-as-needed", "-l:libgreet.so.1.0")
    hello.write(user, library(*flags, "-Wl,-rpath,$ORIGIN/../.."), 0o755)
    (finding,) = found()
    assert (finding.level, finding.path) == (Level.WARNING, twin)
    report = Report.of("hello", [finding])
    assert_golden(Path(__file__).parent / "golden/one-library.txt", "\n".join(told(report, ())))
    # Of two that the project brings, the one stays that is found.
    known = dict.fromkeys(known, PROJECT)
    (finding,) = found(**{twin: PROJECT})
    assert finding.path == twin
    assert "let one of both bring it" in finding.remedy
    # The same bytes are the same library, and a second name is no second one.
    hello.write(twin, (hello.root / APP / "lib/libgreet.so.1.0").read_bytes())
    assert found() == []
    (hello.root / twin).unlink()
    hello.link(twin, "/opt/hello/lib/libgreet.so.1.0")
    assert found() == []
