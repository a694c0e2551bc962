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
[ -z "$missing" ] && exit 0
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
