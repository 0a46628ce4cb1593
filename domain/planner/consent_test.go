package planner_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// consent maps a do-not-call under rules that would hold everything else back.
func consent(s *settings.Settings) {
	f := s.NewField("do_not_call", "do_not_call")
	f.Type, f.Consent, f.Aloware = domain.Bool, settings.ConsentSticky, settings.Side{Read: "is_dnc", Write: "is_dnc"}
	f.Conflict, f.Initial, f.Overwrite = settings.HubSpotWins, settings.FillBlanks, settings.OverwriteNever
	s.Fields = append(s.Fields, f)
	s.Contacts.Update = settings.ToAloware
	*s = s.Sorted()
}

// dnc puts a linked contact on the desk, whom nobody said not to call.
func dnc(t *testing.T, edit func(*settings.Settings)) *desk {
	t.Helper()
	d := newDesk(t, func(s *settings.Settings) {
		consent(s)
		if edit != nil {
			edit(s)
		}
	}).linked()
	d.webhook(alo, values{"is_dnc": "false"})
	return d
}

// stop checks what the last input led to for the do-not-call, and where an urgent write of it went ("" for none).
func (d *desk) stop(result planner.Result, state planner.FieldStatus, to domain.System) {
	d.Helper()
	var got planner.Result
	for _, dec := range d.last {
		for _, v := range dec.Fields {
			if v.Field == "do_not_call" {
				got = v.Result
			}
		}
	}
	var sent domain.System
	for _, o := range d.sent {
		for _, name := range []string{"is_dnc", "do_not_call"} {
			raw, ok := o.Values[name]
			if !ok {
				continue
			}
			sent = o.System
			if domain.Scalar(raw) != "true" || !o.Urgent || len(o.Values) != 1 || len(o.Expects) > 0 {
				d.Errorf("%s is written as %s among %d, urgent: %v", name, raw, len(o.Values), o.Urgent)
			}
		}
	}
	if f := d.field("do_not_call"); got != result || f.State != state || sent != to {
		d.Fatalf("%q and %q, sent to %q; want %q and %q, sent to %q\n%s", got, f.State, sent, result, state, to, text(d.last))
	}
}

// arrives answers the write of a stop, and has its target tell it back.
func (d *desk) arrives() {
	d.Helper()
	for _, w := range d.sent {
		if w.Urgent {
			shows, rec := values{"do_not_call": "true"}, hub
			if w.System == domain.Aloware {
				shows, rec = values{"is_dnc": "true"}, alo
			}
			d.settled(w, shows, nil)
			d.now += hour
			d.webhook(rec, shows)
		}
	}
	if f := d.field("do_not_call"); f.State != planner.InStep {
		d.Fatalf("arrived, and %s", text(f))
	}
}

// TestStopGoesThrough: a stop set on either side reaches the other whatever stands in the way of any other value.
func TestStopGoesThrough(t *testing.T) {
	ways := map[string]func(*desk){
		"live":   func(*desk) {},
		"paused": func(d *desk) { d.act(domain.SyncPaused, domain.Act{}) },
		"guard": func(d *desk) {
			d.v.Control.Guard.By = planner.GuardChanged // tripped by somebody else's decision
		},
		"gate": func(d *desk) { d.act(domain.GateChanged, domain.Act{Reason: "phone is gone"}) },
		"pilot": func(d *desk) {
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModePilot, Filter: "city = Elko", MaxWrites: 1})
		},
		"outside":  func(d *desk) { d.settings(func(s *settings.Settings) { s.Contacts.Only = "city = Elko" }) },
		"conflict": func(d *desk) { d.webhook(hub, values{"do_not_call": "false"}) },
	}
	for name, way := range ways {
		for _, from := range []domain.Record{alo, hub} {
			t.Run(name+" from "+string(from.System), func(t *testing.T) {
				d := dnc(t, nil)
				way(d)
				if from == alo {
					d.webhook(alo, values{"is_dnc": "true", "first_name": "Bob"})
				} else {
					d.webhook(hub, values{"do_not_call": "true", "firstname": "Bob"})
				}
				d.stop(planner.Sent, planner.Pending, from.System.Other())
				if name != "live" && name != "conflict" {
					d.wrote(nil)
				}
				d.arrives()
			})
		}
	}
}

