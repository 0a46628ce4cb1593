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

// TestRestatedAgain: HubSpot's value is written to both sides, since an earlier write may still go over it there; a
// person changes it again in HubSpot, and what we restated goes over that. The newer value stands in the end.
func TestRestatedAgain(t *testing.T) {
	type order struct {
		first    domain.System // where a write ends first
		answered bool          // HubSpot's answer tells of it, and not its webhook
	}
	for _, o := range []order{{domain.HubSpot, false}, {domain.Aloware, false}, {domain.HubSpot, true}, {domain.Aloware, true}} {
		d := newDesk(t, nil).linked()
		d.webhook(alo, values{"first_name": "Bob"})
		d.webhook(hub, values{"firstname": "Cyd"})
		d.wrote(to{domain.Aloware: "Cyd", domain.HubSpot: "Cyd"})
		restated := d.sent[slices.IndexFunc(d.sent, func(o planner.Outgoing) bool { return o.System == domain.HubSpot })]
		d.webhook(hub, values{"firstname": "Dan"})
		d.wrote(to{domain.Aloware: "Dan"})
		write := d.sent[0]
		lands := func() {
			if o.answered {
				d.settled(restated, values{"firstname": "Cyd"}, nil)
				return
			}
			d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
				Via: "webhook", Clock: d.now + hour, Properties: values{"firstname": "Cyd"}.raw(), Origin: domain.Origin{Own: true},
			})
		}
		if o.first == domain.HubSpot {
			lands()
			d.wrote(to{})
		}
		d.settled(write, values{"first_name": "Dan"}, nil)
		if o.first == domain.Aloware {
			d.wrote(to{})
			lands()
		}
		d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Dan"})
	}
}
