package app

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// addGate says what of the mapping does not fit, what that switches off, and since when that is known.
func addGate(s *httpapi.Status, c planner.Control) {
	if len(c.Schemas) == len(domain.Systems) {
		at := lastLook(c).UTC()
		s.Checked = &at
	}
	if c.Shut {
		s.Gate = cmp.Or(faultWords(c.Faults[""]), "a locked or required field does not fit")
		s.Needs = append(s.Needs, "the gate is shut, nothing is sent: "+s.Gate+" (duolog doctor says how to mend it)")
		s.Shut = append(s.Shut, shutBy("sync", c.Faults[""])...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.ShutFields)) {
		s.Needs = append(s.Needs, "field "+name+" is shut: "+c.ShutFields[name]+" (duolog doctor says how to mend it)")
		s.Shut = append(s.Shut, shutBy(name, c.Faults[name])...)
	}
}

func shutBy(name string, faults []domain.Fault) []httpapi.Shut {
	out := make([]httpapi.Shut, len(faults))
	for i, f := range faults {
		out[i] = httpapi.Shut{Shuts: name, Field: f.Field, Found: f.Found, Wanted: f.Wanted, Fix: f.Fix}
	}
	return out
}

// gateFindings tells what the owner found when it looked last, for who asks what to mend.
func gateFindings(s httpapi.Status, now time.Time) []Finding {
	if s.Checked == nil {
		return []Finding{{Name: "gate", OK: true, Detail: "not checked yet: duolog serve checks before it sends anything"}}
	}
	when := "checked " + s.Checked.Format(time.RFC3339) + ", " + now.Sub(*s.Checked).Round(time.Minute).String() + " ago"
	if len(s.Shut) == 0 {
		return []Finding{{Name: "gate", OK: true, Detail: "open, " + when}}
	}
	out := make([]Finding, len(s.Shut))
	for i, f := range s.Shut {
		out[i] = Finding{
			Name: "gate of " + f.Shuts, Detail: f.Field + ": found " + f.Found + ", wanted " + f.Wanted + " (" + when + ")",
			Fix: f.Fix + "; the gate opens by itself at the next check, within a day or when duolog serve starts",
		}
	}
	return out
}
