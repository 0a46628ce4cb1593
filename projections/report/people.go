package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// peopleSection tells who did what: how often, and one by one what makes others see personal data.
func (b *book) peopleSection() Section {
	return Section{Key: "people", Title: "People", Tables: filled(b.actsTable(),
		listed("tokens", "Tokens", b.of(domain.TokenCreated, domain.TokenRevoked)), b.exportsTable(), b.readsTable())}
}

func (b *book) actsTable() Table {
	times, last := tally{}, map[key]time.Time{}
	for _, a := range b.acts {
		k := key{a.by, a.kind}
		times[k]++
		last[k] = latest(last[k], a.at)
	}
	t := Table{Key: "acts", Title: "Acts by actor", Columns: []string{"by", "act", "count", "last"}}
	for _, k := range slices.SortedFunc(maps.Keys(times), compareKeys) {
		t.Rows = append(t.Rows, []any{k[0], k[1], times[k], last[k]})
	}
	return t
}

func compareKeys(a, b key) int { return slices.Compare(a[:], b[:]) }

func (b *book) exportsTable() Table {
	t := Table{Key: "exports", Title: "Exports", Columns: []string{"position", "at", "by", "whose", "events", "readable", "reason"}}
	for _, a := range b.of(domain.ExportMade) {
		whose, readable := "everybody's", "yes"
		switch {
		case a.Name == domain.ExportedHead: // it holds nobody's data
			continue
		case a.Name == domain.ExportedMaster:
			whose = "the master key"
		case a.Contact != (ulid.ULID{}):
			whose = "contact " + a.Contact.String()
		}
		events := int64(0)
		if a.Export != nil {
			events = a.Export.Events
			if a.Export.Sealed {
				readable = "no"
			}
		}
		t.Rows = append(t.Rows, []any{Position(a.position), a.at, a.by, whose, events, readable, a.Reason})
	}
	return t
}

// reads counts what somebody looked at.
type reads struct {
	times    int64
	contacts map[ulid.ULID]bool
	last     time.Time
}

func (b *book) readsTable() Table {
	all := map[key]*reads{}
	for _, a := range b.of(domain.AccessMade) {
		if a.Access == nil {
			continue
		}
		k := key{a.by, a.Access.What}
		if all[k] == nil {
			all[k] = &reads{contacts: map[ulid.ULID]bool{}}
		}
		r := all[k]
		r.times++
		r.last = latest(r.last, a.at)
		for _, id := range a.Access.Contacts {
			r.contacts[id] = true
		}
	}
	t := Table{Key: "reads", Title: "Reads of personal data", Columns: []string{"by", "what", "count", "people", "last"}}
	for _, k := range slices.SortedFunc(maps.Keys(all), compareKeys) {
		r := all[k]
		t.Rows = append(t.Rows, []any{k[0], k[1], r.times, int64(len(r.contacts)), r.last})
	}
	return t
}

// actorsSection lists all acts, those of one actor in one table.
func (b *book) actorsSection() Section {
	s := Section{Key: "actors", Title: "Acts by actor"}
	sorted := slices.SortedStableFunc(slices.Values(b.acts), func(x, y act) int { return cmp.Compare(x.by, y.by) })
	for len(sorted) > 0 {
		by := sorted[0].by
		n := slices.IndexFunc(sorted, func(a act) bool { return a.by != by })
		if n < 0 {
			n = len(sorted)
		}
		t := listed(by, by, sorted[:n])
		s.Tables, sorted = append(s.Tables, t), sorted[n:]
	}
	if len(s.Tables) == 0 {
		s.Notes = []string{"Nobody did anything."}
	}
	return s
}
