"""A certificate authority for one test run, and hosts that trust it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omnibuild.tools import Tool
from tests.acceptance.hosts.machine import Host

OPENSSL = Tool("openssl", "openssl")
DAYS = "30"
DEBIAN_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
EL_BUNDLE = "/etc/pki/tls/certs/ca-bundle.crt"


@dataclass(frozen=True)
class Certificate:
    """A server's certificate and private key."""

    name: str
    chain: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority that only the hosts of a test trust."""

    certificate: Path
    key: Path

    def issue(self, name: str = "localhost", address: str = "127.0.0.1") -> Certificate:
        """Return a new certificate for a server's name and address."""
        directory = self.certificate.parent
        request = directory / f"{name}.csr"
        issued = Certificate(name, directory / f"{name}.pem", directory / f"{name}.key")
        extensions = directory / f"{name}.ext"
        # Python 3.13 checks strictly: both key identifiers and the usages are needed.
        extensions.write_text(
            f"subjectAltName=DNS:{name},IP:{address}\n"
            "basicConstraints=critical,CA:FALSE\n"
            "keyUsage=critical,digitalSignature,keyEncipherment\n"
            "extendedKeyUsage=serverAuth\n"
            "subjectKeyIdentifier=hash\n"
            "authorityKeyIdentifier=keyid:always\n"
        )
        OPENSSL.run(
            *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", issued.key, "-out", request),
        )
        OPENSSL.run(
            *("x509", "-req", "-in", request, "-days", DAYS, "-extfile", extensions),
            *("-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial"),
            *("-out", issued.chain),
        )
        return issued


def make_authority(directory: Path) -> Authority:
    """Make an authority whose files are in ``directory``."""
    authority = Authority(directory / "authority.pem", directory / "authority.key")
    OPENSSL.run(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS),
        *("-subj", "/CN=omnibuild test authority"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", authority.key, "-out", authority.certificate),
    )
    return authority


def trust(host: Host, authority: Authority) -> None:
    """Add the authority to the host's store, as its administrator would."""
    text = authority.certificate.read_text()
    if host.exists("/usr/sbin/update-ca-certificates"):
        host.write("/usr/local/share/ca-certificates/omnibuild-test.crt", text)
        host.run("update-ca-certificates")
        return
    bundle = EL_BUNDLE if host.exists("/etc/redhat-release") else DEBIAN_BUNDLE
    kept = host.read(bundle) if host.exists(bundle) else ""
    host.write(bundle, kept + text)
