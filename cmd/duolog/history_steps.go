package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/history"
)

// step tells a step; through is the position of the last event it speaks of.
func (t *teller) step(st history.Step, through int64) {
	switch st.Kind {
	case history.StepDecided:
		t.decision(st)
	case history.StepSettled:
		t.paragraph("→ ", []string{t.settled(st)}, st.Position)
	case history.StepEcho:
		t.c.printf("%s\n", rightAt(cut(fmt.Sprintf("%s↩ %s told it back %s later: echo, stopped", indent, st.System.Title(),
			tookWord(st.After)), lineWidth-20), span(st.Position, through)))
	case history.StepRead:
		t.line(indent+"→ "+st.System.Title()+" "+st.Record.ID+" read", st.Position)
		for _, ch := range st.Changes {
			t.change(st.System, ch)
		}
		t.unmapped = 0
	case history.StepRepeat:
		t.line(indent+"↩ "+st.System.Title()+" told the same again: nothing new", st.Position)
	}
}

// decision says what was decided, first of the contact, then of its fields by what became of them.
func (t *teller) decision(st history.Step) {
	d := st.Decision
	if d == nil {
		return
	}
	var says []string
	if d.Whole != nil {
		says = append(says, whole(*d.Whole))
	}
	groups := byResult(d.Verdicts)
	for _, g := range groups {
		switch {
		case g.quiet():
		case g.conflict():
			says = append(says, t.fought(g, d.Settings)...)
		default:
			says = append(says, g.words(d.Settings))
		}
	}
	if d.Review != "" {
		says = append(says, "held for a person: "+d.Review)
	}
	if silent(st) {
		return // an echo, which has a line of its own, or nothing that changed
	}
	if len(says) == 0 {
		says = append(says, commandsWord(d))
	}
	t.paragraph("→ decided: ", says, st.Position)
	for _, g := range groups {
		for _, v := range g.verdicts {
			t.values(v)
		}
	}
}

// silent reports a decision of which there is nothing to say.
func silent(st history.Step) bool {
	d := st.Decision
	if d == nil || d.Whole != nil || d.Review != "" {
		return false
	}
	groups := byResult(d.Verdicts)
	loud := slices.ContainsFunc(groups, func(g verdictGroup) bool { return !g.quiet() })
	return !loud && (len(groups) > 0 || len(d.Commands) == 0)
}

// paragraph prints sentences under each other, wrapped, with the position at the first line.
func (t *teller) paragraph(lead string, says []string, position int64) {
	blank := strings.Repeat(" ", runewidth.StringWidth(lead))
	for _, say := range says {
		for _, line := range wrap(say, lineWidth-12-len(indent)-len(blank)) {
			if position > 0 {
				t.line(indent+lead+line, position)
			} else {
				t.c.printf("%s%s%s\n", indent, lead, line)
			}
			lead, position = blank, 0
		}
	}
}

// wrap breaks text between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && runewidth.StringWidth(line+" "+word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

func commandsWord(d *history.Decision) string {
	if len(d.Commands) == 0 {
		return "nothing to do"
	}
	words := make([]string, len(d.Commands))
	for i, cmd := range d.Commands {
		words[i] = cmd.Kind + " in " + cmd.System.Title()
	}
	return strings.Join(words, ", ")
}

var wholeWords = map[planner.Result]string{
	planner.Creating: "create in %s", planner.LinkedUp: "linked", planner.Looking: "look it up in %s first",
	planner.Reading: "read the whole record in %s first", planner.HeldBack: "held for a person, nothing sent",
	planner.OutOfScope: "takes no part", planner.Withheld: "withheld by the mode, nothing sent",
	planner.Blocked: "not created in %s: the direction does not allow it", planner.Waiting: "waits",
	planner.Gone: "deleted in %s", planner.Restored: "came back in %s", planner.Refused: "%s refused", planner.Absorbing: "absorbed by a merge",
	planner.Parked: "parked",
}

func whole(w planner.Whole) string {
	text, ok := wholeWords[w.Result]
	if !ok {
		text = string(w.Result)
	}
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, w.System.Title())
	}
	switch {
	case w.Rule == "":
	case w.Result == planner.LinkedUp && w.Rule == "created":
		text += " with the record just made"
	case w.Result == planner.LinkedUp:
		text += " by " + w.Rule
	default:
		text += ", " + w.Rule
	}
	if len(w.Others) > 0 && w.Result != planner.Reading {
		names := make([]string, len(w.Others))
		for i, o := range w.Others {
			names[i] = o.System.Title() + " " + o.ID
		}
		text += ": " + strings.Join(names, ", ")
	}
	return text
}

// verdictGroup is the fields that met the same end by the same rule.
type verdictGroup struct {
	result   planner.Result
	rule     string
	from     domain.System
	verdicts []history.Verdict
}

