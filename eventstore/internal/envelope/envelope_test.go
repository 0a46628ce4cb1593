package envelope_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// sample is a file of testdata: an event as it was once stored. It must open and hash the same for ever.
type sample struct {
	SubjectKey string    `json:"subject_key"`
	Connection string    `json:"connection"`
	ID         ulid.ULID `json:"id"`
	Stream     string    `json:"stream"`
	Type       string    `json:"type"`
	Schema     int       `json:"schema"`
	OccurredAt int64     `json:"occurred_at"`
	Actor      string    `json:"actor"`
	Causation  int64     `json:"causation"`
	Subject    string    `json:"subject"`
	Data       string    `json:"data"`
	Sealed     string    `json:"sealed"`
	KeyHash    string    `json:"key_hash"`
	Hash       string    `json:"hash"`
	RowPurpose string    `json:"row_purpose"`
	RowPlain   string    `json:"row_plain"`
	RowSealed  string    `json:"row_sealed"`
}

func (s sample) event() eventstore.NewEvent {
	return eventstore.NewEvent{
		ID: s.ID, Stream: s.Stream, Type: s.Type, Schema: s.Schema, OccurredAt: s.OccurredAt, Actor: s.Actor,
		Causation: s.Causation, Subject: s.Subject, Data: []byte(s.Data),
	}
}

func stored(connection string, ev eventstore.NewEvent) *eventstore.Event {
	return &eventstore.Event{
		Connection: connection, ID: ev.ID, Stream: ev.Stream, Type: ev.Type, Schema: ev.Schema, Subject: ev.Subject,
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSamplesOpenForEver(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s sample
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			checkSample(t, s)
		})
	}
}

func checkSample(t *testing.T, s sample) {
	t.Helper()
	key, ev := envelope.NewKey(unhex(t, s.SubjectKey)), s.event()
	opened, err := key.OpenEvent(stored(s.Connection, ev), unhex(t, s.Sealed))
	if err != nil || string(opened) != s.Data {
		t.Errorf("opens as %q, %v", opened, err)
	}
	got := key.SealEvent(nil, s.Connection, &ev)
	if hex.EncodeToString(got.Data) != s.Sealed || hex.EncodeToString(got.KeyHash[:]) != s.KeyHash ||
		hex.EncodeToString(got.Hash[:]) != s.Hash {
		t.Errorf("seals as %x\nkey hash %x\nhash %x", got.Data, got.KeyHash, got.Hash)
	}
	row, err := key.OpenRow(s.Subject, s.RowPurpose, unhex(t, s.RowSealed))
	if err != nil || string(row) != s.RowPlain {
		t.Errorf("row opens as %q, %v", row, err)
	}
}

func drawEvent(t *rapid.T) eventstore.NewEvent {
	text := rapid.StringMatching(`[a-z/]{1,20}`)
	return eventstore.NewEvent{
		ID:     ulid.ULID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
		Stream: text.Draw(t, "stream"), Type: text.Draw(t, "type"), Schema: rapid.IntRange(1, 1000).Draw(t, "schema"),
		OccurredAt: rapid.Int64Min(0).Draw(t, "occurred"), Actor: text.Draw(t, "actor"),
		Causation: rapid.Int64Min(0).Draw(t, "causation"), Subject: text.Draw(t, "subject"),
		Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
	}
}

func TestSealingTwiceGivesTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := envelope.NewKey(bytes.Repeat([]byte{7}, 32))
		ev := drawEvent(t)
		once, again := key.SealEvent(nil, "c", &ev), key.SealEvent(nil, "c", &ev)
		if !bytes.Equal(once.Data, again.Data) || once.Hash != again.Hash || once.KeyHash != again.KeyHash {
			t.Fatal("two sealings differ")
		}
		opened, err := key.OpenEvent(stored("c", ev), bytes.Clone(once.Data))
		if err != nil || !bytes.Equal(opened, ev.Data) || opened == nil {
			t.Fatalf("opened as %q, %v", opened, err)
		}
	})
}

// changes alter one field of an envelope each; all must be told from the original by the hash.
var changes = map[string]func(*eventstore.NewEvent){
	"id":        func(e *eventstore.NewEvent) { e.ID[3]++ },
	"stream":    func(e *eventstore.NewEvent) { e.Stream += "x" },
	"type":      func(e *eventstore.NewEvent) { e.Type += "x" },
	"schema":    func(e *eventstore.NewEvent) { e.Schema++ },
	"occurred":  func(e *eventstore.NewEvent) { e.OccurredAt ^= 1 },
	"actor":     func(e *eventstore.NewEvent) { e.Actor += "x" },
	"causation": func(e *eventstore.NewEvent) { e.Causation ^= 1 },
	"subject":   func(e *eventstore.NewEvent) { e.Subject += "x" },
	"data":      func(e *eventstore.NewEvent) { e.Data = append([]byte("x"), e.Data...) },
	// Lengths in front keep a shift from one field to its neighbour from going unnoticed.
	"shift": func(e *eventstore.NewEvent) {
		e.Type, e.Stream = e.Stream[len(e.Stream)-1:]+e.Type, e.Stream[:len(e.Stream)-1]
	},
}

