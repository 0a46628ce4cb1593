package settings_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

var everyType = []domain.Type{
	domain.Text, domain.Number, domain.Date, domain.Datetime, domain.Bool, domain.Enumeration, domain.Phone,
	domain.Email, domain.Owner,
}

// matrix says as which types a property of HubSpot (row) may be mapped to one of Aloware (column); "-": as none.
// What Aloware declares as text takes everything, because its own type is not known.
const matrix = `
              text                              number  date  datetime  bool  enumeration  phone       email       owner
text          text,date,enumeration,phone,email,owner  -  date  -        -     enumeration  text,phone  text,email  owner
number        number                            number  -     -         -     -            -           -           -
date          date                              -       date  -         -     -            -           -           -
datetime      datetime                          -       -     datetime  -     -            -           -           -
bool          bool                              -       -     -         bool  -            -           -           -
enumeration   enumeration                       -       -     -         -     enumeration  -           -           -
phone         text,phone                        -       -     -         -     -            text,phone  text        -
email         text,email                        -       -     -         -     -            text        text,email  -
owner         owner                             -       -     -         -     -            -           -           owner`

// TestMatrix: every type of HubSpot with every type of Aloware is accepted, and then every value that is one of the
// field's type goes over and comes back the same, or refused with what was found, what was wanted and how to mend it.
func TestMatrix(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(matrix), "\n")
	columns := strings.Fields(rows[0])
	for _, row := range rows[1:] {
		cells := strings.Fields(row)
		for i, cell := range cells[1:] {
			h, a := domain.Type(cells[0]), domain.Type(columns[i])
			t.Run(fmt.Sprintf("%s with %s", h, a), func(t *testing.T) {
				accepted := strings.Split(strings.Trim(cell, "-"), ",")
				for _, typ := range everyType {
					if slices.Contains(accepted, string(typ)) {
						rapid.Check(t, func(t *rapid.T) { goesOverAndBack(t, typ, h, a) })
						continue
					}
					faults := pair(t, typ, h, a).CheckSchema(schemaOf("tier", h, false), schemaOf("csf1", a, true))
					if len(faults) == 0 {
						t.Errorf("as %s it was accepted", typ)
					}
					for _, f := range faults {
						if f.Field != "fields.csf1.type" || f.Found == "" || f.Wanted == "" || f.Fix == "" {
							t.Errorf("as %s it was refused with %+v", typ, f)
						}
					}
				}
			})
		}
	}
	if len(rows)-1 != len(everyType) || len(columns) != len(everyType) {
		t.Errorf("%d rows and %d columns for %d types", len(rows)-1, len(columns), len(everyType))
	}
}

// pair is a mapping of one field between two properties.
func pair(t interface {
	Helper()
	Fatal(...any)
}, typ, h, a domain.Type,
) settings.Settings {
	t.Helper()
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		t.Fatal(err)
	}
	f := s.NewField("csf1", "tier")
	f.Type = typ
	if typ == domain.Datetime && a == domain.Text {
		f.Aloware.Format, f.Aloware.Zone = "2006-01-02 15:04:05.000", "UTC"
	}
	s.Fields = []settings.Field{f}
	return s
}

func schemaOf(name string, typ domain.Type, declared bool) []domain.Property {
	p := domain.Property{Name: name, Type: typ, Declared: declared}
	if typ == domain.Enumeration {
		p.Options = tiers
	}
	return []domain.Property{p}
}

var tiers = []domain.Option{{Value: "gold", Label: "Gold"}, {Value: "silver", Label: "Silver"}}

// goesOverAndBack draws a value of each side and sends it to the other and back.
func goesOverAndBack(t *rapid.T, typ, h, a domain.Type) {
	s := pair(t, typ, h, a)
	if faults := s.CheckSchema(schemaOf("tier", h, false), schemaOf("csf1", a, true)); len(faults) > 0 {
		t.Fatalf("refused: %v", faults)
	}
	env, f := s.EnvWith(lists), s.Fields[0]
	from := rapid.SampledFrom(domain.Systems[:]).Draw(t, "from")
	raw := drawn(typ, from).Draw(t, "value")
	canonical, _, err := f.Get(from, domain.Properties{f.Side(from).Read: raw}, env)
	if err != nil {
		t.Fatalf("%s is no %s: %v", raw, typ, err)
	}
	for _, sys := range []domain.System{from.Other(), from} {
		_, sent, err := f.Put(sys, canonical, env)
		if err != nil {
			t.Fatalf("%s cannot be sent to %s: %v", raw, sys, err)
		}
		back, _, err := f.Get(sys, domain.Properties{f.Side(sys).Read: sent}, env)
		if err != nil || back != canonical {
			t.Fatalf("%s became %s in %s, which reads as %q, not %q: %v", raw, sent, sys, back, canonical, err)
		}
	}
}

// drawn are raw values of a type as a system tells them.
func drawn(typ domain.Type, from domain.System) *rapid.Generator[json.RawMessage] {
	text := map[domain.Type]*rapid.Generator[string]{
		domain.Text:   rapid.String(),
		domain.Number: rapid.StringMatching(`-?[0-9]{1,25}(\.[0-9]{1,12})?`),
		domain.Date: rapid.Map(rapid.Int64Range(-60_000, 2_900_000), func(days int64) string {
			return time.Unix(days*86400, 0).UTC().Format("2006-01-02")
		}),
		domain.Datetime: rapid.Map(rapid.Int64Range(-60e12, 250e12), func(ms int64) string {
			return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		}),
		domain.Bool:        rapid.SampledFrom([]string{"true", "false"}),
		domain.Enumeration: rapid.SampledFrom([]string{"gold", "silver", "gold;silver", ""}),
		domain.Phone:       rapid.StringMatching(`(\+1|1)? ?\(?[2-9][0-8][0-9]\)? ?[2-9][0-9]{2}-?[0-9]{4}`),
		domain.Email:       rapid.StringMatching(` ?[a-zA-Z.]{1,20}@[a-z]{1,10}\.[a-z]{2,6}`),
		domain.Owner:       rapid.SampledFrom([]string{"71", "73", ""}),
	}[typ]
	if typ == domain.Owner && from == domain.Aloware {
		text = rapid.SampledFrom([]string{"1", "3", "0", ""})
	}
	return rapid.Map(text, func(v string) json.RawMessage {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return b
	})
}
