#!/bin/bash
# Makes all packages into dist/: .deb, .rpm, .apk and .tar.gz for amd64 and
# arm64, checksums and lists of what is inside. The same commit gives the same
# bytes: times are those of the commit, paths are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."

export MTIME VERSION SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
MTIME=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
VERSION=${VERSION:-$(git describe --tags --match 'v*' 2>/dev/null | sed 's/^v//' || true)}
VERSION=${VERSION:-0.0.0~$(git log -1 --format=%cd.%h --date=format:%Y%m%d)}
tools=(go tool -modfile=tools/go.mod)

rm -rf dist
mkdir -p dist/man dist/completions
for GOARCH in amd64 arm64; do
	CGO_ENABLED=0 GOOS=linux GOARCH=$GOARCH go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$VERSION" -o "dist/$GOARCH/sshwhy" ./cmd/sshwhy
done
native=dist/$(go env GOARCH)/sshwhy
"$native" man dist/man
gzip -9n dist/man/*.1
"$native" completion bash > dist/completions/sshwhy.bash
"$native" completion zsh > dist/completions/_sshwhy
"$native" completion fish > dist/completions/sshwhy.fish

for GOARCH in amd64 arm64; do
	export GOARCH
	for kind in deb rpm apk; do
		"${tools[@]}" nfpm package --config deploy/package/nfpm.yaml --packager "$kind" --target dist/ > /dev/null
	done
	go version -m "dist/$GOARCH/sshwhy" > "dist/sshwhy_${VERSION}_linux_$GOARCH.modules.txt"
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C dist \
		--transform "s,^$GOARCH/,," --transform "s,^,sshwhy-$VERSION/," -cf - "$GOARCH/sshwhy" man completions -C .. LICENSE README.md CHANGELOG.md deploy/systemd deploy/package/sshwhy.yaml |
		gzip -9n > "dist/sshwhy_${VERSION}_linux_$GOARCH.tar.gz"
done
(cd dist && sha256sum -- *.deb *.rpm *.apk *.tar.gz *.txt > SHA256SUMS && cat SHA256SUMS)
