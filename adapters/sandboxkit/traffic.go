package sandboxkit

import (
	"context"
	"time"
)

// soft are the fields people edit in the course of a day; none of them identifies anybody, since a twin whose phone
// still matches but whose email was changed before the first match is rightly not linked.
var soft = []string{
	"first_name", "last_name", "company_name", "address", "city", "state", "zipcode", "country", "website",
	"date_of_birth",
}

// Side is a sandbox as its people use it: their edits cause webhooks, as a person's in the vendor's own screens do.
type Side interface {
	// IDs lists the live contacts, oldest first.
	IDs() []string
	// EditFields and CreateFields take values under Aloware's write names.
	EditFields(id string, f Fields) error
	CreateFields(f Fields) (id string, err error)
}

// Traffic drives edits and creates on both sides until its context ends.
type Traffic struct {
	Aloware, HubSpot Side
	Seed             uint64
	Rate             float64 // changes per second, both sides together
	CreateShare      float64 // of the changes, 0 to 1
	FirstPerson      int     // number of the first person created: not below the number already made by People
}

// TrafficReport counts what was done.
type TrafficReport struct {
	Edits   int `json:"edits"`
	Creates int `json:"creates"`
	Failed  int `json:"failed"` // refused by the sandbox: the record was gone, the email taken
}

// Run makes changes at the rate given until ctx ends.
func (t Traffic) Run(ctx context.Context) TrafficReport {
	var r TrafficReport
	if t.Rate <= 0 {
		<-ctx.Done()
		return r
	}
	c := NewChance(t.Seed, "traffic")
	tick := time.NewTicker(time.Duration(float64(time.Second) / t.Rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return r
		case <-tick.C:
			t.step(c, &r)
		}
	}
}

// Do makes n changes at once.
func (t Traffic) Do(n int) TrafficReport {
	var r TrafficReport
	c := NewChance(t.Seed, "traffic")
	for range n {
		t.step(c, &r)
	}
	return r
}

func (t Traffic) step(c *Chance, r *TrafficReport) {
	side := Pick(c, []Side{t.Aloware, t.HubSpot})
	if c.Hit(t.CreateShare) {
		_, err := side.CreateFields(NewFields(c, t.FirstPerson+r.Creates))
		r.Creates++
		r.note(err)
		return
	}
	ids := side.IDs()
	if len(ids) == 0 {
		return
	}
	r.Edits++
	r.note(side.EditFields(Pick(c, ids), edit(c)))
}

func (r *TrafficReport) note(err error) {
	if err != nil {
		r.Failed++
	}
}

// edit changes one to three fields.
func edit(c *Chance) Fields {
	names := make([]string, 1+c.Intn(3))
	for k := range names {
		names[k] = Pick(c, soft)
	}
	return change(c, names)
}

func change(c *Chance, names []string) Fields {
	f := NewFields(c, c.Intn(len(places)))
	out := make(Fields, len(names))
	for _, n := range names {
		out[n] = f[n]
	}
	return out
}
