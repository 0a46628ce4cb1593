# make test    every test, with the race detector, on SQLite and on a PostgreSQL of its own
# make check   format, vet, linters, layout and import rules, go.mod
# make bench   every benchmark; BENCH=pattern narrows
# make build   ./duolog
#
# TESTFLAGS adds flags to go test, as in: make test TESTFLAGS='-v -run Append'

SHELL := /bin/bash
TESTFLAGS ?=
PACKAGES ?= ./...
BENCH ?= .

# The race detector needs cgo; nothing that ships does.
GOTEST = CGO_ENABLED=1 go test -race -shuffle=on -timeout 20m

LINT = go tool -modfile=tools.mod golangci-lint

.PHONY: test check bench build fmt tools

test: tools
	@.ci/install cc
	.ci/postgres env $(GOTEST) $(TESTFLAGS) $(PACKAGES)

check: tools
	go mod tidy -diff
	go vet ./...
	$(LINT) fmt --diff
	$(LINT) run
	go test -count=1 ./cmd/internal/layout

bench: tools
	.ci/postgres --durable go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m $(PACKAGES)

build: tools
	CGO_ENABLED=0 go build -trimpath -o duolog ./cmd/duolog

fmt: tools
	$(LINT) fmt

tools:
	@.ci/install go