// TestStopAtFirstSight: who may not be called on one side may not be called on the other, from the first link on; and
// that one side says no and the other nothing is no difference.
func TestStopAtFirstSight(t *testing.T) {
	for dnc, want := range map[string]planner.Result{"true": planner.Sent, "false": planner.Agreed} {
		d := newDesk(t, consent)
		d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com"}, planner.Outgoing{})
		create := d.sent[0]
		d.settled(create, nil, func(o *domain.Outcome) {
			o.Result, o.Reason, o.Existing = domain.ResultRejected, domain.ReasonExists, alo
		})
		d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "is_dnc": dnc}, planner.Outgoing{})
		if want == planner.Sent {
			d.stop(want, planner.Pending, domain.HubSpot)
			d.arrives()
		} else {
			d.stop(want, planner.InStep, "")
		}
	}
}

// TestLiftWaits: that a side no longer shows the stop it showed is never sent, until the other is lifted as well.
func TestLiftWaits(t *testing.T) {
	for _, from := range []domain.Record{alo, hub} {
		d := dnc(t, nil)
		set := func(rec domain.Record, v string) {
			if rec == alo {
				d.webhook(alo, values{"is_dnc": v})
			} else {
				d.webhook(hub, values{"do_not_call": v})
			}
			d.now += 48 * hour
		}
		other := map[domain.Record]domain.Record{alo: hub, hub: alo}[from]
		set(from, "true")
		d.arrives()
		set(from, "false")
		d.stop(planner.HeldBack, planner.Dirty, "")
		d.webhook(hub, values{"firstname": "Bob"})
		d.stop("", planner.Dirty, "")
		set(from, "true")
		d.stop(planner.Agreed, planner.InStep, "")
		set(other, "false")
		d.stop(planner.HeldBack, planner.Dirty, "")
		set(from, "false")
		d.stop(planner.Agreed, planner.InStep, "")
		set(other, "true")
		d.stop(planner.Sent, planner.Pending, from.System)
	}
}

// TestLiftWhileOurStopIsOnItsWay: the echo of our own write is no new stop, and the lift is seen for what it is.
func TestLiftWhileOurStopIsOnItsWay(t *testing.T) {
	d := dnc(t, nil)
	d.webhook(alo, values{"is_dnc": "true"})
	write := d.sent[0]
	d.now += 48 * hour
	d.webhook(alo, values{"is_dnc": "false"})
	d.stop("", planner.Pending, "")
	d.settled(write, values{"do_not_call": "true"}, nil)
	d.stop(planner.HeldBack, planner.Dirty, "")
}

// TestStopThatIsRefused is told once, not sent for ever, and tried again when a person says so.
func TestStopThatIsRefused(t *testing.T) {
	refused := func(o *domain.Outcome) {
		o.Result, o.Reason, o.Refused = domain.ResultRejected, domain.ReasonInvalid, map[string]string{"do_not_call": "no"}
	}
	ignored := func(o *domain.Outcome) { o.Shows = values{"do_not_call": "false"}.raw() }
	for _, change := range []func(*domain.Outcome){refused, ignored} {
		d := dnc(t, nil)
		d.webhook(alo, values{"is_dnc": "true"})
		d.settled(d.sent[0], nil, change)
		d.stop(planner.Refused, planner.Apart, "")
		d.webhook(alo, values{"first_name": "Bob"})
		d.stop("", planner.Apart, "")
		d.in(domain.CommandRetried, "connection", domain.Act{Contact: d.v.Record(hub).Link.Contact})
		d.stop(planner.Sent, planner.Pending, domain.HubSpot)
	}
}

// TestStopWhileObserving is withheld, as everything is, and goes out first thing when writing is allowed; what else was
// withheld does not.
func TestStopWhileObserving(t *testing.T) {
	d := dnc(t, func(s *settings.Settings) { s.Contacts.Update = settings.Both })
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
	d.webhook(alo, values{"is_dnc": "true", "first_name": "Bob"})
	d.stop(planner.Withheld, planner.Dirty, "")
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
	d.stop(planner.Sent, planner.Pending, domain.HubSpot)
	d.wrote(nil)
	d.arrives()
}

// TestStopWhileOff is not even decided; it goes out when the sync is switched on, although nothing else does.
func TestStopWhileOff(t *testing.T) {
	d := dnc(t, func(s *settings.Settings) { s.Contacts.Update = settings.Both })
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeOff})
	d.webhook(hub, values{"do_not_call": "true", "firstname": "Bob"})
	d.stop("", planner.InStep, "")
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
	d.stop(planner.Sent, planner.Pending, domain.Aloware)
	d.wrote(nil)
}

// TestOptInField: for a field in which yes means that somebody may be called, no is the stop.
func TestOptInField(t *testing.T) {
	d := newDesk(t, func(s *settings.Settings) {
		f := s.NewField("may_text", "may_text")
		f.Type, f.Consent, f.Stop = domain.Bool, settings.ConsentSticky, "false"
		s.Fields = append(s.Fields, f)
		*s = s.Sorted()
	}).linked()
	d.webhook(alo, values{"may_text": "true"})
	if len(d.sent) > 0 {
		t.Fatalf("leave is sent without a person: %s", text(d.last))
	}
	d.webhook(alo, values{"may_text": "false"})
	if len(d.sent) != 1 || !d.sent[0].Urgent || domain.Scalar(d.sent[0].Values["may_text"]) != "false" {
		t.Fatalf("a stop is not sent: %s", text(d.last))
	}
}

