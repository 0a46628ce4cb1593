package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// TestEarlierWriteIsNoChange: two changes in Aloware are under way to HubSpot, each as a write of its own. What the
// first one's outcome shows is ours, not a change by somebody in HubSpot: nothing is written back over the second.
func TestEarlierWriteIsNoChange(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"first_name": "Bob"})
	first := d.sent[0]
	d.webhook(alo, values{"first_name": "Cyd"})
	second := d.sent[0]
	d.settled(first, values{"firstname": "Bob"}, nil)
	d.wrote(to{})
	d.settled(second, values{"firstname": "Cyd"}, nil)
	d.wrote(to{})
}

// TestEarlierWriteIsNoChangeThere: the same the other way. Aloware refuses the second write, since it shows what the
// first one ended in: that is ours as well, and nobody's change, whoever wins conflicts.
func TestEarlierWriteIsNoChangeThere(t *testing.T) {
	d := newDesk(t, conflict(settings.AlowareWins)).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	first := d.sent[0]
	d.webhook(hub, values{"firstname": "Cyd"})
	second := d.sent[0]
	d.webhook(alo, values{"first_name": "Bob"})
	d.settled(first, values{"first_name": "Bob"}, nil)
	d.settled(second, values{"first_name": "Bob"}, changedThere)
	d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
}

// TestEarlierWriteAfterTakingBack: the second write is taken back while the first one is under way, and the sync opens
// again before that ends.
func TestEarlierWriteAfterTakingBack(t *testing.T) {
	d := newDesk(t, conflict(settings.AlowareWins)).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	first := d.sent[0]
	d.webhook(hub, values{"firstname": "Cyd"})
	second := d.sent[0]
	d.webhook(alo, values{"first_name": "Bob"})
	d.settled(second, nil, func(o *domain.Outcome) { o.Result, o.Sent = domain.ResultWithdrawn, nil })
	d.wrote(to{})
	d.settled(first, values{"first_name": "Bob"}, nil)
	d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
}

// TestToldToTheLetter: a person changed what we had just written before it was read back, so the read-back looks like
// Aloware's rendering of our value. When Aloware tells our value as it was, it was none.
func TestToldToTheLetter(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	d.settled(d.sent[0], values{"first_name": "Cyd"}, nil)
	d.says("", planner.Pending, nil)
	d.webhook(alo, values{"first_name": "Bob"}) // late: Aloware holds Cyd by now
	d.says(planner.Agreed, planner.InStep, nil)
	asks := d.sent[0]
	d.webhook(alo, values{"first_name": "Cyd"})
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Cyd"}, asks)
	d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Cyd"})
}

// TestEarlierWriteToldBack: two changes in HubSpot are under way to Aloware when Eve is typed there. The first write, which
// was in doubt, goes over her, and is told back before it is answered: what is told of it does not stand for her, though
// she came so soon after another change that she is doubted too.
func TestEarlierWriteToldBack(t *testing.T) {
	lost, both := planner.LostIt, to{domain.HubSpot: "Eve", domain.Aloware: "Eve"}
	for _, c := range []struct {
		rule   settings.Winner
		hasty  bool
		result planner.Result
		state  planner.FieldStatus
		wrote  to
	}{
		{settings.HubSpotWins, false, lost, planner.InStep, nil},
		{settings.AlowareWins, false, planner.Sent, planner.Pending, both},
		{settings.HubSpotWins, true, lost, planner.InStep, nil},
		{settings.AlowareWins, true, lost, planner.InStep, nil},
	} {
		d := newDesk(t, conflict(c.rule)).linked()
		d.webhook(hub, values{"firstname": "Bob"})
		first := d.sent[0]
		d.webhook(hub, values{"firstname": "Cyd"})
		second := d.sent[0]
		if c.hasty {
			d.webhook(alo, values{"last_name": "Lee"})
			d.now -= hour - 60_000_000
		}
		d.webhook(alo, values{"first_name": "Eve"})
		d.webhook(alo, values{"first_name": "Bob"})
		if !c.hasty { // else what came with Lee was taken for an echo
			d.says("", planner.Pending, nil) // it is not the second one that is told back
		}
		d.settled(first, values{"first_name": "Bob"}, nil)
		d.wrote(to{})
		d.settled(second, values{"first_name": "Cyd"}, nil)
		d.says(c.result, c.state, c.wrote)
		if !d.names("first_name", "Eve") {
			t.Fatalf("no word about Eve: %s", text(d.last))
		}
	}
}

