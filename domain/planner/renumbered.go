package planner

import (
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// toldNumber is the position at which the number was told last by which Aloware finds the record, 0 while it is doubtful.
func (p *pass) toldNumber(r *Record) int64 {
	f, ok := p.v.field(settings.PhoneField)
	if !ok || r.ID.System != domain.Aloware || r.doubtful(f.Aloware.Read) {
		return 0
	}
	return r.Seen[f.Aloware.Read].Position
}

// renumbered reports that the fact tells the number of a record to which a write was refused because the number it had
// led elsewhere: that is decided again, even when it is the same number.
func (p *pass) renumbered() bool {
	r := p.v.rec(p.e.Record)
	if r == nil || p.toldNumber(r) != p.in.Position {
		return false
	}
	c := p.v.Contact(r.Link.Contact)
	if c == nil {
		return false
	}
	for _, f := range c.Fields {
		if f.State == Apart && f.Result == Refused && f.Rule == domain.ReasonMoved {
			return true
		}
	}
	return false
}
