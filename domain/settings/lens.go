package settings

import (
	"encoding/json"

	"github.com/duolog/duolog/domain"
)

// What a field's mapping keeps of the values that go through it.
const (
	Lossless = "lossless" // what is written reads back, and writing back what was read changes nothing
	OneWay   = "one_way"  // one side holds values the other has no form for: those stay where they are
	Lossy    = "lossy"    // a value comes back as another one
	Unread   = "unknown"  // the choices of both systems are not known yet
)

// Lens says how a field's mapping stands to the laws of a lens, tried with sample values of the real properties.
type Lens struct {
	Field     string      `json:"field"`
	Aloware   string      `json:"aloware"`
	HubSpot   string      `json:"hubspot"`
	Type      domain.Type `json:"type"`
	Direction Direction   `json:"direction"`
	Verdict   string      `json:"verdict"`
	Why       string      `json:"why,omitempty"`
	Example   *Example    `json:"example,omitempty"`
	Tried     int         `json:"tried"` // samples
	// Flawed: values that flow as the settings say are lost, or a field that should flow both ways cannot.
	Flawed bool `json:"flawed,omitempty"`
}

// Example is a value that does not go through as it is.
type Example struct {
	From    domain.System `json:"from"`
	Value   string        `json:"value"`
	Becomes string        `json:"becomes"` // what it reads back as; empty: it is refused
}

// Lens tries a field with the properties it maps and the choices both systems offer.
func (s Settings) Lens(f Field, props map[domain.System]domain.Property, l Lists) Lens {
	t := trial{field: f, env: s.EnvWith(l), props: props, lists: l, out: Lens{
		Field: f.Name, Aloware: f.Aloware.Read, HubSpot: f.HubSpot.Read, Type: f.Type, Direction: f.Direction,
		Verdict: Lossless,
	}}
	if why := t.env.Lacks(f); why != "" {
		t.out.Verdict, t.out.Why, t.out.Flawed = Unread, why, true
		return t.out
	}
	for _, from := range domain.Systems {
		for _, raw := range t.samples(from) {
			t.out.Tried++
			t.try(from, raw)
		}
	}
	t.judge()
	return t.out
}

// trial is one field under trial; it keeps the first example of each way to fail, by the system a value comes from.
type trial struct {
	field   Field
	env     Env
	props   map[domain.System]domain.Property
	lists   Lists
	refused map[domain.System]*failure
	lost    map[domain.System]*failure
	out     Lens
}

type failure struct {
	Example
	why string
}

// try sends a value of a system through: read, written back, and written to the other side.
func (t *trial) try(from domain.System, raw json.RawMessage) {
	canonical, err := domain.Canonical(t.field.Type, raw, t.field.Format(from, t.env))
	if err != nil {
		t.refuse(from, raw, err.Error())
		return
	}
	if back, err := domain.Render(t.field.Type, canonical, t.field.Format(from, t.env)); err != nil {
		t.refuse(from, raw, err.Error())
	} else if !t.same(from, raw, back) {
		t.lose(from, raw, back, "writing back what was read changes it")
	}
	to := from.Other()
	sent, err := domain.Render(t.field.Type, canonical, t.field.Format(to, t.env))
	if err != nil {
		t.refuse(from, raw, err.Error())
		return
	}
	if again, err := domain.Canonical(t.field.Type, sent, t.field.Format(to, t.env)); err != nil {
		t.refuse(from, raw, to.Title()+" cannot read back what it is sent: "+err.Error())
	} else if again != canonical {
		t.lose(from, raw, asJSON(again), "what is written to "+to.Title()+" reads back as something else")
	}
}

// same reports that a system would hold the same value as before. An enumeration is compared by its own choices: two of
// them may mean one of the other side.
func (t *trial) same(sys domain.System, raw, back json.RawMessage) bool {
	f := t.field.Format(sys, t.env)
	if t.field.Type == domain.Enumeration {
		f = domain.Format{System: domain.HubSpot}
	}
	a, errA := domain.Canonical(t.field.Type, raw, f)
	b, errB := domain.Canonical(t.field.Type, back, f)
	return errA == nil && errB == nil && a == b
}

func (t *trial) refuse(from domain.System, raw json.RawMessage, why string) {
	note(&t.refused, from, Example{From: from, Value: domain.Scalar(raw)}, why)
}

func (t *trial) lose(from domain.System, raw, becomes json.RawMessage, why string) {
	note(&t.lost, from, Example{From: from, Value: domain.Scalar(raw), Becomes: domain.Scalar(becomes)}, why)
}

func note(all *map[domain.System]*failure, from domain.System, e Example, why string) {
	if *all == nil {
		*all = map[domain.System]*failure{}
	}
	if (*all)[from] == nil {
		(*all)[from] = &failure{e, why}
	}
}

// judge makes the verdict: what is lost goes before what is refused, and what flows as the settings say before the rest.
func (t *trial) judge() {
	kinds := []struct {
		verdict string
		found   map[domain.System]*failure
	}{{Lossy, t.lost}, {OneWay, t.refused}}
	for _, flowing := range []bool{true, false} {
		for _, k := range kinds {
			for _, from := range domain.Systems {
				if x := k.found[from]; x != nil && t.field.Direction.Allows(from.Other()) == flowing {
					t.out.Verdict, t.out.Why, t.out.Example, t.out.Flawed = k.verdict, x.why, &x.Example, flowing
					t.standIn(x)
					return
				}
			}
		}
	}
	if t.field.Name == PhoneField && t.field.Direction == Both {
		t.out.Verdict, t.out.Why = OneWay, "a number changed in HubSpot is held: Aloware's API cannot change one"
	}
}

// standIn excuses what a person asked for: who is unknown on one side is somebody named instead.
func (t *trial) standIn(x *failure) {
	if t.field.Type == domain.Owner && t.field.Nobody != "" && x.Becomes != "" {
		t.out.Flawed = false
		t.out.Why = "who is on one side only is " + t.field.Nobody + " on the other, as the settings say"
	}
}

func asJSON(text string) json.RawMessage {
	b, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return b
}
