package envelope

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// FuzzOpenEvent: of whatever stands in the database, only what was sealed opens, to the data that was sealed; one
// changed bit of it, or of what it is bound to, makes it an error.
func FuzzOpenEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range files {
		var sample map[string]json.RawMessage
		text, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, &sample)
		}
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte("0123456789abcdef"), "hubspot/contact/512", "record.updated", int64(1), text, uint16(13))
	}
	f.Add([]byte{}, "aloware/contact/7", "source.raw", int64(2), []byte(nil), uint16(0))
	f.Add([]byte("x"), "log", "decision.made", int64(-1), []byte("\x00\xff"), uint16(9))
	key := NewKey([]byte("a subject's key, of thirty-two b"))
	f.Fuzz(func(t *testing.T, id []byte, stream, kind string, schema int64, data []byte, at uint16) {
		ev := eventstore.NewEvent{Stream: stream, Type: kind, Schema: int(schema), Subject: stream, Data: data}
		copy(ev.ID[:], id)
		stored := eventstore.Event{
			Connection: "acme", ID: ev.ID, Stream: stream, Type: kind, Schema: int(schema), Subject: stream,
		}
		if got, err := key.OpenEvent(&stored, bytes.Clone(data)); err == nil {
			t.Fatalf("%x, which nobody sealed, opens to %q", data, got)
		}
		sealed := key.SealEvent(nil, "acme", &ev)
		got, err := key.OpenEvent(&stored, bytes.Clone(sealed.Data))
		if err != nil || !bytes.Equal(got, data) || got == nil {
			t.Fatalf("opens to %q, %v", got, err)
		}
		if again := key.SealEvent(nil, "acme", &ev); !bytes.Equal(again.Data, sealed.Data) || again.Hash != sealed.Hash {
			t.Fatal("sealing twice gives other bytes")
		}
		for what, spoiled := range spoiled(stored, sealed.Data, int(at)) {
			if _, err := key.OpenEvent(&spoiled.event, bytes.Clone(spoiled.data)); err == nil {
				t.Fatalf("opens with another %s", what)
			}
		}
	})
}

type opening struct {
	event eventstore.Event
	data  []byte
}

// spoiled are openings of which each is wrong in one thing.
func spoiled(ev eventstore.Event, sealed []byte, at int) map[string]opening {
	bit := bytes.Clone(sealed)
	bit[at%len(bit)] ^= 1 << (at % 8)
	all := map[string]opening{"bit": {ev, bit}, "length": {ev, sealed[:at%len(sealed)]}}
	for what, spoil := range map[string]func(*eventstore.Event){
		"connection": func(e *eventstore.Event) { e.Connection += "x" },
		"id":         func(e *eventstore.Event) { e.ID = ulid.ULID(append(e.ID[1:16:16], e.ID[0]+1)) },
		"stream":     func(e *eventstore.Event) { e.Stream += "x" },
		"type":       func(e *eventstore.Event) { e.Type += "x" },
		"schema":     func(e *eventstore.Event) { e.Schema++ },
		"subject":    func(e *eventstore.Event) { e.Subject += "x" },
		"border":     func(e *eventstore.Event) { e.Stream, e.Type = e.Stream+"x", "x"+e.Type },
	} {
		other := ev
		spoil(&other)
		all[what] = opening{other, sealed}
	}
	return all
}
