# The first two: see what sshwhy does, and see that it works.

.PHONY: demo test lint cover build install package integration releases torture soak bench fuzz generate cross clean

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# With libsystemd's headers the program reads the journal itself; without, it
# runs journalctl.
TAGS := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && pkg-config --exists libsystemd 2>/dev/null && echo libsystemd)
GOFLAGS_BUILD := -trimpath -tags "$(TAGS)" -ldflags "-s -w -X main.version=$(VERSION)"
# The race detector needs a C compiler; go says whether it found one.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && echo -race)

demo: build
	bin/sshwhy replay --tz UTC testdata/demo/auth.log

# The rooms whose tests must reach 85 % of their statements.
COVERED := parser classifier ledger sinks
# What checks the code and makes the packages, pinned in a module of its own.
TOOL := go tool -modfile=tools/go.mod

# The packages whose tests take longest begin first, so that the others run beside
# them, and none of them is left alone at the end.
LONGEST := ./classifier ./parser ./cmd/sshwhy

# Everything that needs nothing but Go. That the generated files are current,
# the pages right and the licences known are among the tests. Of the fuzz
# targets a test runs the seeds, and then a fixed number of inputs: a number, not
# a time, because a loaded machine can miss a deadline. FUZZTIME=5s is the time.
test: lint
	go test $(RACE) -timeout 40m $(LONGEST) ./...
	@$(MAKE) --no-print-directory cover
	@$(MAKE) --no-print-directory fuzz FUZZTIME=$(or $(FUZZING),2000x)

# govulncheck asks a database. Where that, or the tools themselves, cannot be
# had, it is said and passed over.
lint:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted"; exit 1; }
	go vet ./...
	go vet -tags "integration $(TAGS)" ./...
	@if $(TOOL) -n staticcheck >/dev/null 2>&1; then \
	  echo staticcheck; $(TOOL) staticcheck -tags integration ./...; \
	else echo "staticcheck: not run, the module of the tools could not be fetched"; fi
	@if ! $(TOOL) -n govulncheck >/dev/null 2>&1; then \
	  echo "govulncheck: not run, the module of the tools could not be fetched"; \
	else \
	  said=$$($(TOOL) govulncheck ./... 2>&1); code=$$?; \
	  if [ $$code = 3 ]; then printf '%s\n' "$$said"; exit 1; \
	  elif [ $$code != 0 ]; then echo "govulncheck: not run: $$said"; \
	  else echo govulncheck; fi; \
	fi

# How much of the rooms' statements their own tests run: the short forms, which
# leave out only more of the same, and without the race detector. Beside it every
# counter is an atomic one that it looks at, and the tests take twice as long.
cover:
	@go test -short -timeout 40m -cover $(addprefix ./,$(COVERED)) | awk '{ print } \
	  $$1 == "ok" { for (i = 1; i < NF; i++) if ($$i == "coverage:" && $$(i + 1) + 0 < 85) { print $$2 ": fewer than 85 %"; bad = 1 } else if ($$i == "coverage:") n++ } \
	  $$1 == "FAIL" || $$1 ~ /^---/ { bad = 1 } \
	  END { if (n != $(words $(COVERED))) bad = 1; exit bad }'

build:
	go build $(GOFLAGS_BUILD) -o bin/sshwhy ./cmd/sshwhy

install:
	go install $(GOFLAGS_BUILD) ./cmd/sshwhy
	@bin="$$(go env GOBIN)"; [ -n "$$bin" ] || bin="$$(go env GOPATH | sed 's/:.*//')/bin"; program="$$bin/sshwhy"; \
	  echo "installed: $$program"; \
	  if [ "$$(command -v sshwhy)" != "$$program" ]; then \
	    echo "This shell does not find it as sshwhy. Call it as $$program, put $$bin into PATH, or copy it:"; \
	    echo "  sudo install -m 755 $$program /usr/local/bin/"; \
	  fi

# .deb, .rpm, .apk and .tar.gz for amd64 and arm64, checksums, and what is inside.
package:
	bash deploy/package/build.sh

# Against real sshd and ssh, each in namespaces of its own; needs root for them,
# and installs what is missing (Debian, Ubuntu).
integration:
	bash integration/install.sh
	go test -tags integration -count=1 -parallel 3 -timeout 80m ./integration/...

# TestSSHD of it with the sshd of other Debian releases, SUITES="bullseye trixie
# sid": roots that debootstrap makes once, a minute and 300 MB each.
releases:
	bash integration/releases.sh

# The long forms: what tries to make lines disappear, fuzzing, an hour at work.
torture:
	bash integration/torture.sh
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10m
	@$(MAKE) --no-print-directory soak

soak:
	SSHWHY_SOAK=1h go test -tags integration -count=1 -timeout 90m -run '^TestSoak' -v ./integration/...

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
