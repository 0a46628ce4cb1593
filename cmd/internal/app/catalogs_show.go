package app

import (
	"cmp"
	"context"
	"fmt"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/catalogs"
)

// lastPullLayout is how the document writes the last run: Jul 10, 2024, 6:38 PM PDT.
const lastPullLayout = "Jan 2, 2006, 3:04 PM MST"

// ListCatalogs tells of each catalog what it holds and when it was pulled last.
func (a *App) ListCatalogs(ctx context.Context) ([]httpapi.CatalogSummary, error) {
	var out []httpapi.CatalogSummary
	for _, v := range catalogs.Views {
		c, err := a.ShowCatalog(ctx, v.Name, httpapi.CatalogQuery{All: true})
		if err != nil {
			return nil, err
		}
		out = append(out, c.CatalogSummary)
	}
	live, gone, err := a.Catalogs.CountDeals(ctx)
	if err != nil {
		return nil, err
	}
	deals := httpapi.CatalogSummary{Name: catalogs.DealsView, Pull: "deals", Entries: live, Gone: gone}
	return append(out, deals), a.addRuns(ctx, append(out, deals))
}

// ShowCatalog tells a catalog's entries, Aloware left, HubSpot right.
func (a *App) ShowCatalog(ctx context.Context, name string, q httpapi.CatalogQuery) (httpapi.Catalog, error) {
	c := httpapi.Catalog{CatalogSummary: httpapi.CatalogSummary{Name: name}}
	if name == catalogs.DealsView {
		c.Pull = "deals"
		if err := a.dealsPage(ctx, &c, q); err != nil {
			return c, err
		}
		var err error
		if c.Entries, c.Gone, err = a.Catalogs.CountDeals(ctx); err != nil {
			return c, err
		}
		return c, a.addRun(ctx, &c.CatalogSummary)
	}
	v := catalogs.ViewNamed(name)
	if v == nil {
		return c, fmt.Errorf("there is no catalog of this name: %w", httpapi.ErrNotFound)
	}
	rows, err := a.Catalogs.View(ctx, *v)
	if err != nil {
		return c, err
	}
	control, _, err := a.InForce(ctx)
	if err != nil {
		return c, err
	}
	c.Pull, c.Menu = v.Pull, v.Menu
	for _, r := range rows {
		switch {
		case r.State == catalogs.Synced:
			c.Entries++
		case r.State != catalogs.AlowareOnly:
			c.Gone++
		}
		if r.HubSpot != nil && r.Aloware != nil {
			c.Mapped++
		}
	}
	integrated := control.Mode != domain.ModeOff && control.Mode != ""
	c.Rows, c.Hidden = v.Shown(rows, integrated && !q.All)
	return c, a.addRun(ctx, &c.CatalogSummary)
}

// CatalogChanges tells what happened to a catalog, oldest first.
func (a *App) CatalogChanges(ctx context.Context, name string) ([]catalogs.Change, error) {
	v := catalogs.ViewNamed(name)
	if v == nil && name == catalogs.DealsView {
		return nil, fmt.Errorf("%w: deals are facts about their contacts: see the history of a contact", httpapi.ErrBadInput)
	}
	if v == nil {
		return nil, fmt.Errorf("there is no catalog of this name: %w", httpapi.ErrNotFound)
	}
	return a.Catalogs.Changes(ctx, *v)
}

func (a *App) addRun(ctx context.Context, c *httpapi.CatalogSummary) error {
	one := []httpapi.CatalogSummary{*c}
	err := a.addRuns(ctx, one)
	*c = one[0]
	return err
}

// addRuns says when each catalog was pulled last, in the document's words and the connection's zone.
func (a *App) addRuns(ctx context.Context, list []httpapi.CatalogSummary) error {
	runs, err := a.Catalogs.Runs(ctx)
	if err != nil {
		return err
	}
	s, err := a.settingsInForce(ctx)
	if err != nil {
		return err
	}
	for i := range list {
		run, title := runs[list[i].Pull], catalogs.PullNamed(list[i].Pull).Title
		list[i].Failure = run.Failure
		list[i].Said = "Last pull " + title + ": never"
		if !run.DoneAt.IsZero() {
			list[i].LastPull = &run.DoneAt
			list[i].Said = "Last pull " + title + ": " + run.DoneAt.In(s.Env().Zone).Format(lastPullLayout)
		}
	}
	return nil
}

// defaultDeals is how many deals a page has unless it is said.
const defaultDeals = 100

func (a *App) dealsPage(ctx context.Context, c *httpapi.Catalog, q httpapi.CatalogQuery) error {
	limit := cmp.Or(q.Limit, defaultDeals)
	ids, err := a.Catalogs.DealIDs(ctx, q.After, limit)
	if err != nil {
		return err
	}
	if len(ids) == limit {
		c.Next = ids[len(ids)-1]
	}
	found, err := a.Catalogs.DealsByID(ctx, ids...)
	if err != nil {
		return err
	}
	l, err := a.labels(ctx)
	if err != nil {
		return err
	}
	c.Deals, err = l.all(ctx, found)
	return err
}

