"""A repository on a host that has nothing but sshd, a shell and the usual small tools."""
