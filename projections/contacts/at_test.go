package contacts_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
)

func TestStateAtAPosition(t *testing.T) {
	both(t, func(w *world) {
		created := w.tell(hub, domain.RecordCreated, 1000, "city", "Oakland")
		before := w.decide(linked(one, created, map[string]planner.FieldState{"city": {State: planner.InStep}}))
		changed := w.tell(hub, domain.RecordUpdated, 2000, "city", "San José")
		d := linked(two, changed, nil)
		d.Links = d.Links[1:]
		w.decide(d)
		w.decide(planner.Decision{Contact: one, Input: changed, Fields: []planner.Verdict{
			{Field: "city", After: planner.FieldState{State: planner.Pending}},
		}})
		then, err := w.reader.At(w.t.Context(), one, contacts.Moment{Position: before})
		if err != nil || show(then, domain.HubSpot, "city") != `"Oakland"` || len(then.Records) != 2 ||
			then.Status != contacts.InStep {
			w.t.Errorf("then %+v, %v", then, err)
		}
		head := before + 3
		now, err := w.reader.At(w.t.Context(), one, contacts.Moment{Position: head})
		want, got := asJSON(w.t, w.get(one)), asJSON(w.t, now)
		if err != nil || got != want {
			w.t.Errorf("at the head\n%s\nnow\n%s\n%v", got, want, err)
		}
		if _, err := w.reader.At(w.t.Context(), one, contacts.Moment{Position: created}); !errors.Is(err, contacts.ErrNotFound) {
			w.t.Errorf("before its first decision: %v, want ErrNotFound", err)
		}
	})
}

// TestStateBeforeTheIDWasThere asks a contact for a time when its person stood under an id that means it now.
func TestStateBeforeTheIDWasThere(t *testing.T) {
	both(t, func(w *world) {
		created := w.tell(hub, domain.RecordCreated, 1000, "city", "Oakland")
		d := linked(two, created, nil)
		d.Links = d.Links[:1]
		before := w.decide(d)
		merged := w.tell(alo, domain.RecordObserved, 2000, "cnam_city", "Oakland")
		d = linked(one, merged, nil)
		d.Aliases = []planner.Alias{{From: two, To: one}}
		w.decide(d)
		for _, id := range []ulid.ULID{one, two} {
			then, err := w.reader.At(w.t.Context(), id, contacts.Moment{Position: before})
			if err != nil || then.ID != two || show(then, domain.HubSpot, "city") != `"Oakland"` {
				w.t.Errorf("%s then was %+v, %v; want the former one with the city", id, then, err)
			}
		}
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPositionAtATime(t *testing.T) {
	both(t, func(w *world) {
		for i := range 5 {
			w.tell(hub, domain.RecordUpdated, int64(1000+i), "city", fmt.Sprint(i))
		}
		events, err := w.log.Read(w.t.Context(), 0, 10)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range events {
			at, err := w.reader.PositionAt(w.t.Context(), time.UnixMicro(e.RecordedAt))
			if err != nil || events[at-1].RecordedAt != e.RecordedAt || at < e.Position {
				w.t.Errorf("at the time of %d: position %d, %v", e.Position, at, err)
			}
		}
		m := contacts.Moment{Time: time.UnixMicro(events[2].RecordedAt)}
		for _, e := range events {
			if got, want := m.Covers(e), e.RecordedAt <= events[2].RecordedAt; got != want {
				w.t.Errorf("the time of %d covers %d: %t, want %t", events[2].Position, e.Position, got, want)
			}
		}
		if at, err := w.reader.PositionAt(w.t.Context(), time.UnixMicro(events[0].RecordedAt-1)); err != nil || at != 0 {
			w.t.Errorf("before the first: %d, %v; want 0", at, err)
		}
	})
}
