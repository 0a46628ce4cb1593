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
	no := false
	s.Contacts.OnCreate = settings.OnCreate{
		HubSpot: map[string]string{"duolog_created_by": "aloware:{source}"}, Marketing: &no,
	}
	tier := s.NewField("csf1", "plan_tier")
	tier.Type, tier.Values = domain.Enumeration, map[string]string{"gold": "Gold", "silver": "Silver"}
	tier.Overwrite = settings.OverwriteIfBlank
	dnc := s.NewField("do_not_call", "do_not_call")
	dnc.Type, dnc.Consent, dnc.Aloware = domain.Bool, settings.ConsentSticky, settings.Side{Read: "is_dnc", Write: "is_dnc"}
	owner := s.NewField("owner", "hubspot_owner_id")
	owner.People, owner.Nobody = map[string]string{"sam.o@acme.example": "sam.ortiz@acme.example"}, "dana@acme.example"
	status := s.NewField("disposition_status", "hs_lead_status")
	status.ByLabel = true
	s.Fields = append(s.Fields[1:], tier, dnc, owner, status)
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

// TestParseExample: the whole of what a settings file may say is taken, and what it has no effect yet is said.
func TestParseExample(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("testdata", "example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s, basedOn, err := settingsfile.Parse(file)
	if err != nil || basedOn != 7 {
		t.Fatalf("based on %d, %v", basedOn, err)
	}
	again, _, err := settingsfile.Parse(settingsfile.Format(s, settingsfile.Header{}))
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("reads back as\n%+v, want\n%+v\n%v", again, s, err)
	}
	field := func(name string) settings.Field {
		f, ok := s.Field(name)
		if !ok {
			t.Fatalf("no field %s", name)
		}
		return f
	}
	c, owner, status, dnc := s.Contacts, field("owner"), field("disposition_status"), field("do_not_call")
	for what, ok := range map[string]bool{
		"create_from": c.CreatesFrom(domain.TypedIn) && c.CreatesFrom(domain.FromForm) && !c.CreatesFrom(domain.MissedCall),
		"on_create":   c.OnCreate.HubSpot["duolog_created_by"] == "aloware:{source}",
		"marketing":   c.OnCreate.Values(domain.HubSpot)[settings.MarketableStatus] == "false",
		"only":        c.Only == "email is known or phone_number is known" || c.Only == "email is known or phone is known",
		"owner":       owner.Type == domain.Owner && owner.Aloware.Write == "user_id" && owner.Nobody == "dana@acme.example",
		"people":      owner.People["sam.o@acme.example"] == "sam.ortiz@acme.example",
		"disposition": status.ByLabel && status.Direction == settings.ToAloware && status.Aloware.Read == "disposition_status_id",
		"consent":     dnc.Sticky() && dnc.Type == domain.Bool && dnc.Aloware.Write == "is_dnc" && dnc.StopValue() == "true",
		"required":    field("phone_number").Required && field("phone_number").OnChange == settings.OnChangeHold,
		"guard":       field("email").Guard && !owner.Guard,
		"guards":      s.Guards == settings.Guards{MaxChangedShare: 5, MaxDeletedShare: 1, EmptiedSide: "pause"},
		"jobs":        s.Limits.BigJobs == "20:00-06:00",
		"cost":        s.Cost.LRNPerNumberUSD == 0.002,
		"review":      s.ReviewMapping() == 90*24*time.Hour,
	} {
		if !ok {
			t.Errorf("%s was not taken: %+v", what, s)
		}
	}
	notes := s.Notes()
	if len(notes) != 0 {
		t.Errorf("without effect: %v, want none", notes)
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
			`line 2: contacts.creat: found unknown key "creat", wanted create, create_from, match, on_create, on_delete, on_merge, only, privacy_delay, unread_for, update, when_leaving; did you mean create?`,
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
		{"fields:\n  csf1: {hubspot: x, values: by_lable}", "line 2: fields.csf1.values: found a single value, …"},
		{"fields:\n  csf1: {hubspot: x, consent: sticky}", `line 2: fields.csf1.consent: found a text, wanted type bool; …`},
		{"fields:\n  csf1: {hubspot: x, type: bool, stop: true}", "line 2: fields.csf1.stop: found true, wanted nothing; …"},
		{"fields:\n  csf1: {hubspot: x, nobody: a@b.example}", "line 2: fields.csf1: found people or nobody, wanted neither; …"},
		{"fields:\n  owner: {hubspot: x, nobody: dana}", "line 2: fields.owner.nobody: found dana, wanted an email address; …"},
		{
			"fields:\n  disposition_status: {hubspot: x, direction: to_hubspot}",
			"line 2: fields.disposition_status.direction: found to_hubspot, wanted both or to_aloware; …",
		},
		{
			"fields:\n  phone_number: {hubspot: phone, on_change: add_number}",
			"line 2: fields.phone_number.on_change: found add_number, wanted hold; …",
		},
		{"fields:\n  csf1: {hubspot: x, type: datetime, aloware_zone: PST8}", "line 2: fields.csf1.aloware_zone: …"},
		{"contacts: {create_from: {missd_call: true}}", "line 1: contacts.create_from.missd_call: …"},
		{"contacts: {create_from: {missed_call: maybe}}", "line 1: contacts.create_from.missed_call: …"},
		{"contacts:\n  only: city Oakland", "line 2: contacts.only: found an expression that cannot be read, …"},
		{"contacts: {when_leaving: forget}", "line 1: contacts.when_leaving: found forget, wanted keep_link or unlink; …"},
		{"contacts: {on_merge: review}", "line 1: contacts.on_merge: found review, wanted follow; …"},
		{"contacts: {on_create: {hubspot: {email: x@y.example}}}", "line 1: contacts.on_create.hubspot.email: …"},
		{"contacts: {on_create: {hubspot: {by: '{who}'}}}", "line 1: contacts.on_create.hubspot.by: …"},
		{"contacts: {on_create: {hubspot: {marketing_contact: no way}}}", "line 1: contacts.on_create.hubspot.marketing_contact: …"},
		{"defaults: {record: all}", "line 1: defaults.record: found all, wanted mapped, or a list of properties of HubSpot; …"},
		{"guards: {max_changed_share: 101 %}", "line 1: guards.max_changed_share: found 101 %, wanted 0 % to 100 %; …"},
		{"guards: {emptied_side: shout}", "line 1: guards.emptied_side: found shout, …"},
		{"limits: {big_jobs: at night}", "line 1: limits.big_jobs: found at night, …"},
		{"cost: {lrn_per_number_usd: -1}", "line 1: cost.lrn_per_number_usd: found -1, …"},
		{"sources: {hubspot: journal}", "line 1: sources.hubspot: found journal, wanted webhooks or poll…"},
		{"sources: {sweep_every: 1s}", "line 1: sources.sweep_every: found 1s, …"},
		{"catalogs: {refresh_at: noon}", "line 1: catalogs.refresh_at: found noon, …"},
		{"catalogs: {log_calls_to_hubspot: true}", "line 1: catalogs.log_calls_to_hubspot: found true, wanted false; …"},
		{"review_mapping_every: often", "line 1: review_mapping_every: found often, …"},
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
		{"fields:\n  csf1: {hubspot: x, guard: true, direction: to_aloware}", "line 2: fields.csf1.guard: found true, wanted nothing; …"},
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
