package planner_test

import (
	"encoding/json"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// tried plans, takes it back, and fails unless the view is then as it was and plans the same once more.
func (w *world) tried(plan func() []planner.Planned) []planner.Planned {
	was := w.view.Copied()
	first, undo := w.view.Try(plan)
	undo()
	if !w.view.Same(was) {
		w.t.Fatalf("taken back, the view is not as it was; planned\n%s", text(first))
	}
	again := plan()
	if text(again) != text(first) {
		w.t.Fatalf("planned again after it was taken back\n%s\nfirst\n%s", text(again), text(first))
	}
	for _, p := range again {
		encodes(w.t, p.Decision)
	}
	return again
}

// encodes fails unless a decision is encoded as encoding/json does it.
func encodes(t interface{ Fatalf(string, ...any) }, d planner.Decision) {
	want, err := json.Marshal(d)
	got, bad := d.AppendJSON([]byte("["))
	if err != nil || bad != nil || string(got) != "["+string(want) {
		t.Fatalf("encoded as\n%s, %v\nnot\n%s, %v", got, bad, want, err)
	}
}

// TestEncodeWhatIsSeldom: texts that need an escape, and what few decisions hold.
func TestEncodeWhatIsSeldom(t *testing.T) {
	id, odd := ulid.ULID{1}, "a \"b\" <c> & d\u2028\x7fé\xff"
	rec := domain.Record{System: domain.HubSpot, ID: odd}
	encodes(t, planner.Decision{})
	encodes(t, planner.Decision{
		Trigger: odd, Operation: id, Considered: []domain.Record{rec, {}}, Links: []planner.Link{{Record: rec, Reason: odd, Ever: true, Reading: id}, {}},
		Aliases: []planner.Alias{{From: id}}, Counts: &planner.Counts{Changed: 1}, Guard: &domain.Trip{Guard: odd},
		Head: &planner.HeadState{
			Dirty: true, Parked: true, Standing: true, CountedAt: -1, Creation: planner.Creation{Command: id, Rule: odd},
			Lookups: []planner.Lookup{{By: odd}}, Review: odd, Others: []domain.Record{rec},
		},
		Whole: &planner.Whole{Rule: odd, System: domain.Aloware, Others: []domain.Record{rec}, Command: id},
		Fields: []planner.Verdict{{}, {Field: odd, Loser: &planner.Ref{}, After: planner.FieldState{
			Base: map[domain.System]string{domain.HubSpot: odd, "b": "", domain.Aloware: "c"}, Meanwhile: &planner.Meanwhile{Doubt: true},
			Pending: &planner.PendingWrite{Was: odd, Over: odd}, Restated: &planner.PendingWrite{Digest: odd}, Recent: []planner.HeldValue{{}, {Digest: odd}},
		}}},
		Commands: []planner.Command{{}, {Record: rec, Source: rec, Digests: map[string]string{odd: odd, "": "x"}, By: odd, Urgent: true}},
	})
	encodes(t, planner.Decision{Head: &planner.HeadState{}, Whole: &planner.Whole{}, Considered: []domain.Record{}, Fields: []planner.Verdict{}})
}

// TestTryKeepsNothing: what is planned outside of a trial stays.
func TestTryKeepsNothing(t *testing.T) {
	d := newDesk(t, nil).linked()
	_, undo := d.v.Try(func() []planner.Planned { return nil })
	d.webhook(hub, values{"firstname": "Bea"})
	was := d.v.Copied()
	undo()
	if !d.v.Same(was) || len(d.sent) != 1 {
		t.Fatalf("a trial took back what was planned after it; sent %d", len(d.sent))
	}
}
