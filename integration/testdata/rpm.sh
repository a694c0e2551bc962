# Installs an .rpm into a root of Debian, upgrades it and erases it: the program
# rpm is the same everywhere, and it runs the scripts in that root.
#   unshare --mount --propagation private bash rpm.sh ROOT SCRATCH OLD.rpm NEW.rpm
# ROOT stays as it is. What the package needs is not asked for: rpm does not know
# what is installed there. The lines that it prints are for the test.
set -eu
lower=$1 scratch=$2 old=$3 new=$4
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
root=$scratch/root
mkdir -p "$root/var/lib/rpm"
on() { chroot "$root" /bin/sh -euc "$1"; }
rpm() { command rpm --root "$root" --dbpath /var/lib/rpm "$@"; }
look() { on 'sshwhy version; id -nG sshwhy; stat -c "%a %U %G %n" /etc/sshwhy/sshwhy.yaml; tail -n 1 /etc/sshwhy/sshwhy.yaml'; }
rpm --install --nodeps "$old"
look
on 'setpriv --reuid sshwhy --regid sshwhy --init-groups sshwhy check /etc/sshwhy/sshwhy.yaml'
echo '# the administrator was here' >> "$root/etc/sshwhy/sshwhy.yaml"
rpm --upgrade --nodeps "$new"
look
rpm --erase sshwhy
echo left:
on 'find / -xdev -name "*sshwhy*" -not -path "/var/tmp/*"; id -nG sshwhy'
