# make test    every test, with the race detector, on SQLite and on a PostgreSQL of its own; and make watermill simulate
# make check   format, vet, linters, layout and import rules, go.mod
# make fuzz    every fuzz target for FUZZTIME each, until the first finding; FUZZ=pattern narrows
# make crash   processes killed, frozen and cut off, networks and disks that fail, under traffic; KILLS=n on each database,
#              with webhooks of Aloware that come again until they are taken, and with ones that come once
# make plans   a push and a pull killed again and again, by kill -9: KILLS=n among CONTACTS=n people, DATABASE=sqlite,
#              postgres or both
# make simulate  an interleaving model of the whole engine: SEEDS=n from FIRST on; SEED=n shrinks one and tells its story
# make histories  random histories, each rebuilt, replayed, copied and erased from: HISTORIES=n from FIRST on; then the undo
#              of a mass change of PAIRS=n people on both databases
# make watermill  Watermill's own tests of a Pub/Sub, in full: under the race detector they are short
# make stream  four members of a consumer, one killed each second for FOR, at 5,000 events a second, on both databases; and
#              forwarders that catch up with BACKLOG events and are killed on their way
# make bench   every benchmark; BENCH=pattern narrows
# make build   ./duolog
#
# TESTFLAGS adds flags to go test, as in: make test TESTFLAGS='-v -run Append'

SHELL := /bin/bash
TESTFLAGS ?=
PACKAGES ?= ./...
BENCH ?= .
KILLS ?= 20
FUZZ ?= .
FUZZTIME ?= 30s

# gotestsum says at the end what failed, however much was printed before.
GOTESTSUM = go tool -modfile=tools.mod gotestsum --format $(if $(findstring -v,$(TESTFLAGS)),standard-verbose,pkgname)

# The race detector needs cgo; nothing that ships does. SQLite's own code is C, translated: its memory is none the detector
# knows, so it finds nothing there, and tests on SQLite would take three times as long. The Go around it is looked at like all else.
GOTEST = CGO_ENABLED=1 $(GOTESTSUM) -- -race $(foreach p,sqlite/lib libc/... memory,-gcflags=modernc.org/$(p)=-race=false) \
	-shuffle=on -timeout 20m

LINT = go tool -modfile=tools.mod golangci-lint

.PHONY: test check fuzz plans simulate histories stream bench build fmt tools

test: tools
	@.ci/install cc
	.ci/postgres env $(GOTEST) $(TESTFLAGS) $(PACKAGES)
	$(if $(findstring -run,$(TESTFLAGS))$(filter-out ./...,$(PACKAGES)),,$(MAKE) --no-print-directory watermill simulate)

check: tools
	go mod tidy -diff
	go vet ./...
	$(LINT) fmt --diff
	$(LINT) run
	go test -count=1 ./cmd/internal/layout

# go test fuzzes one target at a time, so the targets are listed first: names, then the line of their package. A find is
# made smaller for a second at most: by default that takes up to a minute, in which nothing else is tried.
fuzz: tools
	@set -euo pipefail; \
	listed=$$(go test -list '^Fuzz' $(PACKAGES)); \
	targets=$$(awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print names[i], $$2; n = 0 }' \
		<<<"$$listed" | grep -E -- '$(FUZZ)' || true); \
	[ -n "$$targets" ] || { echo "no fuzz target matches $(FUZZ)" >&2; exit 1; }; \
	total=$$(wc -l <<<"$$targets") at=0; \
	while read -r name package; do \
		at=$$((at + 1)); \
		echo "[$$at/$$total] $$name in $$package, $(FUZZTIME)"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 1s "$$package" </dev/null; \
	done <<<"$$targets"

CRASH = go run ./cmd/internal/crash

crash: tools
	$(CRASH) --kills $(KILLS) --database sqlite
	$(CRASH) --kills $(KILLS) --database sqlite --aloware-retries 0
	.ci/postgres $(CRASH) --kills $(KILLS) --database postgres
	.ci/postgres $(CRASH) --kills $(KILLS) --database postgres --aloware-retries 0
	.ci/postgres $(CRASH) --kills 3 --mode rival
	.ci/postgres $(CRASH) --kills 3 --mode postgres
	.ci/postgres $(CRASH) --kills 22 --mode network --database postgres
	$(CRASH) --kills 6 --mode disk

CONTACTS ?= 600
DATABASE ?= both

plans: tools
	KILLS=$(KILLS) CONTACTS=$(CONTACTS) DATABASE=$(DATABASE) .ci/postgres go test -count=1 -timeout 60m ./cmd/duolog -run 'TestKilledOperations$$' -v

SEEDS ?= 2000
FIRST ?= 1
SEED ?=

watermill: tools
	.ci/postgres go test -count=1 ./adapters/stream/subscriber -run TestWatermillsOwnSuite

FOR ?= 60s
BACKLOG ?= 1000000

stream: tools
	.ci/postgres go test -count=1 -timeout 30m ./adapters/stream/group -run TestMembersAreKilled -v -conformance $(FOR)
	DUOLOG_TEST_BACKLOG=$(BACKLOG) .ci/postgres go test -count=1 -timeout 0 ./adapters/stream/forward -run TestCatchUp -v

# Without the race detector, under which make test plays a few seeds as well: in the bubble of a seed only one thing runs
# at a time. A seed that fails is named with the command that shrinks it.
simulate: tools
	go test -count=1 -timeout 120m ./cmd/internal/simulate -run 'TestSeeds$$' $(if $(SEED),-v -seed $(SEED),-first $(FIRST) -seeds $(SEEDS))

HISTORIES ?= 200
PAIRS ?= 5000

histories: tools
	.ci/postgres go test -count=1 -timeout 120m ./cmd/internal/simulate -run 'TestHistories$$' -first $(FIRST) -histories $(HISTORIES)
	PAIRS=$(PAIRS) .ci/postgres go test -count=1 -timeout 120m ./cmd/internal/app -run 'TestUndoOfAMassChange$$' -v

bench: tools
	.ci/postgres --durable go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m $(PACKAGES)

build: tools
	CGO_ENABLED=0 go build -trimpath -o duolog ./cmd/duolog

fmt: tools
	$(LINT) fmt

tools:
	@.ci/install go
