package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// view is a record as answered.
type view struct {
	ID                    string                    `json:"id"`
	Properties            map[string]*string        `json:"properties"`
	PropertiesWithHistory map[string][]valueHistory `json:"propertiesWithHistory,omitempty"`
	CreatedAt             string                    `json:"createdAt"`
	UpdatedAt             string                    `json:"updatedAt"`
	Archived              bool                      `json:"archived"`
	ArchivedAt            string                    `json:"archivedAt,omitempty"`
	New                   *bool                     `json:"new,omitempty"`
	ObjectWriteTraceID    string                    `json:"objectWriteTraceId,omitempty"`
}

type valueHistory struct {
	Value      string `json:"value"`
	Timestamp  string `json:"timestamp"`
	SourceType string `json:"sourceType"`
	SourceID   string `json:"sourceId"`
}

// input is the body of a create or update, and one row of a batch.
type input struct {
	ID           scalar            `json:"id"`
	IDProperty   string            `json:"idProperty"`
	Properties   map[string]scalar `json:"properties"`
	Associations []association     `json:"associations"`
	TraceID      string            `json:"objectWriteTraceId"`
}

func (s *Sandbox) objectRoutes(mux *http.ServeMux) {
	const base = "/crm/v3/objects/{type}"
	s.on(mux, "POST "+base, true, func(c call) (int, any, *problem) {
		var in input
		if p := decode(c, &in); p != nil {
			return 0, nil, p
		}
		o, p := s.create(c, in)
		if p != nil {
			return 0, nil, p
		}
		return http.StatusCreated, c.table.render(o, append(sortedKeys(in.Properties), defaults...), nil), nil
	})
	s.on(mux, "GET "+base, false, s.list)
	s.on(mux, "GET "+base+"/{id}", false, func(c call) (int, any, *problem) {
		o := c.table.find(c.URL.Query().Get("idProperty"), c.PathValue("id"))
		if o == nil {
			return 0, nil, notFound()
		}
		return http.StatusOK, c.table.render(o, wanted(c, "properties"), wanted(c, "propertiesWithHistory")), nil
	})
	s.on(mux, "PATCH "+base+"/{id}", true, s.patch)
	s.on(mux, "DELETE "+base+"/{id}", true, func(c call) (int, any, *problem) {
		if o := c.table.find("", c.PathValue("id")); o != nil {
			s.archive(c.table, o, c.by)
		}
		return http.StatusNoContent, nil, nil
	})
	s.on(mux, "POST "+base+"/search", false, s.find)
	s.on(mux, "POST "+base+"/merge", true, s.mergeCall)
	s.on(mux, "POST "+base+"/gdpr-delete", true, s.erase)
}

// defaults are answered whatever was asked.
var defaults = []string{"email", "firstname", "lastname"}

