package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// dealProperties are the basic information the document asks for, and whose deal it is.
var dealProperties = []string{"dealname", "amount", "pipeline", "dealstage", "hubspot_owner_id", "createdate"}

func (c *Client) deals(ctx context.Context, fn func(adapters.CatalogPage) error) error {
	query := url.Values{"properties": {strings.Join(dealProperties, ",")}}
	return c.pages(ctx, c.paths.crm("objects")+"/deals", query, func(body []byte, at int64) (string, error) {
		var list listAnswer
		if err := decode(body, &list); err != nil {
			return "", err
		}
		if err := addressed(list.Results...); err != nil {
			return "", err
		}
		page := adapters.CatalogPage{Clock: at}
		for _, o := range list.Results {
			page.Items = append(page.Items, adapters.CatalogItem{ID: o.ID, Entry: o.deal()})
		}
		if err := c.contactsOf(ctx, page.Items); err != nil {
			return "", err
		}
		return list.Paging.Next.After, fn(page)
	})
}

func (o object) deal() domain.CatalogEntry {
	d := &domain.Deal{
		Amount: o.text("amount"), Pipeline: o.text("pipeline"), Stage: o.text("dealstage"), Owner: o.text("hubspot_owner_id"),
	}
	if t, err := time.Parse(time.RFC3339Nano, o.text("createdate")); err == nil && t.UnixMicro() > 0 {
		d.Created = t.UnixMicro()
	}
	return domain.CatalogEntry{Label: o.text("dealname"), Deal: d}
}

// associated is one row of an answer about associations: to whom a deal leads, and whether there are more.
type associated struct {
	From struct {
		ID string `json:"id"`
	} `json:"from"`
	To []struct {
		ID json.Number `json:"toObjectId"`
	} `json:"to"`
	Paging paging `json:"paging"`
}

// contactsOf fills in whom each deal is about. A deal with very many contacts is told in several pages.
func (c *Client) contactsOf(ctx context.Context, items []adapters.CatalogItem) error {
	at := map[string]int{}
	var inputs []map[string]string
	for i, item := range items {
		at[item.ID] = i
		inputs = append(inputs, map[string]string{"id": item.ID})
	}
	for len(inputs) > 0 {
		rows, err := c.associated(ctx, inputs)
		if err != nil {
			return err
		}
		inputs = nil
		for _, row := range rows {
			i, ok := at[row.From.ID]
			if !ok {
				return unreadable()
			}
			for _, to := range row.To {
				items[i].Contacts = append(items[i].Contacts, record(to.ID.String()))
			}
			if next := row.Paging.Next.After; next != "" {
				inputs = append(inputs, map[string]string{"id": row.From.ID, "after": next})
			}
		}
	}
	return nil
}

// associated asks for a page of each deal's contacts. A deal without any has no row, or an error that says so.
func (c *Client) associated(ctx context.Context, inputs []map[string]string) ([]associated, error) {
	var answer struct {
		Results []associated `json:"results"`
		Errors  []problem    `json:"errors"`
	}
	err := c.patiently(ctx, func() error {
		answer.Results, answer.Errors = nil, nil
		_, err := c.fetch(ctx, c.calls, http.MethodPost, c.paths.associations("/deals/contacts/batch/read"),
			map[string]any{"inputs": inputs}, &answer)
		if err == nil && slices.ContainsFunc(answer.Errors, problem.transient) {
			err = &adapters.Error{Class: adapters.Retry, Detail: "hubspot failed at a part of the batch"}
		}
		return err
	})
	return answer.Results, err
}

// decode reads an answer.
func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return unreadable()
	}
	return nil
}