// TestEchoOfAStop: told back before the outcome is known, our own write is an echo; and it is no new stop after the
// side it came from was lifted.
func TestEchoOfAStop(t *testing.T) {
	d := dnc(t, nil)
	d.webhook(alo, values{"is_dnc": "true"})
	d.webhook(hub, values{"do_not_call": "true"})
	d.stop(planner.Echo, planner.InStep, "")

	d = dnc(t, nil)
	d.webhook(alo, values{"is_dnc": "true"})
	d.now += 48 * hour
	d.webhook(alo, values{"is_dnc": "false"})
	d.webhook(hub, values{"do_not_call": "true"})
	d.stop(planner.HeldBack, planner.Dirty, "")
}

// TestLiftThatMayBeOld: an older body of Aloware's that comes late is asked about before anybody is bothered.
func TestLiftThatMayBeOld(t *testing.T) {
	d := dnc(t, nil)
	d.webhook(alo, values{"is_dnc": "true"})
	d.arrives()
	d.hasty(alo, values{"is_dnc": "false"})
	d.stop("", planner.InStep, "")
	if got := d.kinds(); len(got) != 1 || got[0] != "read aloware" {
		t.Fatalf("%v, want a read", got)
	}
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann", "is_dnc": "false"}, d.sent[0])
	d.stop(planner.HeldBack, planner.Dirty, "")
}

// TestGoingLiveSendsStopsAlone: of a contact whose stop was withheld, nothing else is sent with it.
func TestGoingLiveSendsStopsAlone(t *testing.T) {
	d := dnc(t, func(s *settings.Settings) { s.Contacts.Update = settings.Both })
	d.webhook(hub, values{"jobtitle": "Boss"})
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
	d.webhook(alo, values{"is_dnc": "true"})
	d.settings(mapped)
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
	d.stop(planner.Sent, planner.Pending, domain.HubSpot)
	if len(d.sent) != 1 {
		t.Fatalf("sent %v, want the stop alone\n%s", d.kinds(), text(d.last))
	}
}

// TestStopsDoNotUseUpThePilot: the cap of mode pilot is on what is being tried out.
func TestStopsDoNotUseUpThePilot(t *testing.T) {
	d := dnc(t, func(s *settings.Settings) { s.Contacts.Update = settings.Both })
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModePilot, MaxWrites: 1})
	d.now -= d.now % hour
	d.webhook(alo, values{"is_dnc": "true"})
	d.stop(planner.Sent, planner.Pending, domain.HubSpot)
	d.now -= hour // in the same hour
	d.webhook(hub, values{"firstname": "Bob"})
	d.says(planner.Sent, planner.Pending, map[domain.System]string{domain.Aloware: "Bob"})
}

// TestAPersonLifts: what nobody lifts by itself, a person does by taking the side that was lifted; or leaves as it is.
func TestAPersonLifts(t *testing.T) {
	for _, verdict := range []string{domain.VerdictTake, domain.VerdictLeave} {
		d := dnc(t, nil)
		d.webhook(alo, values{"is_dnc": "true"})
		d.arrives()
		d.now += 48 * hour
		d.webhook(alo, values{"is_dnc": "false"})
		d.stop(planner.HeldBack, planner.Dirty, "")
		d.in(domain.ReviewSettled, "connection", domain.Act{
			Contact: d.v.Record(hub).Link.Contact, Field: "do_not_call", Verdict: verdict, From: domain.Aloware,
		})
		if verdict == domain.VerdictLeave {
			d.stop(planner.Kept, planner.Apart, "")
			d.webhook(alo, values{"first_name": "Bob"})
			d.stop("", planner.Apart, "")
			continue
		}
		if len(d.sent) != 1 || domain.Scalar(d.sent[0].Values["do_not_call"]) != "false" {
			t.Fatalf("a person's lift is not sent: %s", text(d.last))
		}
		d.settled(d.sent[0], values{"do_not_call": "false"}, nil)
		d.webhook(hub, values{"do_not_call": "false"})
		if f := d.field("do_not_call"); f.State != planner.InStep {
			t.Fatalf("lifted, and %s", text(f))
		}
		d.webhook(hub, values{"do_not_call": "true"})
		d.stop(planner.Sent, planner.Pending, domain.Aloware)
	}
}
