#!/bin/sh
set -e
# Debian says "remove" or "upgrade", RPM how many versions are left, Alpine
# which version goes, and nothing is asked when it upgrades.
case "$1" in
upgrade | failed-upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now sshwhy.service sshwhy-inspect.socket sshwhy-inspect.service || true
fi
