package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// The rules of what an operation does or leaves.
const (
	ruleChangedSince = "changed since the plan was made"
	ruleMatchOnly    = "match writes nothing"
)

// foldOperation takes that an operation started, rests, goes on or ended.
func (v *View) foldOperation(in Input, a domain.Act) {
	ops := &v.Control.Operations
	switch in.Type {
	case domain.OperationStarted:
		*ops = append(*ops, Operation{
			ID: in.ID, Name: a.Name, Position: in.Position, Contact: a.Contact, Field: a.Field, Plan: a.Plan, Spec: a.Spec,
			Rows: a.Counts[domain.CountRows], Budget: a.Counts[domain.CountBudget],
		})
	case domain.OperationFinished, domain.OperationCancelled:
		*ops = slices.DeleteFunc(*ops, func(o Operation) bool { return o.ID == a.Command })
	default:
		if o := v.Control.operation(a.Command); o != nil {
			o.Paused = in.Type == domain.OperationPaused
		}
	}
}

// operation returns a running operation, nil when there is none of this id.
func (c *Control) operation(id ulid.ULID) *Operation {
	for i := range c.Operations {
		if c.Operations[i].ID == id {
			return &c.Operations[i]
		}
	}
	return nil
}

// foldPage takes a page of an operation's rows. One that comes while they may not be decided is in vain: its rows wait.
func (v *View) foldPage(in Input) (Effect, error) {
	var page domain.PlanPage
	if err := json.Unmarshal(in.Data, &page); err != nil {
		return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	o := v.Control.operation(page.Operation)
	if o == nil {
		return Effect{}, nil // cancelled
	}
	v.control = true
	if o.Paused || v.Control.Stopped() || v.Control.Mode == domain.ModeObserve && page.Name != domain.OpMatch || page.First != o.Done {
		o.Vain++
		return Effect{}, nil
	}
	o.Done += int64(len(page.Rows))
	return Effect{Page: &page}, nil
}

// spend counts a decision's writes against what was confirmed of its operation.
func (v *View) spend(d Decision) {
	if o := v.Control.operation(d.Operation); o != nil {
		v.keepControl()
		o.Spent += int64(d.Writes())
		v.control = true
	}
}

// Writes counts the creates and updates a decision leads to, stops apart.
func (d Decision) Writes() (n int) {
	for _, c := range d.Commands {
		if c.Kind == domain.KindCreate || c.Kind == domain.KindUpdate && !c.Urgent {
			n++
		}
	}
	return n
}

// PlanRow plans one contact of a page for its operation, under the settings in force now. One that changed since the
// plan was made is left to the rules of every day, and told to have been skipped.
func (v *View) PlanRow(in Input, page domain.PlanPage, row domain.PlanRow) []Planned {
	c, now := v.person(row.Contact), v.Contact(row.Contact)
	if c == nil || now == nil || c.AliasAt == in.Position || now.HeadAt >= in.Position {
		return nil // planned with another of the page
	}
	o := v.Control.operation(page.Operation)
	p := v.operating(in, page.Scope, row.Contact)
	p.operation, p.e.Confirmed = page.Operation, o != nil && o.Spent < o.Budget
	if page.PutsBack() {
		p.undo(now, row)
		return p.done()
	}
	if now != c || v.RowDigest(c.ID, page.Watch) != row.Digest {
		p.draft(now.ID).Whole = &Whole{Result: Skipped, Rule: ruleChangedSince}
		return p.done()
	}
	p.planContact(c.ID)
	return p.done()
}

func (v *View) operating(in Input, s domain.Scope, contact ulid.ULID) *pass {
	return &pass{v: v, in: in, e: Effect{Operation: &s, Changed: true}, dirty: contact, left: &[]Left{}}
}

// RowDigest tells a contact's state: who it is, what its records show of the properties that are watched, and what was
// decided. It holds when only the settings change.
func (v *View) RowDigest(contact ulid.ULID, watch map[domain.System][]string) string {
	c := v.person(contact)
	if c == nil {
		return ""
	}
	var b strings.Builder
	for _, r := range v.Members(contact) {
		fmt.Fprintln(&b, r.ID.Stream(), r.Link.State, r.Life, r.Known, r.Out)
		for _, name := range watch[r.ID.System] {
			s, _ := r.value(name)
			fmt.Fprintf(&b, "%s %q\n", name, valueText(s.Value))
		}
	}
	h := c.Head
	fmt.Fprintln(&b, h.Parked, h.Review, h.Creation.System, h.Creation.Command)
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if f := c.Fields[name]; f.State == Apart || f.State == Dirty {
			fmt.Fprintln(&b, name, f.State, f.Result, f.From)
		}
	}
	return v.Digester.Of("plan row", b.String())
}

