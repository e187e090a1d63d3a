"""A cable between two hosts: a network that they share, and nobody else."""

from __future__ import annotations

from tests.acceptance.hosts.machine import Host

INTERFACE = "cable0"


def connect(addresses: dict[str, Host]) -> None:
    """Lay a cable between two hosts; each then has its address, of 24 bits, and knows both names.

    The network stays while a host reboots, since its namespace does.
    """
    (here, one), (there, other) = addresses.items()
    end = ("name", INTERFACE, "netns", str(other.keeper()))
    one.on_network("ip", "link", "add", INTERFACE, "type", "veth", "peer", *end)
    for host, address in ((one, here), (other, there)):
        host.on_network("ip", "address", "add", f"{address}/24", "dev", INTERFACE)
        host.on_network("ip", "link", "set", INTERFACE, "up")
        named = "".join(f"{address} {each.name}\n" for address, each in addresses.items())
        host.write("/etc/hosts", host.read("/etc/hosts") + named)
