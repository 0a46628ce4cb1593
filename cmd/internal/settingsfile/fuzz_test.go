package settingsfile_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain/settings"
)

// FuzzParseJSON: settings sent as JSON are faults, or read back from the file they make.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{
		`{"preset":"default"}`, `{"preset":"recommended","contacts":{"create":"both","only":"city = Oakland"}}`,
		`{"version":3,"fields":{"city":{"direction":"to_aloware","conflict":"newest"},"csf1":{"hubspot":"x","values":{"a":["b"]}}}}`,
		`{"fields":{"city":null},"limits":{"aloware_per_second":1.5},"guards":{"max_changed_share":"5 %"}}`,
		`{"a":1e999}`, `{"":{}}`, `{"fields":{"\u0000":"\ud800"}}`, `[]`, `null`, `{} {}`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, _, err := settingsfile.ParseJSON(file)
		readsBack(t, s, err)
	})
}

// FuzzSet: a key set to a value is a fault of that key, or settings that read back.
func FuzzSet(f *testing.F) {
	for _, s := range [][2]string{
		{"contacts.create", "both"},
		{"city.conflict", "newest"},
		{"fields.job_title", "{hubspot: jobtitle, direction: ←}"},
		{"contacts.only", "city = Oakland: or so"},
		{"guards.max_changed_share", "5 %"},
		{"contacts.on_create.hubspot", "{a: b}"},
		{"fields.city.hubspot", "&a [*a]"},
		{"", ""},
		{"..", "!!binary x"},
		{"preset", "default"},
		{"0", "\xb4"},
		{"\xb4", "0"},
	} {
		f.Add(s[0], s[1])
	}
	base, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		s, err := settingsfile.Set(base, settingsfile.Assignment{Key: key, Value: value})
		readsBack(t, s, err)
	})
}

func readsBack(t *testing.T, s settings.Settings, err error) {
	t.Helper()
	var bad *settingsfile.Error
	if err != nil {
		if !errors.As(err, &bad) || len(bad.Faults) == 0 {
			t.Fatalf("an error without a fault: %v", err)
		}
		return
	}
	again, _, err := settingsfile.Parse(settingsfile.Format(s, settingsfile.Header{}))
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("read as\n%+v, which reads back as\n%+v, %v", s, again, err)
	}
}
