package sandbox

import (
	"net/http"
	"slices"
	"strconv"
)

// association is one entry of a create's associations.
type association struct {
	To struct {
		ID scalar `json:"id"`
	} `json:"to"`
	Types []associationType `json:"types"`
}

type associationType struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}

// end is one side of an association: an object type and a record.
type end struct {
	table string
	id    int64
}

// associations hold both directions.
type associations map[end][]end

// Association types between deals and contacts.
const (
	dealToContact = 3
	contactToDeal = 4
)

func (a associations) link(x, y end) {
	if !slices.Contains(a[x], y) {
		a[x], a[y] = append(a[x], y), append(a[y], x)
	}
}

// add links a new record; the type id says what it is linked to.
func (a associations) add(t *table, id int64, list []association, tables map[string]*table) {
	for _, one := range list {
		to, err := strconv.ParseInt(string(one.To.ID), 10, 64)
		for _, typ := range one.Types {
			other := map[int]string{dealToContact: "contacts", contactToDeal: "deals"}[typ.TypeID]
			if err == nil && other != "" && tables[other].get(to) != nil {
				a.link(end{t.name, id}, end{other, to})
			}
		}
	}
}

func (a associations) of(x end, other string) []any {
	out := []any{}
	for _, y := range a[x] {
		if y.table == other {
			typ := contactToDeal
			if x.table == "deals" {
				typ = dealToContact
			}
			out = append(out, map[string]any{"toObjectId": y.id, "associationTypes": []any{
				map[string]any{"category": "HUBSPOT_DEFINED", "typeId": typ, "label": nil},
			}})
		}
	}
	return out
}

func (s *Sandbox) associationRoutes(mux *http.ServeMux) {
	const one = "/crm/v4/objects/{type}/{id}/associations/{other}"
	s.on(mux, "GET "+one, false, func(c call) (int, any, *problem) {
		o, other := c.table.find("", c.PathValue("id")), s.tables[c.PathValue("other")]
		if o == nil || other == nil {
			return 0, nil, notFound()
		}
		return http.StatusOK, page(s.links.of(end{c.table.name, o.id}, other.name), ""), nil
	})
	s.on(mux, "PUT /crm/v4/objects/{type}/{id}/associations/default/{other}/{otherID}", true, s.associate)
	s.on(mux, "PUT "+one+"/{otherID}", true, s.associate)
	s.on(mux, "POST /crm/v4/associations/{type}/{other}/batch/read", false, s.readAssociations)
}

func (s *Sandbox) associate(c call) (int, any, *problem) {
	other := s.tables[c.PathValue("other")]
	o := c.table.find("", c.PathValue("id"))
	if o == nil || other == nil {
		return 0, nil, notFound()
	}
	to := other.find("", c.PathValue("otherID"))
	if to == nil {
		return 0, nil, notFound()
	}
	s.links.link(end{c.table.name, o.id}, end{other.name, to.id})
	return http.StatusOK, map[string]any{
		"fromObjectTypeId": c.table.typeID, "fromObjectId": o.id, "toObjectTypeId": other.typeID, "toObjectId": to.id,
		"labels": []string{},
	}, nil
}

func (s *Sandbox) readAssociations(c call) (int, any, *problem) {
	var in batch
	if p := decode(c, &in); p != nil {
		return 0, nil, p
	}
	other := s.tables[c.PathValue("other")]
	if other == nil || len(in.Inputs) > 1000 {
		return 0, nil, invalid("unknown object type, or more than 1000 inputs")
	}
	results := []any{}
	for _, one := range in.Inputs {
		o := c.table.find("", string(one.ID))
		if o == nil {
			continue
		}
		if to := s.links.of(end{c.table.name, o.id}, other.name); len(to) > 0 {
			results = append(results, map[string]any{"from": map[string]string{"id": idText(o)}, "to": to})
		}
	}
	return http.StatusOK, map[string]any{
		"status": "COMPLETE", "results": results, "startedAt": stamp(s.now()), "completedAt": stamp(s.now()),
	}, nil
}
