package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/history/explain"
)

// minuteLayout is precise enough for since when.
const minuteLayout = "Jan 2, 2006, 3:04 PM"

// showExplained writes an answer as people read it.
func (c *cli) showExplained(a explain.Answer, zone *time.Location) {
	c.printf("%s\n", strings.Join(wrap(a.Says, lineWidth), "\n"))
	if !a.At.Now() {
		c.printf("%s\n", asItWas(a.At, a.Settings, zone))
	}
	c.printf("\n")
	for _, s := range a.Sides {
		c.explainedSide(s, zone)
	}
	c.liveNote(a.Sides)
	if len(a.Because) > 0 {
		c.printf("\n  %s\n", a.About)
	}
	for _, r := range a.Because {
		c.reason(r, zone)
	}
	if len(a.Do) > 0 {
		c.printf("\n  What to do\n")
	}
	width := 0
	for _, d := range a.Do {
		width = max(width, runewidth.StringWidth(d.Says))
	}
	for i, d := range a.Do {
		lead := ""
		if i > 0 {
			lead = "or "
		}
		c.printf("    %s\n", strings.TrimRight(runewidth.FillRight(lead+d.Says, width+5)+d.Command, " "))
	}
}

func (c *cli) explainedSide(s explain.Side, zone *time.Location) {
	value, note := runewidth.FillRight(cut(orDash(text(s.Value)), 30), 18), ""
	switch {
	case s.Record == "":
		value, note = "no record there", ""
	case !s.Told:
		note = "never told"
	case s.By == "":
		note = "since " + s.Since.In(zone).Format(minuteLayout) + "; it does not tell by whom"
	default:
		note = "since " + s.Since.In(zone).Format(minuteLayout) + ", by " + history.Author(s.By)
	}
	line := strings.TrimRight(fmt.Sprintf("  %-10s %s  %s", s.System.Title(), value, note), " ")
	if s.Position == 0 {
		c.printf("%s\n", line)
		return
	}
	c.printf("%s\n", rightAt(cut(line, lineWidth-12), at(s.Position)))
}

// liveNote says what was found when the systems were asked.
func (c *cli) liveNote(sides []explain.Side) {
	asked, same := 0, 0
	for _, s := range sides {
		if s.Live != nil {
			asked++
		}
		if l := s.Live; l != nil && !l.Differs && l.Error == "" && !l.Gone && !l.Lacks {
			same++
		}
	}
	if asked > 0 && asked == same {
		c.printf("%s\n", indent+map[int]string{1: "read live just now: as above", 2: "both read live just now: as above"}[asked])
		return
	}
	for _, s := range sides {
		if s.Live != nil {
			c.printf("%s%s read live just now: %s\n", indent, s.System.Title(), liveWords(*s.Live))
		}
	}
}

func liveWords(l explain.Live) string {
	switch {
	case l.Error != "":
		return "it did not answer: " + l.Error
	case l.Gone:
		return "it does not find the record"
	case l.Lacks:
		return "it has no such property"
	case l.Differs:
		return orDash(text(l.Value)) + ", not as above"
	}
	return "as above"
}

// reason is one link of the chain, wrapped under itself, its position at the right.
func (c *cli) reason(r explain.Reason, zone *time.Location) {
	lead := fmt.Sprintf("    %-10s ", r.Step)
	says := r.Says
	if !r.At.IsZero() {
		says = r.At.In(zone).Format(bothLayout) + "   " + says
	}
	for i, line := range wrap(says, lineWidth-len(lead)-13) {
		if i > 0 {
			lead = strings.Repeat(" ", len(lead))
		}
		if i == 0 && r.Position > 0 {
			c.printf("%s\n", rightAt(lead+line, at(r.Position)))
		} else {
			c.printf("%s\n", lead+line)
		}
	}
}
