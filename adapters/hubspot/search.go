package hubspot

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// Limits of a search, by the strictest reading of HubSpot's documents.
const (
	maxSearchBody   = 3000
	maxSearchGroups = 5
	maxSearchPages  = 5
	searchPage      = 200
)

// query is the body of a search for ids.
type query struct {
	FilterGroups []filterGroup `json:"filterGroups"`
	Properties   []string      `json:"properties"`
	Limit        int           `json:"limit"`
	After        string        `json:"after,omitempty"`
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

// secondaryQueries look for emails among the secondary ones, which a batch read does not see. That they can be
// searched as whole words is not documented.
func secondaryQueries(emails []string) []query {
	var out []query
	for part := range slices.Chunk(emails, maxSearchGroups) {
		var filters []filter
		for _, e := range part {
			filters = append(filters, filter{Property: "hs_additional_emails", Operator: "CONTAINS_TOKEN", Value: e})
		}
		out = append(out, anyOf(filters...))
	}
	return out
}

// phonesPerQuery keeps the body of a search below its limit: about 150 bytes a number.
const phonesPerQuery = 16

// phoneQueries look for numbers as people write them, and by the properties HubSpot keeps for finding numbers, which
// hold the national digits.
func phoneQueries(phones []string) []query {
	var out []query
	for part := range slices.Chunk(phones, phonesPerQuery) {
		var written, national []string
		for _, p := range part {
			written = append(written, renderings(p)...)
			national = append(national, nationalDigits(p))
		}
		out = append(out, anyOf(
			filter{Property: "phone", Operator: "IN", Values: written},
			filter{Property: "mobilephone", Operator: "IN", Values: written},
			filter{Property: "hs_searchable_calculated_phone_number", Operator: "IN", Values: national},
			filter{Property: "hs_searchable_calculated_mobile_number", Operator: "IN", Values: national},
		))
	}
	return out
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
	return ids, nil
}
