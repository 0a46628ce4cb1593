package main

import (
	"context"
	"strings"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/catalogs"
)

// labelWidth is how much of a label a table shows.
const labelWidth = 28

// catalogTable puts a catalog into the columns that fit it.
func catalogTable(got httpapi.Catalog) table {
	switch got.Name {
	case catalogs.DealsView:
		return dealTable(got.Deals)
	case "pipelines":
		return pipelineTable(got.Rows)
	case "activity-types", "lifecycle-stages":
		return optionTable(got.Rows)
	case "owners":
		return peopleTable(got.Rows)
	}
	t := table{head: []string{"Aloware", "HubSpot", "state", "matched by", "id in HubSpot"}}
	for _, r := range got.Rows {
		t.add(numbered(r.Aloware), cut(labelOf(r.HubSpot), labelWidth), stateWord(r), orDash(r.By), idOf(r.HubSpot))
	}
	return t
}

func peopleTable(rows []catalogs.Row) table {
	t := table{head: []string{"Aloware user", "HubSpot owner", "state", "matched by", "email"}}
	for _, r := range rows {
		email := ""
		for _, e := range []*catalogs.Entry{r.Aloware, r.HubSpot} {
			if e != nil && e.Email != "" {
				email = e.Email
			}
		}
		t.add(numbered(r.Aloware), numbered(r.HubSpot), stateWord(r), orDash(r.By), email)
	}
	return t
}

func optionTable(rows []catalogs.Row) table {
	t := table{head: []string{"for", "HubSpot", "state", "id"}}
	for _, r := range rows {
		t.add(strings.TrimSuffix(string(r.Catalog), "_types"), labelOf(r.HubSpot), stateWord(r), idOf(r.HubSpot))
	}
	return t
}

func pipelineTable(rows []catalogs.Row) table {
	t := table{head: []string{"pipeline", "stage", "", "id"}}
	for _, r := range rows {
		t.add(labelOf(r.HubSpot), "", stateWord(r), idOf(r.HubSpot))
		for _, s := range r.HubSpot.Stages {
			closed := "open"
			if s.Closed {
				closed = "closed"
			}
			t.add("", s.Label, closed, s.ID)
		}
	}
	return t
}

func dealTable(deals []httpapi.NamedDeal) table {
	t := table{head: []string{"deal", "name", "amount", "stage", "owner", "about"}}
	for _, d := range deals {
		stage := choiceWord(d.Stage)
		if d.GoneAt != nil {
			stage = "gone"
		}
		owner := ""
		if d.Owner != nil {
			owner = choiceWord(*d.Owner)
		}
		t.add(d.ID, cut(d.Name, labelWidth), d.Amount, cut(stage, labelWidth), orDash(cut(owner, 18)), strings.Join(d.Contacts, " "))
	}
	return t
}

func choiceWord(c domain.Choice) string {
	if c.Label != "" {
		return c.Label
	}
	return c.ID
}

func stateWord(r catalogs.Row) string {
	if r.State == catalogs.AlowareOnly {
		return "Aloware"
	}
	return r.State
}

// numbered is an entry by its id and label; a dash for none.
func numbered(e *catalogs.Entry) string {
	if e == nil {
		return "–"
	}
	text := strings.TrimSpace(e.ID + "  " + e.Label)
	if e.Hidden {
		text += " (deleted)"
	}
	return cut(text, labelWidth)
}

func labelOf(e *catalogs.Entry) string {
	switch {
	case e == nil:
		return "–"
	case e.Erased:
		return "(erased)"
	}
	return e.Label
}

func idOf(e *catalogs.Entry) string {
	if e == nil {
		return ""
	}
	return e.ID
}

func (c *cli) catalogChanges(ctx context.Context, a *app.App, name string, asCSV bool) error {
	changes, err := a.CatalogChanges(ctx, name)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(httpapi.CatalogHistory{Changes: some(changes)})
	}
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	t := table{head: []string{"position", "at", "where", "id", "what", "entry"}}
	for _, ch := range changes {
		t.add(position(ch.Position), ch.At.In(zone).Format("Jan 2, 2006 15:04"), ch.Source.System.Title(), cut(ch.ID, 20), ch.Kind, changeWord(ch))
	}
	if asCSV {
		return t.csv(c.out)
	}
	t.print(c)
	return nil
}

// changeWord says what an entry became, and what it was.
func changeWord(ch catalogs.Change) string {
	if ch.Erased {
		return "(erased)"
	}
	var parts []string
	for _, e := range []*domain.CatalogEntry{ch.Before, ch.After} {
		if e == nil {
			continue
		}
		word := e.Label
		if e.HubSpot != "" {
			word = strings.TrimSpace(word + " stands for " + e.HubSpot)
		}
		parts = append(parts, word)
	}
	text := strings.Join(parts, "  →  ")
	if ch.Reason != "" {
		text += "   (" + ch.Reason + ")"
	}
	return text
}
