package app

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/operations"
	"github.com/duolog/duolog/projections/outbound"
)

// planSamples is how many of a plan's rows show values.
const planSamples = 10

// estimate counts what an operation would do, contact by contact.
type estimate struct {
	spec    domain.PlanSpec
	counts  map[string]int64
	why     map[string]int64
	numbers map[string]bool
	// claims are the match keys of those who would be made, and the records that would be linked: nobody else gets them.
	claims  map[identity.Key]bool
	linked  map[domain.Record]bool
	samples int
}

func newEstimate(s domain.PlanSpec) estimate {
	return estimate{
		spec: s, counts: map[string]int64{}, why: map[string]int64{}, numbers: map[string]bool{},
		claims: map[identity.Key]bool{}, linked: map[domain.Record]bool{},
	}
}

// take counts a contact once, under the first thing that fits, and returns its row when something would be done.
func (e *estimate) take(v outbound.Previewed) (operations.Row, bool) {
	if source := e.spec.Source(); source.Valid() && !v.Stands[source] {
		return operations.Row{}, false // no business of this operation
	}
	e.counts[domain.CountContacts]++
	what, outgoing := e.what(v)
	for _, l := range v.Left {
		e.why[l.Field+": "+said(l.Result, l.Rule)]++
	}
	switch {
	case e.contested(v, what, outgoing):
		e.counts[domain.CountBlocked]++
		return operations.Row{}, false
	case what.Create.Valid():
		e.counts["creates_"+string(what.Create)]++
	case len(what.Updates) > 0:
		for _, s := range what.Updates {
			e.counts["updates_"+string(s)]++
		}
	case what.Link:
		e.counts[domain.CountLinks]++
	case what.Hold:
		e.counts[domain.CountAmbiguous]++
	default:
		e.counts[e.idle(v)]++
		return operations.Row{}, false
	}
	row := operations.Row{Contact: v.Contact, Digest: v.Digest, What: what}
	if len(outgoing) > 0 && e.samples < planSamples {
		e.samples++
		row.Subject, row.Sample = outgoing[0].Source.Stream(), sampleOf(v, outgoing[0], what)
	}
	return row, true
}

// what sums the decisions up, with the writes they lead to.
func (e *estimate) what(v outbound.Previewed) (what operations.What, outgoing []planner.Outgoing) {
	fields := map[string]bool{}
	for _, p := range v.Planned {
		for _, o := range p.Outgoing {
			switch {
			case o.Kind == domain.KindCreate:
				what.Create = o.System
			case o.Kind == domain.KindUpdate && !o.Urgent && !slices.Contains(what.Updates, o.System):
				what.Updates = append(what.Updates, o.System)
			case o.Kind != domain.KindUpdate || o.Urgent:
				continue
			}
			outgoing = append(outgoing, o)
		}
		for _, f := range p.Decision.Fields {
			if f.Result == planner.Sent {
				fields[f.Field], what.Why = true, cmp.Or(what.Why, f.Rule)
			}
		}
		if w := p.Decision.Whole; w != nil {
			what.Link = what.Link || w.Result == planner.LinkedUp
			what.Hold = what.Hold || w.Result == planner.HeldBack
			if w.Result == planner.LinkedUp || w.Result == planner.HeldBack {
				what.Why = w.Rule
			}
		}
	}
	slices.Sort(what.Updates)
	what.Fields = slices.Sorted(maps.Keys(fields))
	return what, outgoing
}

// contested reports a contact whose place another one of this plan takes.
func (e *estimate) contested(v outbound.Previewed, what operations.What, outgoing []planner.Outgoing) bool {
	var keys []identity.Key
	for _, k := range v.Keys {
		if what.Create == domain.Aloware && k.Kind == identity.KindPhone || what.Create == domain.HubSpot && k.Kind == identity.KindEmail {
			keys = append(keys, k)
		}
	}
	taken := slices.ContainsFunc(keys, func(k identity.Key) bool { return e.claims[k] })
	var records []domain.Record
	for _, p := range v.Planned {
		if w := p.Decision.Whole; w != nil && w.Result == planner.LinkedUp {
			records = append(records, w.Others...)
		}
	}
	if taken || slices.ContainsFunc(records, func(r domain.Record) bool { return e.linked[r] }) {
		e.why["shared with another contact of this plan"]++
		return true
	}
	for _, k := range keys {
		e.claims[k] = true
	}
	for _, r := range records {
		e.linked[r] = true
	}
	for _, o := range outgoing {
		if o.Kind == domain.KindCreate && o.System == domain.Aloware && o.Phone != "" {
			e.numbers[o.Phone] = true
		}
	}
	return false
}

