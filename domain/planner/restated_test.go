package planner_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// restated has Bob on his way to HubSpot from Aloware while Cyd and then Dan are typed there: each goes to Aloware, and
// behind the write before it to HubSpot as well, where Cyd lands over Dan.
type restated struct {
	*desk
	bob     int64            // where HubSpot told of him
	write   planner.Outgoing // of Dan to Aloware
	first   planner.Outgoing // of Cyd
	cyd     planner.Outgoing // …to HubSpot
	follows planner.Outgoing // Dan, behind it
}

func newRestated(t *testing.T, set func(*settings.Settings)) restated {
	t.Helper()
	d := restated{desk: newDesk(t, set).linked()}
	d.webhook(alo, values{"first_name": "Bob"})
	d.webhook(hub, values{"firstname": "Bob"}) // somebody typed the same: ours may still land
	d.bob = d.pos
	d.webhook(hub, values{"firstname": "Cyd"})
	d.wrote(to{domain.Aloware: "Cyd", domain.HubSpot: "Cyd"})
	d.first, d.cyd = d.sentTo(domain.Aloware), d.sentTo(domain.HubSpot)
	d.webhook(hub, values{"firstname": "Dan"})
	d.wrote(to{domain.Aloware: "Dan", domain.HubSpot: "Dan"})
	d.write, d.follows = d.sentTo(domain.Aloware), d.sentTo(domain.HubSpot)
	return d
}

func (d *desk) sentTo(s domain.System) planner.Outgoing {
	return d.sent[slices.IndexFunc(d.sent, func(o planner.Outgoing) bool { return o.System == s })]
}

// lands tells of Cyd in HubSpot: by the write's answer, by a webhook, by a read, or by a webhook and a read.
func (d restated) lands(by string) {
	d.Helper()
	if by == "answer" {
		d.settled(d.cyd, values{"firstname": "Cyd"}, nil)
		return
	}
	if by != "read" {
		d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
			Via: "webhook", Clock: d.now + hour, Properties: values{"firstname": "Cyd"}.raw(), Origin: domain.Origin{Own: true},
		})
	}
	if by != "webhook" {
		d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Cyd"}, planner.Outgoing{})
	}
}

var tellings = []string{"answer", "webhook", "read", "webhook and read"}

// ends says what becomes of the write that follows.
func (d restated) ends(well bool) {
	d.Helper()
	if well {
		d.settled(d.follows, values{"firstname": "Dan"}, nil)
		return
	}
	d.settled(d.follows, nil, func(o *domain.Outcome) { o.Result, o.Sent, o.Clock = domain.ResultWithdrawn, nil, 0 })
}

// TestRestatedAgain: a value that is written to its own side, behind an earlier write of ours, is followed by a newer one
// that is typed there. That one stands in the end, whichever write ends first and however HubSpot tells of it; where it
// could not follow, it is sent once more.
func TestRestatedAgain(t *testing.T) {
	for _, first := range domain.Systems {
		for _, by := range tellings {
			for _, well := range []bool{false, true} {
				if by == "read" && !well {
					continue // nobody says that it was us
				}
				d := newRestated(t, nil)
				if first == domain.HubSpot {
					d.lands(by)
					d.wrote(to{})
				}
				d.settled(d.write, values{"first_name": "Dan"}, nil)
				d.wrote(to{})
				if first == domain.Aloware {
					d.lands(by)
					d.wrote(to{})
				}
				d.ends(well)
				if !well {
					d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Dan"})
					continue
				}
				d.wrote(to{})
				d.webhook(alo, values{"first_name": "Dan"})
				d.says(planner.Echo, planner.InStep, nil)
				d.base(domain.HubSpot, "Dan")
			}
		}
	}
}

// TestRestatedInConflict: Aloware refuses Dan, since Eve was typed there meanwhile, while HubSpot shows Cyd, our own write
// that landed over Dan. The rule decides between Dan and Eve, and not between Cyd and Eve.
func TestRestatedInConflict(t *testing.T) {
	for rule, want := range map[settings.Winner]to{
		settings.HubSpotWins: {domain.Aloware: "Dan"}, settings.AlowareWins: {domain.HubSpot: "Eve"},
	} {
		for _, by := range tellings {
			d := newRestated(t, conflict(rule))
			d.lands(by)
			d.wrote(to{})
			d.settled(d.write, values{"first_name": "Eve"}, changedThere)
			d.wrote(to{})
			d.ends(true)
			d.says(planner.Sent, planner.Pending, want)
		}
	}
}

// TestRestatedAndTyped: what follows is on its way while somebody in Aloware types Eve: she goes to HubSpot behind it, also
// where it never ends.
func TestRestatedAndTyped(t *testing.T) {
	d := newRestated(t, nil)
	d.lands("webhook")
	d.settled(d.write, values{"first_name": "Dan"}, nil)
	d.webhook(alo, values{"first_name": "Eve"})
	d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Eve"})
	eve := d.sent[0]
	d.ends(true)
	d.wrote(to{})
	d.webhook(hub, values{"firstname": "Eve"})
	d.says(planner.Echo, planner.InStep, nil)
	d.settled(eve, values{"firstname": "Eve"}, nil)
	d.wrote(to{})
}

