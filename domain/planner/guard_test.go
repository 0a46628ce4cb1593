package planner_test

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

const minute = hour / 60

// crowd is a desk with people who stand in both systems and agree; what comes next comes within minutes.
func crowd(t *testing.T, people int, guards settings.Guards) *desk {
	t.Helper()
	d := newDesk(t, func(s *settings.Settings) { s.Guards = guards })
	for i := range people {
		phone, email := fmt.Sprintf("+1818212%04d", 4000+i), fmt.Sprintf("p%d@example.com", i)
		d.read(hubN(i), values{"phone": phone, "email": email, "firstname": "Ann"}, planner.Outgoing{})
		d.settled(d.sent[0], values{"phone_number": phone, "email": email, "first_name": "Ann"}, func(o *domain.Outcome) {
			o.Record, o.Created, o.Complete = aloN(i), true, true
		})
	}
	d.now += 2 * hour
	return d
}

func hubN(i int) domain.Record { return hubID(fmt.Sprint(100 + i)) }
func aloN(i int) domain.Record { return aloID(fmt.Sprint(5000 + i)) }

// rename changes a person's first name in HubSpot, a second after what came last.
func (d *desk) rename(i int, name string) {
	d.Helper()
	d.now -= hour - 1_000_000
	d.webhook(hubN(i), values{"firstname": name})
}

// trip is the guard the last input tripped, nil for none.
func (d *desk) trip() *domain.Trip {
	for _, dec := range d.last {
		if dec.Guard != nil {
			return dec.Guard
		}
	}
	return nil
}

// pause appends the act that follows from a trip, as the process does.
func (d *desk) pause() *domain.Trip {
	d.Helper()
	t := d.trip()
	if t == nil {
		d.Fatalf("no guard tripped\n%s", text(d.last))
	}
	d.soon(domain.SyncPaused, domain.Act{Guard: t})
	return t
}

// soon is an act a minute after what came last.
func (d *desk) soon(kind string, a domain.Act) {
	d.Helper()
	d.now -= hour - minute
	d.act(kind, a)
}

func (d *desk) firstName(i int) planner.Field {
	d.Helper()
	return *d.v.Contact(d.v.Record(hubN(i)).Link.Contact).Fields["first_name"]
}

var fivePercent = settings.Guards{MaxChangedShare: 5, MaxDeletedShare: 5, EmptiedSide: settings.EmptiedPause}

// TestGuardChanged: as many contacts as the share lets pass are written to within an hour; the next one is held as it
// is, and everyone after it. A person's resume sends what waits, and the count begins anew.
func TestGuardChanged(t *testing.T) {
	const people, limit = 240, 12
	d := crowd(t, people, fivePercent)
	for i := range limit {
		d.rename(i, "Bob")
		d.wrote(to{domain.Aloware: "Bob"})
	}
	d.rename(0, "Cyd") // counts already
	d.wrote(to{domain.Aloware: "Cyd"})
	d.rename(limit, "Bob")
	d.wrote(to{})
	want := domain.Trip{Guard: planner.GuardChanged, Counted: limit + 1, Limit: limit, Of: people, Share: 5}
	if got := d.trip(); got == nil || *got != want {
		t.Fatalf("tripped %+v, want %+v", got, want)
	}
	if f := d.firstName(limit); f.State != planner.Apart || f.Result != planner.HeldBack {
		t.Fatalf("held as %s", text(f))
	}
	act := *d.trip()
	if d.v.Control.Stopped() || d.v.Control.Sends() {
		t.Fatal("what was decided may still leave, though the guard has tripped")
	}
	d.rename(limit+1, "Bob") // before the act is planned
	d.wrote(to{})
	if d.trip() != nil {
		t.Fatal("tripped twice")
	}
	d.rename(1, "Dee")
	d.wrote(to{})
	d.soon(domain.SyncPaused, domain.Act{Guard: &act})
	for i := limit + 2; i < limit+30; i++ {
		d.rename(i, "Bob")
		d.wrote(to{})
	}
	d.soon(domain.SyncResumed, domain.Act{})
	if n := len(d.sent); n != 31 || d.trip() != nil {
		t.Fatalf("%d writes on resuming, want one for each of 31 held, tripped %v", n, d.trip())
	}
	for i := 100; i < 100+limit; i++ {
		d.rename(i, "Bob")
		d.wrote(to{domain.Aloware: "Bob"})
	}
	d.rename(120, "Bob")
	d.pause()
}