// idle is under what a contact counts for which nothing would be done.
func (e *estimate) idle(v outbound.Previewed) string {
	switch {
	case v.Parked:
		e.why["parked: a person has to look first"]++
		return domain.CountBlocked
	case v.Held:
		return domain.CountAmbiguous
	}
	if !v.Stands[domain.Aloware] || !v.Stands[domain.HubSpot] {
		return e.alone(v.Creation)
	}
	kept := ""
	for _, l := range v.Left {
		switch l.Result {
		case planner.Impossible, planner.Refused, planner.Invalid:
			return domain.CountImpossible
		case planner.Kept:
			kept = cmp.Or(kept, domain.CountApart)
		default:
			kept = domain.CountBlocked
		}
	}
	return cmp.Or(kept, e.reading(v), domain.CountUnchanged)
}

// reading is pending, for a contact that has to be read first.
func (e *estimate) reading(v outbound.Previewed) string {
	for _, p := range v.Planned {
		for _, c := range p.Decision.Commands {
			if c.Kind == domain.KindRead || c.Kind == domain.KindLookup {
				return domain.CountPending
			}
		}
	}
	return ""
}

// alone is under what a contact counts that stands on one side and stays there.
func (e *estimate) alone(c planner.Creation) string {
	if c.Result == "" && !c.Command.IsZero() {
		return domain.CountPending
	}
	if c.Result == "" {
		return domain.CountUnchanged
	}
	e.why[said(c.Result, c.Rule)]++
	switch {
	case c.Result == planner.HeldBack:
		return domain.CountAmbiguous
	case c.Result == planner.Refused, c.Result == planner.OutOfScope && strings.HasPrefix(c.Rule, "no usable"):
		return domain.CountImpossible
	}
	return domain.CountBlocked
}

// said names a reason without the records in it.
func said(r planner.Result, rule string) string {
	rule, _, _ = strings.Cut(rule, " with aloware:")
	rule, _, _ = strings.Cut(rule, " with hubspot:")
	if rule == "" {
		return string(r)
	}
	return string(r) + ": " + rule
}

// sampleOf shows the first value that would be written for a person.
func sampleOf(v outbound.Previewed, o planner.Outgoing, what operations.What) *operations.Sample {
	set := v.View.Control.Settings
	s := &operations.Sample{System: o.System, Why: what.Why, Person: personOf(set, v.View, o.Source)}
	if o.Kind == domain.KindCreate {
		s.After = cmp.Or(o.Phone, "new")
		s.Why = "only in " + o.System.Other().Title()
		return s
	}
	for _, property := range slices.Sorted(maps.Keys(o.Values)) {
		for _, f := range set.Fields {
			if side := f.Side(o.System); side.Write == property {
				s.Field, s.Before, s.After = f.Name, v.View.Shown(o.Record, side.Read), domain.Scalar(o.Values[property])
				return s
			}
		}
	}
	return s
}

// personOf is what a person is called.
func personOf(set settings.Settings, v *planner.View, r domain.Record) string {
	var names []string
	for _, name := range []string{"first_name", "last_name", "email", settings.PhoneField} {
		f, ok := set.Field(name)
		if !ok || len(names) > 0 && name != "last_name" {
			continue
		}
		if text := v.Shown(r, f.Side(r.System).Read); text != "" {
			names = append(names, text)
		}
	}
	return strings.Join(names, " ")
}

// Calls a write takes. Aloware is looked at before and after each; HubSpot takes a hundred at once, of at most so many
// calls a second.
const (
	alowareCalls     = 3
	hubspotBatch     = 100
	hubspotPerSecond = 11
	micros           = 1_000_000
)

// price says what it all comes to, in money and time.
func (e *estimate) price(p *domain.Plan, s settings.Settings) {
	e.counts[domain.CountNumbers] = int64(len(e.numbers))
	p.Counts, p.Why = e.counts, e.why
	p.Cost = int64(float64(len(e.numbers))*s.Cost.LRNPerNumberUSD*micros + 0.5)
	aloware := float64(e.counts[domain.CountCreatesAloware]+e.counts[domain.CountUpdatesAloware]) * alowareCalls / max(s.Limits.AlowarePerSecond, 0.01)
	hubspot := float64(e.counts[domain.CountCreatesHubSpot]+e.counts[domain.CountUpdatesHubSpot]) / hubspotBatch /
		(hubspotPerSecond * float64(max(s.Limits.HubSpotShare, 1)) / 100)
	p.Seconds = int64(max(aloware, hubspot))
	if p.Rows > 0 {
		p.Seconds = max(p.Seconds, 1)
	}
}
