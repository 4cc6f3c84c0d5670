# iceserver: build, run, test. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Outside a checkout there is neither, and the program says so.
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null || echo devel)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

BINARY   := bin/iceserver
TOOLS    := bin/tools
LINT     := v2.14.0
LINTER   := $(TOOLS)/golangci-lint-$(LINT)
NFPM     := v2.45.2
PACKAGER := $(TOOLS)/nfpm-$(NFPM)
FUZZTIME ?= 30s

# What the image is for, and the time in it: that of the commit, so that building
# it again gives the same one.
ARCH              ?= amd64 arm64
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
ARGS     ?=

# What `make test` runs, in this order.
STEPS := vet lint cross unit pages signaling interop acme netns web packages container

# The pages are built where npm is, and built again when their sources changed.
PAGES        := internal/web/dist/index.html
PAGE_SOURCES := $(shell find web -name node_modules -prune -o -type f -print 2>/dev/null)

# The programs that the tests call, and the Debian packages that have them.
PROGRAMS := gcc:gcc gcc:libc6-dev turnutils_uclient:coturn chromium:chromium nft:nftables ip:iproute2 \
	sysctl:procps certutil:libnss3-tools openssl:openssl \
	rpm:rpm systemd-analyze:systemd groff:groff-base promtool:prometheus fail2ban-regex:fail2ban curl:curl \
	pg_ctlcluster:postgresql mariadbd:mariadb-server redis-server:redis-server haproxy:haproxy lintian:lintian zsh:zsh fish:fish dh_bash-completion:bash-completion \
	ufw:ufw firewall-cmd:firewalld iptables:iptables qemu-aarch64-static:qemu-user-static

# Debian has no MySQL, only MariaDB. npm has one, for this kind of machine alone.
MYSQL := test/store/mysqlserver/node_modules/.package-lock.json

.PHONY: help build go pages binaries image run test fuzz bench docs lint clean packages deb rpm package-files $(addprefix test-,$(STEPS))

# What builds needs it, and says so before a shell says that it found no command. One
# before 1.21, as Debian 12 has it, neither fetches a newer one nor says what is wrong.
GO_NEEDED = command -v go >/dev/null || { echo "This needs Go 1.26, which is not installed: https://go.dev/dl" >&2; exit 1; }; \
	! go version | grep -E ' go1\.([0-9]|1[0-9]|20)([. ]|$$)' >/dev/null || \
	{ echo "This needs Go 1.26, and installed is an older one ($$(go version)): https://go.dev/dl" >&2; exit 1; }

# The oldest node that builds the pages, as web/package.json has it. An older one, as
# Debian 12 has it, is as none.
NODE  := 20.19
NODED = { command -v npm && node -p process.versions.node | { cat; echo $(NODE); } | sort -V | head -n 1 | grep -qx '$(NODE)'; } >/dev/null 2>&1

# Said at the end, where it is seen: what has no pages works, and is another file.
WITHOUT_PAGES = @[ -e $(PAGES) ] || echo "Built without the web pages: install node $(NODE) or newer with npm (https://nodejs.org), and make it again."

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: go pages ## build bin/iceserver, one static file, with the pages where npm is
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BINARY) ./cmd/iceserver
	$(WITHOUT_PAGES)

go:
	@$(GO_NEEDED)

# The server itself needs no npm, so a machine without it gets one without pages.
pages: ## build the web pages into internal/web/dist
	@if $(NODED); then $(MAKE) --no-print-directory $(PAGES); \
	else echo "The web pages are not built: that takes node $(NODE) or newer with npm (https://nodejs.org)"; fi

$(PAGES): $(PAGE_SOURCES)
	@cd web && echo "npm ci" && npm ci --no-audit --no-fund || { \
		echo "npm could not fetch what the web pages are made of (see above). To build without them: make build NODED=false" >&2; exit 1; }
	cd web && npm run build
	@touch $@

# What images and packages are made of, and what the licences of what is in it ask for.
binaries: go pages
	packaging/scripts/notices bin/licenses $(ARCH)
	for arch in $(ARCH); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' \
			-o bin/linux-$$arch/iceserver ./cmd/iceserver; done

image: binaries ## build the container image for ARCH='amd64 arm64': bin/image, and an archive of each for docker load
	go -C packaging/image run . $(foreach arch,$(ARCH),-binary '$(arch)=$(CURDIR)/bin/linux-$(arch)/iceserver') \
		-licenses '$(CURDIR)/bin/licenses' -version $(VERSION) -revision $(COMMIT) -created $(SOURCE_DATE_EPOCH) \
		-layout '$(CURDIR)/bin/image' -archive '$(CURDIR)/bin/iceserver-image'
	$(WITHOUT_PAGES)

