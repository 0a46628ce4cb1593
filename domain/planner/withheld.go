package planner

import (
	"github.com/duolog/duolog/domain"
)

// withheld returns the rule by which the mode keeps a write back, empty when it may go.
func (p *pass) withheld(d *draft, r, other *Record) string {
	switch {
	case p.v.Control.Mode == domain.ModeObserve:
		return "mode = observe"
	case d.head.Standing:
		return "going live sends nothing retroactively"
	case p.v.Control.Mode != domain.ModePilot:
		return ""
	case p.v.filter != nil && !p.v.filter.Match(p.getter(r, other)):
		return "mode = pilot: not in its filter"
	case p.v.Control.Pilot.MaxWritesPerHour > 0 &&
		p.v.Control.Writes[p.in.RecordedAt/hourMicros] >= p.v.Control.Pilot.MaxWritesPerHour:
		return "mode = pilot: at most so many writes an hour"
	default:
		return ""
	}
}

// changedSince reports that somebody changed the record since the sync went live, or a person asked.
func (p *pass) changedSince() bool {
	return p.e.Force || p.e.Operation != nil || !p.e.Record.IsZero() && p.e.Changed && !p.e.Answered && !p.e.Scanned
}

// awaitsRead reports a read of one of the contact's records that was not answered yet.
func (p *pass) awaitsRead(d *draft) bool {
	return p.v.anyMember(d.Contact, func(r *Record) bool {
		return !r.Link.Reading.IsZero() && r.Link.Reading != r.ReadDone
	})
}

// getter looks a field up for the pilot filter: HubSpot's value counts, Aloware's where HubSpot has none.
func (p *pass) getter(records ...*Record) func(string) (string, bool) {
	return func(name string) (string, bool) {
		f, ok := p.v.field(name)
		if !ok {
			return "", false
		}
		text := ""
		for _, r := range records {
			if r == nil {
				continue
			}
			got, _, err := f.Get(r.ID.System, r.Properties(), p.v.env())
			if err == nil && got != "" && (text == "" || r.ID.System == domain.HubSpot) {
				text = got
			}
		}
		return text, text != ""
	}
}
