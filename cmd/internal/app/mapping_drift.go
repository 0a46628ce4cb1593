package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
)

// drift finds what has changed in HubSpot's properties that are mapped since the mapping was looked over last.
func (m *mappingCheck) drift(before, now []domain.Property, since time.Time) {
	if len(before) == 0 || len(now) == 0 {
		return
	}
	for _, f := range m.settings.Fields {
		was, is := named(before, f.HubSpot.Read), named(now, f.HubSpot.Read)
		if was.Name == "" {
			continue
		}
		for _, what := range differences(was, is) {
			m.found("fields."+f.Name, fmt.Sprintf("since %s, %s in HubSpot %s", since.Format(time.DateOnly), was.Name, what),
				"see that the field still does what it should, then: duolog mapping check --reviewed --reason WHY")
		}
	}
}

// differences says in words what became of a property.
func differences(was, is domain.Property) []string {
	if is.Name == "" {
		return []string{"was removed"}
	}
	var out []string
	if was.Type != is.Type {
		out = append(out, fmt.Sprintf("is %s, and was %s", is.Type, was.Type))
	}
	if was.ReadOnly != is.ReadOnly {
		out = append(out, map[bool]string{true: "became read-only", false: "can be written now"}[is.ReadOnly])
	}
	if added := lacking(is.Options, was.Options); len(added) > 0 {
		out = append(out, "has the new options "+strings.Join(added, ", "))
	}
	if gone := lacking(was.Options, is.Options); len(gone) > 0 {
		out = append(out, "lost the options "+strings.Join(gone, ", "))
	}
	return out
}

// lacking lists the options of some that others do not have: another label is another option to who reads it.
func lacking(some, others []domain.Option) []string {
	var out []string
	for _, o := range some {
		if !slices.Contains(others, o) {
			out = append(out, fmt.Sprintf("%s (%s)", o.Label, o.Value))
		}
	}
	return out
}
