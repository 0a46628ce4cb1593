package planner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// TestHeldKeepsItsBases: a field held for a person is as undecided as before, so that whatever is decided later is
// decided on what both sides held then.
func TestHeldKeepsItsBases(t *testing.T) {
	d := newDesk(t, firstName(func(f *settings.Field) { f.Conflict = settings.Review })).linked()
	d.act(domain.SyncPaused, domain.Act{})
	d.webhook(alo, values{"first_name": "Cyd"})
	d.webhook(hub, values{"firstname": "Bob"})
	d.act(domain.SyncResumed, domain.Act{})
	d.says(planner.HeldBack, planner.Dirty, to{})
	d.base(domain.HubSpot, "Ann")
	d.base(domain.Aloware, "Ann")
}

// TestFirstSightOfEqualValues: two records that are found to be one person and hold the same agree, whatever the rule
// for first values; nothing is written to say so.
func TestFirstSightOfEqualValues(t *testing.T) {
	for _, rule := range []settings.Winner{
		settings.HubSpotWins, settings.AlowareWins, settings.NewestWins, settings.FillBlanks, settings.Review,
	} {
		d := newDesk(t, firstName(func(f *settings.Field) { f.Initial = rule }))
		d.act(domain.SyncPaused, domain.Act{})
		d.read(hub, values{"phone": "+18182124567", "firstname": "Ann"}, planner.Outgoing{})
		d.read(alo, values{"phone_number": "(818) 212-4567", "first_name": "Ann"}, planner.Outgoing{})
		d.act(domain.SyncResumed, domain.Act{})
		d.says(planner.Agreed, planner.InStep, to{})
		d.base(domain.HubSpot, "Ann")
		d.base(domain.Aloware, "Ann")
		if len(d.sent) > 0 {
			t.Errorf("%s: sent %v", rule, d.kinds())
		}
	}
}

// TestPhoneChangeStays: Aloware finds a contact by its number, so a new one would make a second contact there. It is
// said to be impossible, and not sent; the other fields go on under the number Aloware knows.
func TestPhoneChangeStays(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"phone": "+18182129999", "firstname": "Bob"})
	d.wrote(to{domain.Aloware: "Bob"})
	for _, o := range d.sent {
		if _, ok := o.Values["phone_number"]; ok || o.Phone != "+18182124567" {
			t.Errorf("a phone is sent: %s, found by %s", text(o.Values), o.Phone)
		}
	}
	if f := d.field(settings.PhoneField); f.State != planner.Apart || f.Result != planner.Impossible {
		t.Errorf("phone: %s", text(f))
	}
}

// TestDecisionsHoldNoValue: what was decided and why survives an erasure, so it must not repeat what a person is
// called, is reached by, or what anybody wrote.
func TestDecisionsHoldNoValue(t *testing.T) {
	private := []string{"Ann", "Quill", "Feather", "Plume", "Nowhere", "8182124567", "ann@example.com", "not-an-address"}
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"firstname": "Quill", "email": "not-an-address", "city": "Nowhere"})
	d.settled(d.sent[0], values{"first_name": "Quill"}, nil)
	d.act(domain.SyncPaused, domain.Act{})
	d.webhook(alo, values{"first_name": "Feather"})
	d.webhook(hub, values{"firstname": "Plume"})
	d.act(domain.SyncResumed, domain.Act{})
	d.settled(d.sent[0], nil, func(o *domain.Outcome) {
		o.Result, o.Reason, o.Refused = domain.ResultRejected, domain.ReasonInvalid, map[string]string{"first_name": "too short"}
	})
	if len(d.all) < 6 {
		t.Fatalf("%d decisions: too few to prove anything", len(d.all))
	}
	for _, decision := range d.all {
		b, err := json.Marshal(decision)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range private {
			if strings.Contains(string(b), v) {
				t.Errorf("a decision tells %q: %s", v, b)
			}
		}
	}
}

// TestSnapshotBlanksWhatIsOlder: a full read that began before a value was told does not show it, and says nothing
// about it; one that began later does.
func TestSnapshotBlanksWhatIsOlder(t *testing.T) {
	d := newDesk(t, firstName(func(f *settings.Field) { f.Blank = settings.BlankSend })).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	d.settled(d.sent[0], values{"first_name": "Bob"}, nil)
	told := d.now
	snapshot := func(clock int64) {
		d.in(domain.RecordObserved, hub.Stream(), domain.Fact{
			Via: "scan", Complete: true, Clock: clock, Properties: values{"phone": "+18182124567", "email": "ann@example.com"}.raw(),
		})
	}
	snapshot(told - hour)
	d.wrote(to{})
	d.base(domain.HubSpot, "Bob")
	snapshot(told + 3*hour)
	d.wrote(to{domain.Aloware: ""})
}

// TestNewestNeedsTime: clocks of two systems a second apart tell no order; then HubSpot's value counts, and the
// verdict says why.
func TestNewestNeedsTime(t *testing.T) {
	const second = int64(1e6)
	for apart, want := range map[int64]to{
		second: {domain.Aloware: "Bob"}, 3 * second: {domain.HubSpot: "Cyd"}, -3 * second: {domain.Aloware: "Bob"},
	} {
		d := newDesk(t, firstName(func(f *settings.Field) { f.Conflict = settings.NewestWins })).linked()
		d.act(domain.SyncPaused, domain.Act{})
		clock := d.now + 5*hour
		d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
			Via: "webhook", Clock: clock, Properties: values{"firstname": "Bob"}.raw(),
		})
		d.in(domain.RecordUpdated, alo.Stream(), domain.Fact{
			Via: "webhook", Clock: clock + apart, Properties: values{"first_name": "Cyd"}.raw(),
		})
		d.act(domain.SyncResumed, domain.Act{})
		d.wrote(want)
		if known := !strings.Contains(text(d.last), "time unknown"); known != (apart != second) {
			t.Errorf("%d µs apart, order known: %t\n%s", apart, known, text(d.last))
		}
	}
}
