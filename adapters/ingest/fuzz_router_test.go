package ingest_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// FuzzRoute: each item of a delivery to the URL of all portals is stored in the log of its portal, kept aside or counted,
// once, unless the whole is refused as no webhook at all; a second time nothing changes.
func FuzzRoute(f *testing.F) {
	for _, body := range []string{
		"[" + change(1, 11, `"a"`) + "," + change(2, 21, `"b"`) + "," + change(9, 91, `"d"`) + `,{"no portal":1}]`,
		"[" + change(1, 11, `"a"`) + "," + change(1, 11, `"a"`) + "]", "[" + change(2, 21, `"a\u0000b"`) + "]",
		`[{"objectId":"a b","portalId":1},{"portalId":2}]`, `[{"portalId":"1"},{"portalId":1.0},{"portalId":-2}]`,
		`[null,1,[],"x"]`, `[]`, `{`, `{"portalId":2}`, "[\"\xff\"]",
	} {
		f.Add([]byte(body))
	}
	store := backends.SQLite(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		one, two := newRig(t, store, "one", "1", secret), newRig(t, store, "two", "2", secret)
		router := &ingest.Router{Ring: one.ring, Ingests: func() []*ingest.Ingest {
			return []*ingest.Ingest{one.hubspot, two.hubspot}
		}}
		before := [2]int64{one.end(), two.end()}
		first, refused := routed(t, router, one.signed(string(body)))
		after := [2]int64{one.end(), two.end()}
		// What no item can be read of is kept whole, once in each log it may be for.
		if grown := after[0] + after[1] - before[0] - before[1]; grown != int64(first.Stored+first.Raw) {
			t.Errorf("%+v, and the logs grew by %d", first, grown)
		}
		var items []json.RawMessage
		if json.Unmarshal(body, &items) == nil && !refused && total(first) < len(items) {
			t.Errorf("%d items became %+v", len(items), first)
		}
		again, _ := routed(t, router, one.signed(string(body)))
		if total(again) != total(first) || one.end() != after[0] || two.end() != after[1] {
			t.Errorf("became %+v, the second time %+v", first, again)
		}
	})
}

// end is where the log ends.
func (r *rig) end() int64 {
	r.t.Helper()
	head, err := r.log.Head(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return head.Position
}

func routed(t *testing.T, r *ingest.Router, d adapters.Delivery) (got ingest.Receipt, refused bool) {
	t.Helper()
	got, err := r.Receive(t.Context(), d)
	if err == nil {
		return got, false
	}
	var why *adapters.Rejection
	if !errors.As(err, &why) {
		t.Fatal(err)
	}
	return got, true
}

func total(r ingest.Receipt) int {
	return r.Stored + r.Duplicates + r.Raw + r.Parked + r.Unknown + r.Ignored
}
