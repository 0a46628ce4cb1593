package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/outbound"
)

// opReview is the operation by which a person says that they looked the mapping over.
const opReview = "mapping review"

// MappingReport holds the mapping in force against what HubSpot has now, or had when it was looked at last, and what
// Aloware documents and has shown.
func (a *App) MappingReport(ctx context.Context) (httpapi.MappingReport, error) {
	now, err := a.SettingsNow(ctx)
	if err != nil {
		return httpapi.MappingReport{}, err
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return httpapi.MappingReport{}, err
	}
	m := mappingCheck{settings: now.Settings, control: control, report: httpapi.MappingReport{
		Version: now.Version, Fields: []httpapi.MappingField{}, Faults: []settings.Fault{},
		Findings: []httpapi.MappingFinding{}, Unmapped: []httpapi.MappingPerson{},
	}}
	if m.lists, err = outbound.Lists(ctx, a.Store, a.Log); err != nil {
		return m.report, err
	}
	against, props, err := a.propertiesNow(ctx, now.Settings, control)
	if err != nil {
		return m.report, err
	}
	m.against(against, props)
	reviewed, position, err := a.reviewedLast(ctx, now)
	if err != nil {
		return m.report, err
	}
	before, err := a.schemaAt(ctx, domain.HubSpot, position)
	if err != nil {
		return m.report, err
	}
	m.drift(before, props, reviewed)
	m.due(reviewed, a.now())
	m.report.OK = len(m.report.Faults)+len(m.report.Findings) == 0
	return m.report, nil
}

// MappingFaults says what of settings does not fit both systems.
func (a *App) MappingFaults(ctx context.Context, s settings.Settings) ([]settings.Fault, error) {
	c, err := a.CheckMapping(ctx, s)
	return c.Faults, err
}

// MappingReviewed takes note that a person looked the mapping over: the next review is due from then on, and drift is
// told against what HubSpot has now.
func (a *App) MappingReviewed(ctx context.Context, by httpapi.By) (httpapi.Done, error) {
	return a.Act(ctx, domain.OperationFinished, domain.Act{Name: opReview, Reason: by.Reason}, by)
}

// reviewedLast is when a person looked the mapping over last, or changed the settings.
func (a *App) reviewedLast(ctx context.Context, now SettingsVersion) (at time.Time, position int64, err error) {
	at, position = now.At, now.Position
	for after := position; ; {
		events, err := a.Log.ReadStream(ctx, streamConnection, after, 500)
		if err != nil || len(events) == 0 {
			return at, position, err
		}
		for _, e := range events {
			after = e.Position
			var act domain.Act
			if e.Type == domain.OperationFinished && domain.Decode(e.Type, e.Schema, e.Data, &act) == nil && act.Name == opReview {
				at, position = time.UnixMicro(e.RecordedAt).UTC(), e.Position
			}
		}
	}
}

// schemaAt returns a system's properties as they were looked at first after a position, or, when they were not since,
// last before it: whoever changes the settings has them checked right after.
func (a *App) schemaAt(ctx context.Context, s domain.System, position int64) (found []domain.Property, err error) {
	for after := int64(0); ; {
		events, err := a.Log.ReadStream(ctx, domain.StreamSchema+string(s), after, 100)
		if err != nil || len(events) == 0 {
			return found, err
		}
		for _, e := range events {
			after = e.Position
			var o domain.Schema
			if err := domain.Decode(e.Type, e.Schema, e.Data, &o); err != nil {
				return nil, fmt.Errorf("%s at %d: %w", e.Type, e.Position, err)
			}
			if len(o.Properties) > 0 { // else they are those told before
				found = o.Properties
			}
			if e.Position > position && found != nil {
				return found, nil
			}
		}
	}
}

// mappingCheck is one look at the mapping.
type mappingCheck struct {
	settings settings.Settings
	control  planner.Control
	lists    settings.Lists
	report   httpapi.MappingReport
}

func (m *mappingCheck) found(field, what, fix string) {
	m.report.Findings = append(m.report.Findings, httpapi.MappingFinding{Field: field, Found: what, Fix: fix})
}

