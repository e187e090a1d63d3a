"""Programs that hosts have already: those of Debian's essential and required packages, and kin.

On hosts whose /bin is /usr/bin, dpkg would replace them without a word.
"""

from __future__ import annotations

from typing import Final

# The packages: bash coreutils dash debianutils diffutils findutils grep gzip hostname init kmod
# libc-bin login mawk mount ncurses-bin passwd perl-base procps sed sysvinit-utils systemd tar udev
# util-linux, and those that manage packages; besides names that hosts give to one of several.
_NAMES: Final = (
    "add-shell addpart agetty apt apt-cache apt-cdrom apt-config apt-get apt-key apt-mark arch"
    " awk b2sum base32 base64 basename basenc bash blkdiscard blkid blkzone blockdev busctl cat"
    " chage chcon chcpu chfn chgpasswd chgrp chmem chmod choom chown chpasswd chroot chrt chsh"
    " cksum clear clear_console cmp comm cp cpgr cppw csplit ctrlaltdel cut dash date dd"
    " deb-systemd-helper deb-systemd-invoke delpart depmod df diff diff3 dir dircolors dirname"
    " dmesg dnf dnsdomainname domainname dpkg dpkg-deb dpkg-divert dpkg-fsys-usrunmess"
    " dpkg-maintscript-helper dpkg-query dpkg-realpath dpkg-split dpkg-statoverride dpkg-trigger"
    " du echo editor egrep env expand expiry expr factor faillog fallocate false fgrep find findfs"
    " findmnt flock fmt fold free fsck fsfreeze fstab-decode fstrim getconf getent getopt getty"
    " gpasswd grep groupadd groupdel groupmems groupmod groups grpck grpconv grpunconv gunzip"
    " gzexe gzip halt hardlink head hostid hostname hostnamectl iconv iconvconfig id infocmp init"
    " insmod install installkernel invoke-rc.d ionice ip ipcmk ipcrm ipcs ischroot isosize join"
    " journalctl kernel-install kill killall5 last lastb lastlog ld.so ldattach ldconfig ldd link"
    " ln locale localectl localedef logger login loginctl logname losetup ls lsblk lscpu lsipc"
    " lslocks lslogins lsmem lsmod lsns mawk mcookie md5sum mesg mkdir mkfifo mkfs mknod mkswap"
    " mktemp modinfo modprobe more mount mountpoint mv namei nawk networkctl newgrp newusers nice"
    " nisdomainname nl nohup nologin nproc nsenter numfmt od pager partx passwd paste pathchk perl"
    " pgrep pidof pidwait pinky pivot_root pkill pldd pmap poweroff pr printenv printf prlimit ps"
    " ptx pwck pwconv pwd pwdx pwunconv python3 rbash readlink readprofile realpath reboot"
    " remove-shell renice reset resizepart resolvectl rev rgrep rm rmdir rmmod rmt rpm rpmdb"
    " rtcwake run-parts runcon runlevel runuser savelog script scriptlive scriptreplay sdiff sed"
    " seq service setarch setpriv setsid setterm sg sh sha1sum sha224sum sha256sum sha384sum"
    " sha512sum shadowconfig shred shuf shutdown skill slabtop sleep snice sort split ss ssh sshd"
    " start-stop-daemon stat stdbuf stty su sudo sulogin sum swaplabel swapoff swapon switch_root"
    " sync sysctl systemctl systemd systemd-analyze systemd-ask-password systemd-cat systemd-cgls"
    " systemd-cgtop systemd-creds systemd-cryptenroll systemd-delta systemd-detect-virt"
    " systemd-escape systemd-firstboot systemd-id128 systemd-inhibit systemd-machine-id-setup"
    " systemd-mount systemd-notify systemd-path systemd-repart systemd-run systemd-socket-activate"
    " systemd-stdio-bridge systemd-sysext systemd-sysusers systemd-tmpfiles"
    " systemd-tty-ask-password-agent systemd-umount tabs tac tail tar taskset tee telinit tempfile"
    " test tic timedatectl timeout tload toe top touch tput tr true truncate tset tsort tty"
    " tzselect uclampset udevadm umount uname uncompress unexpand uniq unlink unshare"
    " update-alternatives update-passwd update-rc.d update-shells uptime useradd userdel usermod"
    " users utmpdump vdir vigr vipw visudo vmstat w wall watch wc wdctl whereis which who whoami"
    " wipefs xargs yes ypdomainname yum zcat zcmp zdiff zdump zegrep zfgrep zforce zgrep zic zless"
    " zmore znew zramctl"
)
PROGRAMS_OF_HOSTS: Final = frozenset(_NAMES.split())
