# `make test` is all that a change has to pass, and what CI runs at the end.
# It installs smbclient, smbtorture, impacket and ksmbd.adduser when they are missing.

GO ?= go

.PHONY: test unit interop install check bench serve

test: install
	SMB_INTEROP_REQUIRED=1 SMB_INTEROP_RACE=1 $(GO) test -race -timeout 40m ./...
	cd interop/goclients && $(GO) test -timeout 5m ./...

# Without the real clients.
unit:
	$(GO) test -race $$($(GO) list ./... | grep -v /interop)

interop: install
	SMB_INTEROP_REQUIRED=1 $(GO) test -timeout 40m ./interop
	cd interop/goclients && $(GO) test -timeout 5m ./...

install:
	interop/install.sh

# What CI runs: format, vet, staticcheck, other systems, 32 bits, fuzzing, test.
check:
	.ci/run

bench:
	$(GO) run ./bench

serve:
	$(GO) run ./examples/server
