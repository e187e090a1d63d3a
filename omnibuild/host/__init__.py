"""Everything that runs on hosts: maintainer scripts, units, launchers, the installer."""
