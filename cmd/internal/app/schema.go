package app

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// withShown adds to the properties Aloware documents those that records there were seen to have: it lists none.
func withShown(declared []domain.Property, shown map[string]int64) []domain.Property {
	all := slices.Clone(declared)
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		if !slices.ContainsFunc(declared, func(p domain.Property) bool { return p.Name == name }) {
			all = append(all, domain.Property{Name: name, Type: domain.Text, Declared: true})
		}
	}
	return all
}

// observed are the schemas to be told in the log: one that is new with all it holds, one that is not without, unless
// that was told lately.
func observed(c planner.Control, props map[domain.System][]domain.Property, now time.Time) []domain.Schema {
	var out []domain.Schema
	for _, s := range domain.Systems {
		o := domain.Schema{System: s, Clock: now.UnixMicro(), Properties: ordered(props[s])}
		o.Digest = digestOf(o.Properties)
		was := c.Schemas[s]
		switch {
		case was.Digest != o.Digest:
		case now.Sub(time.UnixMicro(was.Clock)) < gateTold:
			continue
		default:
			o.Properties = nil
		}
		out = append(out, o)
	}
	return out
}

// ordered lists properties and their options by name: a system lists them as it likes.
func ordered(props []domain.Property) []domain.Property {
	props = slices.Clone(props)
	slices.SortFunc(props, func(a, b domain.Property) int { return cmp.Compare(a.Name, b.Name) })
	for i := range props {
		props[i].Options = slices.Clone(props[i].Options)
		slices.SortFunc(props[i].Options, func(a, b domain.Option) int { return cmp.Compare(a.Value, b.Value) })
	}
	return props
}

// digestOf tells one list of properties from another.
func digestOf(props []domain.Property) string {
	b, err := json.Marshal(props)
	if err != nil {
		panic("a property did not marshal: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
