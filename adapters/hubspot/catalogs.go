package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

var catalogs = []domain.Catalog{
	domain.LeadStatuses, domain.LifecycleStages, domain.CallOutcomes, domain.CallTypes, domain.MeetingTypes,
	domain.Pipelines, domain.Owners, domain.Deals,
}

// scopes are what the app needs to be allowed for a catalog.
var scopes = map[domain.Catalog]string{
	domain.LeadStatuses: "crm.schemas.contacts.read", domain.LifecycleStages: "crm.schemas.contacts.read",
	domain.CallOutcomes: "crm.objects.contacts.read", domain.CallTypes: "crm.objects.contacts.read",
	domain.MeetingTypes: "crm.objects.contacts.read", domain.Owners: "crm.objects.owners.read",
	domain.Pipelines: "crm.objects.deals.read", domain.Deals: "crm.objects.deals.read",
}

// Catalog lists a catalog. An entry without an id could be told from no other: then the answer counts as unreadable.
func (c *Client) Catalog(ctx context.Context, which domain.Catalog, take func(adapters.CatalogPage) error) error {
	fn := func(p adapters.CatalogPage) error {
		if slices.ContainsFunc(p.Items, func(i adapters.CatalogItem) bool { return i.ID == "" }) {
			return unreadable()
		}
		return take(p)
	}
	var err error
	switch which {
	case domain.LeadStatuses:
		err = c.options(ctx, "/contacts/hs_lead_status", false, fn)
	case domain.LifecycleStages:
		err = c.options(ctx, "/contacts/lifecyclestage", false, fn)
	case domain.CallTypes:
		err = c.options(ctx, "/calls/hs_activity_type", true, fn)
	case domain.MeetingTypes:
		err = c.options(ctx, "/meetings/hs_activity_type", true, fn)
	case domain.CallOutcomes:
		err = c.outcomes(ctx, fn)
	case domain.Pipelines:
		err = c.pipelines(ctx, fn)
	case domain.Owners:
		err = c.owners(ctx, fn)
	case domain.Deals:
		err = c.deals(ctx, fn)
	default:
		return fmt.Errorf("list %s of hubspot: %w", which, adapters.ErrUnsupported)
	}
	return needs(scopes[which], plain(err))
}

// needs names the scope that is missing where HubSpot says no more than 403.
func needs(scope string, err error) error {
	var e *adapters.Error
	if errors.As(err, &e) && e.Status == http.StatusForbidden {
		named := *e
		named.Detail += ": the app needs the scope " + scope
		return &named
	}
	return err
}

// options lists the choices of a property. Activity types are a property only where an admin made some: without it
// there are none.
func (c *Client) options(ctx context.Context, property string, optional bool, fn func(adapters.CatalogPage) error) error {
	var p struct {
		Options []struct {
			Label  string `json:"label"`
			Value  string `json:"value"`
			Order  int    `json:"displayOrder"`
			Hidden bool   `json:"hidden"`
		} `json:"options"`
	}
	at := c.micros()
	err := c.get(ctx, c.paths.crm("properties")+property, &p)
	var e *adapters.Error
	switch {
	case optional && errors.As(err, &e) && e.Status == http.StatusNotFound:
	case err != nil:
		return err
	}
	page := adapters.CatalogPage{Clock: at}
	for _, o := range p.Options {
		page.Items = append(page.Items, adapters.CatalogItem{
			ID: o.Value, Entry: domain.CatalogEntry{Label: o.Label, Order: o.Order, Hidden: o.Hidden},
		})
	}
	return fn(page)
}

// outcomes asks the one documented list of call outcomes. It belongs to version 1 of the API, which HubSpot will stop
// to support; the same choices are said to be the options of a property of calls.
func (c *Client) outcomes(ctx context.Context, fn func(adapters.CatalogPage) error) error {
	var list []struct {
		ID    string `json:"id"`
		Label string `json:"label"`
	}
	at := c.micros()
	err := c.get(ctx, "/calling/v1/dispositions", &list)
	var e *adapters.Error
	switch {
	case errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusGone):
		return c.options(ctx, "/calls/hs_call_disposition", false, fn)
	case err != nil:
		return err
	}
	page := adapters.CatalogPage{Clock: at}
	for i, o := range list {
		page.Items = append(page.Items, adapters.CatalogItem{
			ID: o.ID, Entry: domain.CatalogEntry{Label: o.Label, Order: i},
		})
	}
	return fn(page)
}

func (c *Client) micros() int64 { return c.cfg.Clock().UnixMicro() }
