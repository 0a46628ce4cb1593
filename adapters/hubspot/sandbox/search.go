package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query is the body of a search.
type query struct {
	FilterGroups []struct {
		Filters []filter `json:"filters"`
	} `json:"filterGroups"`
	Sorts      []sorting `json:"sorts"`
	Properties []string  `json:"properties"`
	Query      string    `json:"query"`
	Limit      int       `json:"limit"`
	After      scalar    `json:"after"`
}

// sorting is what results are ordered by: an object, or as older clients have it a name, with - for descending.
type sorting struct {
	PropertyName string `json:"propertyName"`
	Direction    string `json:"direction"`
}

// UnmarshalJSON takes both forms.
func (o *sorting) UnmarshalJSON(b []byte) error {
	type plain sorting
	if b[0] == '{' {
		return json.Unmarshal(b, (*plain)(o))
	}
	var name string
	if err := json.Unmarshal(b, &name); err != nil {
		return err
	}
	o.PropertyName = strings.TrimPrefix(name, "-")
	if name != o.PropertyName {
		o.Direction = "DESCENDING"
	}
	return nil
}

type filter struct {
	PropertyName string   `json:"propertyName"`
	Operator     string   `json:"operator"`
	Value        scalar   `json:"value"`
	HighValue    scalar   `json:"highValue"`
	Values       []scalar `json:"values"`
}

// HubSpot's limits on a search.
const (
	maxSearchBody   = 3000
	maxSearchReach  = 10_000
	maxSearchPage   = 200
	maxGroups       = 5
	maxGroupFilters = 6
	maxFilters      = 18
)

// check returns where the page begins.
func (q *query) check(bodyLength int64) (after int, p *problem) {
	all := 0
	for _, g := range q.FilterGroups {
		all += len(g.Filters)
		if len(g.Filters) > maxGroupFilters {
			return 0, invalid("Too many filters in a group")
		}
	}
	if q.Limit == 0 {
		q.Limit = 10
	}
	after, err := strconv.Atoi(cmpOr(string(q.After), "0"))
	switch {
	case bodyLength > maxSearchBody:
		return 0, invalid("The request body is too long: at most 3000 characters")
	case len(q.FilterGroups) > maxGroups || all > maxFilters || len(q.Sorts) > 1:
		return 0, invalid("Too many filter groups, filters or sorts")
	case q.Limit < 0 || q.Limit > maxSearchPage:
		return 0, invalid("limit must be at most 200")
	case err != nil || after < 0:
		return 0, invalid("after is not valid")
	case after+q.Limit > maxSearchReach:
		return 0, invalid("Search results are limited to 10,000 in total")
	}
	return after, nil
}

// find sees the portal as it stood SearchLag ago.
func (s *Sandbox) find(c call) (int, any, *problem) {
	var q query
	if p := decode(c, &q); p != nil {
		return 0, nil, p
	}
	after, p := q.check(c.ContentLength)
	if p != nil {
		return 0, nil, p
	}
	at := s.settledAt(s.cfg.Faults.SearchLag)
	var hits []*object
	for _, o := range c.table.live() {
		if o.created.After(at) {
			continue
		}
		if ok, p := q.matches(c.table, o, at); p != nil {
			return 0, nil, p
		} else if ok {
			hits = append(hits, o)
		}
	}
	q.order(c.table, hits, at)
	results, next := []view{}, ""
	for i, o := range hits[min(after, len(hits)):] {
		if i == q.Limit {
			next = strconv.Itoa(after + q.Limit)
			break
		}
		results = append(results, c.table.render(o, q.Properties, nil))
	}
	out := page(results, next)
	out["total"] = len(hits)
	return http.StatusOK, out, nil
}

