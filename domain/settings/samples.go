package settings

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
)

// samplesOf are canonical values of each type that tell a mapping that keeps everything from one that does not: parts of
// a second, an hour that comes twice when clocks are set back, a year of another century, digits a float would lose.
var samplesOf = map[domain.Type][]string{
	domain.Text:     {"Ada", "Zoë Smith-Łoś", "a;b", "two\nlines"},
	domain.Number:   {"0", "-1.5", "1500.25", "12345678901234567890"},
	domain.Date:     {"2024-02-29", "1955-03-04"},
	domain.Datetime: {"2024-01-17T19:55:04.000Z", "2024-11-03T08:30:00.000Z", "2024-11-03T09:30:00.000Z", "1955-03-04T05:06:07.281Z"},
	domain.Bool:     {"true", "false"},
	domain.Phone:    {"+12025550132", "+442079460018"},
	domain.Email:    {"ada@people.example"},
}

// freeText is what a property that takes any text may hold besides values of the field's type.
const freeText = "as agreed by phone"

// samples are raw values a system's property may hold.
func (t *trial) samples(sys domain.System) []json.RawMessage {
	switch t.field.Type {
	case domain.Owner:
		return t.people(sys)
	case domain.Enumeration:
		return t.choices(sys)
	default:
	}
	var out []json.RawMessage
	for _, text := range samplesOf[t.field.Type] {
		if raw, err := domain.Render(t.field.Type, text, t.field.Format(sys, t.env)); err == nil {
			out = append(out, raw)
		}
	}
	// Aloware's own types are not known: what it declares as text is taken at its word.
	if p := t.props[sys]; p.Type == domain.Text && !p.Declared && t.field.Type != domain.Text {
		out = append(out, asJSON(freeText))
	}
	return out
}

func (t *trial) people(sys domain.System) []json.RawMessage {
	var out []json.RawMessage
	for _, p := range t.lists.People[sys] {
		out = append(out, asJSON(p.ID))
	}
	return out
}

// choices are the options a system lists, or else those of the value map; without either, those of the other side.
func (t *trial) choices(sys domain.System) []json.RawMessage {
	var values []string
	for _, o := range t.offered(sys) {
		values = append(values, o.Value)
	}
	mapped := t.env.values[t.field.Name]
	switch {
	case len(values) > 0:
	case sys == domain.Aloware:
		values = slices.Sorted(maps.Keys(mapped))
	default:
		values = slices.Sorted(maps.Values(mapped))
	}
	if len(values) == 0 {
		for _, o := range t.offered(sys.Other()) {
			values = append(values, o.Value)
		}
	}
	out := make([]json.RawMessage, len(values))
	for i, v := range values {
		out[i] = asJSON(v)
	}
	return out
}

func (t *trial) offered(sys domain.System) []domain.Option {
	if options := t.props[sys].Options; len(options) > 0 {
		return options
	}
	return t.lists.Options[sys][t.field.Side(sys).Read]
}
