#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
# Debian's purge alone takes state and user away.
if [ "$1" = purge ]; then
	rm -rf /var/lib/sshwhy /etc/sshwhy /run/sshwhy
	rm -f /etc/systemd/system/*.wants/sshwhy.service /etc/systemd/system/*.wants/sshwhy-inspect.socket
	if getent passwd sshwhy >/dev/null; then
		userdel sshwhy || true
	fi
	if getent group sshwhy >/dev/null; then
		groupdel sshwhy || true
	fi
fi