func (q *query) matches(t *table, o *object, at time.Time) (bool, *problem) {
	if q.Query != "" && !strings.Contains(strings.ToLower(strings.Join(searchable(o, at), " ")),
		strings.ToLower(q.Query)) {
		return false, nil
	}
	if len(q.FilterGroups) == 0 {
		return true, nil
	}
	for _, g := range q.FilterGroups {
		all := true
		for _, f := range g.Filters {
			ok, p := f.matches(t, o, at)
			if p != nil {
				return false, p
			}
			all = all && ok
		}
		if all {
			return true, nil
		}
	}
	return false, nil
}

func searchable(o *object, at time.Time) []string {
	var out []string
	for _, name := range []string{"email", "firstname", "lastname", "phone", "company"} {
		out = append(out, o.asOf(name, at))
	}
	return out
}

// value is a property's searchable value at a time.
func (t *table) value(o *object, name string, at time.Time) string {
	switch name {
	case "hs_object_id":
		return strconv.FormatInt(o.id, 10)
	case "createdate":
		return stamp(o.created)
	case t.modified:
		return stamp(o.updatedAsOf(at))
	}
	return o.asOf(name, at)
}

func (f filter) matches(t *table, o *object, at time.Time) (bool, *problem) {
	p := t.property(f.PropertyName)
	if p == nil {
		return false, invalid("There was a problem with the request: property " + f.PropertyName + " does not exist")
	}
	v := t.value(o, f.PropertyName, at)
	switch f.Operator {
	case "HAS_PROPERTY":
		return v != "", nil
	case "NOT_HAS_PROPERTY":
		return v == "", nil
	case "EQ":
		return v != "" && compare(p, v, string(f.Value)) == 0, nil
	case "NEQ":
		return v != "" && compare(p, v, string(f.Value)) != 0, nil
	case "LT", "LTE", "GT", "GTE", "BETWEEN":
		return v != "" && f.ordered(p, v), nil
	case "IN", "NOT_IN": // strings given must be in lower case
		return v != "" && slices.Contains(f.Values, scalar(strings.ToLower(v))) == (f.Operator == "IN"), nil
	case "CONTAINS_TOKEN":
		return hasToken(v, string(f.Value)), nil
	case "NOT_CONTAINS_TOKEN":
		return !hasToken(v, string(f.Value)), nil
	}
	return false, invalid("Invalid operator: " + f.Operator)
}

func (f filter) ordered(p *property, v string) bool {
	c := compare(p, v, string(f.Value))
	switch f.Operator {
	case "LT":
		return c < 0
	case "LTE":
		return c <= 0
	case "GT":
		return c > 0
	case "GTE":
		return c >= 0
	}
	return c >= 0 && compare(p, v, string(f.HighValue)) <= 0
}

// compare orders values by their property's type; strings without case.
func compare(p *property, a, b string) int {
	if p.Type == "string" || p.Type == "enumeration" || p.Type == "bool" {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	}
	return cmp.Compare(magnitude(a), magnitude(b))
}

// magnitude of a number, a date or a time, in its unit or milliseconds.
func magnitude(v string) float64 {
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		return n
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, v); err == nil {
			return float64(t.UnixMilli())
		}
	}
	return 0
}

// hasToken compares whole words, or with * parts of them.
func hasToken(v, want string) bool {
	v, want = strings.ToLower(v), strings.ToLower(want)
	words := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ';' || r == ',' })
	words = append(words, strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" ;,@.-_()+", r) })...)
	bare := strings.Trim(want, "*")
	return slices.ContainsFunc(words, func(w string) bool {
		if bare != want {
			return strings.Contains(w, bare)
		}
		return w == want
	})
}

func (q *query) order(t *table, hits []*object, at time.Time) {
	if len(q.Sorts) == 0 {
		return
	}
	by := q.Sorts[0]
	p := t.property(by.PropertyName)
	if p == nil {
		return
	}
	slices.SortStableFunc(hits, func(a, b *object) int {
		c := compare(p, t.value(a, by.PropertyName, at), t.value(b, by.PropertyName, at))
		if by.Direction == "DESCENDING" {
			return -c
		}
		return c
	})
}
