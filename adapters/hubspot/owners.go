package hubspot

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// paging is where HubSpot says how a list goes on.
type paging struct {
	Next struct {
		After string `json:"after"`
	} `json:"next"`
}

// pages calls fn for each page of a list. fn decodes one and returns where the next begins; "" at the end.
func (c *Client) pages(ctx context.Context, path string, query url.Values, page func(body []byte, at int64) (string, error)) error {
	query.Set("limit", strconv.Itoa(maxBatch))
	for after := ""; ; {
		if after != "" {
			query.Set("after", after)
		}
		var r reply
		err := c.patiently(ctx, func() (err error) {
			r, err = c.call(ctx, c.calls, http.MethodGet, path+"?"+query.Encode(), nil)
			return err
		})
		if err != nil {
			return err
		}
		next, err := page(r.body, r.begun.UnixMicro())
		switch {
		case err != nil || next == "":
			return err
		case next == after:
			return unreadable()
		}
		after = next
	}
}

// owner is a person, or a queue, that records can be assigned to by its id. The id of the user behind is another one.
type owner struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	First    string `json:"firstName"`
	Last     string `json:"lastName"`
	Archived bool   `json:"archived"`
}

func (c *Client) owners(ctx context.Context, fn func(adapters.CatalogPage) error) error {
	return c.pages(ctx, c.paths.crm("owners"), url.Values{}, func(body []byte, at int64) (string, error) {
		var list struct {
			Results []owner `json:"results"`
			Paging  paging  `json:"paging"`
		}
		if err := decode(body, &list); err != nil {
			return "", err
		}
		page := adapters.CatalogPage{Clock: at}
		for _, o := range list.Results {
			if !o.Archived {
				name := strings.TrimSpace(o.First + " " + o.Last)
				page.Items = append(page.Items, adapters.CatalogItem{
					ID: o.ID, Entry: domain.CatalogEntry{Label: orElse(name, o.Email), Email: o.Email},
				})
			}
		}
		return list.Paging.Next.After, fn(page)
	})
}

// pipeline is a pipeline of deals, and each of its stages, which have the same members.
type pipeline struct {
	ID       string     `json:"id"`
	Label    string     `json:"label"`
	Order    int        `json:"displayOrder"`
	Archived bool       `json:"archived"`
	Stages   []pipeline `json:"stages"`
	Metadata struct {
		IsClosed string `json:"isClosed"` // of a stage: "true" or "false"
	} `json:"metadata"`
}

func (c *Client) pipelines(ctx context.Context, fn func(adapters.CatalogPage) error) error {
	var list struct {
		Results []pipeline `json:"results"`
	}
	page := adapters.CatalogPage{Clock: c.micros()}
	if err := c.get(ctx, c.paths.crm("pipelines")+"/deals", &list); err != nil {
		return err
	}
	for _, p := range list.Results {
		if !p.Archived {
			page.Items = append(page.Items, adapters.CatalogItem{ID: p.ID, Entry: p.entry()})
		}
	}
	return fn(page)
}

func (p pipeline) entry() domain.CatalogEntry {
	e := domain.CatalogEntry{Label: p.Label, Order: p.Order}
	slices.SortStableFunc(p.Stages, func(a, b pipeline) int { return cmp.Compare(a.Order, b.Order) })
	for _, s := range p.Stages {
		if !s.Archived {
			e.Stages = append(e.Stages, domain.Stage{ID: s.ID, Label: s.Label, Closed: s.Metadata.IsClosed == "true"})
		}
	}
	return e
}
