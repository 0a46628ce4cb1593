package contacts

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections"
)

func anyRecord(t *rapid.T) *record {
	r := &record{
		stream: "hubspot/contact/1", contact: anyText.Draw(t, "contact"), link: planner.LinkState(anyText.Draw(t, "link")),
		linked: anyOrder(t), position: rapid.Int64().Draw(t, "at"), keysAt: rapid.Int64().Draw(t, "under"),
	}
	r.keys, r.stored = anyKeys(t), rapid.Bool().Draw(t, "stored")
	if r.tabled = r.keys; rapid.Bool().Draw(t, "other keys in the table") {
		r.tabled = anyKeys(t)
	}
	switch rapid.IntRange(0, 3).Draw(t, "body") {
	case bodySealed:
		r.sealed = rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "sealed")
	case bodyErased:
		r.erased = true
	case bodyPlain:
		r.opened = true
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			r.values.put(anyText.Draw(t, "name"), value{
				Value: json.RawMessage(anyText.Draw(t, "value")), Position: rapid.Int64().Draw(t, "at"),
				Occurred: rapid.Int64().Draw(t, "occurred"), Clock: rapid.Int64().Draw(t, "clock"), By: anyText.Draw(t, "by"),
			})
		}
	}
	return r
}

func anyKeys(t *rapid.T) (keys []string) {
	for range rapid.IntRange(0, 3).Draw(t, "keys") {
		keys = append(keys, string(rapid.SliceOfN(rapid.Byte(), keySize, keySize).Draw(t, "key")))
	}
	return keys
}

func TestRowsComeBackFromMemoryAsTheyWere(t *testing.T) {
	d := newCodec()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord(t)
		row := projections.Row{Data: d.appendRecord(nil, r), Stored: r.stored, Changed: true}
		if got, err := d.record(r.stream, row); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("record came back as\n%+v, %v, was\n%+v", got, err, r)
		}
		row.Changed = false
		if got, err := d.record(r.stream, row); err != nil || !slices.Equal(got.tabled, r.keys) {
			t.Errorf("once written, the table has the keys %q, %v, not %q", got.tabled, err, r.keys)
		}
		c := anyContact(t)
		row = projections.Row{Data: d.appendContact(nil, c), Stored: c.hasRow, Changed: true}
		if got, err := d.contact(c.id, row); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("contact came back as\n%+v, %v, was\n%+v", got, err, c)
		}
		row.Changed = false
		if got, err := d.contact(c.id, row); err != nil || !slices.Equal(got.stored, c.notInStep()) {
			t.Errorf("once written, the table has the fields %v, %v, not %v", got.stored, err, c.notInStep())
		}
		values, keys, err := d.body(appendBody(nil, r.values, r.keys))
		if err != nil || len(values) != len(r.values) || len(values) > 0 && !reflect.DeepEqual(values, r.values) ||
			!reflect.DeepEqual(keys, r.keys) {
			t.Errorf("body came back as\n%+v %q, %v, was\n%+v %q", values, keys, err, r.values, r.keys)
		}
	})
}

// A sealed body that is damaged must be an error: what is made of it would be written back.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendBody(nil, byName[value]{{"city", value{Value: json.RawMessage(`"x"`)}}}, []string{"0123456789abcdef"}))
	f.Add([]byte(`{"values":{"city":{"value":"x","position":1}},"keys":["00ff"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newCodec()
		values, keys, err := d.body(b)
		if err == nil && len(b) > 0 && b[0] == bodyVersion {
			again, keysAgain, err := d.body(appendBody(nil, values, keys))
			if err != nil || len(again) != len(values) || len(keysAgain) != len(keys) {
				t.Errorf("read %x as %v %x, and that as %v %x, %v", b, values, keys, again, keysAgain, err)
			}
		}
		row := projections.Row{Data: b, Changed: true}
		_, _ = d.record("x", row)
		_, _ = d.contact("x", row)
	})
}

func TestRowsOfFoldOneAreStillRead(t *testing.T) {
	values, keys, err := newDecoder().body([]byte(
		`{"values":{"city":{"value":"Oakland","position":7,"occurred":1,"clock":2,"by":"CRM_UI"}},"keys":["00ff"]}`))
	v, ok := values.get("city")
	want := value{Value: json.RawMessage(`"Oakland"`), Position: 7, Occurred: 1, Clock: 2, By: "CRM_UI"}
	if err != nil || !ok || !reflect.DeepEqual(v, want) || !reflect.DeepEqual(keys, []string{"\x00\xff"}) {
		t.Errorf("read %+v %x, %v", values, keys, err)
	}
}