func wanted(c call, name string) []string {
	var out []string
	for _, v := range c.URL.Query()[name] {
		out = append(out, strings.Split(v, ",")...)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func (s *Sandbox) patch(c call) (int, any, *problem) {
	var in input
	if p := decode(c, &in); p != nil {
		return 0, nil, p
	}
	o := c.table.find(c.URL.Query().Get("idProperty"), c.PathValue("id"))
	if o == nil {
		return 0, nil, notFound()
	}
	if p := s.update(c, o, in); p != nil {
		return 0, nil, p
	}
	return http.StatusOK, c.table.render(o, sortedKeys(in.Properties), nil), nil
}

// create makes a record, or says why not.
func (s *Sandbox) create(c call, in input) (*object, *problem) {
	s.writes++
	values, faults := c.table.clean(in.Properties)
	switch {
	case len(faults) > 0:
		return nil, invalidValues(faults)
	case c.table.typeID == "0-1" && values["email"]+values["firstname"]+values["lastname"] == "":
		return nil, invalid("One of email, firstname or lastname is required.")
	case c.table.blocked[values["email"]]:
		return nil, invalid("The email was permanently deleted.")
	}
	if p := c.table.conflict(0, values); p != nil {
		return nil, p
	}
	o := c.table.create(s.now(), values, c.by)
	s.links.add(c.table, o.id, in.Associations, s.tables)
	s.tellCreated(c.table, o, c.by)
	return o, nil
}

// update changes a record, or says why not.
func (s *Sandbox) update(c call, o *object, in input) *problem {
	s.writes++
	values, faults := c.table.clean(in.Properties)
	if len(faults) > 0 {
		return invalidValues(faults)
	}
	if p := c.table.conflict(o.id, values); p != nil {
		return p
	}
	s.tellChanged(c.table, o, c.table.set(o, s.now(), values, c.by), c.by)
	return nil
}

func (t *table) conflict(id int64, values map[string]string) *problem {
	owner, name := t.taken(id, values)
	switch {
	case owner == 0:
		return nil
	case name == "email":
		return conflict(owner)
	}
	return invalidValues([]fault{{
		Message: "record with id " + strconv.FormatInt(owner, 10) + " already has that value.",
		Error:   "CONFLICTING_UNIQUE_VALUE", Name: name,
	}})
}

func (s *Sandbox) archive(t *table, o *object, by author) {
	s.writes++
	t.remove(o, later(s.now(), o.updated))
	s.tell(t, o, "deletion", o.archived, by, map[string]any{"changeFlag": "DELETED"})
}

// list answers in order of id, page by page.
func (s *Sandbox) list(c call) (int, any, *problem) {
	limit, err := strconv.Atoi(cmpOr(c.URL.Query().Get("limit"), "10"))
	if err != nil || limit < 1 || limit > 100 {
		return 0, nil, invalid("limit must be between 1 and 100")
	}
	after, err := strconv.ParseInt(cmpOr(c.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil {
		return 0, nil, invalid("after is not valid")
	}
	archived := c.URL.Query().Get("archived") == "true"
	results, next := []view{}, ""
	for _, id := range c.table.order {
		o := c.table.objects[id]
		if o == nil || id <= after || o.archived.IsZero() == archived {
			continue
		}
		if len(results) == limit {
			next = results[limit-1].ID
			break
		}
		results = append(results, c.table.render(o, wanted(c, "properties"), wanted(c, "propertiesWithHistory")))
	}
	return http.StatusOK, page(results, next), nil
}

func page[T any](results []T, next string) map[string]any {
	out := map[string]any{"results": results}
	if next != "" {
		out["paging"] = map[string]any{"next": map[string]string{"after": next, "link": "?after=" + next}}
	}
	return out
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// render shows a record with the properties asked; one without a value is null, one that does not exist left out.
func (t *table) render(o *object, properties, history []string) view {
	v := view{
		ID: strconv.FormatInt(o.id, 10), Properties: map[string]*string{}, CreatedAt: stamp(o.created),
		UpdatedAt: stamp(o.updated), Archived: !o.archived.IsZero(),
	}
	if v.Archived {
		v.ArchivedAt = stamp(o.archived)
	}
	if len(properties) == 0 {
		properties = defaults
	}
	for _, name := range properties {
		if t.property(name) == nil {
			continue
		}
		if value, ok := o.values[name]; ok {
			v.Properties[name] = &value
		} else {
			v.Properties[name] = nil
		}
	}
	created, updated := stamp(o.created), stamp(o.updated)
	v.Properties["hs_object_id"], v.Properties["createdate"], v.Properties[t.modified] = &v.ID, &created, &updated
	for _, name := range history {
		v.PropertiesWithHistory = setHistory(v.PropertiesWithHistory, name, o.history[name])
	}
	return v
}

func setHistory(to map[string][]valueHistory, name string, versions []version) map[string][]valueHistory {
	if to == nil {
		to = map[string][]valueHistory{}
	}
	to[name] = []valueHistory{}
	for _, v := range slices.Backward(versions) {
		to[name] = append(to[name], valueHistory{v.value, stamp(v.at), v.by.source, v.by.id})
	}
	return to
}

func (s *Sandbox) settledAt(lag time.Duration) time.Time { return s.now().Add(-lag) }
