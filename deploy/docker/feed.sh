#!/bin/sh
# Writes a day of logins (testdata/demo/auth.log) again and again, as if they
# happened now: a line each time that EVERY seconds have passed.
#   feed.sh FROM TO
set -eu
from=$1 to=$2 every=${EVERY:-2}
umask 022
while :; do
  # The file must not grow for ever.
  [ "$(wc -c <"$to" 2>/dev/null || echo 0)" -lt 10000000 ] || mv "$to" "$to.1"
  turn=$(($(date +%s) % 20000))
  while read -r _ host program rest; do
    # Process ids of their own in every turn, or it would be the same day.
    pid=${program#*\[} pid=${pid%%\]*}
    echo "$(date -u +%Y-%m-%dT%H:%M:%S+00:00) $host ${program%%\[*}[$((pid + turn))]: $rest" >>"$to"
    sleep "$every"
  done <"$from"
done
