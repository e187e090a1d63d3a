"""Capabilities by their names, in the order of linux/capability.h; see capabilities(7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from omnibuild.recipe.located import Fault
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import closest, quoted, suggestion

_IN_ORDER: Final = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable"
    " net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio"
    " sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time"
    " sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog"
    " wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)
# In the order of their numbers.
CAPABILITIES: Final = tuple(f"cap_{name}" for name in _IN_ORDER.split())


def capability_faults(place: Keys, text: str) -> Iterator[Fault]:
    """Yield what is wrong with a text as ``cap_net_raw=ep``, whose form is right."""
    for name in text.replace("+", "=").partition("=")[0].split(","):
        if name not in CAPABILITIES:
            what = f"no kernel knows {quoted(name)} as a capability"
            hint = suggestion(closest(name, CAPABILITIES)) or "capabilities(7) lists them all"
            yield Fault(place, what, hint)
