package app

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/contacts"
)

const alowareApp = aloware.DefaultBaseURL

// userProperty is the contact's owner in Aloware.
const userProperty = "user_id"

// Card tells at a glance who a contact is: identity, owner, lifecycle stage, deals, duplicates by number, and where both
// systems show it. It asks neither.
func (a *App) Card(ctx context.Context, id ulid.ULID) (httpapi.Card, error) {
	c, err := a.Contacts.Get(ctx, id)
	if err != nil {
		return httpapi.Card{}, err
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return httpapi.Card{}, err
	}
	if control.Settings.Version == 0 {
		if control.Settings, err = a.settingsInForce(ctx); err != nil {
			return httpapi.Card{}, err
		}
	}
	card := httpapi.Card{
		Contact: c.ID, Status: c.Status, Erased: c.Erased, Name: NameOf(c, control.Settings),
		Company: valueOn(c, control.Settings, "company_name"), Emails: emails(c, control.Settings),
		Records: a.cardRecords(control.Portal, c), Duplicates: []httpapi.CardDuplicate{},
	}
	if card.Phones, err = a.Contacts.Phones(ctx, c); err != nil {
		return card, err
	}
	if err := a.addChoices(ctx, &card, c); err != nil {
		return card, err
	}
	if err := a.addDeals(ctx, &card, c); err != nil {
		return card, err
	}
	return card, a.addDuplicates(ctx, &card, c, control)
}

func (a *App) cardRecords(portal string, c contacts.Contact) []httpapi.CardRecord {
	out := []httpapi.CardRecord{}
	for _, r := range c.Records {
		rec := domain.Record{System: r.System, ID: r.ID}
		out = append(out, httpapi.CardRecord{
			System: string(r.System), ID: r.ID, State: r.State, URL: a.recordURL(portal, rec),
		})
	}
	return out
}

// addChoices names what the records hold by id alone: owner and user, lifecycle stage and lead status.
func (a *App) addChoices(ctx context.Context, card *httpapi.Card, c contacts.Contact) error {
	var err error
	if card.Owner, err = a.person(ctx, domain.HubSpot, domain.Owners, shownBy(c, domain.HubSpot, settings.OwnerID)); err != nil {
		return err
	}
	if card.User, err = a.person(ctx, domain.Aloware, domain.Users, shownBy(c, domain.Aloware, userProperty)); err != nil {
		return err
	}
	if card.Lifecycle, err = a.choice(ctx, domain.LifecycleStages, shownBy(c, domain.HubSpot, settings.LifecycleStage)); err != nil {
		return err
	}
	card.Lead, err = a.choice(ctx, domain.LeadStatuses, shownBy(c, domain.HubSpot, settings.LeadStatus))
	return err
}

// person names an owner or a user; nil for none, without a name for one who never was listed.
func (a *App) person(ctx context.Context, s domain.System, catalog domain.Catalog, id string) (*httpapi.Owner, error) {
	if id == "" {
		return nil, nil
	}
	found, err := a.Catalogs.ByID(ctx, catalogs.Source{System: s, Catalog: catalog}, id)
	if err != nil || len(found) == 0 {
		return &httpapi.Owner{ID: id}, err
	}
	return ownerOf(&found[0]), nil
}

func ownerOf(e *catalogs.Entry) *httpapi.Owner {
	return &httpapi.Owner{ID: e.ID, Name: e.Label, Email: e.Email, Gone: e.GoneAt != nil || e.Hidden}
}

func (a *App) choice(ctx context.Context, catalog domain.Catalog, id string) (*domain.Choice, error) {
	if id == "" {
		return nil, nil
	}
	c := &domain.Choice{ID: id}
	found, err := a.Catalogs.ByID(ctx, catalogs.Source{System: domain.HubSpot, Catalog: catalog}, id)
	if err == nil && len(found) > 0 {
		c.Label = found[0].Label
	}
	return c, err
}

// addDeals puts the open deals first, then those won or lost; those that are gone are left to the history.
func (a *App) addDeals(ctx context.Context, card *httpapi.Card, c contacts.Contact) error {
	var streams []string
	for _, r := range c.Records {
		streams = append(streams, domain.Record{System: r.System, ID: r.ID}.Stream())
	}
	found, err := a.Catalogs.Deals(ctx, streams...)
	if err != nil {
		return err
	}
	l, err := a.labels(ctx)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(d catalogs.DealOf) bool { return d.GoneAt != nil })
	slices.SortStableFunc(found, newestFirst)
	slices.SortStableFunc(found, func(x, y catalogs.DealOf) int { return closed(l, x) - closed(l, y) })
	card.Deals, err = l.all(ctx, found)
	return err
}

func closed(l *labels, d catalogs.DealOf) int {
	if l.open(d) {
		return 0
	}
	return 1
}

func (a *App) addDuplicates(ctx context.Context, card *httpapi.Card, c contacts.Contact, control planner.Control) error {
	others, err := a.Contacts.Sharing(ctx, c)
	for _, o := range others {
		card.Duplicates = append(card.Duplicates, httpapi.CardDuplicate{
			Contact: o.ID, Name: NameOf(o.Contact, control.Settings), Phone: o.Phone,
			Records: a.cardRecords(control.Portal, o.Contact),
		})
	}
	return err
}

// NameOf is what a person is called in HubSpot, or else in Aloware; empty when neither knows.
func NameOf(c contacts.Contact, s settings.Settings) string {
	for _, system := range []domain.System{domain.HubSpot, domain.Aloware} {
		name := strings.TrimSpace(valueIn(c, s, "first_name", system) + " " + valueIn(c, s, "last_name", system))
		if name != "" {
			return name
		}
	}
	return ""
}

// valueOn is a mapped field's value in HubSpot, or else in Aloware.
func valueOn(c contacts.Contact, s settings.Settings, field string) string {
	if v := valueIn(c, s, field, domain.HubSpot); v != "" {
		return v
	}
	return valueIn(c, s, field, domain.Aloware)
}

func valueIn(c contacts.Contact, s settings.Settings, field string, system domain.System) string {
	f, ok := s.Field(field)
	if !ok {
		return ""
	}
	return shownBy(c, system, f.Side(system).Read)
}

// shownBy is what the contact's records in a system show under a property: the first that is not blank.
func shownBy(c contacts.Contact, system domain.System, property string) string {
	return domain.Scalar(shownRaw(c, system, property))
}

func shownRaw(c contacts.Contact, system domain.System, property string) json.RawMessage {
	for _, r := range c.Records {
		if r.System != system || r.State == string(planner.Absorbed) {
			continue
		}
		if v := r.Values[property].Value; domain.Scalar(v) != "" {
			return v
		}
	}
	return nil
}

// emails lists the contact's addresses, HubSpot's secondary ones last, each once.
func emails(c contacts.Contact, s settings.Settings) []string {
	var out []string
	add := func(text string) {
		text = strings.TrimSpace(text)
		if text != "" && !slices.ContainsFunc(out, func(e string) bool { return strings.EqualFold(e, text) }) {
			out = append(out, text)
		}
	}
	add(valueIn(c, s, settings.EmailField, domain.HubSpot))
	add(valueIn(c, s, settings.EmailField, domain.Aloware))
	for e := range strings.SplitSeq(shownBy(c, domain.HubSpot, settings.AdditionalEmails), ";") {
		add(e)
	}
	return out
}
