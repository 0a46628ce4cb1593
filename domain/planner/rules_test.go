package planner_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

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

// TestSnapshotSaysNothingOfWhatTheSystemLacks: a property that somebody deleted is not blank in every record.
func TestSnapshotSaysNothingOfWhatTheSystemLacks(t *testing.T) {
	d := newDesk(t, firstName(func(f *settings.Field) { f.Blank = settings.BlankSend })).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	d.settled(d.sent[0], values{"first_name": "Bob"}, nil)
	snapshot := func(lacks ...string) {
		d.now += 3 * hour
		d.in(domain.RecordObserved, hub.Stream(), domain.Fact{
			Via: "scan", Complete: true, Clock: d.now, Lacks: lacks,
			Properties: values{"phone": "+18182124567", "email": "ann@example.com"}.raw(),
		})
	}
	snapshot("firstname")
	d.wrote(to{})
	d.base(domain.HubSpot, "Bob")
	snapshot()
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

// TestSnapshotTellsWhatWasAsked: what HubSpot was not asked for is not blank because a snapshot does not show it.
func TestSnapshotTellsWhatWasAsked(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"shoe_size": "9"})
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
	if got := d.v.Record(hub).Properties()["shoe_size"]; string(got) != `"9"` {
		t.Errorf("shows %s, want what was told before", got)
	}
}

// TestEqualClocks: of two values told for one moment the one that came later in the log counts, on either side.
func TestEqualClocks(t *testing.T) {
	for _, c := range []struct {
		rec  domain.Record
		name string
	}{{hub, "firstname"}, {alo, "first_name"}} {
		d := newDesk(t, nil).linked()
		at := d.now + 2*hour
		for _, name := range []string{"Bob", "Cyd"} {
			d.in(domain.RecordUpdated, c.rec.Stream(), domain.Fact{
				Via: "webhook", Clock: at, Properties: values{c.name: name}.raw(),
			})
			if got := d.v.Record(c.rec).Properties()[c.name]; string(got) != `"`+name+`"` {
				t.Errorf("%s shows %s, want %s", c.rec.System, got, name)
			}
		}
	}
}

// TestAbsorbedStays: a record that a merge left over is nobody's counterpart any more, whoever comes with its keys.
func TestAbsorbedStays(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.settings(func(s *settings.Settings) { s.Contacts.Create = settings.ToHubSpot })
	bea := values{"phone_number": "+18182124511", "email": "bea@example.com", "first_name": "Bea"}
	d.read(aloID("12"), bea, planner.Outgoing{})
	d.settled(d.sent[0], values{"phone": "+18182124511", "email": "bea@example.com", "firstname": "Bea"},
		func(o *domain.Outcome) { o.Record, o.Created, o.Complete = hubID("11"), true, true })
	d.in(domain.RecordMerged, hubID("21").Stream(), domain.Fact{
		Via: "webhook", Clock: d.now, Merged: []domain.Record{hub, hubID("11")}, Primary: hub,
	})
	d.read(hubID("31"), values{"phone": "+18182124511", "email": "bea@example.com"}, planner.Outgoing{})
	d.webhook(aloID("12"), values{"first_name": "Zed"})
	d.stands(aloID("12"), planner.Absorbed)
	d.together(aloID("12"), hubID("31"), false)
	if len(d.sent) > 0 {
		t.Errorf("it leads to %v", d.kinds())
	}
}

// TestDirtyOnce: a contact is planned once on the act that opens the sync, however often it is asked for.
func TestDirtyOnce(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.act(domain.SyncPaused, domain.Act{})
	d.webhook(hub, values{"firstname": "Bob"})
	contact := d.v.Record(hub).Link.Contact
	act := planner.Input{Position: d.pos + 1, Type: domain.SyncResumed, Stream: "connection", RecordedAt: d.now, Data: []byte(`{}`)}
	e, err := d.v.Fold(act)
	if err != nil {
		t.Fatal(err)
	}
	if first := d.v.PlanDirty(act, e, contact); len(first) != 1 {
		t.Fatalf("planned as %s, want one decision", text(first))
	}
	if again := d.v.PlanDirty(act, e, contact); len(again) > 0 {
		t.Fatalf("planned again as %s", text(again))
	}
}