// quiet ends are told by another line, or are nothing.
func (g verdictGroup) quiet() bool {
	return g.result == planner.Echo || g.result == planner.Unchanged && g.rule == ""
}

// conflict reports fields that both sides changed, which a rule decided.
func (g verdictGroup) conflict() bool {
	return strings.HasPrefix(g.rule, "conflict = ") && (g.result == planner.Sent || g.result == planner.LostIt)
}

// fought says of a conflict who won it, and by which rule.
func (t *teller) fought(g verdictGroup, version int) (says []string) {
	for _, v := range g.verdicts {
		winner := v.From
		if v.Kept != nil {
			winner = v.Kept.Record.System
		}
		says = append(says, "both sides changed "+v.Field+t.within(v)+": conflict",
			fmt.Sprintf("%s wins: rule %s.%s, settings v%d", winner.Title(), v.Field, v.Rule, version))
	}
	return says
}

// within says how soon after each other both sides of a conflict changed.
func (t *teller) within(v history.Verdict) string {
	if v.Kept == nil || v.Lost == nil {
		return ""
	}
	kept, ok := t.told[v.Kept.Position]
	lost, both := t.told[v.Lost.Position]
	gap := kept.Sub(lost).Abs()
	if !ok || !both || gap > time.Hour {
		return ""
	}
	return " within " + tookWord(gap)
}

func byResult(all []history.Verdict) []verdictGroup {
	var groups []verdictGroup
	for _, v := range all {
		i := slices.IndexFunc(groups, func(g verdictGroup) bool {
			return g.result == v.Result && g.rule == v.Rule && g.from == v.From
		})
		if i < 0 {
			groups = append(groups, verdictGroup{result: v.Result, rule: v.Rule, from: v.From})
			i = len(groups) - 1
		}
		groups[i].verdicts = append(groups[i].verdicts, v)
	}
	return groups
}

func (g verdictGroup) words(version int) string {
	names := make([]string, len(g.verdicts))
	for i, v := range g.verdicts {
		names[i] = v.Field
	}
	fields := strings.Join(names, ", ")
	switch g.result {
	case planner.Sent:
		text := "send " + fields
		if g.from != "" {
			text += " to " + g.from.Other().Title()
		}
		return text + rule(g.rule)
	case planner.Blocked, planner.Kept, planner.Withheld, planner.Impossible, planner.Invalid,
		planner.OutOfScope:
		return fmt.Sprintf("%s not sent: %s%s (settings v%d)", fields, g.result, rule(g.rule), version)
	default:
		return fields + ": " + string(g.result) + rule(g.rule)
	}
}

func rule(text string) string {
	if text == "" {
		return ""
	}
	return ", " + text
}

// values shows what was kept and what was lost in a conflict.
func (t *teller) values(v history.Verdict) {
	if v.Lost == nil {
		return
	}
	kept := "–"
	if v.Kept != nil {
		kept = v.Kept.Record.System.Title() + " " + orDash(text(v.Kept.Value))
	}
	t.c.printf("%s\n", cut(fmt.Sprintf("%s  %s: kept %s   lost %s %s, kept in %s", indent, v.Field, kept,
		v.Lost.Record.System.Title(), orDash(text(v.Lost.Value)), at(v.Lost.Position)), lineWidth))
}

func refusal(reason string) string {
	if reason == domain.ReasonChanged {
		return " not written: it was changed there meanwhile"
	}
	return " refused: " + reason
}

// settled says what became of a command.
func (t *teller) settled(st history.Step) string {
	o := st.Outcome
	if o == nil {
		return "settled; the details are erased"
	}
	where := st.System.Title()
	if st.Record.ID != "" {
		where += " " + st.Record.ID
	}
	var text string
	switch {
	case o.MadeBefore():
		text = where + " created by an earlier try, whose answer was lost"
	case o.Created:
		text = where + " created"
	case o.Result == domain.ResultApplied && o.Unneeded:
		text = where + " held it already, nothing sent"
	case o.Result == domain.ResultApplied:
		text = where + " updated"
	default:
		text = where + ": " + o.Result
	}
	if o.Attempts > 1 {
		text += fmt.Sprintf(", try %d", o.Attempts)
	}
	if o.Reason != "" {
		text += ", " + o.Reason
	}
	if o.Detail != "" {
		text += ": " + o.Detail
	}
	for _, property := range slices.Sorted(maps.Keys(o.Refused)) {
		text += "; " + property + refusal(o.Refused[property])
	}
	if price := t.settings.Cost.LRNPerNumberUSD; o.Created && st.System == domain.Aloware && price > 0 {
		text += " · 1 LRN look-up, $" + strings.TrimRight(fmt.Sprintf("%.6f", price), "0")
	}
	if st.After > 0 {
		text += " · " + tookWord(st.After) + " after the change"
	}
	return text
}
