package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/history"
)

// Steps of the chain.
const (
	heard   = "heard"
	allowed = "allowed"
	decided = "decided"
	sent    = "sent"
)

// chain follows a value from where it was heard to where it was sent.
func (x *explanation) chain() {
	if x.answer.Cause == Erased {
		return
	}
	x.heard()
	if x.paired() {
		x.say(allowed, x.allowed(), time.Time{}, 0)
	}
	if x.answer.Cause == NeverTold {
		x.say(decided, "nothing: there is no fact to decide on", time.Time{}, 0)
		return
	}
	x.decided()
	if x.paired() {
		x.sent()
	}
}

func (x *explanation) say(step, says string, at time.Time, position int64) {
	x.answer.Because = append(x.answer.Because, Reason{step, x.fill(says), at, position})
}

// heard says how the value that flows was told.
func (x *explanation) heard() {
	side := x.sides[x.from]
	if v := x.counts; v != nil && v.verdict.Lost != nil && x.answer.Cause == LostOne {
		x.tell(v.verdict.Lost.Position, v.verdict.Lost.Record.System.Title()+"'s: ")
	}
	switch {
	case !side.Told:
		x.say(heard, "nothing from {from}", time.Time{}, 0)
	case side.untold():
		x.tell(side.Position, "not what {from} shows now; the last it told: ")
	default:
		x.tell(side.Position, "")
	}
}

func (x *explanation) tell(position int64, lead string) {
	for i := range x.Entries {
		e := &x.Entries[i]
		if e.Position == position {
			x.say(heard, lead+via(*e), e.At, position)
			return
		}
		for _, st := range e.Steps {
			if st.Position == position {
				x.say(heard, lead+stepWords[st.Kind], st.At, position)
				return
			}
		}
	}
	x.say(heard, lead+"told before this timeline begins", time.Time{}, position)
}

var stepWords = map[string]string{
	history.StepSettled: "the system's answer to a write of Duolog's", history.StepRead: "read by Duolog",
	history.StepEcho: "told back by the system", history.StepRepeat: "told again by the system", history.StepDecided: "decided",
}

// via says how a fact came. A webhook that was not authenticated is no fact.
func via(e history.Entry) string {
	switch e.Via {
	case "webhook":
		return strings.TrimSpace("webhook "+e.Vendor) + ", authenticated"
	case "":
		return "told by " + e.System.Title()
	case "import":
		return "a CSV file that was imported"
	}
	return "found by Duolog: a " + e.Via
}

// allowed says what both switches say of the way the value would go.
func (x *explanation) allowed() string {
	update, own := x.Sync.Settings.Contacts.Update, x.field.Direction
	verdict := "yes"
	switch to := x.from.Other(); {
	case !own.Allows(to):
		verdict = "no, by the field"
	case !update.Allows(to):
		verdict = "no, by the updates"
	}
	return fmt.Sprintf("updates are %s, {field} is %s (settings v%d): %s", ways(update), ways(own), x.Sync.Settings.Version, verdict)
}

func ways(d settings.Direction) string {
	switch d {
	case settings.ToAloware:
		return "to Aloware only"
	case settings.ToHubSpot:
		return "to HubSpot only"
	default:
		return "both ways"
	}
}

// decided says what was decided, by which rule of which settings.
func (x *explanation) decided() {
	r := x.counts
	if r == nil || x.stopped() || !x.paired() {
		r = x.whole
	}
	if r == nil {
		x.say(decided, "nothing yet", time.Time{}, 0)
		return
	}
	says := ""
	if r.verdict != nil {
		says = means(r.verdict.Result, r.verdict.Rule).says
	} else {
		says = means(r.whole.Result, r.whole.Rule).says
	}
	if v := r.step.Decision.Settings; v > 0 {
		says += fmt.Sprintf(" (settings v%d)", v)
	}
	x.say(decided, says, r.step.At, r.step.Position)
}

// sent says what became of the write.
func (x *explanation) sent() {
	if x.counts == nil || x.write.IsZero() || x.counts.verdict.Command != x.write && x.answer.Cause != DeadLetter {
		x.say(sent, "nothing", time.Time{}, 0)
		return
	}
	if st := x.outcome(x.write); st != nil {
		x.say(sent, x.ended(*st.Outcome), st.At, st.Position)
		return
	}
	for _, w := range x.Waiting {
		if w.Command == x.write {
			x.say(sent, w.says(), time.Time{}, 0)
			return
		}
	}
	x.say(sent, "on its way to {to}", time.Time{}, 0)
}

func (x *explanation) outcome(command ulid.ULID) *history.Step {
	for i := range x.Entries {
		for j := range x.Entries[i].Steps {
			if st := &x.Entries[i].Steps[j]; st.Outcome != nil && st.Outcome.Command == command {
				return st
			}
		}
	}
	return nil
}

// ended says how the write ended for this field.
func (x *explanation) ended(o history.Outcome) string {
	tries := ""
	if o.Attempts > 1 {
		tries = fmt.Sprintf(", try %d", o.Attempts)
	}
	refused, is := o.Refused[x.field.Side(x.from.Other()).Write]
	switch {
	case is:
		return "{to} took the write without it" + tries + ": " + strings.TrimPrefix(means(planner.Refused, refused).says, "{to} refused it: ")
	case o.MadeBefore():
		return "made in {to} by an earlier try, whose answer was lost" + tries
	case o.Created:
		return "made in {to}" + tries
	case o.Result == domain.ResultApplied && o.Unneeded:
		return "nothing: {to} held it already"
	case o.Result == domain.ResultApplied, o.Result == domain.ResultPartly:
		return "written to {to}" + tries
	}
	says := means(planner.Result(o.Result), o.Reason).says + tries
	if o.Detail != "" {
		says += " (" + o.Detail + ")"
	}
	return says
}

// says how far a command has come that waits.
func (w Waiting) says() string {
	switch {
	case w.Dead:
		return fmt.Sprintf("tried %d times, and not again by itself: %s", w.Attempts, w.Error)
	case w.Sending:
		return "being sent just now"
	case w.Attempts > 0:
		return fmt.Sprintf("tried %d times, tried again at %s: %s", w.Attempts, w.Next.UTC().Format(time.RFC3339), w.Error)
	case w.Before > 1:
		return fmt.Sprintf("not yet: one of %d that wait for {to}", w.Before)
	}
	return "not yet: next in line"
}

// untold says of what nobody told, as far as can be known.
func (x *explanation) untold() string {
	for _, s := range domain.Systems {
		side := x.sides[s]
		if !side.untold() {
			continue
		}
		if s == domain.HubSpot && x.Hooked != nil && !x.Hooked[side.Property] {
			return fmt.Sprintf("HubSpot shows another %s now, and no webhook ever told of its property %s: is it subscribed?", x.answer.Field, side.Property)
		}
		return fmt.Sprintf("%s shows another %s now than the one it told last: the webhook was lost, or is still to come.", s.Title(), x.answer.Field)
	}
	if since := x.Sync.Mapped[x.field.Name]; since > 1 {
		return fmt.Sprintf("No fact about this contact ever carried the field; it is recorded since it was mapped, at #%d.", since)
	}
	return "No fact about this contact ever carried the field."
}
