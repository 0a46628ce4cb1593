package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/operations"
)

// planLines is a plan as it is looked at before it is applied.
func planLines(p httpapi.Plan) []string {
	state := "nothing sent yet"
	if p.State != operations.Made {
		state = p.State
	}
	lines := []string{rightAt("Plan "+p.Name+"  "+titled(p.Plan.Plan.PlanSpec), state)}
	if p.Plan.Plan.Name == domain.OpPush || p.Plan.Plan.Name == domain.OpPull {
		lines = append(lines, notRegular)
	}
	lines = append(lines, "")
	lines = append(lines, countLines(p.Counts, planWords)...)
	if len(p.Why) > 0 {
		lines = append(lines, "", "Left as it is, by reason")
		lines = append(lines, whyLines(p.Why)...)
	}
	lines = append(lines, leftLines(p.Left)...)
	if p.Rows == 0 {
		return append(lines, "", "There is nothing to do.")
	}
	lines = append(lines, afterUndo(p.Plan.Plan.Undo)...)
	lines = append(lines, "", takes(p))
	if p.Plan.Plan.Name == domain.OpPull || p.Cost > 0 {
		lines = append(lines, costs(p))
	}
	if len(p.Samples) > 0 {
		lines = append(lines, "")
		lines = append(lines, sampleLines(p.Samples)...)
	}
	if p.Spent {
		lines = append(lines, "", "It was carried out long ago: its rows were removed, but for the samples. The log tells the rest.")
	}
	return lines
}

// titled says what a plan does, and for whom.
func titled(s domain.PlanSpec) string {
	title := s.Name
	switch s.Name {
	case domain.OpPush:
		title += ", Aloware → HubSpot"
	case domain.OpPull:
		title += ", Aloware ← HubSpot"
	case domain.OpReconcile:
		title += " toward " + cmp.Or(s.Toward, domain.TowardRules)
	}
	if s.Repair != nil {
		title += " of what was decided otherwise"
	}
	if s.Undo != nil {
		title += undoneWords(*s.Undo)
	}
	if s.Field != "" {
		title += ", field " + s.Field
	}
	if s.Filter != "" {
		title += ", " + s.Filter
	}
	if !s.Contact.IsZero() {
		title += ", one contact"
	}
	return title
}

// undoneWords say what is undone.
func undoneWords(u domain.Undo) string {
	at := func(micros int64) string { return time.UnixMicro(micros).UTC().Format("Jan 2, 15:04 UTC") }
	text := " of what was written since " + at(u.From)
	switch {
	case u.Version != 0:
		text = fmt.Sprintf(" of what was written under settings %d", u.Version)
	case !u.Operation.IsZero():
		text = " of operation " + u.Operation.String()
	case u.To != 0:
		text = " of what was written " + at(u.From) + " – " + at(u.To)
	}
	if u.Source {
		text += ", source included"
	}
	return text
}

// afterUndo says what an undo leaves behind.
func afterUndo(u *domain.Undo) []string {
	if u == nil {
		return nil
	}
	after := "After it    what is put back stays apart from the other side, until that changes there."
	if !u.Source {
		after += " To put that back as well, add --include-source."
	}
	return append(append([]string{""}, wrap(after, lineWidth)...), "Not undone  what workflows, sequences or people did because of it.")
}

// leftMost bounds how many of those that are left are named.
const leftMost = 10

// leftLines name who is left as it is by an undo.
func leftLines(rows []operations.Row) (lines []string) {
	for i, r := range rows {
		if i == leftMost {
			return append(lines, "           … all of them: duolog plans show PLAN --csv")
		}
		name := r.Contact.String()
		if r.Sample != nil && r.Sample.Person != "" {
			name = r.Sample.Person
		}
		l := r.What.Left[0]
		lines = append(lines, fitted("           "+name+"  "+l.String(), "             ", true))
	}
	return lines
}

// planWords are the counts of a plan in words, in order.
var planWords = [][2]string{
	{domain.CountCreatesAloware, "new in Aloware"},
	{domain.CountCreatesHubSpot, "new in HubSpot"},
	{domain.CountUpdatesAloware, "updated in Aloware"},
	{domain.CountUpdatesHubSpot, "updated in HubSpot"},
	{domain.CountLinks, "linked, and nothing written"},
	{domain.CountUnchanged, "unchanged"},
	{domain.CountApart, "apart, and left so"},
	{domain.CountBlocked, "blocked"},
	{domain.CountAmbiguous, "ambiguous: held for a person"},
	{domain.CountImpossible, "impossible there"},
	{domain.CountPending, "on their way already"},
	{domain.CountChanged, "changed since by someone: left alone"},
}

