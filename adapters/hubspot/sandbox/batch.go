package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// batch is the body of every batch request.
type batch struct {
	Properties            []string `json:"properties"`
	PropertiesWithHistory []string `json:"propertiesWithHistory"`
	IDProperty            string   `json:"idProperty"`
	Inputs                []input  `json:"inputs"`
}

// outcome collects the rows of a batch.
type outcome struct {
	results []view
	errors  []*problem
	started string
}

func (s *Sandbox) batchRoutes(mux *http.ServeMux) {
	const base = "POST /crm/v3/objects/{type}/batch/"
	s.on(mux, base+"read", false, s.rows(s.readRow, false, http.StatusOK))
	s.on(mux, base+"create", true, s.rows(s.createRow, true, http.StatusCreated))
	s.on(mux, base+"update", true, s.rows(s.updateRow, true, http.StatusOK))
	s.on(mux, base+"upsert", true, s.rows(s.upsertRow, true, http.StatusOK))
	s.on(mux, base+"archive", true, s.rows(s.archiveRow, true, http.StatusNoContent))
}

type row func(c call, b batch, in input) (view, *problem)

// rows runs a batch. A row's failure is its own only where the row can be told: by id, or by a trace id of its own.
func (s *Sandbox) rows(do row, writes bool, success int) answer {
	return func(c call) (int, any, *problem) {
		var b batch
		if p := decode(c, &b); p != nil {
			return 0, nil, p
		}
		if p := b.check(c.table, writes); p != nil {
			return 0, nil, p
		}
		out, p := s.run(c, b, do, writes)
		switch {
		case p != nil:
			return 0, nil, p
		case success == http.StatusNoContent:
			return success, nil, nil
		}
		status, body := success, map[string]any{
			"status": "COMPLETE", "results": out.results, "startedAt": out.started, "completedAt": stamp(s.now()),
		}
		if len(out.errors) > 0 {
			status = http.StatusMultiStatus
			body["errors"], body["numErrors"] = out.errors, len(out.errors)
		}
		return status, body, nil
	}
}

func (s *Sandbox) run(c call, b batch, do row, writes bool) (outcome, *problem) {
	out := outcome{results: []view{}, started: stamp(s.now())}
	seen := map[string]bool{}
	for _, in := range b.Inputs {
		v, p := do(c, b, in)
		switch {
		case p == nil && !writes && seen[v.ID]: // two ids of one merged record
		case p == nil:
			seen[v.ID] = true
			v.ObjectWriteTraceID = in.TraceID
			out.results = append(out.results, v)
		case in.TraceID != "":
			out.errors = append(out.errors, p.with("objectWriteTraceId", in.TraceID))
		case p.HTTP == http.StatusNotFound:
			out.errors = append(out.errors, missing(string(in.ID)))
		default:
			return out, p
		}
	}
	// HubSpot answers rows in no particular order.
	slices.SortStableFunc(out.results, func(a, b view) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

func missing(id string) *problem {
	p := newProblem(http.StatusNotFound, "OBJECT_NOT_FOUND",
		"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.")
	return p.with("ids", id)
}

// check refuses a batch as a whole: its size, an id twice, a property nobody knows.
func (b batch) check(t *table, writes bool) *problem {
	if len(b.Inputs) == 0 || len(b.Inputs) > 100 {
		return invalid("The number of inputs must be between 1 and 100.")
	}
	if len(b.PropertiesWithHistory) > 0 && len(b.Inputs) > 50 {
		return invalid("The maximum number of inputs supported in a batch request for property histories is 50.")
	}
	ids, traces := map[string]bool{}, map[string]bool{}
	for _, in := range b.Inputs {
		if writes && in.ID != "" && ids[string(in.ID)] {
			return invalid("Duplicate IDs found in batch input: [" + string(in.ID) + "]. IDs must be unique")
		}
		if in.TraceID != "" && traces[in.TraceID] {
			return invalid("objectWriteTraceId must be unique")
		}
		ids[string(in.ID)], traces[in.TraceID] = true, true
		for _, name := range sortedKeys(in.Properties) {
			if t.property(name) == nil {
				return invalidValues([]fault{{
					Message: explain("PROPERTY_DOESNT_EXIST", name, ""), Error: "PROPERTY_DOESNT_EXIST", Name: name,
				}})
			}
		}
	}
	return nil
}

func (s *Sandbox) readRow(c call, b batch, in input) (view, *problem) {
	o := c.table.primary(b.IDProperty, string(in.ID))
	if o == nil {
		return view{}, missing(string(in.ID))
	}
	return c.table.render(o, b.Properties, b.PropertiesWithHistory), nil
}

// primary is find without secondary emails: a batch read does not see them.
func (t *table) primary(by, value string) *object {
	o := t.find(by, value)
	if o != nil && by == "email" && o.values["email"] != key("email", value) {
		return nil
	}
	return o
}

func (s *Sandbox) createRow(c call, _ batch, in input) (view, *problem) {
	o, p := s.create(c, in)
	if p != nil {
		return view{}, p
	}
	return c.table.render(o, append(sortedKeys(in.Properties), defaults...), nil), nil
}

func (s *Sandbox) updateRow(c call, _ batch, in input) (view, *problem) {
	if in.IDProperty == "email" {
		return view{}, invalid("Unable to perform update/upsert by non-unique 0-1 property")
	}
	o := c.table.find(in.IDProperty, string(in.ID))
	if o == nil {
		return view{}, missing(string(in.ID))
	}
	if p := s.update(c, o, in); p != nil {
		return view{}, p
	}
	return c.table.render(o, sortedKeys(in.Properties), nil), nil
}

// upsertRow finds the record by a unique property's value, or makes it with that value.
func (s *Sandbox) upsertRow(c call, _ batch, in input) (view, *problem) {
	if c.table.unique[in.IDProperty] == nil {
		return view{}, invalid("Unable to perform update/upsert by non-unique " + c.table.typeID + " property")
	}
	o, isNew := c.table.find(in.IDProperty, string(in.ID)), false
	if o != nil {
		if p := s.update(c, o, in); p != nil {
			return view{}, p
		}
	} else {
		props := map[string]scalar{in.IDProperty: in.ID}
		for name, v := range in.Properties {
			props[name] = v
		}
		made, p := s.create(c, input{Properties: props})
		if p != nil {
			return view{}, p
		}
		o, isNew = made, true
	}
	v := c.table.render(o, append(sortedKeys(in.Properties), in.IDProperty), nil)
	v.New = &isNew
	return v, nil
}

func (s *Sandbox) archiveRow(c call, _ batch, in input) (view, *problem) {
	if o := c.table.find("", string(in.ID)); o != nil {
		s.archive(c.table, o, c.by)
	}
	return view{ID: string(in.ID)}, nil
}
