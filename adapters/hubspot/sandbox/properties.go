package sandbox

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
)

// maxUnique is the number of unique-value properties an object type may have.
const maxUnique = 10

var (
	nameShape  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	fieldTypes = map[string][]string{
		"string": {"text", "textarea", "phonenumber", "html", "file"}, "number": {"number"}, "date": {"date"},
		"datetime": {"date"}, "bool": {"booleancheckbox"}, "enumeration": {
			"select", "radio", "checkbox",
			"booleancheckbox",
		}, "phone_number": {"phonenumber"},
	}
)

func (s *Sandbox) propertyRoutes(mux *http.ServeMux) {
	const base = "/crm/v3/properties/{type}"
	s.on(mux, "GET "+base, false, func(c call) (int, any, *problem) {
		live := slices.DeleteFunc(slices.Clone(c.table.properties), func(p *property) bool { return p.Archived })
		return http.StatusOK, page(live, ""), nil
	})
	s.on(mux, "GET "+base+"/{name}", false, func(c call) (int, any, *problem) {
		p := c.table.property(c.PathValue("name"))
		if p == nil {
			return 0, nil, notFound()
		}
		return http.StatusOK, p, nil
	})
	s.on(mux, "POST "+base, true, s.createProperty)
	s.on(mux, "PATCH "+base+"/{name}", true, func(c call) (int, any, *problem) {
		p := c.table.property(c.PathValue("name"))
		if p == nil {
			return 0, nil, notFound()
		}
		keep := *p
		p.Options = nil // options are replaced as a whole
		if bad := decode(c, p); bad != nil {
			*p = keep
			return 0, nil, bad
		}
		if p.Options == nil {
			p.Options = keep.Options
		}
		p.Name, p.Type, p.HasUniqueValue = keep.Name, keep.Type, keep.HasUniqueValue // cannot be changed
		return http.StatusOK, p, nil
	})
	s.on(mux, "DELETE "+base+"/{name}", true, func(c call) (int, any, *problem) {
		if p := c.table.property(c.PathValue("name")); p != nil {
			if p.HubspotDefined {
				return 0, nil, invalid("HubSpot-defined properties cannot be archived")
			}
			p.Archived = true
			delete(c.table.unique, p.Name)
		}
		return http.StatusNoContent, nil, nil
	})
}

// AddProperty makes a text property of contacts, as a person does in HubSpot's settings.
func (s *Sandbox) AddProperty(name string, unique bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	p := custom(text(name, name))
	p.HasUniqueValue = unique
	if problem := s.addProperty(t, p); problem != nil {
		return errors.New(problem.Message)
	}
	return nil
}

func (s *Sandbox) createProperty(c call) (int, any, *problem) {
	p := property{Options: []option{}}
	if bad := decode(c, &p); bad != nil {
		return 0, nil, bad
	}
	p.HubspotDefined, p.Calculated, p.Archived = false, false, false
	p.ModificationMetadata = modification{Archivable: true}
	p.CreatedAt = stamp(s.now())
	p.UpdatedAt = p.CreatedAt
	if bad := s.addProperty(c.table, &p); bad != nil {
		return 0, nil, bad
	}
	return http.StatusCreated, p, nil
}

func (s *Sandbox) addProperty(t *table, p *property) *problem {
	switch {
	case !nameShape.MatchString(p.Name) || p.Label == "" || p.GroupName == "":
		return invalid("name, label and groupName are required; a name has lower case letters, digits and _")
	case !slices.Contains(fieldTypes[p.Type], p.FieldType):
		return invalid("type and fieldType do not fit")
	case t.property(p.Name) != nil:
		return newProblem(http.StatusConflict, "OBJECT_ALREADY_EXISTS",
			"A property named '"+p.Name+"' already exists.")
	case p.HasUniqueValue && t.uniques() >= maxUnique:
		return invalid("The limit of 10 unique value properties is reached")
	}
	t.properties = append(t.properties, p)
	if p.HasUniqueValue {
		t.unique[p.Name] = map[string]int64{}
	}
	return nil
}

func (t *table) uniques() int {
	n := 0
	for _, p := range t.properties {
		if p.HasUniqueValue && !p.Archived {
			n++
		}
	}
	return n
}
