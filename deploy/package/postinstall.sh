#!/bin/sh
set -e
if ! getent group sshwhy >/dev/null; then
	groupadd --system sshwhy
fi
if ! getent passwd sshwhy >/dev/null; then
	useradd --system --gid sshwhy --home-dir /var/lib/sshwhy --no-create-home --shell /usr/sbin/nologin --comment "sshwhy" sshwhy
fi
for group in adm systemd-journal; do
	if getent group "$group" >/dev/null; then
		usermod -a -G "$group" sshwhy
	fi
done
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	# Upgraded while it runs: take the new one, state and configuration stay.
	systemctl try-restart sshwhy.service || true
fi