func countLines(counts map[string]int64, words [][2]string) (lines []string) {
	for _, w := range words {
		if n := counts[w[0]]; n > 0 {
			lines = append(lines, fmt.Sprintf("%9s  %s", number(n), w[1]))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, fmt.Sprintf("%9s  contacts", "0"))
	}
	return lines
}

// whyMost bounds how many reasons are shown.
const whyMost = 12

func whyLines(why map[string]int64) (lines []string) {
	reasons := make([]string, 0, len(why))
	for r := range why {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Or(cmp.Compare(why[b], why[a]), cmp.Compare(a, b)) })
	for i, r := range reasons {
		if i == whyMost {
			return append(lines, fmt.Sprintf("%9s  %s more", "", plural(int64(len(reasons)-whyMost), "reason")))
		}
		for j, part := range wrap(r, lineWidth-11) {
			n := ""
			if j == 0 {
				n = number(why[r])
			}
			lines = append(lines, fmt.Sprintf("%9s  %s", n, part))
		}
	}
	return lines
}

func takes(p httpapi.Plan) string {
	text := "Takes     about " + lasting(time.Duration(p.Seconds)*time.Second) + " at the set rates."
	if p.BigJobs != "" {
		text += " It runs from " + p.BigJobs + " (limits.big_jobs)."
	}
	return text
}

// lasting is a length of time as people say it.
func lasting(d time.Duration) string {
	switch {
	case d < time.Minute:
		return plural(int64(d/time.Second), "second")
	case d < time.Hour:
		return fmt.Sprintf("%d min", int64(d.Round(time.Minute)/time.Minute))
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d min", int64(d/time.Hour), int64(d%time.Hour/time.Minute))
}

func costs(p httpapi.Plan) string {
	n := p.Counts[domain.CountNumbers]
	if n == 0 {
		return "Costs     nothing: no new numbers."
	}
	price := ""
	if p.LRNPrice > 0 {
		price = fmt.Sprintf(" at $%s each", strings.TrimRight(fmt.Sprintf("%.6f", p.LRNPrice), "0"))
	}
	return fmt.Sprintf("Costs     %s: Aloware looks up %s%s.", dollars(p.Cost), plural(n, "new number"), price)
}

// dollars writes millionths of a dollar.
func dollars(millionths int64) string {
	cents := (millionths + 5000) / 10_000
	if cents == 0 && millionths > 0 {
		return "less than $0.01"
	}
	return fmt.Sprintf("$%s.%02d", number(cents/100), cents%100)
}

func sampleLines(rows []operations.Row) (lines []string) {
	cells := [][4]string{{"person", "field", "before → after", "why"}}
	for _, r := range rows {
		s := r.Sample
		switch {
		case s.Erased:
			cells = append(cells, [4]string{"erased", "–", "–", "–"})
		case s.Field == "":
			cells = append(cells, [4]string{s.Person, "new in " + s.System.Title(), s.After, s.Why})
		default:
			cells = append(cells, [4]string{s.Person, s.Field, cmp.Or(s.Before, "–") + " → " + cmp.Or(s.After, "–"), s.Why})
		}
	}
	limits := [4]int{22, 18, 34, 24}
	for _, row := range cells {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(runewidth.FillRight(runewidth.Truncate(cell, limits[i], "…"), limits[i]))
			if i < len(row)-1 {
				b.WriteString("  ")
			}
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}

// endWords are the counts of an operation in words, in order.
var endWords = [][2]string{
	{domain.CountCreatesAloware, "new in Aloware"},
	{domain.CountCreatesHubSpot, "new in HubSpot"},
	{domain.CountUpdatesAloware, "updates to Aloware"},
	{domain.CountUpdatesHubSpot, "updates to HubSpot"},
	{domain.CountLinks, "linked"},
	{domain.CountAmbiguous, "held for a person (duolog review list)"},
	{domain.CountRefused, "refused by the system (duolog contact list --status failing)"},
	{domain.CountSkipped, "skipped: changed since the plan was made"},
}

// cameTo says what came of an operation.
func cameTo(o httpapi.Operation) []string {
	lines := []string{rightAt(o.Name, o.State)}
	lines = append(lines, countLines(o.Counts, endWords)...)
	if n := o.Counts[domain.CountLRN]; n > 0 {
		lines = append(lines, fmt.Sprintf("Cost      %s: Aloware looked up %s.", dollars(o.Counts[domain.CountCost]), plural(n, "new number")))
	}
	if len(o.Skipped) > 0 {
		lines = append(lines, "Who was skipped: duolog operations show "+o.ID)
	}
	return lines
}