// TestWrittenAway: a write that was in doubt goes over Eve when the mode lets nothing more be sent: who would have won says
// nothing any more, but that she was lost is said.
func TestWrittenAway(t *testing.T) {
	d := newDesk(t, conflict(settings.AlowareWins)).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	write := d.sent[0]
	d.webhook(alo, values{"first_name": "Eve"})
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
	d.webhook(hub, values{"firstname": "Cyd"})
	d.says(planner.Withheld, planner.Apart, nil)
	d.webhook(alo, values{"first_name": "Bob"})
	d.settled(write, values{"first_name": "Bob"}, nil)
	d.says(planner.LostIt, planner.Apart, nil)
	if !d.names("first_name", "Eve") {
		t.Fatalf("no word about Eve: %s", text(d.last))
	}
}

// TestTakenBackMeanwhile: somebody in Aloware types Eve while our write is on its way, and then what stood there this
// morning: Eve does not come back.
func TestTakenBackMeanwhile(t *testing.T) {
	d := newDesk(t, conflict(settings.AlowareWins)).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	d.settled(d.sent[0], values{"first_name": "Bob"}, nil)
	d.webhook(hub, values{"firstname": "Cyd"})
	write := d.sent[0]
	d.webhook(alo, values{"first_name": "Eve"})
	d.webhook(alo, values{"first_name": "Ann"})
	d.settled(write, values{"first_name": "Cyd"}, nil)
	d.says(planner.LostIt, planner.InStep, nil)
	if !d.names("first_name", "Ann") {
		t.Fatalf("no word about Ann: %s", text(d.last))
	}
}

// TestToldAtOnce: what stood in Aloware before our write arrives right after Eve: it may be an older body that came late, so
// that she was lost is said.
func TestToldAtOnce(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	write := d.sent[0]
	d.webhook(alo, values{"first_name": "Eve"})
	d.hasty(alo, values{"first_name": "Ann"})
	d.settled(write, values{"first_name": "Bob"}, nil)
	d.says(planner.LostIt, planner.InStep, nil)
	if !d.names("first_name", "Eve") {
		t.Fatalf("no word about Eve: %s", text(d.last))
	}
}

// TestWrittenAwayWhileAsked: Eve may be an older body that comes late, so Aloware is asked before Cyd in HubSpot is weighed
// against her; a write in doubt puts Bob back meanwhile. Cyd follows, and that Eve was lost is said.
func TestWrittenAwayWhileAsked(t *testing.T) {
	for _, c := range []struct {
		paused bool
		shows  string
	}{{false, "Bob"}, {false, "Eve"}, {true, "Bob"}, {true, "Eve"}} {
		d := newDesk(t, nil).linked()
		d.webhook(hub, values{"firstname": "Bob"})
		d.settled(d.sent[0], values{"first_name": "Bob"}, nil)
		d.webhook(alo, values{"last_name": "Lee"})
		var read planner.Outgoing
		if c.paused { // Cyd was on his way, and is taken back
			d.webhook(hub, values{"firstname": "Cyd"})
			cyd := d.sent[0]
			d.act(domain.SyncPaused, domain.Act{})
			d.settled(cyd, nil, func(o *domain.Outcome) { o.Result, o.Sent = domain.ResultWithdrawn, nil })
			d.hasty(alo, values{"first_name": "Eve"})
			d.act(domain.SyncResumed, domain.Act{})
			d.says(planner.Waiting, planner.Dirty, nil)
			read = d.reads()
		} else {
			d.hasty(alo, values{"first_name": "Eve"})
			read = d.reads()
			d.webhook(hub, values{"firstname": "Cyd"})
			d.says(planner.Waiting, planner.InStep, nil)
		}
		all := values{"phone_number": "+18182124567", "email": "ann@example.com", "last_name": "Lee", "first_name": c.shows}
		d.read(alo, all, read)
		d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
		if !d.names("first_name", "Eve") {
			t.Fatalf("no word about Eve, %v: %s", c, text(d.last))
		}
	}
}

// reads is the read that the last input led to.
func (d *desk) reads() planner.Outgoing {
	return d.sent[slices.IndexFunc(d.sent, func(o planner.Outgoing) bool { return o.Kind == domain.KindRead })]
}

