package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/duolog/duolog/projections/replay"
)

// Effect is what a version of the settings caused: what would have been under the version before it.
type Effect struct {
	Version, Before int
	replay.Forecast
}

// effectTables tell how much came out differently, and what.
func (b *book) effectTables() []Table {
	much := Table{Key: "effects", Title: "What new settings caused", Columns: []string{
		"settings", "compared with", "inputs", "contacts", "began to differ", "later differences", "ended otherwise",
	}}
	what := Table{Key: "different", Title: "Decisions that came out differently, by the first one of each contact", Columns: []string{
		"settings", "field", "decided", "would have been", "rule", "first", "contacts",
	}}
	for _, e := range b.Effects {
		v := versionWord(e.Version)
		much.Rows = append(much.Rows, []any{v, versionWord(e.Before), e.Inputs, e.Contacts, e.Begin, e.Later, e.Ends})
		times, first := tally{}, map[key]int64{}
		for _, d := range e.First {
			k := key{d.Field, cmp.Or(d.Was, "nothing"), cmp.Or(d.Would, "nothing"), d.Rule}
			if times[k]++; times[k] == 1 {
				first[k] = d.Input
			}
		}
		for _, k := range slices.SortedFunc(maps.Keys(times), func(x, y key) int {
			return cmp.Or(cmp.Compare(times[y], times[x]), compareKeys(x, y))
		}) {
			what.Rows = append(what.Rows, []any{v, k[0], k[1], k[2], k[3], Position(first[k]), times[k]})
		}
	}
	return []Table{much, what}
}
