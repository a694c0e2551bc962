# Runs a Docker engine in namespaces of its own: its bridges, its rules of the
# firewall, its mounts and all its containers end with it.
#   unshare --net --mount --pid --fork --kill-child --propagation private \
#     bash dockerd.sh DIRECTORY
# It listens on DIRECTORY/socket.
set -eu
mount -t proc proc /proc
ip link set lo up
# The engine must not find the containerd of this machine, or its own pid file.
mount -t tmpfs tmpfs /run
exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/socket"
