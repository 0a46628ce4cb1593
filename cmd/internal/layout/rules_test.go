package layout

import (
	"slices"
	"strings"
)

const module = "github.com/duolog/duolog"

// topLevel are the folders at the root, besides those whose name begins with a dot.
var topLevel = []string{"adapters", "cmd", "domain", "eventstore", "migrations", "projections"}

// rule says what the packages under a folder may import. The standard library, and a folder's own packages, always
// may be, except as denied.
type rule struct {
	folder string   // the longest that matches a package applies
	allow  []string // import paths; those beneath count too
	deny   []string // import paths never to be had, whatever else says; these only
	others bool     // any third-party module
}

const (
	ulid      = "github.com/oklog/ulid/v2"
	phones    = "github.com/nyaruka/phonenumbers"
	goose     = "github.com/pressly/goose/v3"
	pgx       = "github.com/jackc/pgx/v5"
	sqlite    = "modernc.org/sqlite"
	xmod      = "golang.org/x/mod"
	contracts = module + "/eventstore"
)

// impure is what could make the same input give another decision, or reach outside.
var impure = []string{
	"crypto/rand", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http",
	"os", "os/exec", "os/signal", "syscall", "unsafe",
}

// rules is DESIGN's table, one line a folder.
var rules = []rule{
	{folder: "cmd", allow: []string{module}, others: true},
	{folder: "domain", allow: []string{ulid, phones}, deny: impure},
	{folder: "eventstore", allow: []string{ulid, xmod}},
	{folder: "eventstore/sqlite", allow: []string{contracts, module + "/migrations", ulid, goose, sqlite}},
	{folder: "eventstore/postgres", allow: []string{contracts, module + "/migrations", ulid, goose, pgx}},
	{folder: "eventstore/eventstoretest", allow: []string{contracts, ulid, pgx, sqlite}},
	{folder: backends, allow: []string{contracts, module + "/migrations", pgx}},
	{folder: "projections", allow: []string{module + "/domain", contracts, ulid}},
	{folder: "adapters", allow: []string{module + "/domain", contracts, module + "/projections"}, others: true},
	{folder: "migrations"},
}

// private are packages only some may know.
var private = []struct {
	pkg    string
	to     []string // the folders that may import it, besides its own
	reason string
}{
	{module + "/eventstore/sqlite", []string{"cmd", backends, examples}, "only the wiring knows a backend"},
	{module + "/eventstore/postgres", []string{"cmd", backends, examples}, "only the wiring knows a backend"},
	{module + "/eventstore/eventstoretest", nil, "it is for tests"},
	{module + "/adapters/adaptertest", nil, "it is for tests"},
	{module + "/adapters/httpapi/bench", []string{"cmd"}, "it knows a system, so only the wiring knows it"},
	{module + "/projections/outbound/outbox", []string{"projections/outbound", "adapters", "cmd"}, "what rebuilds must not know how to send"},
	{module + "/adapters/hubspot", wiring, "only the wiring knows a system"},
	{module + "/adapters/aloware", wiring, "only the wiring knows a system"},
	{pgx, []string{"eventstore", examples}, "only a backend knows its driver"},
	{sqlite, []string{"eventstore"}, "only a backend knows its driver"},
	{"modernc.org/libc", nil, "only a backend knows its driver"},
}

// wiring puts systems together: the program, and the benchmark of ingest. What that measures is the whole way in, real
// signatures and real translation included, so it needs a real system; nothing but cmd and tests imports it, which
// the list of private packages holds it to.
var wiring = []string{"cmd", "adapters/httpapi/bench"}

// examples are programs of others: services that read our events, with a driver of their own.
const examples = "adapters/stream/examples"

// backends is the test helper that opens both.
const backends = "eventstore/eventstoretest/backends"

// wrongArrow says why a package of the folder must not import path, or "".
func wrongArrow(folder, path string) string {
	for _, p := range private {
		home, ours := strings.CutPrefix(p.pkg, module+"/")
		if inside(path, p.pkg) && !inside(folder, p.to...) && (!ours || !inside(folder, home)) {
			return p.reason
		}
	}
	r, ok := ruleOf(folder)
	switch {
	case !ok:
		return "no rule for this folder"
	case slices.Contains(r.deny, path):
		return r.folder + " must not import it"
	case isStandard(path), inside(path, r.allow...), inside(path, module+"/"+r.folder):
		return ""
	case r.others && !inside(path, module):
		return ""
	default:
		return "DESIGN.md, Layout and import rules, has no such arrow"
	}
}

// ruleOf finds the rule with the longest folder.
func ruleOf(folder string) (rule, bool) {
	var best rule
	for _, r := range rules {
		if inside(folder, r.folder) && len(r.folder) > len(best.folder) {
			best = r
		}
	}
	return best, best.folder != ""
}

// inside tells whether the path is one of the parents or beneath one.
func inside(path string, parents ...string) bool {
	return slices.ContainsFunc(parents, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// isStandard: the first element of any other import path holds a dot.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