// TestGuardWindow: what lies more than an hour back counts no more, and few contacts are no crowd.
func TestGuardWindow(t *testing.T) {
	d := crowd(t, 30, fivePercent)
	for i := range 10 {
		d.rename(i, "Bob")
		d.wrote(to{domain.Aloware: "Bob"})
	}
	d.now += hour
	for i := range 10 {
		d.rename(10+i, "Bob")
		d.wrote(to{domain.Aloware: "Bob"})
	}
	d.rename(20, "Bob")
	if got := d.pause(); got.Counted != 11 || got.Limit != 10 {
		t.Fatalf("%+v", got)
	}
}

// TestGuardHeldWhole: of a contact that is held nothing is lost: what changes meanwhile on either side is decided on
// resuming, and what changed back is not sent.
func TestGuardHeldWhole(t *testing.T) {
	d := crowd(t, 20, fivePercent)
	for i := range 12 {
		d.rename(i, "Bob")
	}
	d.wrote(to{})
	d.act(domain.SyncPaused, domain.Act{Guard: &domain.Trip{Guard: planner.GuardChanged}})
	d.rename(10, "Ann")
	d.rename(11, "Cyd")
	d.act(domain.SyncResumed, domain.Act{})
	d.wrote(to{domain.Aloware: "Cyd"})
	if len(d.sent) != 1 {
		t.Fatalf("%d writes, want one\n%s", len(d.sent), text(d.last))
	}
	if f := d.firstName(10); f.State != planner.InStep {
		t.Fatalf("changed back: %s", text(f))
	}
}

// TestGuardOff: without the guard nothing is counted, and a person's own pause is no confirmation.
func TestGuardOff(t *testing.T) {
	d := crowd(t, 20, settings.Guards{EmptiedSide: settings.EmptiedIgnore})
	for i := range 20 {
		d.rename(i, "Bob")
		d.wrote(to{domain.Aloware: "Bob"})
	}
	if g := d.v.Control.Guard; len(g.Changed) > 0 {
		t.Errorf("counted %v", g.Changed)
	}
	d = crowd(t, 20, fivePercent)
	d.act(domain.SyncPaused, domain.Act{})
	for i := range 20 {
		d.rename(i, "Bob")
	}
	d.act(domain.SyncResumed, domain.Act{})
	trips := 0
	for _, dec := range d.last {
		if dec.Guard != nil {
			trips++
		}
	}
	if len(d.sent) != 10 || trips != 1 {
		t.Errorf("%d writes after a person's pause, %d trips; want 10 and one", len(d.sent), trips)
	}
}

// TestGuardFirstScan: the first scan of both sides brings everybody, and that is how a sync begins.
func TestGuardFirstScan(t *testing.T) {
	d := unscanned(t, "")
	d.settings(func(s *settings.Settings) { s.Guards = fivePercent })
	for i := range 30 {
		phone := fmt.Sprintf("+1818212%04d", 4000+i)
		d.scanned(hubN(i), values{"phone": phone, "firstname": "Ann"})
		d.scanned(aloN(i), values{"phone_number": phone, "first_name": "Bob"})
	}
	d.act(domain.BaselineCompleted, domain.Act{})
	if len(d.sent) != 30 || d.trip() != nil {
		t.Fatalf("%d writes, tripped %v", len(d.sent), d.trip())
	}
}

// TestGuardConfirmed: what the first scan's end leads to is sent, though as many as the guard lets pass were written to
// while it ran.
func TestGuardConfirmed(t *testing.T) {
	const limit = 10
	d := unscanned(t, "")
	d.settings(func(s *settings.Settings) { s.Guards = fivePercent })
	for i := range limit {
		phone := fmt.Sprintf("+1818212%04d", 4000+i)
		d.read(aloN(i), values{"phone_number": phone, "first_name": "Ann"}, planner.Outgoing{})
		d.read(hubN(i), values{"phone": phone, "firstname": "Ann"}, planner.Outgoing{})
	}
	for i := range limit {
		d.rename(i, "Bob")
		d.wrote(to{domain.Aloware: "Bob"})
	}
	d.now -= hour * 49 / 50
	d.scanned(hubN(limit), values{"phone": "+18182125000", "firstname": "Ann"})
	d.now -= hour * 49 / 50
	d.scanned(aloN(limit), values{"phone_number": "+18182125000", "first_name": "Bob"})
	d.soon(domain.BaselineCompleted, domain.Act{})
	d.wrote(to{domain.Aloware: "Ann"})
	if d.trip() != nil {
		t.Errorf("tripped %+v", d.trip())
	}
}

