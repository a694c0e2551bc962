#!/bin/bash
# Makes all packages into dist/: .deb, .rpm, .apk and .tar.gz for amd64 and
# arm64, checksums and lists of what is inside. The same commit gives the same
# bytes: times are those of the commit, paths are left out.
#
# PACKAGES="amd64:deb" makes that one alone, for a test.
set -euo pipefail
cd "$(dirname "$0")/../.."
umask 022
export LC_ALL=C TZ=UTC

export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
VERSION=${VERSION:-$(git describe --tags --match 'v*' 2>/dev/null | sed 's/^v//' || true)}
VERSION=${VERSION:-0.0.0~$(git log -1 --format=%cd.%h --abbrev=12 --date=format-local:%Y%m%d)}
PACKAGES=${PACKAGES:-amd64:deb,rpm,apk,tar arm64:deb,rpm,apk,tar}

# The compiler's own settings of this machine must not show in the result.
build() {
	GOFLAGS='' GOAMD64=v1 GOARM64=v8.0 CGO_ENABLED=0 GOOS=linux GOARCH=$1 \
		go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$VERSION" -o "$2" ./cmd/sshwhy
}

rm -rf dist
mkdir -p dist/man dist/completions dist/tools
GOFLAGS='' go build -C tools -o ../dist/tools/nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm

host=$(go env GOHOSTARCH)
native=dist/$host/sshwhy
build "$host" "$native"
"$native" man dist/man
gzip -9n dist/man/*.1
"$native" completion bash > dist/completions/sshwhy.bash
"$native" completion zsh > dist/completions/_sshwhy
"$native" completion fish > dist/completions/sshwhy.fish
cp deploy/package/*.sh dist/tools/ # their times show in an .apk
cp -r docs dist/docs               # messages name its pages
find dist/man dist/completions dist/docs dist/tools -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

# tarball ARCH writes the .tar.gz: what a package holds, without its scripts.
tarball() {
	local name=sshwhy-$VERSION
	tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime="@$SOURCE_DATE_EPOCH" \
		--transform "s,^dist/$1/,," --transform 's,^dist/,,' --transform "s,^,$name/," --format=gnu -cf - \
		"dist/$1/sshwhy" dist/man dist/completions dist/docs LICENSE README.md CHANGELOG.md deploy/systemd deploy/package/sshwhy.yaml |
		gzip -9n > "dist/sshwhy_${VERSION}_linux_$1.tar.gz"
}

for entry in $PACKAGES; do
	ARCH=${entry%%:*}
	mkdir -p "dist/$ARCH"
	[ "$ARCH" = "$host" ] || build "$ARCH" "dist/$ARCH/sshwhy"
	sed "s/\${ARCH}/$ARCH/g; s/\${VERSION}/$VERSION/g; s,: deploy/package/\([a-z]*\.sh\)\$,: dist/tools/\1," deploy/package/nfpm.yaml > dist/tools/nfpm.yaml
	for kind in $(tr , ' ' <<< "${entry#*:}"); do
		if [ "$kind" = tar ]; then
			tarball "$ARCH"
		else
			dist/tools/nfpm package --config dist/tools/nfpm.yaml --packager "$kind" --target dist/ >&2
		fi
	done
	# What the binary is made of: every module with its version and hash.
	go version -m "dist/$ARCH/sshwhy" | sed "1s,.*,sshwhy $VERSION linux/$ARCH," > "dist/sshwhy_${VERSION}_linux_$ARCH.modules.txt"
done
rm -rf dist/tools
cd dist
find . -maxdepth 1 -type f \( -name '*.deb' -o -name '*.rpm' -o -name '*.apk' -o -name '*.tar.gz' -o -name '*.txt' \) -printf '%f\n' | sort | xargs sha256sum > SHA256SUMS
cat SHA256SUMS
