#!/bin/sh
# Runs the long forms of the tests that try to make lines disappear, and puts
# what they tell into docs/reliability.md. Takes half an hour, and root for
# rsyslogd and logrotate.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT
export SSHWHY_TORTURE=1
status=0
go test -count=1 -timeout 60m -run '^TestTorture' -v ./... >"$out" 2>&1 || status=1
bash integration/install.sh
go test -tags integration -count=1 -parallel 3 -timeout 60m -run '^Test(Follow|Torture|Run|Report|Package$)' -v ./integration/... >>"$out" 2>&1 || status=1
grep -E '^ *--- FAIL|^FAIL|panic:' "$out" || true

page=docs/reliability.md
{
  sed '/<!-- measured -->/q' $page
  echo
  echo "Measured on $(date -u +%Y-%m-%d) at commit $(git describe --always --dirty) with $(nproc) processors, $(uname -sr), $(go env GOVERSION)."
  echo
  echo '| load | result |'
  echo '|---|---|'
  sed -n 's/^.*torture: \(.*\) | \(.*\)$/| \1 | \2 |/p' "$out"
} >"$page.new"
mv "$page.new" $page
sed -n '/<!-- measured -->/,$p' $page
exit $status