// TestGuardDeleted: more records found deleted than the share lets pass leave their contacts as they were.
func TestGuardDeleted(t *testing.T) {
	d := crowd(t, 40, fivePercent)
	gone := func(i int) {
		d.now -= hour - 1_000_000
		d.in(domain.RecordAbsent, hubN(i).Stream(), domain.Fact{Via: "scan", Clock: d.now + hour})
	}
	for i := range 5 {
		gone(i)
		d.stands(hubN(i), planner.Deleted)
	}
	gone(5)
	d.stands(hubN(5), planner.Linked)
	if got := d.pause(); got.Guard != planner.GuardDeleted || got.Counted != 6 || got.Limit != 5 || got.Of != 40 {
		t.Fatalf("%+v", got)
	}
	gone(6)
	d.soon(domain.SyncResumed, domain.Act{})
	d.stands(hubN(5), planner.Deleted)
	d.stands(hubN(6), planner.Deleted)
}

// TestGuardEmptied: a sweep that came to its end and found next to nothing of what was known of a system stops the sync.
func TestGuardEmptied(t *testing.T) {
	for _, c := range []struct {
		name         string
		known, found int64
		guards       settings.Guards
		trips        bool
	}{
		{"empty", 40, 0, fivePercent, true},
		{"a tenth", 40, 4, fivePercent, true},
		{"more than a tenth", 40, 5, fivePercent, false},
		{"a small side", 9, 0, fivePercent, false},
		{"no guard", 40, 0, settings.Guards{EmptiedSide: settings.EmptiedIgnore}, false},
	} {
		for _, s := range domain.Systems {
			t.Run(c.name+" "+string(s), func(t *testing.T) {
				d := crowd(t, 12, c.guards)
				in := domain.Act{Counts: map[string]int64{"known_" + string(s): c.known, "found_" + string(s): c.found}}
				d.act(domain.SweepCompleted, in)
				if got := d.v.Control.Guard.Holds(); got != c.trips {
					t.Fatalf("tripped %t, want %t", got, c.trips)
				}
				if d.rename(1, "Bob"); len(d.sent) > 0 == c.trips {
					t.Fatalf("%d writes", len(d.sent))
				}
				d.act(domain.SyncPaused, domain.Act{Guard: &domain.Trip{Guard: planner.GuardEmptied, System: s}})
				d.act(domain.SyncResumed, domain.Act{})
				if d.rename(2, "Bob"); len(d.sent) != 1 {
					t.Fatalf("%d writes after a person went on", len(d.sent))
				}
				if d.act(domain.SweepCompleted, in); d.v.Control.Guard.Holds() {
					t.Fatal("tripped again though a person has said so")
				}
				if !c.trips {
					return
				}
				d.act(domain.SweepCompleted, domain.Act{Counts: map[string]int64{"known_" + string(s): 40, "found_" + string(s): 40}})
				if d.act(domain.SweepCompleted, in); !d.v.Control.Guard.Holds() {
					t.Fatal("not tripped when it looked empty once more")
				}
			})
		}
	}
}

// TestPeople: records count as long as they are there.
func TestPeople(t *testing.T) {
	d := crowd(t, 3, settings.Guards{})
	if n := d.v.Control.People(); n != 3 {
		t.Fatalf("%d people, want 3", n)
	}
	d.read(hubN(7), values{"firstname": "Eve"}, planner.Outgoing{})
	d.in(domain.RecordAbsent, hubN(0).Stream(), domain.Fact{Via: "scan", Clock: d.now + hour})
	d.in(domain.RecordMerged, hubN(8).Stream(), domain.Fact{
		Via: "webhook", Clock: d.now + hour, Merged: []domain.Record{hubN(1), hubN(2)}, Primary: hubN(1),
	})
	if got := d.v.Control.Present; got[domain.HubSpot] != 2 || got[domain.Aloware] != 3 {
		t.Fatalf("%v", got)
	}
	d.in(domain.RecordRestored, hubN(0).Stream(), domain.Fact{Via: "webhook", Clock: d.now + 2*hour})
	if n := d.v.Control.Present[domain.HubSpot]; n != 3 {
		t.Fatalf("%d in HubSpot, want 3", n)
	}
}

// TestGuardLeavesControl: a view counts in a control state of its own.
func TestGuardLeavesControl(t *testing.T) {
	d := crowd(t, 3, fivePercent)
	before := d.v.Control
	people := before.Present[domain.HubSpot]
	v := planner.NewView(before, d.v.Digester)
	for _, r := range []domain.Record{hubN(0), aloN(0)} {
		v.AddRecord(d.v.Record(r))
	}
	v.AddContact(d.v.Contact(d.v.Record(hubN(0)).Link.Contact))
	d.v = v
	d.rename(0, "Bob")
	d.in(domain.RecordAbsent, hubN(0).Stream(), domain.Fact{Via: "scan", Clock: d.now + hour})
	if before.Present[domain.HubSpot] != people || len(before.Guard.Changed) > 0 || len(d.v.Control.Guard.Changed) == 0 {
		t.Fatalf("changed in place: %+v", before.Guard)
	}
}
