package layout

import (
	"go/ast"
	"strings"
	"testing"
)

// unstored are files that read payloads which are those of today: none came out of a log, or somebody brought them there.
var unstored = map[string]string{
	"adapters/dispatch/settle.go":          "events about to be written",
	"adapters/ingest/append.go":            "events about to be written",
	"adapters/ingest/raw.go":               "events about to be written",
	"adapters/stream/filter.go":            "changes made when they are asked for",
	"cmd/duolog/events.go":                 "changes made when they are asked for",
	"eventstore/eventstoretest/fixture.go": "events of the test's own",
	"projections/catalogs/decode.go":       "the runner brought them there",
	"projections/contacts/decode.go":       "the runner brought them there",
	"projections/history/owners.go":        "the runner brought them there",
	"projections/erased/erased.go":         "an event about to be stored is of today's schema",
	"projections/operations/decode.go":     "the runner brought them there",
	"projections/projection.go":            "the runner brought them there",
	"projections/replay/bench.go":          "what a replay is measured against",
}

// TestStoredPayloadsAreUpcast: what a log holds is read by domain.Decode, never past the chain of upcasters: the first
// schema 2 of a type would be misread. An input of the planner's is at today's schema.
func TestStoredPayloadsAreUpcast(t *testing.T) {
	_, files := sources(t)
	calls := 0
	for _, f := range files {
		ast.Inspect(f.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 || !isCall(call, "json", "Unmarshal") {
				return true
			}
			calls++
			of, ok := call.Args[0].(*ast.SelectorExpr)
			if !ok || of.Sel.Name != "Data" || strings.HasPrefix(f.path, "domain/") || unstored[f.path] != "" {
				return true
			}
			if x, ok := of.X.(*ast.Ident); !ok || x.Name != "in" {
				t.Errorf("%s reads a payload past the upcasters: use domain.Decode", f.path)
			}
			return true
		})
	}
	if calls == 0 {
		t.Error("nothing was looked at")
	}
}

func isCall(call *ast.CallExpr, pkg, name string) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != name {
		return false
	}
	x, ok := f.X.(*ast.Ident)
	return ok && x.Name == pkg
}
