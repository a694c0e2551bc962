#!/bin/sh
# Builds the servers that the tests send to, once, into the user's cache: Loki
# (some ten minutes and 2.3 GB of download), Alertmanager, the reader of compose
# files that "docker compose" has, and the types of Grafana's dashboards.
set -e
cd "$(dirname "$0")"
tools=${XDG_CACHE_HOME:-$HOME/.cache}/sshwhy-integration
mkdir -p "$tools"

# have FILE VERSION: whether it is there in that version.
have() { [ -e "$tools/$1" ] && [ "$(cat "$tools/$1.version" 2>/dev/null)" = "$2" ]; }

loki=$(go list -m -f '{{.Version}}' github.com/grafana/loki/v3)
have loki "$loki" || {
  echo "building Loki $loki; this takes a while" >&2
  CGO_ENABLED=0 nice -n 19 go build -trimpath -tags netgo -o "$tools/loki" github.com/grafana/loki/v3/cmd/loki
  echo "$loki" >"$tools/loki.version"
}
alertmanager=v0.28.1
have alertmanager $alertmanager || {
  CGO_ENABLED=0 GOBIN=$tools nice -n 19 go install github.com/prometheus/alertmanager/cmd/alertmanager@$alertmanager
  echo $alertmanager >"$tools/alertmanager.version"
}
compose=v2.16.2
have compose-go $compose || {
  mkdir -p "$tools/compose" && GOBIN=$tools/compose nice -n 19 go install github.com/compose-spec/compose-go/v2/cmd@$compose
  mv "$tools/compose/cmd" "$tools/compose-go" && rmdir "$tools/compose"
  echo $compose >"$tools/compose-go.version"
}
schema=12.3.1
have dashboard $schema || {
  mkdir -p "$tools/dashboard"
  (cd "$tools/dashboard" && echo '{"private":true}' >package.json &&
    npm install --silent --no-audit --no-fund --ignore-scripts @grafana/schema@$schema typescript@5)
  echo $schema >"$tools/dashboard.version"
}
