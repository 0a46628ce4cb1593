package contacts

import (
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/inputs"
)

// The statuses of a contact, and of a field (in_step, pending, apart, held, failing). Alias is the status of a
// contact id that now means another.
const (
	InStep   = "in_step"
	Pending  = "pending"
	Apart    = "apart"
	Held     = "held"
	Failing  = "failing"
	Excluded = "excluded"
	Unlinked = "unlinked"
	Alias    = "alias"
)

// Statuses lists those a person can ask for.
var Statuses = []string{InStep, Pending, Apart, Held, Failing, Excluded, Unlinked}

// fieldStatus puts a decided field state into a status and a reason.
func fieldStatus(s inputs.After) (status, reason string) {
	reason = joinReason(string(s.Result), s.Rule)
	switch {
	case s.State == planner.InStep, s.State == "": // forgotten: the contact has one side only
		return InStep, ""
	case s.State == planner.Pending:
		return Pending, reason
	case s.Result == planner.HeldBack || s.Result == planner.Impossible:
		return Held, reason
	case s.Result == planner.Refused || s.Result == planner.Invalid:
		return Failing, reason
	case s.State == planner.Dirty:
		return Pending, reason
	}
	return Apart, reason
}

func joinReason(result, rule string) string {
	if result != "" && rule != "" {
		return result + ": " + rule
	}
	return result + rule
}

// tally is how many of a contact's fields are not in step.
type tally struct{ pending, apart, held, failing int64 }

func (c *contact) tally() (n tally) {
	for _, f := range c.body.Fields {
		switch f.v.State {
		case Pending:
			n.pending++
		case Apart:
			n.apart++
		case Held:
			n.held++
		case Failing:
			n.failing++
		}
	}
	return n
}

// status sums the contact up: the first that holds, from what needs a person to what needs nobody.
func (c *contact) status() (status, reason string) {
	n := c.tally()
	h := c.body.Head
	switch {
	case c.aliasOf != "":
		return Alias, c.aliasOf
	case c.in(planner.Suppressed, planner.Excluded) || h.Creation.Result == planner.OutOfScope:
		return Excluded, c.whole()
	case h.Review != "" || c.in(planner.Held) || h.Creation.Result == planner.HeldBack:
		return Held, c.whole()
	case n.failing > 0 || c.creationFailed():
		return Failing, c.whole()
	case n.held > 0:
		return Held, ""
	case n.pending > 0 || h.Dirty || c.underWay():
		return Pending, c.whole()
	case !c.paired():
		return Unlinked, c.whole()
	case n.apart > 0:
		return Apart, ""
	}
	return InStep, ""
}

// whole is the reason that is about the contact as such.
func (c *contact) whole() string {
	h := c.body.Head
	if h.Review != "" {
		return h.Review
	}
	return joinReason(string(h.Creation.Result), h.Creation.Rule)
}

func (c *contact) in(states ...planner.LinkState) bool {
	for _, m := range c.body.Members {
		for _, s := range states {
			if m.v.State == s {
				return true
			}
		}
	}
	return false
}

// paired reports a linked record in both systems.
func (c *contact) paired() bool {
	aloware, hubspot := false, false
	for _, m := range c.body.Members {
		if m.v.State == planner.Linked {
			system := systemOf(m.name)
			aloware, hubspot = aloware || system == domain.Aloware, hubspot || system == domain.HubSpot
		}
	}
	return aloware && hubspot
}

func (c *contact) creationFailed() bool {
	failures := []planner.Result{planner.Refused, planner.Invalid, planner.Impossible}
	return slices.Contains(failures, c.body.Head.Creation.Result) && !c.paired()
}

// underWay reports a read, a look-up or a create whose answer is awaited.
func (c *contact) underWay() bool {
	for _, m := range c.body.Members {
		if m.v.waits() {
			return true
		}
	}
	if c.paired() {
		return false
	}
	creation := c.body.Head.Creation
	if creation.Result == "" && !creation.Command.IsZero() || len(c.body.Head.Lookups) > 0 {
		return true
	}
	return slices.Contains([]planner.Result{planner.Looking, planner.Waiting, planner.Reading}, creation.Result)
}