// TestHigherInputWins: of what two decisions say about the same thing, that of the higher input stands, whichever is
// folded first.
func TestHigherInputWins(t *testing.T) {
	one, other := ulid.ULID{15: 1}, ulid.ULID{15: 2}
	decision := func(input int64, says string, to ulid.ULID) planner.Decision {
		return planner.Decision{
			Input: input, Contact: one, Head: &planner.HeadState{Review: says},
			Links:   []planner.Link{{Record: hub, Contact: one, State: planner.Linked, Reason: says}},
			Fields:  []planner.Verdict{{Field: "first_name", After: planner.FieldState{Rule: says}}},
			Aliases: []planner.Alias{{From: other, To: to}},
		}
	}
	early, late := decision(5, "early", ulid.ULID{15: 3}), decision(9, "late", one)
	for _, order := range [][]planner.Decision{{early, late}, {late, early}} {
		v := planner.NewView(planner.Control{}, planner.NewDigester(secret))
		for _, d := range order {
			v.Apply(d)
		}
		c := v.Contact(one)
		for what, got := range map[string]string{
			"head": c.Head.Review, "field": c.Fields["first_name"].Rule, "link": v.Record(hub).Link.Reason,
		} {
			if got != "late" {
				t.Errorf("%s is the %s decision's", what, got)
			}
		}
		if v.Contact(other) != c {
			t.Error("the alias is the early decision's")
		}
	}
}

// TestDeliveriesThatCross: two bodies of Aloware that arrive at once may be stored in the other order, and nothing in
// them says which is the older one: the record is asked, and what it shows then counts.
func TestDeliveriesThatCross(t *testing.T) {
	d := newDesk(t, nil).linked()
	at := d.now + 2*hour
	for i, name := range []string{"Bob", "Cyd"} {
		d.in(domain.RecordUpdated, alo.Stream(), domain.Fact{
			Via: "webhook", Clock: at - int64(i), Properties: values{"first_name": name}.raw(),
		})
	}
	if len(d.sent) == 0 || d.sent[len(d.sent)-1].Kind != domain.KindRead {
		t.Fatalf("sent %v, want that the record is read", d.kinds())
	}
	d.read(alo, values{"phone_number": "(818) 212-4567", "first_name": "Cyd"}, d.sent[len(d.sent)-1])
	d.wrote(to{domain.HubSpot: "Cyd"})
}

// TestNoUpdateAgainstTheSwitch: who was made in HubSpot and is edited there before our write is answered has that edit
// written there once more, since ours may still land; not when updates flow to Aloware alone.
func TestNoUpdateAgainstTheSwitch(t *testing.T) {
	for update, again := range map[settings.Direction]bool{settings.Both: true, settings.ToAloware: false} {
		d := newDesk(t, func(s *settings.Settings) { s.Contacts.Update = update })
		ann := values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"}
		d.webhook(alo, ann)
		for len(d.sent) > 0 && d.sent[0].Kind == domain.KindRead {
			d.read(alo, ann, d.sent[0])
		}
		if len(d.sent) != 1 || d.sent[0].Kind != domain.KindCreate {
			t.Fatalf("sent %v, want that the person is made", d.kinds())
		}
		d.read(hub, values{
			"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann", domain.UniqueProperty: d.sent[0].Contact.String(),
		}, planner.Outgoing{})
		d.webhook(hub, values{"firstname": "Bob"})
		if got := slices.ContainsFunc(d.sent, func(o planner.Outgoing) bool { return o.System == domain.HubSpot }); got != again {
			t.Errorf("contacts.update = %s: sent %v", update, d.kinds())
		}
	}
}
