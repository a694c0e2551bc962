#!/bin/sh
# Measures this tree on a generated log, as ratios to wc -l, and to the commit
# or the binary that is named:
#
#	bench/run.sh
#	bench/run.sh HEAD~1
#	bench/run.sh /usr/local/bin/sshwhy
#
# LINES says how long the log is (2000000). A second log is made on the fly and
# goes through a pipe: PIPE says how long that is (200M), as 20G. Other programs
# are measured where they are installed: sshguard, fail2ban, gzip, zstd.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

go build -o "$work/now" ./cmd/sshwhy
go build -o "$work/ratios" bench/ratios.go
go build -o "$work/pipe" bench/pipe.go
go run bench/write.go -lines "${LINES:-2000000}" >"$work/auth.log"

other=${1:-}
if [ -z "$other" ]; then
	"$work/ratios" "$work/auth.log" "$work/now"
	"$work/pipe" "${PIPE:-200M}" "$work/now"
	exit
fi
if [ -x "$other" ] && [ ! -d "$other" ]; then
	cp "$other" "$work/before"
else
	mkdir "$work/tree"
	git archive "$other" | tar -x -C "$work/tree"
	(cd "$work/tree" && go build -o "$work/before" ./cmd/sshwhy)
fi
"$work/ratios" "$work/auth.log" "$work/now" "$work/before"
"$work/pipe" "${PIPE:-200M}" "$work/now"
