package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

// teller writes a timeline as people read it.
type teller struct {
	c        *cli
	settings settings.Settings
	zone     *time.Location
	day      string
	unmapped int
	told     map[int64]time.Time // when what stands at a position happened
}

// indent is where what belongs to a change begins.
const indent = "             "

func (t *teller) header(k contacts.Contact, blocks []block) {
	events, changes := int64(0), int64(0)
	for _, e := range blocks {
		events += int64(e.told + len(e.Steps))
		if e.Kind != history.KindAct && e.Kind != history.KindSettings {
			changes++
		}
	}
	linked := linkedBy(k)
	if since := linkedAt(blocks); linked != "" && !since.IsZero() {
		linked += ", " + dateOf(since, t.zone)
	}
	t.c.printf("%s   %s   %s%s\n", t.c.paint(bold, displayName(k, t.settings)), k.ID, pair(k), linked)
	zone, _ := time.Now().In(t.zone).Zone()
	t.c.printf("%s, %s, newest last.  Times in %s.   --field F  --since T  --raw  --csv  --json\n\n",
		plural(changes, "change"), plural(events, "event"), zone)
}

// linkedAt is when a record was linked first.
func linkedAt(blocks []block) time.Time {
	for _, b := range blocks {
		for _, st := range b.Steps {
			if st.Decision != nil && slices.ContainsFunc(st.Decision.Links, func(l planner.Link) bool { return l.State == planner.Linked }) {
				return st.At
			}
		}
	}
	return time.Time{}
}

// joined puts what a system told in several webhooks at once, one a property, into one change.
func joined(entries []history.Entry) []block {
	var blocks []block
	for _, e := range entries {
		n := len(blocks) - 1
		if n >= 0 && blocks[n].continues(e) {
			blocks[n].Changes = append(slices.Clone(blocks[n].Changes), e.Changes...)
			blocks[n].through, blocks[n].told = e.Position, blocks[n].told+1
			continue
		}
		blocks = append(blocks, block{Entry: e, through: e.Position, told: 1})
	}
	return blocks
}

// block is one change as it is told: an entry, with what was told up to a later position, in so many events.
type block struct {
	history.Entry
	through int64
	told    int
}

const atOnce = 2 * time.Second

// continues tells whether e is more of the same: without consequences of its own, by the same hand at the same time.
func (b block) continues(e history.Entry) bool {
	return e.Kind == history.KindChanged && len(e.Steps) == 0 && !e.Erased && e.Record == b.Record && e.By == b.By &&
		(b.Kind == history.KindChanged || b.Kind == history.KindCreated) && e.At.Sub(b.At).Abs() <= atOnce
}

func (t *teller) entry(e block) {
	if e.Kind == history.KindSettings || e.Kind == history.KindAct && e.Record.IsZero() && e.Act != nil {
		t.act(e.Entry)
		return
	}
	if day := dateOf(e.At, t.zone); day != t.day {
		t.c.printf("%s\n", t.c.paint(bold, day))
		t.day = day
	}
	where := span(e.Position, e.through)
	t.c.printf("%s\n", rightAt(cut(fmt.Sprintf("%11s  %s", e.At.In(t.zone).Format(timeLayout), t.headline(e.Entry)),
		lineWidth-len(where)-1), where))
	for _, ch := range e.Changes {
		t.change(e.System, ch)
	}
	if t.unmapped > 0 {
		t.c.printf("%s%s\n", indent, t.c.paint(faint, "and "+plural(int64(t.unmapped), "value")+" no field is mapped to"))
		t.unmapped = 0
	}
	t.chosen(e.Entry)
	if e.Erased {
		t.c.printf("%sthe values are erased for ever\n", indent)
	}
	for i, st := range e.Steps {
		through := st.Position
		if st.Kind == history.StepEcho && i+1 < len(e.Steps) && silent(e.Steps[i+1]) {
			through = e.Steps[i+1].Position // the decision that found the echo
		}
		t.step(st, through)
	}
	t.c.printf("\n")
}

// span names positions that belong together.
func span(from, through int64) string {
	if through > from {
		return at(from) + "-" + number(through)
	}
	return at(from)
}

// linkedBy says what the records of a contact were linked on.
func linkedBy(k contacts.Contact) string {
	for _, r := range k.Records {
		if r.State == "linked" && r.Reason != "" && r.Reason != "created" && r.Reason != "first sight" {
			return "   linked by " + r.Reason
		}
	}
	return ""
}

// line prints text with its position at the right.
func (t *teller) line(text string, position int64) {
	t.c.printf("%s\n", rightAt(cut(text, lineWidth-12), at(position)))
}

var kindWords = map[string]string{
	history.KindCreated: "created", history.KindChanged: "changed", history.KindSeen: "read, as it was",
	history.KindDeleted: "deleted", history.KindRestored: "restored", history.KindMerged: "merged",
	history.KindAbsent: "not there any more", history.KindSuppressed: "suppressed", history.KindActivity: "activity",
	history.KindAct: "Duolog", history.KindDeal: "deal",
}

