package scale

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/outbound"
)

// TestCopiesAreWhatTheEngineMakes: folding the log from its beginning gives the rows that were copied.
func TestCopiesAreWhatTheEngineMakes(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		ctx := t.Context()
		c, err := Fill(ctx, store, "many", chunk+3, nil)
		if err != nil {
			t.Fatal(err)
		}
		report, err := eventstore.Verify(ctx, store, "many", nil)
		if err != nil || !report.OK() || report.Events != c.Events || report.Events < 5*int64(c.Contacts) {
			t.Fatalf("verify: %+v, %v", report, err)
		}
		copied := c.contents(t)
		e := newEngine(store, c.Log)
		for _, name := range []string{contacts.Name, history.Name} {
			if err := e.runner.Rebuild(ctx, name, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := outbound.Rebuild(ctx, store, c.Log, nil); err != nil {
			t.Fatal(err)
		}
		folded := c.contents(t)
		for i, table := range c.pattern.tables {
			if len(copied[i]) == 0 && table.name != "contact_field" {
				t.Errorf("%s is empty", table.name)
			}
			if !slices.Equal(copied[i], folded[i]) {
				t.Errorf("%s: %d rows copied, %d folded, first unlike:\n%s", table.name, len(copied[i]), len(folded[i]),
					firstUnlike(copied[i], folded[i]))
			}
		}
	})
}

// contents are the rows of each table, opened and sorted, but for the version they belong to.
func (c *Connection) contents(t *testing.T) [][]string {
	t.Helper()
	out := make([][]string, len(c.pattern.tables))
	for i, table := range c.pattern.tables {
		rows, err := table.read(t.Context(), c.Store, c.Log)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			row[table.column("version")] = "any"
			out[i] = append(out[i], sortedKeys(fmt.Sprintf("%s", row)))
		}
		slices.Sort(out[i])
	}
	return out
}

var keyList = regexp.MustCompile(`"keys":\[[^]]*\]`)

// sortedKeys puts blind keys in one order: they are a set, and stand in the order of their bytes.
func sortedKeys(row string) string {
	return keyList.ReplaceAllStringFunc(row, func(list string) string {
		keys := strings.Split(strings.TrimSuffix(strings.TrimPrefix(list, `"keys":[`), "]"), ",")
		slices.Sort(keys)
		return strings.Join(keys, ",")
	})
}

func firstUnlike(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\n" + b[i]
		}
	}
	return "none"
}