// against tries every field with the properties of both systems.
func (m *mappingCheck) against(h Against, props []domain.Property) {
	m.report.HubSpot = httpapi.MappingSource{Now: h.Now, Why: h.Why}
	if !h.Seen.IsZero() {
		m.report.HubSpot.Seen = &h.Seen
	}
	known := withShown(aloware.Documented(), m.control.Shown)
	m.report.Faults = append(m.report.Faults, m.settings.CheckSchema(props, known)...)
	for _, f := range m.settings.Fields {
		lens := m.settings.Lens(f, map[domain.System]domain.Property{
			domain.HubSpot: named(props, f.HubSpot.Read), domain.Aloware: named(known, f.Aloware.Read),
		}, m.lists)
		m.report.Fields = append(m.report.Fields, httpapi.MappingField{
			Lens: lens, InAloware: inAloware(f, m.control.Shown), Told: m.told(f),
		})
		if lens.Flawed {
			m.flawed(lens)
		}
		m.people(f)
	}
	m.switches()
}

func named(props []domain.Property, name string) domain.Property {
	for _, p := range props {
		if p.Name == name {
			return p
		}
	}
	return domain.Property{}
}

// flawed says that a field does not do what its direction says.
func (m *mappingCheck) flawed(l settings.Lens) {
	found, fix := strings.ReplaceAll(l.Verdict, "_", " ")+": "+l.Why, ""
	if e := l.Example; e != nil {
		found += fmt.Sprintf(": %q from %s", e.Value, e.From.Title())
		if e.Becomes != "" {
			found += fmt.Sprintf(" becomes %q", e.Becomes)
		}
	}
	switch {
	case l.Verdict == settings.Unread && l.Type == domain.Owner:
		fix = "duolog pull owners"
	case l.Verdict == settings.Unread:
		fix = "duolog pull lead-statuses, then duolog catalogs map contact-dispositions for each status"
	case l.Type == domain.Owner:
		fix = "add them to people of this field, name somebody as nobody, or make their emails the same"
	case l.Type == domain.Enumeration:
		fix = "give every choice a counterpart of its own in values"
	case l.Verdict == settings.Lossy:
		fix = "write it with a format that keeps all of it, with its zone, or let it flow one way only"
	default:
		fix = "map properties of the same type, or let it flow one way only"
	}
	m.found("fields."+l.Field, found, fix)
}

// inAloware says how a property is known to exist there: Aloware cannot be asked.
func inAloware(f settings.Field, shown map[string]int64) string {
	n := shown[f.Aloware.Read]
	documented := named(aloware.Documented(), f.Aloware.Read).Name != ""
	switch {
	case n > 0:
		return fmt.Sprintf("seen on %d", n)
	case documented:
		return "declared"
	}
	return "never seen"
}

// told says whether HubSpot tells of changes of the field by webhook.
func (m *mappingCheck) told(f settings.Field) string {
	missed := m.control.Missed[f.HubSpot.Read]
	switch {
	case m.control.Hooked[f.HubSpot.Read]:
		return "by webhook"
	case missed == 0:
		return "no change yet"
	}
	m.found("fields."+f.Name+".hubspot", fmt.Sprintf("%s changed %d times and no webhook ever told: the app is not subscribed to it",
		f.HubSpot.Read, missed), "subscribe the HubSpot app to contact.propertyChange of "+f.HubSpot.Read+
		"; until then its changes come by sweep")
	return "by sweep only"
}

func (m *mappingCheck) people(f settings.Field) {
	if f.Type != domain.Owner {
		return
	}
	left := m.lists.Unmapped(f)
	for _, s := range domain.Systems {
		for _, p := range left[s] {
			m.report.Unmapped = append(m.report.Unmapped, httpapi.MappingPerson{Field: f.Name, System: s, Person: p})
		}
	}
}

// switches finds fields that should flow both ways and cannot, because the sync as a whole does not.
func (m *mappingCheck) switches() {
	var both []string
	for _, f := range m.settings.Fields {
		if f.Direction == settings.Both && !f.Sticky() {
			both = append(both, f.Name)
		}
	}
	if m.settings.Contacts.Update != settings.Both && len(both) > 0 {
		m.found("contacts.update", fmt.Sprintf("%s, and %d fields set to both: %s", m.settings.Contacts.Update, len(both),
			strings.Join(both, ", ")), "set contacts.update to both, or these fields to "+string(m.settings.Contacts.Update))
	}
}

// due says when somebody should look the mapping over again.
func (m *mappingCheck) due(reviewed, now time.Time) {
	m.report.Reviewed = reviewed
	every := m.settings.ReviewMapping()
	if every <= 0 {
		return
	}
	at := reviewed.Add(every)
	m.report.Due = &at
	if now.After(at) {
		m.found("review_mapping_every", "nobody has looked the mapping over since "+reviewed.Format(time.DateOnly),
			"go through the fields above, then: duolog mapping check --reviewed --reason WHY")
	}
}
