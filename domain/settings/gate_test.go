package settings_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/duolog/duolog/domain/settings"
)

// TestShut: a fault closes its field, and the whole sync when nobody could be found, or made, without that field.
func TestShut(t *testing.T) {
	faults := func(fields ...string) (all []settings.Fault) {
		for _, f := range fields {
			all = append(all, settings.Fault{Field: "fields." + f, Found: "x", Wanted: "y", Fix: "z"})
		}
		return all
	}
	for _, c := range []struct {
		name   string
		change func(*settings.Settings)
		faults []settings.Fault
		want   []string
	}{
		{"none", nil, nil, nil},
		{"open fields", nil, faults("city.type", "website"), []string{"city", "website"}},
		{"a locked field", nil, faults("email", "city"), []string{"", "city"}},
		{"a required field", func(s *settings.Settings) {
			set(s, "company_name", func(f *settings.Field) { f.Required = true })
		}, faults("company_name"), []string{""}},
		{"gate: sync", func(s *settings.Settings) { s.Gate = settings.GateSync }, faults("city"), []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := preset(t, "default")
			if c.change != nil {
				c.change(&s)
			}
			got := s.Shut(c.faults)
			if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, c.want) {
				t.Fatalf("shuts %q, want %q", names, c.want)
			}
			total := 0
			for _, all := range got {
				total += len(all)
			}
			if total != len(c.faults) {
				t.Errorf("%d faults are told, want %d", total, len(c.faults))
			}
		})
	}
}
