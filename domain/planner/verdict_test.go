package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// verdict hands the planner what a person decided about the contact of a record.
func (d *desk) verdict(kind string, of domain.Record, a domain.Act) {
	d.Helper()
	a.Contact = d.v.Record(of).Link.Contact
	d.act(kind, a)
}

func (d *desk) paired() bool {
	h, a := d.v.Record(hub).Link, d.v.Record(alo).Link
	return h.Contact == a.Contact && h.State == planner.Linked && a.State == planner.Linked
}

// TestPartedByAPerson: a wrong link that a person cuts stays cut, whatever is told; nobody is made anew; and when a
// person says they are one after all, the two are weighed as at first sight.
func TestPartedByAPerson(t *testing.T) {
	d := newDesk(t, nil).linked()
	both := domain.Act{Verdict: domain.VerdictSeparate, Records: []domain.Record{hub, alo}}
	d.verdict(domain.DuplicateResolved, hub, both)
	if d.paired() || len(d.sent) > 0 || d.last[0].Whole.Result != planner.Parted {
		t.Fatalf("sent %v: %s", d.kinds(), text(d.last))
	}
	d.webhook(hub, values{"firstname": "Bob"})
	d.webhook(alo, values{"first_name": "Cyd", "email": "ann@example.com"})
	if d.paired() || len(d.sent) > 0 {
		t.Fatalf("told again, %v were sent: %s", d.kinds(), text(d.last))
	}
	both.Verdict = domain.VerdictSame
	d.verdict(domain.DuplicateResolved, alo, both)
	if !d.paired() {
		t.Fatalf("said to be one, and not linked: %s", text(d.last))
	}
	d.wrote(map[domain.System]string{domain.Aloware: "Bob"}) // initial = hubspot
}

// ambiguous holds a record of Aloware that two of HubSpot could be.
func ambiguous(t *testing.T) *desk {
	d := newDesk(t, func(s *settings.Settings) { s.Contacts.Create = settings.ToAloware })
	for _, id := range []string{"1", "11"} {
		d.read(hubID(id), values{"email": "ann@example.com", "firstname": "Ann"}, noCommand)
	}
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"}, noCommand)
	if got := d.v.Record(alo).Link.State; got != planner.Held {
		t.Fatalf("it is %s, want held: %s", got, text(d.last))
	}
	return d
}

var noCommand = planner.Outgoing{}

// TestAmbiguousSettled: a person says who it is, or that it is none of them.
func TestAmbiguousSettled(t *testing.T) {
	t.Run("one of them", func(t *testing.T) {
		d := ambiguous(t)
		d.verdict(domain.DuplicateResolved, alo, domain.Act{Verdict: domain.VerdictSame, Records: []domain.Record{alo, hub}})
		if !d.paired() {
			t.Fatalf("not linked: %s", text(d.last))
		}
	})
	t.Run("none of them", func(t *testing.T) {
		d := ambiguous(t)
		d.verdict(domain.DuplicateResolved, alo, domain.Act{
			Verdict: domain.VerdictSeparate, Records: []domain.Record{alo, hub, hubID("11")},
		})
		d.webhook(alo, values{"last_name": "Lee"})
		if got := d.v.Record(alo).Link.State; got == planner.Held || got == planner.Linked {
			t.Fatalf("it is %s: %s", got, text(d.last))
		}
		if d.v.Record(hub).Link.Contact == d.v.Record(hubID("11")).Link.Contact {
			t.Fatal("the others became one")
		}
	})
}

// TestFieldSettled: a field that waits for a person goes the way the person says.
func TestFieldSettled(t *testing.T) {
	for _, c := range []struct {
		name   string
		act    domain.Act
		result planner.Result
		state  planner.FieldStatus
		wrote  map[domain.System]string
	}{
		{"aloware counts", domain.Act{Verdict: domain.VerdictTake, From: domain.Aloware}, planner.Sent, planner.Pending, map[domain.System]string{domain.HubSpot: "Cyd"}},
		{"hubspot counts", domain.Act{Verdict: domain.VerdictTake, From: domain.HubSpot}, planner.Sent, planner.Pending, map[domain.System]string{domain.Aloware: "Bob"}},
		{"left so", domain.Act{Verdict: domain.VerdictLeave}, planner.Kept, planner.Apart, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, conflict(settings.Review)).linked()
			d.act(domain.SyncPaused, domain.Act{})
			d.webhook(hub, values{"firstname": "Bob"})
			d.webhook(alo, values{"first_name": "Cyd"})
			d.act(domain.SyncResumed, domain.Act{})
			d.says(planner.HeldBack, planner.Dirty, nil)
			c.act.Field = "first_name"
			d.verdict(domain.ReviewSettled, hub, c.act)
			d.says(c.result, c.state, c.wrote)
			if c.wrote == nil {
				d.webhook(alo, values{"last_name": "Lee"})
				d.says("", c.state, nil)
			}
		})
	}
}

// TestExcludedByAPerson: who is taken out is not touched, and who is let in again is planned from the present.
func TestExcludedByAPerson(t *testing.T) {
	d := newDesk(t, nil).linked()
	act := domain.Act{Verdict: domain.VerdictExclude, Records: []domain.Record{hub, alo}}
	d.verdict(domain.ReviewSettled, hub, act)
	d.webhook(hub, values{"firstname": "Bob"})
	if len(d.sent) > 0 {
		t.Fatalf("sent %v", d.kinds())
	}
	act.Verdict = domain.VerdictInclude
	d.verdict(domain.ReviewSettled, hub, act)
	d.says(planner.Sent, planner.Pending, map[domain.System]string{domain.Aloware: "Bob"})
}

// TestReadAgain: both systems are asked, once.
func TestReadAgain(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.verdict(domain.PlannerRetried, hub, domain.Act{Verdict: domain.VerdictRead})
	if got := d.kinds(); !slices.Equal(got, []string{"read aloware", "read hubspot"}) {
		t.Fatalf("sent %v", got)
	}
	d.verdict(domain.PlannerRetried, hub, domain.Act{Verdict: domain.VerdictRead})
	if got := d.kinds(); len(got) > 0 {
		t.Fatalf("sent %v again, before the first are answered", got)
	}
}
