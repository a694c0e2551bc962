# Runs a program in a root of Debian, with the files of this package at hand.
#   unshare --mount --propagation private bash root.sh ROOT PROGRAMS COMMAND...
# ROOT stays as it is: in there it cannot be written. PROGRAMS, a folder, is seen
# as /srv/programs, and this package as /srv/integration, where COMMAND starts.
set -eu
package=$(cd "$(dirname "$0")/.." && pwd)
root=$1 programs=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for writable in tmp srv; do mount -t tmpfs -o mode=755 tmpfs "$root/$writable"; done
mkdir "$root/srv/programs" "$root/srv/integration"
mount --bind "$programs" "$root/srv/programs"
mount --bind "$package" "$root/srv/integration"
exec chroot "$root" env -i -C /srv/integration HOME=/tmp TZ=UTC PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  SSHWHY_PROGRAM=/srv/programs/sshwhy "$@"
