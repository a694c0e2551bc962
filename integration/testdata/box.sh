#!/bin/bash
# box.sh FOLDER COMMAND...
# Runs COMMAND on a host of its own: what it changes in /etc, /usr, /var,
# /home, /root, /srv, /run, /tmp and /dev is gone when it ends. FOLDER is seen
# as /mnt/box from inside. Run it as
#   unshare --mount --pid --net --uts --ipc --fork --kill-child --mount-proc bash box.sh ...
set -e
folder=$1
shift

# /mnt holds whatever is private to this box. (FOLDER may lie below it.)
cd "$folder"
mount -t tmpfs -o mode=755 box /mnt
mkdir /mnt/box
mount --bind . /mnt/box

changeable() {
  mkdir -p "/mnt/upper$1" "/mnt/work$1"
  mount -t overlay -o "lowerdir=$1,upperdir=/mnt/upper$1,workdir=/mnt/work$1" changeable "$1"
}
changeable /etc
changeable /usr
changeable /var

empty() { mount -t tmpfs -o "mode=$1" empty "$2"; }

# A /dev without the machine's /dev/log and terminals.
mkdir /mnt/dev
empty 755 /mnt/dev
for node in null zero full random urandom tty; do
  touch /mnt/dev/$node
  mount --bind /dev/$node /mnt/dev/$node
done
mkdir /mnt/dev/pts /mnt/dev/shm
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts /mnt/dev/pts
ln -s pts/ptmx /mnt/dev/ptmx
ln -s /proc/self/fd /mnt/dev/fd
for n in 0/stdin 1/stdout 2/stderr; do ln -s "/proc/self/fd/${n%/*}" "/mnt/dev/${n#*/}"; done
mount --rbind /mnt/dev /dev

empty 755 /home
empty 700 /root
empty 755 /srv
empty 755 /run
empty 1777 /tmp
empty 755 /var/log

# Addresses from those for documentation (RFC 5737): the server's and the
# client's.
ip link set lo up
for address in 192.0.2.10 203.0.113.7; do ip address add "$address/32" dev lo; done
hostname edge05

cd /
"$@"
