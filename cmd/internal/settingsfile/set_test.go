package settingsfile_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func assign(t *testing.T, s settings.Settings, text ...string) (settings.Settings, error) {
	t.Helper()
	var all []settingsfile.Assignment
	for _, one := range text {
		a, err := settingsfile.ParseAssignment(one)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return settingsfile.Set(s, all...)
}

func TestSet(t *testing.T) {
	s, err := settings.Preset("recommended")
	if err != nil {
		t.Fatal(err)
	}
	got, err := assign(t, s,
		"contacts.create=↔", "contacts.create_from.missed_call=true", "city.conflict=newest", "zip.overwrite = if_blank",
		"fields.job_title=jobtitle", "fields.do_not_call={hubspot: do_not_call, aloware: is_dnc, type: bool, consent: sticky}",
		"first_name.blank=send", "email.guard=true", "contacts.match=[link, phone]", `contacts.only=city = Oakland and first_name != "a: b"`,
		"limits.hubspot_share=75 %", "pilot.filter=", "website=remove", "contacts.on_create.hubspot.duolog_created_by=aloware:{source}")
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) settings.Field { f, _ := got.Field(name); return f }
	_, mapped := got.Field("website")
	for what, ok := range map[string]bool{
		"create":      got.Contacts.Create == settings.Both,
		"create_from": got.Contacts.CreatesFrom(domain.MissedCall) && !got.Contacts.CreatesFrom(domain.AnsweredCall),
		"city":        field("city").Conflict == settings.NewestWins && field("city").Aloware.Read == "cnam_city",
		"zipcode":     field("zipcode").Overwrite == settings.OverwriteIfBlank,
		"new":         field("job_title").HubSpot.Write == "jobtitle",
		"block":       field("do_not_call").Sticky(),
		"short form":  field("first_name").Blank == settings.BlankSend && field("first_name").HubSpot.Read == "firstname",
		"guard":       field("email").Guard && !field("city").Guard,
		"list":        reflect.DeepEqual(got.Contacts.Match, []string{"link", "phone"}),
		"filter":      got.Contacts.Only == `city = Oakland and first_name != "a: b"`,
		"share":       got.Limits.HubSpotShare == 75,
		"removed":     !mapped,
		"on create":   got.Contacts.OnCreate.HubSpot["duolog_created_by"] == "aloware:{source}",
	} {
		if !ok {
			t.Errorf("%s was not set: %+v", what, got)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	s, err := settings.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string]string{
		"contacts.create=sideways":          "contacts.create: found sideways, wanted both or to_aloware",
		"contacts.creat=both":               "did you mean create?",
		"cty.conflict=newest":               `unknown key "cty"`,
		"city.conflct=newest":               "did you mean conflict?",
		"email=remove":                      "fields.email: found nothing, wanted the locked field",
		"contacts={create: both, upd: x}":   "contacts.upd",
		"fields.csf1.type=bool":             "fields.csf1.hubspot: found nothing",
		"contacts.create_from.fax=true":     "contacts.create_from.fax",
		"limits.aloware_per_second=[1":      "limits.aloware_per_second: found [1, wanted a number",
		"phone_number.on_change=add_number": "its API would make a second one",
	} {
		_, err := assign(t, s, change)
		var bad *settingsfile.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || strings.HasPrefix(err.Error(), "line") {
			t.Errorf("%s: got %v, want %s", change, err, want)
		}
	}
	for _, text := range []string{"contacts.create", "=x", ""} {
		if a, err := settingsfile.ParseAssignment(text); err == nil {
			t.Errorf("%q was read as %+v", text, a)
		}
	}
}

// Setting nothing, or what is there, changes nothing.
func TestSetKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		got, err := settingsfile.Set(s, settingsfile.Assignment{Key: "gate", Value: s.Gate})
		s.Version = 0
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("got\n%+v, want\n%+v, %v", got, s, err)
		}
	})
}

func TestParseJSON(t *testing.T) {
	got, basedOn, err := settingsfile.ParseJSON([]byte(`{"based_on": 3, "preset": "recommended", "limits": {"aloware_per_second": 0.5},
		"fields": {"csf1": {"hubspot": "plan_tier", "type": "enumeration", "values": {"\ud83d\ude00": "true", "b": "7"}}}}`))
	if err != nil || basedOn != 3 {
		t.Fatalf("based on %d, %v", basedOn, err)
	}
	if f, _ := got.Field("csf1"); f.Values["\U0001F600"] != "true" || f.Values["b"] != "7" || got.Limits.AlowarePerSecond != 0.5 {
		t.Errorf("read as %+v", got)
	}
	for file, want := range map[string]string{
		`{"mode": "liv"}`: "mode: found liv", `[1]`: "wanted one JSON object", `{}{}`: "wanted one JSON object", "": "wanted one JSON object",
	} {
		if _, _, err := settingsfile.ParseJSON([]byte(file)); err == nil || !strings.HasPrefix(err.Error(), "mode") && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}
