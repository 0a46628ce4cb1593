package settings

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/duolog/duolog/domain"
)

// Change is one difference between two settings.
type Change struct {
	Key string `json:"key"`           // "city.conflict", "contacts.create", "fields.job_title"
	Was string `json:"was,omitempty"` // empty: new
	Now string `json:"now,omitempty"` // empty: removed
}

// String returns the change in words.
func (c Change) String() string {
	switch {
	case c.Was == "":
		return c.Key + "  new: " + c.Now
	case c.Now == "":
		return c.Key + "  removed, was " + c.Was
	}
	return c.Key + "  " + c.Was + " → " + c.Now
}

// Diff lists what changed from one settings to another: first the settings as a whole, in the order of the file,
// then the fields by name. The version is not compared.
func Diff(older, newer Settings) []Change {
	changes := compare("", older.lines(), newer.lines())
	names := append(older.names(), newer.names()...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		changes = append(changes, diffField(older, newer, name)...)
	}
	return changes
}

func diffField(older, newer Settings, name string) []Change {
	was, had := older.Field(name)
	now, has := newer.Field(name)
	switch {
	case !had:
		return []Change{{Key: "fields." + name, Now: now.summary()}}
	case !has:
		return []Change{{Key: "fields." + name, Was: was.summary()}}
	}
	return compare(name+".", was.lines(), now.lines())
}

// line is one setting with its value in words.
type line struct {
	key, value string
}

func compare(prefix string, was, now []line) []Change {
	var changes []Change
	for i, l := range was {
		if l.value != now[i].value {
			changes = append(changes, Change{Key: prefix + l.key, Was: or(l.value), Now: or(now[i].value)})
		}
	}
	return changes
}

func or(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

func (s Settings) lines() []line {
	general := []line{
		{"preset", s.Preset},
		{"mode", string(s.Mode)},
		{"pilot.filter", s.Pilot.Filter},
		{"pilot.max_writes_per_hour", strconv.Itoa(s.Pilot.MaxWritesPerHour)},
		{"time_zone", s.TimeZone},
		{"phone_region", s.PhoneRegion},
		{"contacts.create", string(s.Contacts.Create)},
		{"contacts.update", string(s.Contacts.Update)},
	}
	general = append(general, s.Contacts.lines()...)
	for _, l := range s.Defaults.lines() {
		general = append(general, line{"defaults." + l.key, l.value})
	}
	general = append(general,
		line{"defaults.record", strings.Join(s.Record, ", ")},
		line{"gate", s.Gate},
		line{"guards.max_changed_share", strconv.Itoa(s.Guards.MaxChangedShare) + " %"},
		line{"guards.max_deleted_share", strconv.Itoa(s.Guards.MaxDeletedShare) + " %"},
		line{"guards.emptied_side", s.Guards.EmptiedSide},
		line{"limits.hubspot_share", strconv.Itoa(s.Limits.HubSpotShare) + " %"},
		line{"limits.aloware_per_second", decimal(s.Limits.AlowarePerSecond)},
		line{"limits.big_jobs", s.Limits.BigJobs},
	)
	return append(general, s.Operations.lines()...)
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func (c Contacts) lines() []line {
	var out []line
	for _, source := range domain.Sources {
		out = append(out, line{"contacts.create_from." + string(source), strconv.FormatBool(c.CreatesFrom(source))})
	}
	marketing := ""
	if c.OnCreate.Marketing != nil {
		marketing = strconv.FormatBool(*c.OnCreate.Marketing)
	}
	return append(out,
		line{"contacts.on_create.hubspot", pairsText(c.OnCreate.HubSpot)},
		line{"contacts.on_create.hubspot.marketing_contact", marketing},
		line{"contacts.on_create.aloware", pairsText(c.OnCreate.Aloware)},
		line{"contacts.only", c.Only},
		line{"contacts.when_leaving", c.WhenLeaving},
		line{"contacts.match", strings.Join(c.Match, ", ")},
		line{"contacts.on_delete", c.OnDelete},
		line{"contacts.on_merge", c.OnMerge},
		line{"contacts.privacy_delay", c.PrivacyDelay},
		line{"contacts.unread_for", c.UnreadFor},
	)
}

func (o Operations) lines() []line {
	return []line{
		{"cost.lrn_per_number_usd", decimal(o.Cost.LRNPerNumberUSD)},
		{"sources.hubspot", o.Sources.HubSpot},
		{"sources.sweep_every", o.Sources.SweepEvery},
		{"catalogs.refresh_at", o.Catalogs.RefreshAt},
		{"catalogs.log_calls_to_hubspot", strconv.FormatBool(o.Catalogs.LogCallsToHubSpot)},
		{"review_mapping_every", o.ReviewMappingEvery},
	}
}

func (r Rules) lines() []line {
	return []line{
		{"direction", string(r.Direction)},
		{"conflict", string(r.Conflict)},
		{"initial", string(r.Initial)},
		{"overwrite", string(r.Overwrite)},
		{"blank", string(r.Blank)},
	}
}

func (f Field) lines() []line {
	lines := []line{
		{"hubspot", f.HubSpot.Read},
		{"read_as", f.Aloware.Read},
		{"write_as", f.Aloware.Write},
		{"type", string(f.Type)},
		{"required", strconv.FormatBool(f.Required)},
		{"hubspot_format", f.HubSpot.Format},
		{"aloware_format", f.Aloware.Format},
		{"hubspot_zone", f.HubSpot.Zone},
		{"aloware_zone", f.Aloware.Zone},
		{"values", f.valuesText()},
		{"people", pairsText(f.People)},
		{"nobody", f.Nobody},
		{"consent", f.Consent},
		{"stop", f.Stop},
		{"on_change", f.OnChange},
		{"guard", strconv.FormatBool(f.Guard)},
	}
	return append(lines, f.Rules.lines()...)
}

func (f Field) valuesText() string {
	if f.ByLabel {
		return "by_label"
	}
	return pairsText(f.Values)
}

func pairsText(values map[string]string) string {
	var pairs []string
	for _, from := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, from+": "+values[from])
	}
	return strings.Join(pairs, ", ")
}

func (f Field) summary() string {
	return fmt.Sprintf("%s %s %s, %s, initial %s", f.Name, f.Direction.Arrow(), f.HubSpot.Read, f.Type, f.Initial)
}
