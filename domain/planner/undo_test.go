package planner_test

import (
	"math/rand/v2"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// changed is a pair whose first name was Ann on both sides, at the position, and became Eve in HubSpot and so in Aloware.
func changed(t *testing.T, edit func(*settings.Settings)) (d *desk, ann map[domain.System]int64) {
	t.Helper()
	d = newDesk(t, edit).linked()
	ann = map[domain.System]int64{}
	d.webhook(alo, values{"first_name": "Ann"})
	ann[domain.Aloware] = d.pos
	d.webhook(hub, values{"firstname": "Ann"})
	ann[domain.HubSpot] = d.pos
	d.webhook(hub, values{"firstname": "Eve"})
	d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Eve"})
	d.settled(d.sent[0], values{"first_name": "Eve"}, nil)
	d.webhook(alo, values{"first_name": "Eve"})
	d.now += 48 * hour
	return d, ann
}

// back puts a first name back to what an event told.
func (d *desk) back(rec domain.Record, holds, before string, position int64) {
	d.Helper()
	o := domain.OperationStarted
	d.act(o, domain.Act{Name: domain.OpUndo, Counts: map[string]int64{domain.CountBudget: 1, domain.CountRows: 1}})
	ops := d.v.Control.Operations
	dig := planner.NewDigester(secret)
	row := domain.PlanRow{Contact: d.contact(hub), Back: []domain.PutBack{{
		Field: "first_name", Record: rec, Holds: dig.Of("first_name", holds), Position: position, Digest: dig.Of("first_name", before),
	}}}
	row.Digest = d.v.BackDigest(row.Contact, row.Back)
	d.in(domain.PlanApplied, "connection", domain.PlanPage{
		Scope: domain.Scope{Name: domain.OpUndo}, Operation: ops[len(ops)-1].ID, Rows: []domain.PlanRow{row},
	})
}

// stays checks that the first name stands apart since it was put back, and that nothing is sent for it.
func (d *desk) stays() {
	d.Helper()
	if f := d.field("first_name"); f.State != planner.Apart || f.Result != planner.Undone {
		d.Fatalf("first_name is %s, %s\n%s", f.State, f.Result, text(d.last))
	}
	d.wrote(to{})
}

// TestUndone: a value that was put back stays, whatever tells of the contact, until the other side changes: then that
// counts as always.
func TestUndone(t *testing.T) {
	for _, seed := range []uint64{0, 1} {
		d, ann := changed(t, nil)
		if seed > 0 {
			d.rnd = rand.New(rand.NewPCG(seed, 7))
		}
		d.back(alo, "Eve", "Ann", ann[domain.Aloware])
		d.says(planner.Sent, planner.Apart, to{domain.Aloware: "Ann"})
		put := d.sent[0]
		if put.Expects["first_name"].Property == "" {
			t.Errorf("nothing guards it: %s", text(put))
		}
		d.webhook(hub, values{"lastname": "Lee"})
		d.stays()
		d.settled(put, values{"first_name": "Ann"}, nil)
		d.stays()
		d.webhook(alo, values{"first_name": "Ann"})
		d.stays()
		d.webhook(hub, values{"firstname": "Eve"})
		d.stays()
		d.settings(nil)
		d.act(domain.SyncPaused, domain.Act{})
		d.webhook(hub, values{"city": "Rome"})
		d.act(domain.SyncResumed, domain.Act{})
		d.stays()
		d.webhook(hub, values{"firstname": "Zoe"})
		d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Zoe"})
	}
}

// TestUndoneInBoth: once both sides are put back to the same they agree, whichever comes first.
func TestUndoneInBoth(t *testing.T) {
	d, ann := changed(t, nil)
	d.back(hub, "Eve", "Ann", ann[domain.HubSpot])
	d.says(planner.Sent, planner.Apart, to{domain.HubSpot: "Ann"})
	d.settled(d.sent[0], values{"firstname": "Ann"}, nil)
	d.stays()
	d.webhook(hub, values{"firstname": "Ann"})
	d.stays()
	d.back(alo, "Eve", "Ann", ann[domain.Aloware])
	d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Ann"})
	d.settled(d.sent[0], values{"first_name": "Ann"}, nil)
	d.webhook(alo, values{"first_name": "Ann"})
	if f := d.field("first_name"); f.State != planner.InStep || len(d.sent) > 0 {
		t.Fatalf("%s\n%s", text(f), text(d.last))
	}
	d.webhook(alo, values{"first_name": "Amy"})
	d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Amy"})
}

// TestNotUndone: nothing is put back where another value stands than when it was planned, where that may not be, or
// where what it was is not known; and what was not put back is not replaced by what the other side holds.
func TestNotUndone(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*settings.Settings)
		change func(d *desk)
		before string
		at     int64
		rule   string
	}{
		"changed since":       {change: func(d *desk) { d.webhook(alo, values{"first_name": "Amy"}) }, rule: "changed since the plan was made"},
		"a direction":         {edit: firstName(func(f *settings.Field) { f.Direction = settings.ToHubSpot }), rule: "first_name is to_hubspot"},
		"the switch":          {change: func(d *desk) { d.settings(func(s *settings.Settings) { s.Contacts.Update = settings.ToHubSpot }) }, rule: "contacts.update = to_hubspot"},
		"another value":       {before: "Joe", rule: "what it was before is not known"},
		"an event without it": {at: 1, rule: "what it was before is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			d, ann := changed(t, nil)
			if c.edit != nil {
				d.settings(c.edit)
			}
			if c.change != nil {
				c.change(d)
			}
			before, at := "Ann", ann[domain.Aloware]
			if c.before != "" {
				before = c.before
			}
			if c.at > 0 {
				at = c.at
			}
			d.back(alo, "Eve", before, at)
			d.wrote(to{})
			if w := d.last[0].Whole; w == nil || w.Result != planner.Skipped || w.Rule != c.rule {
				t.Errorf("said %s", text(d.last))
			}
		})
	}
}

// TestUndoWithdrawn: a write back that never left is not replaced by one of the other side's value, nor is one that was
// refused.
func TestUndoWithdrawn(t *testing.T) {
	for _, how := range []func(*domain.Outcome){
		func(o *domain.Outcome) { o.Result = domain.ResultWithdrawn },
		func(o *domain.Outcome) {
			o.Result, o.Refused = domain.ResultRejected, map[string]string{"first_name": domain.ReasonInvalid}
		},
	} {
		d, ann := changed(t, nil)
		d.back(alo, "Eve", "Ann", ann[domain.Aloware])
		d.settled(d.sent[0], values{}, how)
		d.wrote(to{})
		d.act(domain.SyncPaused, domain.Act{})
		d.webhook(hub, values{"city": "Rome"})
		d.act(domain.SyncResumed, domain.Act{})
		d.wrote(to{})
		d.back(alo, "Eve", "Ann", ann[domain.Aloware])
		d.wrote(to{domain.Aloware: "Ann"})
	}
}