// valueText is a raw value as it is compared: the same whether it was told as text or as a number.
func valueText(raw json.RawMessage) string {
	if text := domain.Scalar(raw); text != "" || domain.Blank(raw) {
		return text
	}
	return string(raw)
}

// touches reports whether the pass may touch the field.
func (p *pass) touches(field string) bool { return p.e.Operation == nil || p.e.Operation.Covers(field) }

// makes reports whether the pass may make a contact in the system.
func (p *pass) makes(in domain.System) bool { return p.e.Operation == nil || p.e.Operation.Creates(in) }

// matches reports whether the pass may look for counterparts: one for a single field does not.
func (p *pass) matches() bool { return p.e.Operation == nil || p.e.Operation.Field == "" }

// Left is a field an operation leaves as it is though its sides differ, and why.
type Left struct {
	Field  string
	Result Result
	Rule   string
}

// operated decides a field for an operation; false leaves it to the rules of every day. What these say of a side that
// has changed and was not decided on comes first.
func (p *fieldPass) operated(w *writes) bool {
	if p.e.Operation == nil {
		return false
	}
	o, a, h := p.e.Operation, p.sides.of(domain.Aloware), p.sides.of(domain.HubSpot)
	if a.digest == h.digest || p.unsure != nil || p.behind() || a.rec.doubtful(p.f.Aloware.Read) || p.v.Untold(h.rec, p.f.HubSpot.Read) {
		return false
	}
	met := len(p.now.Base) == len(domain.Systems)
	stirred := met && !(p.atBase(domain.Aloware) && p.atBase(domain.HubSpot))
	if o.Name == domain.OpMatch {
		if !met {
			p.apart(Verdict{Result: Kept, Rule: ruleMatchOnly})
		}
		return !stirred
	}
	if o.Source() == "" && !met || stirred && o.Source() == "" {
		return false
	}
	from, rule := p.source(o, met)
	if !from.Valid() {
		if !stirred && met {
			p.leave(p.now.Result, p.now.Rule)
		}
		return !stirred
	}
	if result, why := p.stops(*p.sides.of(from), *p.sides.of(from.Other())); result != "" {
		p.leave(result, why)
		return !stirred
	}
	p.flow(w, from, rule)
	return true
}

func (p *fieldPass) leave(result Result, rule string) {
	if result != "" {
		*p.left = append(*p.left, Left{p.f.Name, result, rule})
	}
}

// source is the side an operation takes the value from, none when the field is left.
func (p *fieldPass) source(o *domain.Scope, met bool) (domain.System, string) {
	switch {
	case !met:
		return o.Source(), o.Name
	case p.now.State == InStep, p.now.Result == Refused, p.now.Result == Invalid:
		return "", "" // another rendering of the same; or no plan helps
	case o.Source() != "":
		return o.Source(), o.Name
	case p.now.State != Apart:
		return "", "" // held for a person
	}
	return p.reconciled()
}

// reconciled is where a field that stands apart would flow from, had it not been kept from that.
func (p *fieldPass) reconciled() (domain.System, string) {
	switch result := p.now.Result; {
	case (result == Withheld || result == OutOfScope) && p.now.From.Valid():
		return p.now.From, domain.OpReconcile
	case result == Blocked:
		return p.winner()
	case result == Kept:
		return p.firstSource()
	}
	return "", ""
}

// firstSource is the side the first-value rule would take, none when it leaves both.
func (p *fieldPass) firstSource() (domain.System, string) {
	rule := "initial = " + string(p.f.Initial)
	switch {
	case p.sides.of(domain.Aloware).blank():
		return domain.HubSpot, "fills a blank"
	case p.sides.of(domain.HubSpot).blank():
		return domain.Aloware, "fills a blank"
	}
	switch p.f.Initial {
	case settings.AlowareWins:
		return domain.Aloware, rule
	case settings.NewestWins:
		winner, known := p.newest()
		if !known {
			rule += ": time unknown"
		}
		return winner, rule
	case settings.FillBlanks, settings.Review:
		return "", ""
	default:
		return domain.HubSpot, rule
	}
}
