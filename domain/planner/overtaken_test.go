package planner_test

import "testing"

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
