#!/bin/bash
# journald.sh FOLDER COMMAND...
# Runs COMMAND beside a systemd-journald of its own: /run and /var/log are
# private, /dev/log leads to that journald, and the journal is kept in
# FOLDER/journal. JOURNALD_PID is its process. Run it as
#   unshare --mount --propagation private bash journald.sh ...
set -e
folder=$1
shift

cd "$folder"
mkdir -p journal
mount -t tmpfs -o mode=755 journald /run
mkdir -p /run/systemd/journal /run/log/journal /run/box
cat >/run/box/journald.conf <<CONF
[Journal]
Storage=${JOURNALD_STORAGE:-persistent}
RateLimitIntervalSec=${JOURNALD_INTERVAL:-0}
RateLimitBurst=${JOURNALD_BURST:-0}
SyncIntervalSec=1s
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
SystemMaxUse=2G
SystemMaxFileSize=${JOURNALD_FILE:-128M}
CONF
mount --bind /run/box/journald.conf /etc/systemd/journald.conf
mkdir /run/box/log
mkdir /run/box/log/journal
mount --bind journal /run/box/log/journal
mount --rbind /run/box/log /var/log

# What systemd's start would have done: the journal goes to the disk at once.
touch /run/systemd/journal/flushed

/lib/systemd/systemd-journald 2>/run/box/journald.err &
JOURNALD_PID=$!
export JOURNALD_PID
trap 'kill $JOURNALD_PID 2>/dev/null; wait $JOURNALD_PID || true' EXIT
for _ in $(seq 200); do
  [ -S /run/systemd/journal/dev-log ] && [ -S /run/systemd/journal/socket ] && break
  sleep 0.05
done

# A /dev whose log is this journald's.
mkdir /run/box/dev
for node in null zero full random urandom tty; do
  touch /run/box/dev/$node
  mount --bind /dev/$node /run/box/dev/$node
done
mkdir /run/box/dev/pts /run/box/dev/shm
mount --bind /dev/pts /run/box/dev/pts
mount -t tmpfs journald /run/box/dev/shm
ln -s /proc/self/fd /run/box/dev/fd
ln -s /run/systemd/journal/dev-log /run/box/dev/log
mount --rbind /run/box/dev /dev

cd /
"$@"
