#!/bin/bash
# Runs TestSSHD with the sshd of other releases of Debian, one after the other:
#   SUITES='bullseye trixie sid' RUN='^TestSSHD$' bash integration/releases.sh
# Each has a root of its own, made from the mirror that this machine's apt uses
# (or from MIRROR) and kept in the user's cache; a root that is removed is made
# anew. What failed and what was skipped is printed; all that was said stands
# beside the root.
set -euo pipefail
cd "$(dirname "$0")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sshwhy-integration
packages=openssh-server,openssh-client,iproute2,procps

fail() {
  echo "releases.sh: $*" >&2
  exit 1
}

# mirror prints where apt has Debian from.
mirror() {
  if [ -n "${MIRROR:-}" ]; then
    echo "$MIRROR"
  else
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' | sed -n 1p
  fi
}

# make_root SUITE ROOT makes a root from there, through apt's proxy if it has one.
make_root() {
  local suite=$1 root=$2 from proxy
  command -v debootstrap >/dev/null || fail "no debootstrap; integration/install.sh installs it"
  from=$(mirror) && [ -n "$from" ] || fail "apt knows no mirror of Debian: run apt-get update, or name one with MIRROR="
  proxy=$(apt-config dump --format '%v' Acquire::http::Proxy)
  echo "making a root of $suite from $from" >&2
  rm -rf --one-file-system "$root.half"
  mkdir -p "$root.half"
  # What debootstrap mounts in there goes with the namespace.
  ${proxy:+env http_proxy="$proxy" https_proxy="$proxy"} unshare --mount --propagation private \
    debootstrap --variant=minbase --include=$packages "$suite" "$root.half" "$from" >"$root.log" 2>&1 || {
    tail -n 5 "$root.log" >&2
    rm -rf --one-file-system "$root.half"
    fail "no root of $suite could be made; is there a network, and does the mirror have $suite?"
  }
  rm -f "$root.half"/var/cache/apt/archives/*.deb
  mv "$root.half" "$root"
}

# summary prints the tests that failed or were skipped, with what they said, and
# the number of each. The results stand at the log's end, and before them what a
# test says under a line that names it.
summary() {
  awk '
    /^=== / { test = $3; next }
    /^(    )?--- (PASS|FAIL|SKIP): / {
      count[$2] += $3 ~ "/"
      if ($2 != "PASS:" && ($3 ~ "/" || said[$3])) printf "%s\n%s", $0, said[$3]
      next
    }
    { said[test] = said[test] $0 "\n" }
    END { printf "%d passed, %d failed, %d skipped\n", count["PASS:"], count["FAIL:"], count["SKIP:"] }
  ' "$1"
}

[ "$(id -u)" = 0 ] || fail "needs root: it makes roots of Debian, and namespaces to run sshd in"
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
CGO_ENABLED=0 go test -c -tags integration -o "$programs/integration.test" .
CGO_ENABLED=0 go build -o "$programs/sshwhy" ../cmd/sshwhy
mkdir -p "$cache"
status=0
for suite in ${SUITES:-bullseye trixie sid}; do
  root=$cache/sshd-$suite
  [ -d "$root" ] || make_root "$suite" "$root"
  printf '\n%s: %s\n' "$suite" "$(chroot "$root" ssh -V 2>&1)"
  unshare --mount --propagation private bash testdata/root.sh "$root" "$programs" \
    /srv/programs/integration.test -test.run "${RUN:-^TestSSHD$}" -test.parallel 2 -test.timeout 40m -test.v >"$root.log" 2>&1 || status=1
  summary "$root.log"
  grep -qE '^(PASS|FAIL)$' "$root.log" || tail -n 20 "$root.log" # it did not come to an end
  echo "all that was said: $root.log"
done
exit $status
