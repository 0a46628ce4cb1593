package planner

import (
	"github.com/duolog/duolog/domain"
)

// Park decides, instead of Fold and Plan, that an input could not be decided. Its contact is dirty until a person
// has the planner try again.
func (v *View) Park(in Input) []Planned {
	rec, err := domain.ParseRecord(in.Stream)
	if err != nil || v.records[rec] == nil || v.Contact(v.records[rec].Link.Contact) == nil {
		return nil
	}
	p := &pass{v: v, in: in}
	d := p.draft(v.records[rec].Link.Contact)
	d.head.Dirty = true
	d.Whole = &Whole{Result: Parked, Rule: "error", Others: []domain.Record{rec}}
	return p.done()
}
