package planner_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// TestPhoneMoved: a write to Aloware that was refused because the number led elsewhere is decided again from the present
// once the record's number is told, and not before.
func TestPhoneMoved(t *testing.T) {
	whole := func(phone string) values {
		return values{"phone_number": phone, "email": "ann@example.com", "first_name": "Ann"}
	}
	for name, run := range map[string]func(d *desk){
		"by a webhook": func(d *desk) {
			d.webhook(alo, values{"phone_number": "+18182124599"})
			d.wrote(to{domain.Aloware: "Bob"})
			if got := d.sent[len(d.sent)-1].Phone; d.sent[0].System == domain.Aloware && d.sent[0].Phone != "+18182124599" {
				d.Fatalf("sent to %s", got)
			}
		},
		"the same number again": func(d *desk) {
			d.webhook(alo, values{})
			d.wrote(to{domain.Aloware: "Bob"})
		},
		"by a read": func(d *desk) {
			d.read(alo, whole("+18182124599"), planner.Outgoing{})
			d.wrote(to{domain.Aloware: "Bob"})
		},
		"the present value": func(d *desk) {
			d.webhook(hub, values{"firstname": "Cyd"}) // by the old number: refused again
			d.moved()
			d.webhook(alo, values{"phone_number": "+18182124599"})
			d.wrote(to{domain.Aloware: "Cyd"})
		},
		"before the refusal came": func(d *desk) {
			d.webhook(hub, values{"firstname": "Cyd"})
			w := d.sent
			d.webhook(alo, values{"phone_number": "+18182124599"})
			d.sent = w
			d.moved()
			d.wrote(to{domain.Aloware: "Cyd"})
			d.moved() // once more, and that was that
			d.wrote(to{})
		},
		"another change in HubSpot says nothing": func(d *desk) {
			d.webhook(hub, values{"lastname": "Lee"})
			d.wrote(to{})
		},
		"nor does another record": func(d *desk) {
			d.read(aloID("77"), values{"phone_number": "+18182124567", "first_name": "Eve"}, planner.Outgoing{})
			d.wrote(to{})
		},
		"what may be an old body is read first": func(d *desk) {
			d.webhook(alo, values{"city": "Rome"})
			d.moved()
			d.moved() // told with the decision, or after it: it is tried once more
			d.wrote(to{})
			d.hasty(alo, values{"phone_number": "+18182124599"})
			d.wrote(to{})
			for _, o := range d.sent {
				if o.Kind == domain.KindRead {
					d.read(alo, whole("+18182124599"), o)
					d.wrote(to{domain.Aloware: "Bob"})
					return
				}
			}
			d.Fatalf("not read: %s", text(d.last))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil).linked()
			d.webhook(hub, values{"firstname": "Bob"})
			d.moved()
			d.says(planner.Refused, planner.Apart, to{})
			run(d)
		})
	}
}

// moved answers the writes to Aloware that wait: the number leads to nobody.
func (d *desk) moved() {
	d.Helper()
	for _, o := range d.sent {
		if o.System == domain.Aloware && o.Kind == domain.KindUpdate {
			d.settled(o, nil, func(out *domain.Outcome) {
				out.Result, out.Reason, out.Sent = domain.ResultRejected, domain.ReasonMoved, nil
			})
		}
	}
}

// TestSameNumberToldAgain: of a contact born in Aloware a webhook that changes nothing is decided on, too, when it tells
// the number a write was not found by.
func TestSameNumberToldAgain(t *testing.T) {
	d := newDesk(t, nil)
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"}, planner.Outgoing{})
	d.settled(d.sent[0], values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"},
		func(o *domain.Outcome) { o.Record, o.Created, o.Complete = hub, true, true })
	d.webhook(hub, values{"firstname": "Bob"})
	d.moved()
	d.webhook(alo, values{})
	d.wrote(to{domain.Aloware: "Bob"})
}
