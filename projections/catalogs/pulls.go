package catalogs

import (
	"slices"

	"github.com/duolog/duolog/domain"
)

// Source is a catalog of a system.
type Source struct {
	System  domain.System  `json:"system"`
	Catalog domain.Catalog `json:"catalog"`
}

func (s Source) String() string { return string(s.System) + "/" + string(s.Catalog) }

// PullSpec is one of the pulls a person can ask for.
type PullSpec struct {
	Name    string // as typed: lead-statuses
	Title   string // as told: lead statuses
	Sources []Source
}

// Pulls lists them, in the document's order.
var Pulls = []PullSpec{
	{"lead-statuses", "lead statuses", hubspot(domain.LeadStatuses, domain.LifecycleStages)},
	{"call-outcomes", "call outcomes", hubspot(domain.CallOutcomes)},
	{"activity-types", "activity types", hubspot(domain.CallTypes, domain.MeetingTypes)},
	{"deals", "deals", hubspot(domain.Pipelines, domain.Deals)},
	{"owners", "owners", append(hubspot(domain.Owners), Source{domain.Aloware, domain.Users})},
}

func hubspot(catalogs ...domain.Catalog) []Source {
	var out []Source
	for _, c := range catalogs {
		out = append(out, Source{domain.HubSpot, c})
	}
	return out
}

// PullNamed returns the pull of that name, nil when there is none.
func PullNamed(name string) *PullSpec {
	i := slices.IndexFunc(Pulls, func(p PullSpec) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &Pulls[i]
}
