package hubspot

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// Limits of a search, by the strictest reading of HubSpot's documents.
const (
	maxSearchGroups = 5
	maxSearchPages  = 5
	searchPage      = 200
)

// query is the body of a search for ids.
type query struct {
	FilterGroups []filterGroup `json:"filterGroups"`
	Sorts        []sorting     `json:"sorts,omitempty"`
	Properties   []string      `json:"properties"`
	Limit        int           `json:"limit"`
	After        string        `json:"after,omitempty"`
}

type sorting struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

type filterGroup struct {
	Filters []filter `json:"filters"`
}

type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    string   `json:"value,omitempty"`
	Values   []string `json:"values,omitempty"`
}

func anyOf(filters ...filter) query {
	q := query{Properties: []string{"email"}, Limit: searchPage}
	for _, f := range filters {
		q.FilterGroups = append(q.FilterGroups, filterGroup{[]filter{f}})
	}
	return q
}

// secondaryQuery looks for up to 5 emails among the secondary ones, which a batch read does not see. That they can be
// searched as whole words is not documented.
func secondaryQuery(emails []string) query {
	filters := make([]filter, len(emails))
	for i, e := range emails {
		filters[i] = filter{Property: "hs_additional_emails", Operator: "CONTAINS_TOKEN", Value: e}
	}
	return anyOf(filters...)
}

// phonesPerQuery keeps the body of a search below its limit of 3000 characters: about 150 a number.
const phonesPerQuery = 16

// phoneQuery looks for numbers as people write them, and by the properties HubSpot keeps for finding numbers, which
// hold the national digits.
func phoneQuery(phones []string) query {
	var written, national []string
	for _, p := range phones {
		written = append(written, renderings(p)...)
		national = append(national, nationalDigits(p))
	}
	return anyOf(
		filter{Property: "phone", Operator: "IN", Values: written},
		filter{Property: "mobilephone", Operator: "IN", Values: written},
		filter{Property: "hs_searchable_calculated_phone_number", Operator: "IN", Values: national},
		filter{Property: "hs_searchable_calculated_mobile_number", Operator: "IN", Values: national},
	)
}

// renderings are the usual ways to write a number.
func renderings(e164 string) []string {
	d := strings.TrimPrefix(e164, "+")
	if len(d) != 11 || d[0] != '1' {
		return []string{e164, d}
	}
	area, office, line := d[1:4], d[4:7], d[7:]
	return []string{e164, d[1:], "(" + area + ") " + office + "-" + line, area + "-" + office + "-" + line}
}

// nationalDigits is the area code and the local number.
func nationalDigits(e164 string) string {
	d := strings.TrimPrefix(e164, "+")
	return d[max(len(d)-10, 0):]
}

// find runs a search and returns ids.
func (c *Client) find(ctx context.Context, q query) ([]string, error) {
	var ids []string
	for range maxSearchPages {
		var page listAnswer
		_, err := c.fetch(ctx, c.search, http.MethodPost, c.paths.contacts("/search"), q, &page)
		if err == nil {
			err = addressed(page.Results...)
		}
		if err != nil {
			return nil, err
		}
		for _, o := range page.Results {
			ids = append(ids, o.ID)
		}
		if q.After = page.Paging.Next.After; q.After == "" {
			break
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
