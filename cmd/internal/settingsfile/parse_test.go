package settingsfile_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

var update = flag.Bool("update", false, "write the golden file anew")

// The file is what people see and keep under version control: a change of its form must be seen.
func TestFormatGolden(t *testing.T) {
	s, err := settings.Preset("recommended")
	if err != nil {
		t.Fatal(err)
	}
	s.Version = 7
	s.Limits = settings.Limits{HubSpotShare: 50, AlowarePerSecond: 2}
	tier := s.NewField("csf1", "plan_tier")
	tier.Type, tier.Values = domain.Enumeration, map[string]string{"gold": "Gold", "silver": "Silver"}
	tier.Overwrite = settings.OverwriteIfBlank
	s.Fields = append(s.Fields[1:], tier)
	at := time.Date(2026, time.November, 19, 0, 5, 0, 0, time.UTC)
	got := settingsfile.Format(s.Sorted(), settingsfile.Header{Connection: "default", By: "Priya Shah", At: at})
	golden := filepath.Join("testdata", "settings.yaml")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestParseOverrides(t *testing.T) {
	s, basedOn, err := settingsfile.Parse([]byte(`
based_on: 7
fields:
  website: remove
  address: null
  first_name: given_name
  city: {hubspot: town, direction: ←, overwrite: if_blank}
  date_of_birth: {hubspot: birthday, aloware_format: MM/DD/YYYY}
  do_not_call: {write_as: dnc, hubspot: do_not_call, aloware: is_dnc, type: bool}
  csf1: {hubspot: plan_tier, type: enumeration, values: {gold: Gold, 1: yes}}
contacts: {create: "<-"}
limits: {hubspot_share: 75%, aloware_per_second: 0.5}
defaults:
  initial: review
preset: default
`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := settings.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	want.Contacts.Create = settings.ToAloware
	want.Limits = settings.Limits{HubSpotShare: 75, AlowarePerSecond: 0.5}
	want.Defaults.Initial = settings.Review
	var fields []settings.Field
	for _, f := range want.Fields {
		f.Rules = want.Defaults
		switch f.Name {
		case "website", "address":
			continue
		case "first_name":
			f.HubSpot = settings.Side{Read: "given_name", Write: "given_name"}
		case "city":
			f.HubSpot = settings.Side{Read: "town", Write: "town"}
			f.Direction, f.Overwrite = settings.ToAloware, settings.OverwriteIfBlank
		case "date_of_birth":
			f.HubSpot = settings.Side{Read: "birthday", Write: "birthday"}
			f.Aloware.Format = "01/02/2006"
		}
		fields = append(fields, f)
	}
	dnc := want.NewField("do_not_call", "do_not_call")
	dnc.Type, dnc.Aloware = domain.Bool, settings.Side{Read: "is_dnc", Write: "dnc"}
	tier := want.NewField("csf1", "plan_tier")
	tier.Type, tier.Values = domain.Enumeration, map[string]string{"gold": "Gold", "1": "yes"}
	want.Fields = append(fields, dnc, tier)
	if want = want.Sorted(); basedOn != 7 || !reflect.DeepEqual(s, want) {
		t.Errorf("based on %d, got\n%+v, want\n%+v", basedOn, s, want)
	}
}

func TestParseEmpty(t *testing.T) {
	want, err := settings.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"", "# nothing\n", "---\n", "null\n", "pilot:\nfields: ~\n"} {
		got, basedOn, err := settingsfile.Parse([]byte(file))
		if err != nil || basedOn != 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: based on %d, %v, got\n%+v, want the default preset", file, basedOn, err, got)
		}
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		file string
		want string // the whole text, or with … at the end its beginning
	}{
		{
			"preset: recommendd",
			"line 1: preset: found recommendd, wanted default or recommended; did you mean recommended?",
		},
		{"\nmod: live", `line 2: mod: found unknown key "mod", wanted based_on, …`},
		{"contacts:\n  create: to_hubspot", "line 2: contacts.create: found to_hubspot, wanted both or to_aloware; …"},
		{
			"contacts:\n  creat: both",
			`line 2: contacts.creat: found unknown key "creat", wanted create, match, on_delete, update; did you mean create?`,
		},
		{"defaults:\n\n  conflict: newest", "line 3: defaults.conflict: found newest, wanted a rule that needs no clock; …"},
		{"fields:\n  city: {hubspot: city, direction: <-,\n    conflict: aloware}", "line 3: fields.city.conflict: …"},
		{"defaults: {conflict: aloware}\nfields:\n  city:\n    direction: to_aloware", "line 3: fields.city.conflict: …"},
		{"fields: {email: remove}", "line 1: fields.email: found nothing, wanted the locked field; …"},
		{"fields:\n  email: work_email", "line 2: fields.email: found another mapping, …"},
		{"fields:\n  csf1:", "line 2: fields.csf1: found nothing, wanted a HubSpot property; …"},
		{"fields:\n  csf1: {type: text}", "line 2: fields.csf1.hubspot: found nothing, …"},
		{"fields:\n  csf1: [x]", "line 2: fields.csf1: found a list, wanted a block of keys; …\nline 2: …"},
		{"fields:\n  a.b: x", "line 2: fields.a.b: found a name with a dot, …"},
		{"fields:\n  csf1: {hubspot: city}", "line 2: fields.csf1: found city, which city maps in HubSpot, …"},
		{"fields:\n  csf1: {hubspot: x, values: by_label}", "line 2: fields.csf1.values: found a single value, …"},
		{"fields:\n  csf1: {hubspot: x, consent: sticky}", `line 2: fields.csf1.consent: found unknown key "consent", …`},
		{"mode: live\nmode: off", `line 2: mode: found "mode" a second time, wanted each key once; see line 1`},
		{"mode: [live]", "line 1: mode: found a list, wanted a single value"},
		{"mode:", "line 1: mode: found nothing, wanted a single value"},
		{"based_on: soon", "line 1: based_on: found soon, wanted a whole number"},
		{"limits: {hubspot_share: half}", "line 1: limits.hubspot_share: found half, wanted a whole number"},
		{"limits: {hubspot_share: 0 %}", "line 1: limits.hubspot_share: found 0 %, wanted 1 % to 100 %; …"},
		{"limits: {aloware_per_second: fast}", "line 1: limits.aloware_per_second: found fast, wanted a number"},
		{"limits: {aloware_per_second: .nan}", "line 1: limits.aloware_per_second: …"},
		{"limits: 5", "line 1: limits: found a single value, wanted a block of keys; …"},
		{"contacts: {match: email}", "line 1: contacts.match: found a single value, wanted a list; write it as [a, b]"},
		{"pilot:\n  filter: city Oakland", "line 2: pilot.filter: found an expression that cannot be read, …"},
		{"pilot: &p {filter: x}\nlimits: *p", "line 1: pilot.filter: …\nline 2: limits: found an alias, …"},
		{"- a\n- b", "line 1: file: found a list, wanted one YAML mapping; …"},
		{"mode: live\n---\nmode: off", "line 2: file: found a second document, …"},
		{"mode: 'live", "line 1: file: …"},
		{"\tmode: live", "line 1: file: …"},
		{"mode: *x", "file: found unknown anchor 'x' referenced, …"},
		{"fields:\n  csf1: {hubspot: x, required: sure}", "line 2: fields.csf1.required: found sure, wanted true or false"},
		{"[a]: b", "line 1: : …"},
	} {
		_, _, err := settingsfile.Parse([]byte(c.file))
		var bad *settingsfile.Error
		if !errors.As(err, &bad) || !alike(err.Error(), c.want) {
			t.Errorf("%q:\ngot  %v\nwant %s", c.file, err, c.want)
		}
	}
}

// alike compares line by line; a line of want may end in … for anything.
func alike(got, want string) bool {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		return false
	}
	for i := range w {
		start, open := strings.CutSuffix(w[i], "…")
		if g[i] != w[i] && (!open || !strings.HasPrefix(g[i], start)) {
			return false
		}
	}
	return true
}

func TestParseReportsEveryFault(t *testing.T) {
	_, _, err := settingsfile.Parse([]byte("mode: liv\ngate: x\nfields:\n  city: {hubspt: x}\n  email: remove\n"))
	var bad *settingsfile.Error
	if !errors.As(err, &bad) || len(bad.Faults) != 4 {
		t.Fatalf("got %v, want four faults", err)
	}
	for i, line := range []int{1, 2, 4, 5} {
		if bad.Faults[i].Line != line {
			t.Errorf("fault %d: on line %d, want %d", i, bad.Faults[i].Line, line)
		}
	}
}

func TestParseTooLong(t *testing.T) {
	if _, _, err := settingsfile.Parse([]byte("# " + strings.Repeat("x", 1<<20))); err == nil {
		t.Error("a file over 1 MiB was read")
	}
}
