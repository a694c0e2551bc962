#!/bin/sh
# Installs what the integration tests need and this machine lacks (Debian, Ubuntu).
set -e
missing=
need() { [ -x "$1" ] || missing="$missing $2"; }
need /usr/sbin/sshd openssh-server
need /usr/bin/ssh openssh-client
need /usr/bin/sftp openssh-client
need /usr/sbin/rsyslogd rsyslog
need /usr/sbin/logrotate logrotate
need /usr/bin/ss iproute2
need /usr/sbin/nft nftables
need /usr/sbin/iptables iptables
need /lib/systemd/systemd-journald systemd
need /lib/systemd/systemd-journal-remote systemd-journal-remote
[ -e /usr/include/systemd/sd-journal.h ] || missing="$missing libsystemd-dev"
need /usr/sbin/dockerd docker.io
need /usr/bin/docker-compose docker-compose
need /bin/busybox busybox-static
need /usr/bin/chromium chromium
need /usr/sbin/debootstrap debootstrap
need /usr/bin/rpm rpm
command -v npm >/dev/null || missing="$missing npm"
servers="$(dirname "$0")/loki/install.sh"
[ -n "$missing" ] || exec sh "$servers"
[ "$(id -u)" = 0 ] || {
  echo "missing:$missing; as root, apt-get install them" >&2
  exit 1
}
export DEBIAN_FRONTEND=noninteractive
# A package that starts its service here would leave it running.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086 # one word each
apt-get install -y -qq --no-install-recommends $missing >/dev/null
sh "$servers"
