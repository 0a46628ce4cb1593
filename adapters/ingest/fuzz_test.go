package ingest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// FuzzReceive: of a delivery whose signature is right everything is stored, as facts or as it came, or the whole is
// refused as no webhook at all; and a second time HubSpot's changes nothing. Nothing is lost for what stands in it.
func FuzzReceive(f *testing.F) {
	for _, body := range []string{
		"[" + change(1, 512, `"Zürich"`) + "]", "[" + change(1, 513, `"a\u0000b"`) + "," + change(1, 514, `null`) + "]",
		"[" + change(2, 512, `"elsewhere"`) + "]", `[{"objectId":"a b","portalId":1}]`, `[null]`, `[]`, `{`, "[\"\xff\"]",
		`{"event":"Contact-Updated","body":{"id":5,"phone_number":"+14155550100","first_name":"Ann","tags":[]}}`,
		`{"event":"Contact-Created","body":{"phone_number":"\u0000"}}`, `{"test_payload":true}`,
	} {
		f.Add([]byte(body))
	}
	store := backends.SQLite(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r := newRig(t, store, "default", "1", secret)
		first := taken(t, r.hubspot, r.signed(string(body)))
		again := taken(t, r.hubspot, r.signed(string(body)))
		if first.Stored+first.Raw+first.Duplicates != again.Stored+again.Raw+again.Duplicates || again.Stored > 0 {
			t.Fatalf("HubSpot's became %+v, the second time %+v", first, again)
		}
		got := taken(t, r.aloware, adapters.Delivery{
			Method: http.MethodPost, Body: body, ReceivedAt: r.now, Header: http.Header{"Authorization": {"Bearer " + secret}},
		})
		if json.Valid(body) && got.Stored+got.Raw+got.Ignored+got.Parked != 1 {
			t.Fatalf("Aloware's became %+v", got)
		}
	})
}

func taken(t *testing.T, in *ingest.Ingest, d adapters.Delivery) ingest.Receipt {
	t.Helper()
	got, err := in.Receive(t.Context(), d)
	var refused *adapters.Rejection
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return got
}