# Packages have a version that begins with a digit, and none of - in it. A later
# one is greater: what comes before a release has ~, and without any tag the time of
# the commit counts, since its name says nothing of before and after.
PACKAGE_VERSION ?= $(or $(subst -,+,$(shell sed -nE 's/^v?([0-9].*)/\1/; s/-(alpha|beta|rc)/~\1/; /^[0-9]/p' <<<'$(VERSION)')),0~$(SOURCE_DATE_EPOCH).$(COMMIT))
PACKAGE_OUT     ?= bin/packages
# Who answers for the packages: whoever builds them for others says so here.
PACKAGE_MAINTAINER ?= iceserver <iceserver@localhost>

deb: ## build Debian packages for ARCH='amd64 arm64' into bin/packages
rpm: ## build RPM packages, as deb does
deb rpm: package-files $(PACKAGER)
	mkdir -p $(PACKAGE_OUT)
	for arch in $(ARCH); do PACKAGE_ARCH=$$arch PACKAGE_VERSION='$(PACKAGE_VERSION)' PACKAGE_MAINTAINER='$(PACKAGE_MAINTAINER)' \
		$(PACKAGER) package --config packaging/nfpm.yaml --packager $@ --target $(PACKAGE_OUT)/; done
	$(WITHOUT_PAGES)

