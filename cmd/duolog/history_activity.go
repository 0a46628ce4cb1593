package main

import (
	"fmt"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/history"
)

// callWords says what was done: call inbound, 63 s, by user 3.
func callWords(a history.Activity) string {
	words := strings.TrimSpace(a.Kind + " " + a.Direction)
	if a.Seconds > 0 {
		words += fmt.Sprintf(", %d s", a.Seconds)
	}
	if a.User != "" {
		words += ", by user " + a.User
	}
	return words
}

// chosen prints what was chosen after a call, and how a deal stood.
func (t *teller) chosen(e history.Entry) {
	line := func(what, text string) {
		if text != "" {
			t.c.printf("%s\n", cut(fmt.Sprintf("%s%-14s %s", indent, what, text), lineWidth))
		}
	}
	if a := e.Activity; a != nil {
		line("disposition", paired(a.Disposition, a.Outcome))
		line("type", paired(a.Type, a.ActivityType))
	}
	if d := e.Deal; d != nil {
		word := d.Name
		if d.Gone {
			word = "not about this contact any more"
		}
		line("deal", strings.TrimSpace(d.ID+"  "+word))
		line("amount", d.Amount)
		line("stage", named(d.Stage, d.Pipeline))
		line("deal owner", named(d.Owner, domain.Choice{}))
	}
}

// paired is what Aloware told beside what it stands for in HubSpot.
func paired(told, meant domain.Choice) string {
	switch {
	case told.IsZero():
		return ""
	case meant.IsZero():
		return named(told, domain.Choice{}) + "   (no counterpart in HubSpot is known: duolog catalogs map)"
	}
	return named(told, domain.Choice{}) + "   in HubSpot: " + named(meant, domain.Choice{})
}

// named is a choice by its label, or else its id, and what it is in.
func named(c, in domain.Choice) string {
	text := c.Label
	if text == "" {
		text = c.ID
	}
	if !in.IsZero() && text != "" {
		text += " in " + named(in, domain.Choice{})
	}
	return text
}
