package app

import (
	"context"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
)

// Tally counts what a log holds.
type Tally struct {
	Contacts            int64 `json:"contacts"`
	Facts               int64 `json:"facts"`
	Decisions           int64 `json:"decisions"`
	CommandsSent        int64 `json:"commands_sent"`        // writes a system carried out
	Echoes              int64 `json:"echoes"`               // writes told back and stopped
	DuplicatesPrevented int64 `json:"duplicates_prevented"` // people found on the other side, or held, instead of created again
	Held                int64 `json:"held"`                 // contacts that wait for a person
	Apart               int64 `json:"apart"`                // fields that differ because a decision says so
	Unexplained         int64 `json:"-"`                    // commands without a decision
}

// Tally reads the whole log once.
func (a *App) Tally(ctx context.Context) (Tally, error) {
	var t Tally
	decided, told := map[string]bool{}, map[string]bool{}
	made, found := map[domain.Record]bool{}, [][]domain.Record{}
	for after := int64(0); ; {
		events, err := a.Log.Read(ctx, after, 1000)
		if err != nil {
			return t, err
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			after = e.Position
			switch {
			case strings.HasPrefix(e.Type, "record."):
				t.Facts++
			case e.Type == domain.DecisionMade:
				t.Decisions++
				var d planner.Decision
				if err := domain.Decode(e.Type, e.Schema, e.Data, &d); err != nil {
					return t, err
				}
				t.decision(d, decided, told)
				if w := d.Whole; w != nil && prevented(*w) {
					found = append(found, w.Others)
				}
			case e.Type == domain.CommandSettled:
				var o domain.Outcome
				if err := domain.Decode(e.Type, e.Schema, e.Data, &o); err != nil {
					return t, err
				}
				t.outcome(o, decided)
				if o.Made() {
					made[o.Record] = true
				}
			}
		}
	}
	for _, others := range found { // a record that was just made may be linked by its email: that prevented nothing
		if !slices.ContainsFunc(others, func(r domain.Record) bool { return made[r] }) {
			t.DuplicatesPrevented++
		}
	}
	t.Echoes = int64(len(told))
	return t, a.tallyContacts(ctx, &t)
}

// prevented tells of a decision that linked, or held, somebody who could have been created a second time.
func prevented(w planner.Whole) bool {
	return w.Result == planner.HeldBack || w.Result == planner.LinkedUp && w.Rule != "created" && w.Rule != "merge"
}

func (t *Tally) decision(d planner.Decision, decided, told map[string]bool) {
	for _, c := range d.Commands {
		decided[c.ID.String()] = true
	}
	for _, f := range d.Fields {
		if f.Result == planner.Echo {
			told[f.Command.String()] = true
		}
	}
}

func (t *Tally) outcome(o domain.Outcome, decided map[string]bool) {
	if !decided[o.Command.String()] {
		t.Unexplained++
	}
	if write := o.Kind == domain.KindCreate || o.Kind == domain.KindUpdate; write && o.Wrote() {
		t.CommandsSent++
	}
}

func (a *App) tallyContacts(ctx context.Context, t *Tally) error {
	counts, err := a.Contacts.Counts(ctx)
	if err != nil {
		return err
	}
	for _, n := range counts {
		t.Contacts += n
	}
	t.Held = counts[contacts.Held]
	return a.EachContact(ctx, func(c contacts.Contact) error {
		for _, f := range c.Fields {
			if f.State == contacts.Apart {
				t.Apart++
			}
		}
		return nil
	})
}

// EachContact calls fn for every contact, in id order.
func (a *App) EachContact(ctx context.Context, fn func(contacts.Contact) error) error {
	f := contacts.Filter{Limit: 500}
	for {
		page, err := a.Contacts.List(ctx, f)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, c := range page {
			if err := fn(c); err != nil {
				return err
			}
			f.After = c.ID
		}
	}
}
