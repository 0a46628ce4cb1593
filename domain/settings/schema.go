package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
)

// CheckSchema returns where the mapping does not fit what the two systems have: property missing, type, read-only,
// options. An empty list of properties means the system was not asked, and is not checked. Aloware's are declared,
// not listed: to allow a custom attribute, add it once it was seen on a contact.
func (s Settings) CheckSchema(hubspot, aloware []domain.Property) []Fault {
	c := &checker{}
	for _, side := range []struct {
		sys   domain.System
		props []domain.Property
	}{{domain.Aloware, aloware}, {domain.HubSpot, hubspot}} {
		if len(side.props) == 0 {
			continue
		}
		sc := schema{checker: c, system: side.sys, props: map[string]domain.Property{}, settings: s}
		for _, p := range side.props {
			sc.props[p.Name] = p
		}
		for _, f := range s.Fields {
			sc.field(f)
		}
	}
	return c.faults
}

type schema struct {
	*checker
	system   domain.System
	props    map[string]domain.Property
	settings Settings
}

func (sc schema) field(f Field) {
	side := f.Side(sc.system)
	sc.property(f, side.Read, false)
	if sc.written(f) {
		sc.property(f, side.Write, true)
	}
}

// written reports whether values of the field ever flow into the system.
func (sc schema) written(f Field) bool {
	switches := sc.settings.Contacts.Create.Allows(sc.system) || sc.settings.Contacts.Update.Allows(sc.system)
	return f.Direction.Allows(sc.system) && switches
}

func (sc schema) property(f Field, name string, write bool) {
	p, ok := sc.props[name]
	path := "fields." + f.Name
	title := sc.system.Title()
	switch {
	case !ok:
		if !write || f.Side(sc.system).Read != name {
			sc.missing(path, name)
		}
	case write && p.ReadOnly:
		sc.add(path, name+", read-only in "+title, "a property that can be written",
			"set its direction away from "+title+", or map another property")
	case write && f.Side(sc.system).Read == name:
	case !fits(f.Type, p):
		sc.add(path+".type", fmt.Sprintf("%s, but %s in %s is %s", f.Type, name, title, p.Type),
			"the same type on both sides", "map a property of the type, or change the field's type")
	default:
		sc.options(f, p)
	}
}

func (sc schema) missing(path, name string) {
	title := sc.system.Title()
	found := name + ", which " + title + " does not have"
	fix := "create it in " + title + ", or correct the name"
	if sc.system == domain.Aloware {
		found = name + ", neither documented by Aloware nor seen on a contact"
		fix = "correct the name, or set the attribute on one contact in Aloware first"
	}
	if near := Nearest(name, slices.Sorted(maps.Keys(sc.props))); near != "" {
		fix = "did you mean " + near + "?"
	}
	sc.add(path, found, "an existing property", fix)
}

// options finds values of the map that the system's property cannot hold.
func (sc schema) options(f Field, p domain.Property) {
	if f.Type != domain.Enumeration || len(p.Options) == 0 {
		return
	}
	var known []string
	for _, o := range p.Options {
		known = append(known, o.Value)
	}
	for _, from := range slices.Sorted(maps.Keys(f.Values)) {
		value := from
		if sc.system == domain.HubSpot {
			value = f.Values[from]
		}
		path, means := "fields."+f.Name+".values", named(p.Options, value)
		switch {
		case len(means) > 1:
			sc.add(path, fmt.Sprintf("%q, the label of %d options of %s", value, len(means), p.Name),
				"one option", "write the option's value: "+strings.Join(means, " or "))
		case !slices.Contains(known, means[0]):
			sc.add(path, fmt.Sprintf("%q, no option of %s", value, p.Name),
				sc.system.Title()+"'s options: "+strings.Join(known, ", "), "use the value or the label of one of them")
		}
	}
}

// fits reports whether values of the type can be held. A text property also takes what is text at heart; what
// Aloware declares as text takes everything, because its own type is not known.
func fits(t domain.Type, p domain.Property) bool {
	if t == p.Type {
		return true
	}
	switch p.Type {
	case domain.Text:
		return p.Declared || t != domain.Number && t != domain.Bool && t != domain.Datetime
	case domain.Phone, domain.Email:
		return t == domain.Text
	default:
		return false
	}
}
