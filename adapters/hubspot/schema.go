package hubspot

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// property is a property definition of HubSpot's, as far as we use it.
type property struct {
	Name           string `json:"name"`
	Label          string `json:"label"`
	Type           string `json:"type"`
	FieldType      string `json:"fieldType"`
	HasUniqueValue bool   `json:"hasUniqueValue"`
	Calculated     bool   `json:"calculated"`
	Archived       bool   `json:"archived"`
	Referenced     string `json:"referencedObjectType"`
	Options        []struct {
		Label string `json:"label"`
		Value string `json:"value"`
	} `json:"options"`
	Modification struct {
		ReadOnlyValue bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`
}

// systemOwned are kept by HubSpot whatever their definition says.
var systemOwned = map[string]bool{
	"hs_object_id": true, "createdate": true, "lastmodifieddate": true, "hs_lastmodifieddate": true,
}

// Identify asks for the account. That the dated path exists follows from the general pattern alone: without it, the
// numbered one is asked.
func (c *Client) Identify(ctx context.Context) (string, error) {
	var account struct {
		PortalID int64 `json:"portalId"`
	}
	err := c.get(ctx, c.paths.account(), &account)
	var e *adapters.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		err = c.get(ctx, paths("v3").account(), &account)
	}
	if err != nil {
		return "", plain(err)
	}
	if account.PortalID < 1 {
		return "", unreadable()
	}
	return strconv.FormatInt(account.PortalID, 10), nil
}

// get reads patiently.
func (c *Client) get(ctx context.Context, path string, v any) error {
	return c.patiently(ctx, func() error {
		_, err := c.fetch(ctx, c.calls, http.MethodGet, path, nil, v)
		return err
	})
}

// Schema lists the properties of contacts.
func (c *Client) Schema(ctx context.Context) ([]adapters.Property, error) {
	var list struct {
		Results []property `json:"results"`
	}
	if err := c.get(ctx, c.paths.properties(""), &list); err != nil {
		return nil, plain(err)
	}
	out := make([]adapters.Property, 0, len(list.Results))
	for _, p := range list.Results {
		if p.Name != "" && !p.Archived {
			out = append(out, p.describe())
		}
	}
	return out, nil
}

func (p property) describe() adapters.Property {
	out := adapters.Property{
		Name: p.Name, Label: p.Label, ReadOnly: p.Calculated || p.Modification.ReadOnlyValue || systemOwned[p.Name],
	}
	var known bool
	if out.Type, known = p.domainType(); !known {
		out.ReadOnly = true // a type we do not know is shown, never written
	}
	for _, o := range p.Options {
		if out.Type == domain.Enumeration {
			out.Options = append(out.Options, domain.Option{Value: o.Value, Label: o.Label})
		}
	}
	return out
}

func (p property) domainType() (domain.Type, bool) {
	switch {
	case p.Name == "email":
		return domain.Email, true
	case p.Name == "hubspot_owner_id" || p.Referenced == "OWNER":
		return domain.Owner, true
	case p.Type == "phone_number" || p.Type == "string" && p.FieldType == "phonenumber":
		return domain.Phone, true
	case p.Type == "bool" || p.Type == "enumeration" && p.FieldType == "booleancheckbox":
		return domain.Bool, true
	}
	t, ok := map[string]domain.Type{
		"string": domain.Text, "number": domain.Number, "date": domain.Date, "datetime": domain.Datetime,
		"enumeration": domain.Enumeration,
	}[p.Type]
	return orElse(t, domain.Text), ok
}

// Prepare makes our unique property. HubSpot allows ten of them for contacts, and none can become unique later.
func (c *Client) Prepare(ctx context.Context) error {
	found, err := c.uniqueProperty(ctx)
	if err != nil || found {
		return plain(err)
	}
	err = c.patiently(ctx, func() error {
		_, err := c.call(ctx, c.calls, http.MethodPost, c.paths.properties(""), map[string]any{
			"groupName": "contactinformation", "name": UniqueProperty, "label": "Duolog contact ID", "type": "string",
			"fieldType": "text", "hasUniqueValue": true,
			"description": "Set by Duolog: links this contact to the same person in Aloware. Do not change it.",
		})
		return err
	})
	var e *adapters.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.Status == http.StatusConflict: // somebody was faster
		if found, err = c.uniqueProperty(ctx); found || err != nil {
			return plain(err)
		}
	case errors.As(err, &e) && e.Class != adapters.Rejected:
		return e
	}
	return notUnique("hubspot does not let us create the property " + UniqueProperty + ": free one of the ten " +
		"unique-value properties of contacts, and give the app the scope crm.schemas.contacts.write")
}

// Prepared reports whether our unique property is there.
func (c *Client) Prepared(ctx context.Context) (bool, error) {
	found, err := c.uniqueProperty(ctx)
	return found, plain(err)
}

func (c *Client) uniqueProperty(ctx context.Context) (bool, error) {
	var p property
	err := c.get(ctx, c.paths.properties("/"+UniqueProperty), &p)
	var e *adapters.Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, err
	case p.Archived:
		return false, nil
	case !p.HasUniqueValue:
		return false, notUnique("the property " + UniqueProperty + " exists in hubspot without unique values: delete it, " +
			"or rename it, and start again")
	}
	return true, nil
}

func notUnique(detail string) error {
	return &adapters.Error{Class: adapters.Rejected, Reason: domain.ReasonImpossible, Detail: detail}
}

// plain takes the answer's text away from an error: it may hold personal values.
func plain(err error) error {
	var f *failedCall
	if errors.As(err, &f) {
		return f.cause
	}
	return err
}
