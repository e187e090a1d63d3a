"""Formats that nfpm writes: of pacman, apk and opkg. One wrapper turns a payload into them."""