# The binaries, and what is the same in every package.
package-files: binaries
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/package/iceserver ./cmd/iceserver
	rm -rf bin/package/man; bin/package/iceserver man bin/package/man; gzip -9n bin/package/man/*
	mkdir -p bin/package/completion
	bin/package/iceserver completion bash >bin/package/completion/iceserver
	bin/package/iceserver completion zsh >bin/package/completion/_iceserver
	bin/package/iceserver completion fish >bin/package/completion/iceserver.fish
	packaging/scripts/assemble bin/package/scripts
	gzip -9nc bin/licenses/third-party-notices >bin/package/third-party-notices.gz
	packaging/scripts/changelog '$(PACKAGE_VERSION)' '$(PACKAGE_MAINTAINER)' $(SOURCE_DATE_EPOCH) | gzip -9n >bin/package/changelog.gz

$(PACKAGER): | go
	GOBIN='$(CURDIR)/$(TOOLS)' go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM)
	mv $(TOOLS)/nfpm $@

run: build ## build, and serve with no configuration (ARGS='--key=value ...')
	$(BINARY) $(ARGS)

test: packages build ## install what the tests need, then run every test
	@begin=$$SECONDS; summary=; \
	for step in $(STEPS); do \
		echo "=== $$step"; start=$$SECONDS; \
		$(MAKE) --no-print-directory test-$$step || { echo "FAILED: $$step"; exit 1; }; \
		summary+=$$(printf '  %-8s passed in %4d s' $$step $$((SECONDS - start)))$$'\n'; \
	done; \
	printf '\n%sAll tests passed in %d s.\n' "$$summary" $$((SECONDS - begin))

test-vet:
	go vet ./...
	go -C test/interop vet ./...
	go -C test/acme vet ./...
	go -C test/netns vet ./...
	go -C test/signaling vet ./...
	go -C test/store/mongoserver vet ./...
	go -C test/store/mysqllogin vet ./...
	go -C test/container vet ./...
	go -C packaging/image vet ./...

test-lint: lint

# Fuzz targets run their seeds here; `make fuzz` looks for more.
test-unit:
	TEST_ICESERVER='$(CURDIR)/$(BINARY)' CGO_ENABLED=1 go test -race -timeout 20m ./...

test-cross:
	GOOS=darwin CGO_ENABLED=0 go build ./...
	GOOS=windows CGO_ENABLED=0 go build ./...

test-interop:
	TEST_ICESERVER='$(CURDIR)/$(BINARY)' go -C test/interop test -count=1 -timeout 15m ./...

# The authority is pebble, built from its module as a part of the test.
test-acme:
	TEST_ICESERVER='$(CURDIR)/$(BINARY)' go -C test/acme test -count=1 -timeout 10m ./...

# The test page is opened in the namespaces too, by the browser of test/web.
test-netns: test/web/node_modules/.package-lock.json
	TEST_ICESERVER='$(CURDIR)/$(BINARY)' go -C test/netns test -count=1 -timeout 15m ./...

# The image for the other architecture is started too, by an emulator. What Kubernetes accepts is read from its
# module, once.
test-container: build
	$(MAKE) --no-print-directory image ARCH='amd64 arm64'
	TEST_ICESERVER='$(CURDIR)/$(BINARY)' TEST_IMAGE='$(CURDIR)/bin/image' go -C test/container test -count=1 -timeout 10m ./...

# Two versions, so that one can be upgraded to the other, for this machine.
test-packages:
	for version in 1.0.0 1.0.1; do $(MAKE) --no-print-directory deb rpm ARCH=$$(go env GOARCH) \
		PACKAGE_VERSION=$$version PACKAGE_OUT=bin/package/$$version; done
	TEST_ICESERVER='$(CURDIR)/bin/package/iceserver' TEST_PACKAGES='$(CURDIR)/bin/package' go test -count=1 -timeout 10m ./test/packages

# The pages' own tests; `make build` has installed what they need.
test-pages: pages
	cd web && npm run lint
	cd web && npm test

test-signaling: test/signaling/node_modules/.package-lock.json
	cd test/signaling && npm test

test-web: test/web/node_modules/.package-lock.json
	cd test/web && TEST_ICESERVER='$(CURDIR)/$(BINARY)' node --test

test/%/node_modules/.package-lock.json: test/%/package-lock.json
	cd test/$* && npm ci --no-audit --no-fund
	@touch $@

# Of a service only the programs are wanted: policy-rc.d keeps apt-get from
# starting it, and it is not started with the machine either, least of all a
# firewall. What was installed before is left as it is.
packages: ## install the programs that the tests call (Debian packages, and MySQL from npm)
	@for program in go node npm; do command -v $$program >/dev/null || { \
		echo "make test needs $$program, which is not installed." \
			"Go is at https://go.dev/dl, node ($(NODE) or newer) with npm at https://nodejs.org." >&2; exit 1; }; done
	@$(NODED) || { echo "make test needs node $(NODE) or newer; this one is $$(node --version). It is at https://nodejs.org." >&2; exit 1; }
	@missing=; for pair in $(PROGRAMS); do \
		command -v $${pair%:*} >/dev/null || [ -x /usr/sbin/$${pair%:*} ] || missing+=" $${pair#*:}"; done; \
	[ -n "$$missing" ] || exit 0; \
	command -v apt-get >/dev/null || { echo "The tests need, and there is no apt-get to install it:$$missing" >&2; exit 1; }; \
	[ "$$(id -u)" = 0 ] || { echo "The tests need, and only root can install it:$$missing" >&2; exit 1; }; \
	echo "Installing Debian packages for the tests:$$missing (services among them are not started)"; \
	if [ ! -e /usr/sbin/policy-rc.d ]; then \
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT; \
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; \
	fi; \
	apt-get update -q; DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	if command -v systemctl >/dev/null; then for service in coturn postgresql mariadb redis-server prometheus fail2ban haproxy ufw firewalld; do \
		if [[ $$missing == *$$service* ]]; then systemctl disable $$service || true; fi; done; fi
	@if [ "$$(go env GOARCH)" = amd64 ]; then $(MAKE) --no-print-directory $(MYSQL); fi

$(LINTER): | go
	GOBIN='$(CURDIR)/$(TOOLS)' go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT)
	mv $(TOOLS)/golangci-lint $@

lint: go $(LINTER) ## run golangci-lint (built into bin/tools the first time)
	$(LINTER) run ./...
	cd test/interop && '$(CURDIR)/$(LINTER)' run ./...
	cd test/acme && '$(CURDIR)/$(LINTER)' run ./...
	cd test/netns && '$(CURDIR)/$(LINTER)' run ./...
	cd test/signaling && '$(CURDIR)/$(LINTER)' run ./...
	cd test/store/mongoserver && '$(CURDIR)/$(LINTER)' run ./...
	cd test/store/mysqllogin && '$(CURDIR)/$(LINTER)' run ./...
	cd test/container && '$(CURDIR)/$(LINTER)' run ./...
	cd packaging/image && '$(CURDIR)/$(LINTER)' run ./...

fuzz: go ## run every fuzz target for FUZZTIME=30s
	@go list -f '{{.ImportPath}}' ./... | while read -r package; do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "=== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package </dev/null; \
		done; \
	done

bench: build ## measure beside coturn and pion/turn, into bench/results (ARGS='-only idle ...')
	go run ./bench/compare $(ARGS)

docs: go ## write docs/conformance.md, docs/configure.md and docs/metrics.md anew
	go test -count=1 -run '^(TestConformance|TestConfigure)$$' . -rewrite
	go test -count=1 -run '^TestMetricsPage$$' ./internal/server -rewrite

clean: ## remove what was built and installed here
	rm -rf bin web/node_modules test/web/node_modules test/signaling/node_modules test/store/mysqlserver/node_modules
	find internal/web/dist -mindepth 1 ! -name .gitkeep -delete
