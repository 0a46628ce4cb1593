package catalogs

import (
	"context"
	"fmt"
	"slices"

	"github.com/duolog/duolog/domain"
)

// ViewSpec is a catalog as people see it: what HubSpot has, and beside it what Aloware has for the same thing.
type ViewSpec struct {
	Name    string // as typed: contact-dispositions
	HubSpot []domain.Catalog
	Aloware domain.Catalog // empty: HubSpot's alone
	Pull    string         // what brings it up to date
	// Menu is where Aloware shows it, in its own words; empty: nowhere, or only beside a call.
	Menu string
}

// Views lists the catalogs people can look at, deals excepted, which are read in pages.
var Views = []ViewSpec{
	{
		Name: "contact-dispositions", HubSpot: []domain.Catalog{domain.LeadStatuses}, Aloware: domain.ContactDispositions,
		Pull: "lead-statuses", Menu: "Account menu > Contact dispositions",
	},
	{
		Name: "call-dispositions", HubSpot: []domain.Catalog{domain.CallOutcomes}, Aloware: domain.CallDispositions,
		Pull: "call-outcomes", Menu: "Account menu > Call Dispositions",
	},
	{Name: "activity-types", HubSpot: []domain.Catalog{domain.CallTypes, domain.MeetingTypes}, Pull: "activity-types"},
	{Name: "lifecycle-stages", HubSpot: []domain.Catalog{domain.LifecycleStages}, Pull: "lead-statuses"},
	{Name: "pipelines", HubSpot: []domain.Catalog{domain.Pipelines}, Pull: "deals"},
	{Name: "owners", HubSpot: []domain.Catalog{domain.Owners}, Aloware: domain.Users, Pull: "owners"},
}

// DealsView is the name of the catalog of deals.
const DealsView = "deals"

// ViewNamed returns the catalog of that name, nil when there is none.
func ViewNamed(name string) *ViewSpec {
	i := slices.IndexFunc(Views, func(v ViewSpec) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &Views[i]
}

// Declared reports a catalog whose entries in Aloware nobody can list: a person says what their ids are.
func (v ViewSpec) Declared() bool {
	return v.Aloware == domain.ContactDispositions || v.Aloware == domain.CallDispositions
}

// States of a row.
const (
	Synced      = "synced"       // HubSpot has it
	Unlocked    = "unlocked"     // a disposition that HubSpot had: kept, and anyone's to change in Aloware
	Gone        = "gone"         // HubSpot had it
	AlowareOnly = "aloware_only" // HubSpot never had it
)

// Ways in which the two sides of a row were put together.
const (
	ByDeclaration = "declared"
	ByLabel       = "label"
	ByEmail       = "email"
)

// Row is an entry with what stands for it on the other side. Aloware stands left.
type Row struct {
	Catalog domain.Catalog `json:"catalog"` // HubSpot's
	State   string         `json:"state"`
	Aloware *Entry         `json:"aloware,omitempty"`
	By      string         `json:"by,omitempty"`
	HubSpot *Entry         `json:"hubspot,omitempty"`
}

// View reads a catalog, HubSpot's entries first, each list in its system's order.
func (r *Reader) View(ctx context.Context, v ViewSpec) ([]Row, error) {
	var declared, seen []Entry
	var err error
	if v.Aloware != "" {
		if declared, err = r.Entries(ctx, Source{domain.Aloware, v.Aloware}); err != nil {
			return nil, err
		}
		if seen, err = r.Seen(ctx, v.Aloware); err != nil {
			return nil, err
		}
	}
	m := newMatch(declared, seen)
	var rows []Row
	for _, c := range v.HubSpot {
		entries, err := r.Entries(ctx, Source{domain.HubSpot, c})
		if err != nil {
			return nil, fmt.Errorf("catalog %s: %w", v.Name, err)
		}
		// One that is gone must not take what stands for another made in its place.
		slices.SortStableFunc(entries, func(a, b Entry) int { return isGone(a) - isGone(b) })
		for _, e := range entries {
			row := Row{Catalog: c, State: Synced, HubSpot: &e}
			if e.GoneAt != nil {
				row.State = Gone
				if v.Declared() {
					row.State = Unlocked
				}
			}
			row.Aloware, row.By = m.take(e)
			rows = append(rows, row)
		}
	}
	for _, e := range m.left() {
		rows = append(rows, Row{Catalog: v.HubSpot[0], State: AlowareOnly, Aloware: &e})
	}
	return rows, nil
}

// Shown leaves out what is Aloware's alone from a catalog of dispositions: while the integration is on, only those
// synced from HubSpot are for use. hidden counts them.
func (v ViewSpec) Shown(rows []Row, integrated bool) (shown []Row, hidden int) {
	if !integrated || !v.Declared() {
		return rows, 0
	}
	for _, r := range rows {
		if r.State == AlowareOnly {
			hidden++
			continue
		}
		shown = append(shown, r)
	}
	return shown, hidden
}

func isGone(e Entry) int {
	if e.GoneAt != nil {
		return 1
	}
	return 0
}
