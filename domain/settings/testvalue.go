package settings

import (
	"fmt"
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
)

// TestValue returns another canonical value than the one a field holds, by which its mapping can be tested: one that
// both systems can write and read back. The same old value always gives the same.
func (s Settings) TestValue(f Field, old string, l Lists) (string, error) {
	env := s.EnvWith(l)
	for _, value := range others(f, old, l, env) {
		if value != old && f.keeps(value, env) {
			return value, nil
		}
	}
	return "", fmt.Errorf("no other value of %s is known that both systems can hold", f.Name)
}

func others(f Field, old string, l Lists, env Env) []string {
	switch f.Type {
	case domain.Text:
		return []string{old + " (Duolog test)"}
	case domain.Number:
		return []string{"1", "2"}
	case domain.Date:
		return []string{"2000-01-01", "2000-01-02"}
	case domain.Datetime:
		return []string{"2000-01-01T12:00:00.000Z", "2000-01-02T12:00:00.000Z"}
	case domain.Bool:
		return []string{"true", "false"}
	case domain.Enumeration:
		values := slices.Sorted(maps.Values(env.values[f.Name]))
		for _, o := range l.Options[domain.HubSpot][f.HubSpot.Read] {
			values = append(values, o.Value)
		}
		return values
	case domain.Owner:
		var emails []string
		for _, p := range l.People[domain.HubSpot] {
			emails = append(emails, mail(p.Email))
		}
		slices.Sort(emails)
		return emails
	case domain.Phone, domain.Email: // what people are found by is not played with
	}
	return nil
}

// keeps reports whether both systems can hold a value.
func (f Field) keeps(value string, env Env) bool {
	for _, sys := range domain.Systems {
		raw, err := domain.Render(f.Type, value, f.Format(sys, env))
		if err != nil {
			return false
		}
		if back, err := domain.Canonical(f.Type, raw, f.Format(sys, env)); err != nil || back != value {
			return false
		}
	}
	return true
}