// TestRestatedWithdrawn: Cyd has landed on both sides when what should follow him is taken back on both: that Dan is lost is
// said.
func TestRestatedWithdrawn(t *testing.T) {
	d := newRestated(t, nil)
	d.lands("answer")
	withdrawn := func(o *domain.Outcome) { o.Result, o.Sent, o.Clock = domain.ResultWithdrawn, nil, 0 }
	d.act(domain.SyncPaused, domain.Act{})
	d.settled(d.write, nil, withdrawn)
	d.settled(d.follows, nil, withdrawn)
	d.settled(d.first, values{"first_name": "Cyd"}, nil)
	d.act(domain.SyncResumed, domain.Act{})
	d.says(planner.Agreed, planner.InStep, nil)
	if !d.names("first_name", "Dan") {
		t.Fatalf("no word about Dan: %s", text(d.last))
	}
}

// TestNotShown: HubSpot's answer leaves out what was written. It is taken for what is there: a late write of ours, after
// which the present value is sent again, is not sent again and again.
func TestNotShown(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"first_name": "Bob"})
	d.webhook(alo, values{"first_name": "Cyd"})
	d.settled(d.sent[0], nil, nil)
	d.wrote(to{})
	d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
		Via: "webhook", Clock: d.now + hour, Properties: values{"firstname": "Bob"}.raw(), Origin: domain.Origin{Own: true},
	})
	d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Cyd"})
	d.settled(d.sent[0], nil, nil)
	d.wrote(to{})
}

// TestRestatedWaitsForNobodyElse: while a value is on its way back over ours, an operation sends ours nowhere, and nothing is
// undone.
func TestRestatedWaitsForNobodyElse(t *testing.T) {
	for _, scope := range []domain.Scope{{Name: domain.OpPull}, {Name: domain.OpReconcile, Toward: domain.TowardHubSpot}} {
		d := newRestated(t, nil)
		d.lands("answer")
		d.settled(d.write, values{"first_name": "Eve"}, changedThere)
		o, _ := d.prepare(domain.PlanSpec{Scope: scope}, d.contact(hub))
		o.start(1)
		o.apply()
		d.wrote(to{})
		d.ends(true)
		d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Dan"})
	}
	d := newRestated(t, nil)
	d.settled(d.write, values{"first_name": "Dan"}, nil)
	d.back(hub, "Dan", "Bob", d.bob)
	d.wrote(to{})
	d.ends(true)
	d.back(hub, "Dan", "Bob", d.bob)
	d.wrote(to{domain.HubSpot: "Bob"})
}

// TestOutcomesOfOneThatBecameAnother: outcomes that were noted with a contact before it became another's alias are noted with
// that one, whose fields wait for them now.
func TestOutcomesOfOneThatBecameAnother(t *testing.T) {
	v := planner.NewView(planner.Control{}, planner.NewDigester(secret))
	keep, drop, write, back := ulid.ULID{1}, ulid.ULID{2}, ulid.ULID{3}, ulid.ULID{4}
	fields := []planner.Verdict{{Field: "first_name", After: planner.FieldState{
		Pending: &planner.PendingWrite{Command: write}, Restated: &planner.PendingWrite{Command: back},
	}}}
	v.Apply(planner.Decision{Input: 1, Contact: drop, Fields: fields})
	for i, command := range []ulid.ULID{write, back} {
		data, err := json.Marshal(domain.Outcome{Command: command, Contact: drop, Kind: domain.KindUpdate, Result: domain.ResultWithdrawn})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Fold(planner.Input{Position: int64(2 + i), Type: domain.CommandSettled, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	v.Apply(planner.Decision{Input: 4, Contact: keep, Aliases: []planner.Alias{{From: drop, To: keep}}, Fields: fields})
	f := v.Contact(drop).Fields["first_name"]
	if f.Settled == nil || f.Settled.Command != write || f.Landed == nil || f.Landed.Command != back {
		t.Errorf("settled %+v, landed %+v", f.Settled, f.Landed)
	}
}

// TestWithdrawnOnBothSides: Bob from Aloware lands over Cyd in HubSpot, and both writes of Cyd are taken back unsent: both
// sides hold Bob, nothing stays pending, and that Cyd was lost is said.
func TestWithdrawnOnBothSides(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"first_name": "Bob"})
	bob := d.sent[0]
	d.webhook(hub, values{"firstname": "Bob"})
	d.webhook(hub, values{"firstname": "Cyd"})
	d.wrote(to{domain.Aloware: "Cyd", domain.HubSpot: "Cyd"})
	there, back := d.sentTo(domain.Aloware), d.sentTo(domain.HubSpot)
	d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
		Via: "webhook", Clock: d.now + hour, Properties: values{"firstname": "Bob"}.raw(), Origin: domain.Origin{Own: true},
	})
	d.settled(bob, values{"firstname": "Bob"}, nil)
	for _, w := range []planner.Outgoing{back, there} {
		d.settled(w, nil, func(o *domain.Outcome) { o.Result, o.Sent, o.Clock = domain.ResultWithdrawn, nil, 0 })
	}
	d.says(planner.Agreed, planner.InStep, nil)
	if !d.names("first_name", "Cyd") {
		t.Fatalf("no word about Cyd: %s", text(d.last))
	}
}