func TestEveryFieldIsHashed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, ev := envelope.NewKey(bytes.Repeat([]byte{7}, 32)), drawEvent(t)
		original := key.SealEvent(nil, "c", &ev)
		for name, change := range changes {
			other := ev
			change(&other)
			if key.SealEvent(nil, "c", &other).Hash == original.Hash {
				t.Fatalf("changing %s leaves the hash", name)
			}
		}
		if key.SealEvent(nil, "d", &ev).Hash == original.Hash {
			t.Fatal("the connection is not hashed")
		}
	})
}

func TestSealedDataIsBoundToItsEnvelope(t *testing.T) {
	key := envelope.NewKey(bytes.Repeat([]byte{7}, 32))
	ev := eventstore.NewEvent{
		ID: ulid.Make(), Stream: "a/b", Type: "t", Schema: 1, Subject: "a/b", Data: []byte(`{"n":1}`),
	}
	sealed := key.SealEvent(nil, "c", &ev).Data
	for _, name := range []string{"id", "stream", "type", "schema", "subject", "shift"} {
		other := ev
		changes[name](&other)
		if _, err := key.OpenEvent(stored("c", other), bytes.Clone(sealed)); err == nil {
			t.Errorf("opens with another %s", name)
		}
	}
	if _, err := key.OpenEvent(stored("d", ev), bytes.Clone(sealed)); err == nil {
		t.Error("opens in another connection")
	}
	for _, cut := range [][]byte{nil, sealed[:5], sealed[:len(sealed)-1]} {
		if _, err := key.OpenEvent(stored("c", ev), bytes.Clone(cut)); err == nil {
			t.Errorf("opens with %d bytes", len(cut))
		}
	}
}

func TestRowsAreBoundToSubjectAndPurpose(t *testing.T) {
	key := envelope.NewKey(bytes.Repeat([]byte{7}, 32))
	sealed, again := key.SealRow("s", "p", []byte("Ann")), key.SealRow("s", "p", []byte("Ann"))
	if bytes.Equal(sealed, again) {
		t.Error("equal rows are seen to be equal")
	}
	if plain, err := key.OpenRow("s", "p", sealed); err != nil || string(plain) != "Ann" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := key.OpenRow("s", "q", sealed); err == nil {
		t.Error("opens for another purpose")
	}
	if _, err := key.OpenRow("t", "p", sealed); err == nil {
		t.Error("opens for another subject")
	}
}

func TestValidateRefusesWhatDatabasesDo(t *testing.T) {
	good := eventstore.NewEvent{ID: ulid.Make(), Stream: "s", Type: "t", Schema: 1, Subject: "s"}
	if err := envelope.Validate(&good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*eventstore.NewEvent){
		"no id":           func(e *eventstore.NewEvent) { e.ID = ulid.ULID{} },
		"no stream":       func(e *eventstore.NewEvent) { e.Stream = "" },
		"no type":         func(e *eventstore.NewEvent) { e.Type = "" },
		"no subject":      func(e *eventstore.NewEvent) { e.Subject = "" },
		"schema 0":        func(e *eventstore.NewEvent) { e.Schema = 0 },
		"NUL in stream":   func(e *eventstore.NewEvent) { e.Stream = "a\x00" },
		"NUL in actor":    func(e *eventstore.NewEvent) { e.Actor = "a\x00" },
		"UTF-8 of type":   func(e *eventstore.NewEvent) { e.Type = "\xff" },
		"UTF-8 of actor":  func(e *eventstore.NewEvent) { e.Actor = "\xff" },
		"long subject":    func(e *eventstore.NewEvent) { e.Subject = strings.Repeat("s", envelope.MaxText+1) },
		"long key":        func(e *eventstore.NewEvent) { e.Key = make([]byte, envelope.MaxKey+1) },
		"much data":       func(e *eventstore.NewEvent) { e.Data = make([]byte, envelope.MaxData+1) },
		"before 1970":     func(e *eventstore.NewEvent) { e.OccurredAt = -1 },
		"negative origin": func(e *eventstore.NewEvent) { e.Causation = -1 },
	} {
		bad := good
		spoil(&bad)
		if err := envelope.Validate(&bad); !errors.Is(err, eventstore.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
