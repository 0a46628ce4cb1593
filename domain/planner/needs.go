package planner

import (
	"encoding/json"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
)

// Needs is what must be in the view before inputs can be folded and planned: records by id, contacts by id with all
// their records, and every record that holds one of the keys.
type Needs struct {
	Records  map[domain.Record]bool
	Contacts map[ulid.ULID]bool
	Keys     map[identity.Key]bool
}

// NewNeeds returns empty needs.
func NewNeeds() Needs {
	return Needs{Records: map[domain.Record]bool{}, Contacts: map[ulid.ULID]bool{}, Keys: map[identity.Key]bool{}}
}

// Needs adds what an input names. An input that cannot be read needs nothing: folding it says so.
func (v *View) Needs(in Input, n Needs) {
	if rec, err := domain.ParseRecord(in.Stream); err == nil {
		n.record(rec)
	}
	switch in.Type {
	case domain.CommandSettled:
		var o domain.Outcome
		if json.Unmarshal(in.Data, &o) == nil {
			n.record(o.Record)
			n.record(o.Existing)
			n.contact(o.Contact)
			n.keys(identity.Keys(v.Control.Settings, o.Record, o.Shows))
		}
	case domain.PlannerRetried, domain.CommandRetried, domain.ReviewSettled, domain.DuplicateResolved,
		domain.SubjectErased, domain.SubjectLifted:
		var a domain.Act
		if json.Unmarshal(in.Data, &a) == nil {
			n.contact(a.Contact)
			for _, r := range a.Records {
				n.record(r)
			}
		}
	case domain.PlanApplied:
		var p domain.PlanPage
		if json.Unmarshal(in.Data, &p) == nil {
			for _, r := range p.Rows {
				n.contact(r.Contact)
			}
		}
	default:
		v.needsOfFact(in, n)
	}
}

func (v *View) needsOfFact(in Input, n Needs) {
	var f domain.Fact
	rec, err := domain.ParseRecord(in.Stream)
	if err != nil || json.Unmarshal(in.Data, &f) != nil {
		return
	}
	for _, r := range f.Merged {
		n.record(r)
	}
	n.record(f.Primary)
	if f.Answer != nil {
		n.contact(f.Answer.Contact)
		for _, r := range f.Answer.Found {
			n.record(r)
		}
	}
	n.keys(identity.Keys(v.Control.Settings, rec, f.Properties))
}

func (n Needs) record(r domain.Record) {
	if !r.IsZero() {
		n.Records[r] = true
	}
}

func (n Needs) contact(id ulid.ULID) {
	if !id.IsZero() {
		n.Contacts[id] = true
	}
}

func (n Needs) keys(keys []identity.Key) {
	for _, k := range keys {
		if k.Kind == identity.KindUnique {
			if id, err := ulid.ParseStrict(k.Value); err == nil {
				n.contact(id)
			}
			continue
		}
		n.Keys[k] = true
	}
}
