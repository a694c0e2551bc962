#!/bin/sh
set -e
# Alpine has the commands of busybox alone.
if ! getent group sshwhy >/dev/null; then
	if command -v groupadd >/dev/null; then
		groupadd --system sshwhy
	else
		addgroup -S sshwhy
	fi
fi
if ! getent passwd sshwhy >/dev/null; then
	if command -v useradd >/dev/null; then
		useradd --system --gid sshwhy --home-dir /var/lib/sshwhy --no-create-home --shell /usr/sbin/nologin --comment sshwhy sshwhy
	else
		adduser -S -D -H -G sshwhy -h /var/lib/sshwhy -s /sbin/nologin -g sshwhy sshwhy
	fi
fi
# They may read the logs.
for group in adm systemd-journal; do
	if getent group "$group" >/dev/null; then
		if command -v usermod >/dev/null; then
			usermod -a -G "$group" sshwhy
		else
			addgroup sshwhy "$group"
		fi
	fi
done
# The configuration may hold secrets: the service reads it, others do not. Who
# gave it to another group knows why.
if [ "$(stat -c %G /etc/sshwhy/sshwhy.yaml 2>/dev/null)" = root ]; then
	chgrp sshwhy /etc/sshwhy/sshwhy.yaml
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	# Upgraded while it runs: take the new one, state and configuration stay.
	systemctl try-restart sshwhy.service || true
fi