func (t *teller) headline(e history.Entry) string {
	if e.Record.IsZero() {
		return "Duolog: decided again"
	}
	text := e.System.Title() + ": " + kindWords[e.Kind]
	switch {
	case e.Activity != nil:
		return text[:len(text)-len(kindWords[e.Kind])] + callWords(*e.Activity) + "  " + e.Record.ID
	case e.Kind == history.KindDeal, e.Kind == history.KindSeen || e.Kind == history.KindAbsent:
	case e.ByKnown:
		text += " by " + history.Author(e.By)
	default:
		text += " (" + e.By + ")"
	}
	return text + "  " + e.Record.ID
}

// fieldName is the mapped field a property belongs to, or the property itself.
func fieldName(s settings.Settings, system domain.System, property string) string {
	if f, ok := s.FieldFor(system, property); ok {
		return f.Name
	}
	return property
}

func (t *teller) change(system domain.System, ch history.Change) {
	f, mapped := t.settings.FieldFor(system, ch.Property)
	if !mapped {
		t.unmapped++
		return
	}
	line := fmt.Sprintf("%s%-14s %s  →  %s", indent, f.Name, orDash(text(ch.Before)), orDash(text(ch.After)))
	if read := t.readAs(f, system, ch); read != "" {
		line += "   read as " + read
	}
	if ch.Stale {
		line += "   (older than what was known)"
	}
	t.c.printf("%s\n", cut(line, lineWidth))
}

// readAs is a phone as it is compared, where that is not how it is shown.
func (t *teller) readAs(f settings.Field, system domain.System, ch history.Change) string {
	if f.Type != domain.Phone {
		return ""
	}
	read, _, err := f.Get(system, domain.Properties{f.Side(system).Read: ch.After}, t.settings.Env())
	if err != nil || read == text(ch.After) {
		return ""
	}
	return read
}

// actWords says what an act was, as the command that made it is called.
func actWords(e history.Entry) string {
	switch e.Type {
	case domain.ModeChanged:
		return "mode " + string(e.Act.Mode)
	case domain.SyncPaused:
		return "paused"
	case domain.SyncResumed:
		return "resumed"
	}
	if e.Act.Verdict != "" {
		return verdictWords(e.Act)
	}
	return strings.TrimSpace(e.Type + " " + string(e.Act.Mode))
}

// verdictWords say what a person decided about the contact.
func verdictWords(a *history.Act) string {
	names := make([]string, len(a.Records))
	for i, r := range a.Records {
		names[i] = r.String()
	}
	records := strings.Join(names, ", ")
	switch a.Verdict {
	case domain.VerdictSame:
		return "one person: " + records
	case domain.VerdictSeparate:
		return "not the same person: " + records
	case domain.VerdictTake:
		return a.From.Title() + "'s " + a.Field + " counts"
	case domain.VerdictLeave:
		return a.Field + " stays as it is on both sides"
	case domain.VerdictExclude:
		return "taken out of the sync"
	case domain.VerdictInclude:
		return "let in again"
	}
	return "both sides read again"
}

// act draws what a person did across the timeline.
func (t *teller) act(e history.Entry) {
	did := actWords(e)
	if e.Kind == history.KindSettings {
		did = fmt.Sprintf("settings v%d", e.Act.Settings)
	}
	lead := fmt.Sprintf("──── %s  %s  by %s", e.RecordedAt.In(t.zone).Format(bothLayout), did, e.By)
	var more []string
	if len(e.Act.Changed) > 0 {
		more = append(more, otherwise(e.Act.Changed))
	} else if len(e.Act.Fields) > 0 {
		more = append(more, "touches "+strings.Join(e.Act.Fields, ", "))
	}
	if e.Act.Reason != "" {
		more = append(more, e.Act.Reason)
	}
	whole := strings.Join(append([]string{lead}, more...), "  ")
	if runewidth.StringWidth(whole) <= lineWidth-13 {
		t.line(whole, e.Position)
	} else {
		t.line(lead, e.Position)
		for _, line := range wrap(strings.Join(more, "; "), lineWidth-5) {
			t.c.printf("     %s\n", line)
		}
	}
	t.c.printf("\n")
}

// otherwise says what new settings changed, the first few things of many.
func otherwise(changes []settings.Change) string {
	words := make([]string, len(changes))
	for i, ch := range changes {
		words[i] = ch.Key + " " + ch.Now
		switch {
		case ch.Now == "":
			words[i] = ch.Key + " removed"
		case ch.Was != "":
			words[i] += " (was " + ch.Was + ")"
		}
	}
	if few := 2; len(words) > few {
		words = append(words[:few], fmt.Sprintf("%d more", len(changes)-few))
	}
	return strings.Join(words, ", ")
}

func (t *teller) footer(k contacts.Contact) {
	inStep := 0
	var apart []string
	for _, f := range k.Fields {
		if f.State == contacts.InStep {
			inStep++
			continue
		}
		word := f.Field + " " + f.State
		if f.Reason != "" {
			word += " (" + f.Reason + ")"
		}
		apart = append(apart, word)
	}
	if len(k.Fields) == 0 {
		now := strings.ReplaceAll(k.Status, "_", " ")
		if w := why(k); w != "" {
			now += ": " + w
		}
		t.paragraph("Now: ", []string{now + "."}, 0)
		return
	}
	now := fmt.Sprintf("%d of %s in step.", inStep, plural(int64(len(k.Fields)), "field"))
	if len(apart) > 0 {
		now += " Not: " + strings.Join(apart, "; ")
	}
	t.paragraph("Now: ", []string{now}, 0)
}
