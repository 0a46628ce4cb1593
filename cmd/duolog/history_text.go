package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
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
}

// indent is where what belongs to a change begins.
const indent = "             "

func (t *teller) header(k contacts.Contact, entries []history.Entry) {
	events, changes := int64(0), int64(0)
	for _, e := range entries {
		events += 1 + int64(len(e.Steps))
		if e.Kind != history.KindAct && e.Kind != history.KindSettings {
			changes++
		}
	}
	t.c.printf("%s   %s   %s%s\n", t.c.paint(bold, displayName(k, t.settings)), k.ID, pair(k), linkedBy(k))
	zone, _ := time.Now().In(t.zone).Zone()
	t.c.printf("%s, %s, newest last.  Times in %s.\n\n", plural(changes, "change"), plural(events, "event"), zone)
}

func (t *teller) entry(e history.Entry) {
	if e.Kind == history.KindSettings || e.Kind == history.KindAct && e.Record.IsZero() && e.Act != nil {
		t.act(e)
		return
	}
	if day := dateOf(e.At, t.zone); day != t.day {
		t.c.printf("%s\n", t.c.paint(bold, day))
		t.day = day
	}
	t.line(fmt.Sprintf("%11s  %s", e.At.In(t.zone).Format(timeLayout), t.headline(e)), e.Position)
	for _, ch := range e.Changes {
		t.change(e.System, ch)
	}
	if t.unmapped > 0 {
		t.c.printf("%s%s\n", indent, t.c.paint(faint, "and "+plural(int64(t.unmapped), "value")+" no field is mapped to"))
		t.unmapped = 0
	}
	if e.Erased {
		t.c.printf("%sthe values are erased for ever\n", indent)
	}
	for _, st := range e.Steps {
		t.step(st)
	}
	t.c.printf("\n")
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
	history.KindAct: "Duolog",
}

func (t *teller) headline(e history.Entry) string {
	if e.Record.IsZero() {
		return "Duolog: decided again"
	}
	text := e.System.Title() + ": " + kindWords[e.Kind]
	switch {
	case e.Kind == history.KindSeen || e.Kind == history.KindAbsent:
	case e.ByKnown:
		text += " by " + e.By
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
	if ch.Stale {
		line += "   (older than what was known: no effect)"
	}
	t.c.printf("%s\n", cut(line, lineWidth))
}

// act draws what a person did across the timeline.
func (t *teller) act(e history.Entry) {
	parts := []string{dateOf(e.RecordedAt, t.zone) + ", " + e.RecordedAt.In(t.zone).Format(timeLayout)}
	if e.Kind == history.KindSettings {
		parts = append(parts, fmt.Sprintf("settings v%d", e.Act.Settings))
	} else {
		parts = append(parts, strings.TrimSpace(e.Type+" "+string(e.Act.Mode)))
	}
	parts = append(parts, "by "+e.By)
	if len(e.Act.Fields) > 0 {
		parts = append(parts, "touches "+strings.Join(e.Act.Fields, ", "))
	}
	if e.Act.Reason != "" {
		parts = append(parts, e.Act.Reason)
	}
	t.line("──── "+strings.Join(parts, "  "), e.Position)
	t.c.printf("\n")
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
	t.c.printf("%sNow: %d of %s in step.", indent, inStep, plural(int64(len(k.Fields)), "field"))
	if len(apart) > 0 {
		t.c.printf("   Not: %s", strings.Join(apart, "; "))
	}
	t.c.printf("\n")
}