// TestToldBackAndTakenBack: Aloware tells our write, and then its outcome says that it was taken back, or that somebody
// changed the field before it: it was made all the same, so Eve, who is typed after it, is no rival of it.
func TestToldBackAndTakenBack(t *testing.T) {
	for _, refused := range []bool{false, true} {
		d := newDesk(t, nil).linked()
		d.webhook(hub, values{"firstname": "Bob"})
		write := d.sent[0]
		d.webhook(alo, values{"first_name": "Bob"})
		d.act(domain.SyncPaused, domain.Act{})
		d.settled(write, nil, func(o *domain.Outcome) {
			o.Result, o.Sent = domain.ResultWithdrawn, nil
			if refused {
				o.Result, o.Refused = domain.ResultRejected, map[string]string{"first_name": domain.ReasonChanged}
			}
		})
		d.webhook(alo, values{"first_name": "Eve"})
		d.act(domain.SyncResumed, domain.Act{})
		d.wrote(to{domain.HubSpot: "Eve"})
	}
}

// TestOldValueIsNotToldBack: what Aloware showed before our write, told again while that is under way, does not tell it
// back. When the write is refused since Aloware shows something else, it is planned again, though neither side shows a change.
func TestOldValueIsNotToldBack(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	d.webhook(alo, values{"first_name": "Bob"}) // told back, or typed there as well
	d.webhook(hub, values{"firstname": "Ann"})
	write := d.sent[0]
	d.webhook(alo, values{"first_name": "Bob"})
	d.says("", planner.Pending, nil)
	d.settled(write, values{"first_name": "Bob"}, func(o *domain.Outcome) {
		o.Result, o.Sent, o.Refused = domain.ResultRejected, nil, map[string]string{"first_name": domain.ReasonChanged}
	})
	d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Ann"})
}

// TestToldBackInAPause: our write is told back while the sync stands still. It arrived, so what is typed there after it, in
// the pause or when that is over, is no rival of it.
func TestToldBackInAPause(t *testing.T) {
	for _, inPause := range []bool{false, true} {
		d := newDesk(t, nil).linked()
		d.webhook(hub, values{"firstname": "Bob"})
		write := d.sent[0]
		d.act(domain.SyncPaused, domain.Act{})
		d.webhook(alo, values{"first_name": "Bob"})
		if inPause {
			d.webhook(alo, values{"first_name": "Eve"})
		}
		d.act(domain.SyncResumed, domain.Act{})
		if d.field("first_name").State != planner.InStep {
			t.Fatalf("not told back: %s", text(d.last))
		}
		if !inPause {
			d.says(planner.Echo, planner.InStep, nil)
			d.webhook(alo, values{"first_name": "Eve"})
		}
		d.settled(write, values{"first_name": "Eve"}, func(o *domain.Outcome) {
			o.Result, o.Sent, o.Refused = domain.ResultRejected, nil, map[string]string{"first_name": domain.ReasonChanged}
		})
		d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Eve"})
	}
}

// TestUnheardWriteIsNoChange: Aloware refuses a write since it shows what an earlier one of ours left there, of which nobody
// heard: that is nobody's change, so it goes nowhere, and what HubSpot shows is sent once more.
func TestUnheardWriteIsNoChange(t *testing.T) {
	for _, next := range []string{"Ann", "Cyd"} {
		for _, conflict := range []settings.Winner{settings.HubSpotWins, settings.AlowareWins, settings.NewestWins, settings.Review} {
			d := newDesk(t, func(s *settings.Settings) {
				for i := range s.Fields {
					s.Fields[i].Conflict = conflict
				}
			}).linked()
			d.webhook(hub, values{"firstname": "Bob"})
			earlier := d.sent[0]
			d.webhook(hub, values{"firstname": next})
			later := d.sent[0]
			d.settled(earlier, nil, func(o *domain.Outcome) { o.Result, o.By, o.Sent, o.Clock = domain.ResultSuperseded, later.ID, nil, 0 })
			d.settled(later, values{"first_name": "Bob"}, func(o *domain.Outcome) {
				o.Result, o.Sent, o.Refused = domain.ResultRejected, nil, map[string]string{"first_name": domain.ReasonChanged}
			})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: next})
			if d.names("first_name", "Bob") {
				t.Fatalf("%s, %s: ours counts as lost: %s", next, conflict, text(d.last))
			}
		}
	}
}

// TestDoubtedValueToldAgain: a value that Aloware is asked about, told once more, is no news, whether that is planned or not.
func TestDoubtedValueToldAgain(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"last_name": "Lee"})
	d.hasty(alo, values{"first_name": "Eve"})
	d.webhook(hub, values{"firstname": "Cyd"})
	d.says(planner.Waiting, planner.InStep, nil)
	noted := *d.field("first_name").Meanwhile
	d.webhook(alo, values{"first_name": "Eve"})
	d.webhook(hub, values{"lastname": "Lea"}) // planned for another field
	if now := d.field("first_name").Meanwhile; now == nil || *now != noted {
		t.Fatalf("%+v, and was %+v: %s", now, noted, text(d.last))
	}
}