// labels names what deals refer to.
type labels struct {
	app       *App
	portal    string
	pipelines map[string]catalogs.Entry
	owners    map[string]*catalogs.Entry
}

func (a *App) labels(ctx context.Context) (*labels, error) {
	control, _, err := a.Control(ctx)
	if err != nil {
		return nil, err
	}
	l := &labels{app: a, portal: control.Portal, pipelines: map[string]catalogs.Entry{}, owners: map[string]*catalogs.Entry{}}
	list, err := a.Catalogs.Entries(ctx, catalogs.Source{System: domain.HubSpot, Catalog: domain.Pipelines})
	for _, p := range list {
		l.pipelines[p.ID] = p
	}
	return l, err
}

// stage returns the stage a deal stands in; false when no pipeline has it.
func (l *labels) stage(d domain.Deal) (domain.Stage, bool) {
	for _, s := range l.pipelines[d.Pipeline].Stages {
		if s.ID == d.Stage {
			return s, true
		}
	}
	return domain.Stage{}, false
}

// open reports a deal that is there and neither won nor lost. One in a stage nobody knows counts as open.
func (l *labels) open(d catalogs.DealOf) bool {
	if d.GoneAt != nil || d.Deal == nil {
		return false
	}
	s, known := l.stage(*d.Deal)
	return !known || !s.Closed
}

// owner returns the owner with the id; nil when HubSpot never listed one.
func (l *labels) owner(ctx context.Context, id string) (*catalogs.Entry, error) {
	if e, ok := l.owners[id]; ok || id == "" {
		return e, nil
	}
	found, err := l.app.Catalogs.ByID(ctx, catalogs.Source{System: domain.HubSpot, Catalog: domain.Owners}, id)
	if err != nil {
		return nil, err
	}
	if l.owners[id] = nil; len(found) > 0 {
		l.owners[id] = &found[0]
	}
	return l.owners[id], nil
}

// all shows deals, each once with everybody it is about now; one that is about nobody any more is gone.
func (l *labels) all(ctx context.Context, found []catalogs.DealOf) ([]httpapi.NamedDeal, error) {
	at, out := map[string]int{}, []httpapi.NamedDeal{}
	for _, f := range found {
		d, err := l.deal(ctx, f)
		if err != nil {
			return nil, err
		}
		i, seen := at[f.ID]
		switch {
		case !seen:
			at[f.ID] = len(out)
			out = append(out, d)
		case out[i].GoneAt != nil && d.GoneAt == nil:
			out[i] = d
		case d.GoneAt == nil:
			out[i].Contacts = append(out[i].Contacts, d.Contacts...)
		}
	}
	return out, nil
}

func (l *labels) deal(ctx context.Context, f catalogs.DealOf) (httpapi.NamedDeal, error) {
	d := httpapi.NamedDeal{
		ID: f.ID, Name: f.Label, GoneAt: f.GoneAt, Erased: f.Erased, Open: l.open(f), URL: l.app.dealURL(l.portal, f.ID),
	}
	if rec, err := domain.ParseRecord(f.Record); err == nil && f.GoneAt == nil {
		d.Contacts = []string{rec.String()}
	}
	if f.Deal == nil {
		return d, nil
	}
	d.Amount = f.Deal.Amount
	d.Pipeline, d.Stage = l.place(*f.Deal)
	owner, err := l.owner(ctx, f.Deal.Owner)
	if f.Deal.Owner != "" {
		d.Owner = &domain.Choice{ID: f.Deal.Owner}
		if owner != nil {
			d.Owner.Label = owner.Label
		}
	}
	return d, err
}

// place names where a deal stands.
func (l *labels) place(d domain.Deal) (pipeline, stage domain.Choice) {
	s, _ := l.stage(d)
	return domain.Choice{ID: d.Pipeline, Label: l.pipelines[d.Pipeline].Label}, domain.Choice{ID: d.Stage, Label: s.Label}
}

// Where people look at records. HubSpot leads an account of another region on from there; Aloware's address is not
// documented, and the one others link to.
const hubspotApp = "https://app.hubspot.com/contacts/"

func (a *App) dealURL(portal, id string) string { return hubspotApp + portal + "/record/0-3/" + id }

func (a *App) recordURL(portal string, r domain.Record) string {
	if r.System == domain.HubSpot {
		return hubspotApp + portal + "/record/0-1/" + r.ID
	}
	return cmp.Or(a.Aloware.BaseURL, alowareApp) + "/contacts/" + r.ID
}
