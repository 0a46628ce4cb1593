package eventstoretest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

var envelopeTests = map[string]func(*testing.T, *fixture){
	"ComesBackWhole": testComesBackWhole,
	"Refused":        testRefused,
	"CallersBuffers": testCallersBuffers,
	"BigData":        testBigData,
}

func testComesBackWhole(t *testing.T, f *fixture) {
	_, log := f.log(t)
	sent := eventstore.NewEvent{
		ID: ulid.Make(), Stream: "aloware/contact/7", Type: "record.created", Schema: 3, OccurredAt: 1700000000123456,
		Actor: "os:ann@host ✓", Causation: 17, Subject: "raw/x", Data: []byte("{\"a\":\"\\u0000 é \U0001F600\"}"),
	}
	before := time.Now().Add(-time.Second).UnixMicro()
	got := mustAppend(t, log, sent, event("hubspot/contact/1"))
	_, again := f.log(t)
	e := mustRead(t, again, 0, 2)
	want := eventstore.Event{
		Connection: connection, Position: 1, ID: sent.ID, Stream: sent.Stream, Type: sent.Type, Schema: 3,
		OccurredAt: sent.OccurredAt, RecordedAt: got[0].RecordedAt, Actor: sent.Actor, Causation: 17,
		Subject: "raw/x", Hash: e[0].Hash,
	}
	data := e[0].Data
	e[0].Data = nil
	if !bytes.Equal(data, sent.Data) {
		t.Errorf("data came back as %q", data)
	}
	if !equalEvents(e[0], want) {
		t.Errorf("came back as %+v, want %+v", e[0], want)
	}
	if e[0].RecordedAt < before || e[0].RecordedAt > time.Now().UnixMicro() {
		t.Errorf("recorded at %d, which is not now", e[0].RecordedAt)
	}
	if e[1].OccurredAt != e[1].RecordedAt {
		t.Errorf("an event without a time of its own occurred at %d, recorded at %d", e[1].OccurredAt, e[1].RecordedAt)
	}
	if e[0].Hash == e[1].Hash || e[0].Hash == [32]byte{} {
		t.Error("the hashes do not tell the events apart")
	}
}

// equalEvents compares all but the data.
func equalEvents(a, b eventstore.Event) bool {
	return a.Connection == b.Connection && a.Position == b.Position && a.ID == b.ID && a.Stream == b.Stream &&
		a.Type == b.Type && a.Schema == b.Schema && a.OccurredAt == b.OccurredAt && a.RecordedAt == b.RecordedAt &&
		a.Actor == b.Actor && a.Causation == b.Causation && a.Subject == b.Subject && a.Erased == b.Erased &&
		a.Hash == b.Hash
}

// What the database would refuse, or could never be found again, is refused before it is sent there.
func testRefused(t *testing.T, f *fixture) {
	_, log := f.log(t)
	for what, spoil := range map[string]func(*eventstore.NewEvent){
		"no id":            func(e *eventstore.NewEvent) { e.ID = ulid.ULID{} },
		"no type":          func(e *eventstore.NewEvent) { e.Type = "" },
		"no stream":        func(e *eventstore.NewEvent) { e.Stream = "" },
		"no subject":       func(e *eventstore.NewEvent) { e.Subject = "" },
		"no schema":        func(e *eventstore.NewEvent) { e.Schema = 0 },
		"NUL in stream":    func(e *eventstore.NewEvent) { e.Stream = "a\x00b" },
		"NUL in actor":     func(e *eventstore.NewEvent) { e.Actor = "a\x00b" },
		"not UTF-8":        func(e *eventstore.NewEvent) { e.Subject = "a\xffb" },
		"type not UTF-8":   func(e *eventstore.NewEvent) { e.Type = "\xc3\x28" },
		"endless stream":   func(e *eventstore.NewEvent) { e.Stream = strings.Repeat("x", 100_000) },
		"endless key":      func(e *eventstore.NewEvent) { e.Key = bytes.Repeat([]byte("x"), 100_000) },
		"negative time":    func(e *eventstore.NewEvent) { e.OccurredAt = -1 },
		"negative cause":   func(e *eventstore.NewEvent) { e.Causation = -1 },
		"surrogate in UTF": func(e *eventstore.NewEvent) { e.Actor = "\xed\xa0\x80" },
	} {
		e := event("hubspot/contact/1")
		spoil(&e)
		if _, err := log.Append(t.Context(), event("hubspot/contact/1"), e); !errors.Is(err, eventstore.ErrInvalid) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	wantDense(t, log, 0)
}

// A caller may use his buffers again once Append has returned, also when he left before it was done.
func testCallersBuffers(t *testing.T, f *fixture) {
	_, log := f.log(t)
	e := event("hubspot/contact/1")
	e.Key = []byte("delivery 1")
	want := bytes.Clone(e.Data)
	mustAppend(t, log, e)
	clear(e.Data)
	copy(e.Key, "delivery 2")
	if got := mustRead(t, log, 0, 1)[0].Data; !bytes.Equal(got, want) {
		t.Errorf("data is %q", got)
	}
	e.Data = want
	if got := mustAppend(t, log, e); got[0].Duplicate {
		t.Error("the first key was kept in the caller's buffer")
	}
}

// A raw body of the size limit of a webhook, beside small ones.
func testBigData(t *testing.T, f *fixture) {
	_, log := f.log(t)
	big := event("raw/1")
	big.Data = bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	empty := event("hubspot/contact/2")
	empty.Data = nil
	mustAppend(t, log, event("hubspot/contact/1"), big, empty)
	got := mustRead(t, log, 0, 3)
	if !bytes.Equal(got[1].Data, big.Data) {
		t.Errorf("%d bytes came back as %d", len(big.Data), len(got[1].Data))
	}
	if len(got[2].Data) != 0 || got[2].Erased {
		t.Errorf("no data came back as %q", got[2].Data)
	}
}
