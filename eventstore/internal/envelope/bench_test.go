package envelope_test

import (
	"bytes"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

func BenchmarkSealEvent(b *testing.B) {
	key := envelope.NewKey(bytes.Repeat([]byte{7}, 32))
	ev := eventstore.NewEvent{
		ID: ulid.Make(), Stream: "hubspot/contact/512", Type: "record.updated", Schema: 1, Actor: "hubspot",
		Subject: "hubspot/contact/512", Data: bytes.Repeat([]byte("x"), 300),
	}
	b.ReportAllocs()
	for b.Loop() {
		key.SealEvent(nil, "default", &ev)
	}
}

func BenchmarkOpenEvent(b *testing.B) {
	key := envelope.NewKey(bytes.Repeat([]byte{7}, 32))
	ev := eventstore.NewEvent{
		ID: ulid.Make(), Stream: "hubspot/contact/512", Type: "record.updated", Schema: 1, Actor: "hubspot",
		Subject: "hubspot/contact/512", Data: bytes.Repeat([]byte("x"), 300),
	}
	sealed, read := key.SealEvent(nil, "default", &ev).Data, stored("default", ev)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.OpenEvent(read, bytes.Clone(sealed)); err != nil {
			b.Fatal(err)
		}
	}
}
