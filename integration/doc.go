// Package integration tries sshwhy on the machine's real programs.
//
// # The real sshd
//
// TestSSHD arranges what can keep a login from succeeding, once for each entry
// of its tables: it breaks one thing on a server, lets a real ssh log in to a
// real sshd, reads the log with "sshwhy replay", and compares the verdict with
// what was arranged. Then it does what the verdict says, command by command as
// it is printed, and logs in again: now the login must succeed.
//
// Each entry runs in a box: namespaces of its own for mounts, processes,
// network, and host name, with throw-away copies of /etc, /usr and /var, and
// empty /home, /root, /srv and /run. Nothing outside changes, every box has a
// port 22, and three can run at the same time. The test binary starts itself
// in there (TestInBox) behind testdata/box.sh, which makes the box.
//
// # Other releases
//
// What is expected is what sshd 9.2 lets see. "make releases" plays the entries
// with other releases of sshd, in roots of Debian. A scenario says which releases
// have what it arranges (in), and what others log of it (views); options of
// sshd_config are written as the release spells them. In the end sshwhy must
// know every line that sshd has written.
//
// The tests need root and the build tag: "make integration" runs them.
package integration
