# Boots a Debian root with systemd as its first process, in namespaces of its
# own: mounts, processes, network, host name, control groups.
#   bash boot.sh ROOT SCRATCH GROUP
# ROOT stays as it is: what is written goes into SCRATCH, a directory. GROUP is
# the name of the control group. All of it ends with this process.
set -eu
root=$1 scratch=$2 group=$3
if [ "${booting:-}" != inside ]; then
	hierarchy=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	mkdir -p "$hierarchy/$group"
	echo 0 > "$hierarchy/$group/cgroup.procs"
	export booting=inside
	exec unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child --propagation private bash "$0" "$@"
fi
mount -t tmpfs -o mode=755 tmpfs "$scratch"
cd "$scratch"
mkdir upper work root
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" overlay root
cd root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
for device in null zero full random urandom tty; do cp -a "/dev/$device" dev/; done
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -sf /dev/null etc/systemd/system/console-getty.service
hostname edge05
ip link set lo up
pivot_root . mnt
umount -l /mnt
# As systemd does on a machine, and leaves to others in a container: credentials
# are mounted beside the service.
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal --show-status=0 < /dev/null
