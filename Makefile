# The first two: see what sshwhy does, and see that it works.

.PHONY: demo test build install integration bench fuzz generate cross clean

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOFLAGS_BUILD := -trimpath -ldflags "-X main.version=$(VERSION)"
# The race detector needs a C compiler; go says whether it found one.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && echo -race)

demo: build
	bin/sshwhy replay --tz UTC testdata/demo/auth.log

# Everything that needs nothing but Go. That the generated files are current is
# one of the tests.
test:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted"; exit 1; }
	go vet ./...
	go vet -tags integration ./...
	go test $(RACE) ./...

build:
	go build $(GOFLAGS_BUILD) -o bin/sshwhy ./cmd/sshwhy

install:
	go install $(GOFLAGS_BUILD) ./cmd/sshwhy

# Against real sshd and ssh, each in namespaces of its own; needs root for them,
# and installs what is missing (Debian, Ubuntu).
integration:
	bash integration/install.sh
	go test -tags integration -count=1 -parallel 3 -timeout 30m ./integration/...

bench:
	sh bench/run.sh

# Each fuzz target for a while: make fuzz FUZZTIME=10m
FUZZTIME ?= 20s
fuzz:
	@grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do \
	  for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]*)\(.*/\1/p' "$$file"); do \
	    echo "$$(dirname "$$file") $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	  done; \
	done

# Patterns first: the pages of the causes are made from both.
generate:
	go generate ./patterns
	go generate ./causes

# Builds that are not this machine's, and the one without a C library.
cross:
	CGO_ENABLED=1 go build -o /dev/null ./cmd/sshwhy
	CGO_ENABLED=0 go build -o /dev/null ./cmd/sshwhy
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/sshwhy
	CGO_ENABLED=0 GOOS=freebsd GOARCH=amd64 go build -o /dev/null ./cmd/sshwhy
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build -o /dev/null ./cmd/sshwhy

clean:
	rm -rf bin dist
