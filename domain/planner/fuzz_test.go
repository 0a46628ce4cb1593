package planner_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// FuzzDecision: a stored decision that can be read can be taken in, twice to the same end.
func FuzzDecision(f *testing.F) {
	var golden []json.RawMessage
	text, err := os.ReadFile(filepath.Join("testdata", "golden", "decisions.json"))
	if err == nil {
		err = json.Unmarshal(text, &golden)
	}
	if err != nil {
		f.Fatal(err)
	}
	for _, d := range golden {
		f.Add([]byte(d))
	}
	f.Add([]byte(`{"input":-1,"contact":"01JD0000000000000000000000","aliases":[` +
		`{"from":"01JD0000000000000000000000","to":"01JD0000000000000000000001"},` +
		`{"from":"01JD0000000000000000000001","to":"01JD0000000000000000000000"}]}`))
	f.Add([]byte(`{"fields":[{"field":"","after":{"base":{"x":"y"},"state":"z"}}],"links":[{"record":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d planner.Decision
		if json.Unmarshal(data, &d) != nil {
			return
		}
		v := planner.NewView(planner.Control{}, planner.NewDigester(secret))
		v.Apply(d)
		once := stateText(t, v)
		for range 2 { // an effect counts at its input: again, it changes nothing but the count of writes
			v.Apply(d)
		}
		if again := stateText(t, v); again != once {
			t.Fatalf("taken in again it leads to\n%s, the first time to\n%s", again, once)
		}
	})
}

func stateText(t *testing.T, v *planner.View) string {
	t.Helper()
	records, contacts, _ := v.Changed()
	text, err := json.Marshal([]any{records, contacts})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzFold: whatever a stored input says, a running planner takes it in or refuses it, decides something that can be
// stored, and decides the same again.
func FuzzFold(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "events", "*.v1.json"))
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		kind := filepath.Base(name)
		kind = kind[:len(kind)-len(".v1.json")]
		for _, stream := range []string{hub.Stream(), aloID("9").Stream(), "connection"} {
			f.Add(kind, stream, data)
		}
	}
	f.Add(domain.RecordUpdated, hub.Stream(), []byte(`{"via":"webhook","properties":{"firstname":"Zoë","phone":null},`+
		`"clock":1790100000000000,"origin":{"source":"CRM_UI","id":"userId:6"},"vendor":"contact.propertyChange"}`))
	f.Add(domain.RecordMerged, hub.Stream(), []byte(`{"merged":["hubspot/contact/1"],"primary":"hubspot/contact/1"}`))
	f.Add(domain.RecordObserved, alo.Stream(), []byte(`{"via":"read","complete":true,"properties":{"phone_number":[1]}}`))
	f.Fuzz(func(t *testing.T, kind, stream string, data []byte) {
		if kind == domain.DecisionMade {
			return // no input
		}
		var first string
		for range 2 {
			d := newDesk(t, nil)
			d.linked()
			got := foldOnce(d, kind, stream, data)
			if first == "" {
				first = got
			}
			if got != first {
				t.Fatalf("decided\n%s, the second time\n%s", first, got)
			}
		}
	})
}

// foldOnce folds and plans one input, and returns all that came of it.
func foldOnce(d *desk, kind, stream string, data []byte) string {
	d.Helper()
	in := planner.Input{
		Position: d.pos + 1, ID: ulid.ULID{0: 1, 15: 9}, Type: kind, Stream: stream, RecordedAt: d.now + hour, Data: data,
	}
	d.v.Needs(in, planner.NewNeeds())
	e, err := d.v.Fold(in)
	if err != nil {
		return "refused"
	}
	out := d.v.Plan(in, e)
	text, err := json.Marshal(out)
	if err != nil {
		d.Fatalf("decided what cannot be stored: %v", err)
	}
	for _, p := range out {
		if p.Decision.Contact.IsZero() {
			d.Fatalf("a decision about nobody: %s", text)
		}
		for _, c := range p.Outgoing {
			for name, value := range c.Values {
				if !json.Valid(value) {
					d.Fatalf("%s is to be sent as %s", name, value)
				}
			}
		}
	}
	return string(text) + stateText(d.T, d.v)
}
