package planner_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// refused answers the last write by refusing one of its properties.
func (d *desk) refused(property, why string) {
	d.Helper()
	d.settled(d.sent[0], nil, func(o *domain.Outcome) {
		o.Result, o.Reason, o.Refused = domain.ResultRejected, domain.ReasonInvalid, map[string]string{property: why}
	})
}

// schema tells HubSpot's properties, anew under a digest.
func (d *desk) schema(digest string) {
	d.Helper()
	d.in(domain.SchemaObserved, "schema/hubspot", domain.Schema{
		System: domain.HubSpot, Clock: d.now, Digest: digest, Properties: []domain.Property{{Name: "firstname"}},
	})
}

func (d *desk) gate(open bool) {
	d.Helper()
	a := domain.Act{Field: "first_name", Open: open}
	if !open {
		a.Reason, a.Faults = "no such property", []domain.Fault{{Field: "fields.first_name", Found: "nothing"}}
	}
	d.act(domain.GateChanged, a)
}

// TestGate: while a field's gate is shut nothing is sent for it and its bases stay; when it opens, what waits is decided
// from the present.
func TestGate(t *testing.T) {
	for name, run := range map[string]func(d *desk){
		"what does not change is left alone": func(d *desk) {
			d.gate(false)
			d.webhook(hub, values{"lastname": "Lee"})
			if f := d.field("first_name"); f.Result != "" || f.State == planner.Apart {
				d.Fatalf("%s", text(f))
			}
			d.gate(true)
			d.wrote(to{})
		},
		"changed and changed back": func(d *desk) {
			d.gate(false)
			d.webhook(hub, values{"firstname": "Bob"})
			d.says(planner.Waiting, planner.Apart, to{})
			d.webhook(hub, values{"firstname": "Ann"})
			d.says(planner.Agreed, planner.InStep, to{})
			d.gate(true)
			d.wrote(to{})
		},
		"both sides changed meanwhile": func(d *desk) {
			d.gate(false)
			d.webhook(hub, values{"firstname": "Bob"})
			d.webhook(alo, values{"first_name": "Cyd"})
			d.gate(true)
			d.wrote(to{domain.Aloware: "Bob"})
		},
		"the write was refused before the gate was shut": func(d *desk) {
			d.webhook(alo, values{"first_name": "Bob"})
			d.refused("firstname", "PROPERTY_DOESNT_EXIST")
			d.says(planner.Refused, planner.Apart, to{})
			d.gate(false)
			d.webhook(hub, values{"lastname": "Lee"})
			d.wrote(to{})
			d.gate(true)
			d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Bob"})
		},
		"the write was refused after the gate was shut": func(d *desk) {
			d.webhook(alo, values{"first_name": "Bob"})
			w := d.sent
			d.gate(false)
			d.sent = w
			d.refused("firstname", "PROPERTY_DOESNT_EXIST")
			d.wrote(to{})
			d.gate(true)
			d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Bob"})
		},
		"the write was applied after the gate was shut": func(d *desk) {
			d.webhook(alo, values{"first_name": "Bob"})
			w := d.sent[0]
			d.gate(false)
			d.webhook(alo, values{"first_name": "Cyd"})
			d.settled(w, values{"firstname": "Bob"}, nil)
			d.wrote(to{})
			d.gate(true)
			d.wrote(to{domain.HubSpot: "Cyd"})
		},
		"a person cannot send through it": func(d *desk) {
			d.webhook(alo, values{"first_name": "Bob"})
			contact := d.sent[0].Contact
			d.refused("firstname", "PROPERTY_DOESNT_EXIST")
			d.gate(false)
			d.act(domain.CommandRetried, domain.Act{Contact: contact})
			d.wrote(to{})
		},
		"shut before the new schema is told": func(d *desk) {
			d.schema("1")
			d.webhook(alo, values{"first_name": "Bob"})
			d.refused("firstname", "PROPERTY_DOESNT_EXIST")
			d.gate(false)
			d.schema("2")
			d.wrote(to{})
			d.schema("1")
			d.wrote(to{})
			d.gate(true)
			d.wrote(to{domain.HubSpot: "Bob"})
		},
	} {
		t.Run(name, func(t *testing.T) { run(newDesk(t, nil).linked()) })
	}
}

// TestSchemaChange: a value refused because of what the property is there is tried once more when that has changed,
// and one refused for itself is not.
func TestSchemaChange(t *testing.T) {
	for name, run := range map[string]func(d *desk){
		"an option was added": func(d *desk) {
			d.refused("firstname", "INVALID_OPTION")
			d.schema("2")
			d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Bob"})
			d.refused("firstname", "INVALID_OPTION")
			d.wrote(to{})
			d.webhook(hub, values{"lastname": "Lee"})
			d.wrote(to{})
			d.schema("2")
			d.wrote(to{})
			d.schema("3")
			d.wrote(to{domain.HubSpot: "Bob"})
		},
		"while paused": func(d *desk) {
			d.refused("firstname", "INVALID_OPTION")
			d.act(domain.SyncPaused, domain.Act{})
			d.schema("2")
			d.wrote(to{})
			d.act(domain.SyncResumed, domain.Act{})
			d.wrote(to{domain.HubSpot: "Bob"})
		},
		"the value itself": func(d *desk) {
			d.refused("firstname", "STRING_TOO_LONG")
			d.schema("2")
			d.wrote(to{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil).linked()
			d.schema("1")
			d.webhook(alo, values{"first_name": "Bob"})
			run(d)
		})
	}
}

// TestShown: the properties records of Aloware show are counted, once a record.
func TestShown(t *testing.T) {
	d := newDesk(t, nil).linked()
	before := d.v.Control.Shown["tier"]
	for _, tier := range []string{"gold", "silver"} {
		d.webhook(alo, values{"tier": tier})
	}
	d.read(aloID("77"), values{"phone_number": "+18182124577", "tier": "gold"}, planner.Outgoing{})
	d.webhook(hub, values{"rank": "1"})
	if got := d.v.Control.Shown; before != 0 || got["tier"] != 2 || got["first_name"] != 1 || got["rank"] != 0 {
		t.Fatalf("%v", got)
	}
}
