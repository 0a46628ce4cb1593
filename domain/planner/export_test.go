package planner

import (
	"maps"
	"reflect"
	"slices"
)

// Copied returns a view that shares nothing with this one that planning could change.
func (v *View) Copied() *View {
	c := NewView(v.Control, v.Digester)
	c.control = v.control
	for id, r := range v.records {
		o := *r
		o.keys = slices.Clone(r.keys)
		c.records[id] = &o
	}
	for id, k := range v.contacts {
		o := *k
		o.Looked, o.Unasked, o.Fields = slices.Clone(k.Looked), slices.Clone(k.Unasked), maps.Clone(k.Fields)
		for name, f := range o.Fields {
			g := *f
			g.FieldState = f.clone()
			o.Fields[name] = &g
		}
		c.contacts[id] = &o
	}
	for id, m := range v.members {
		c.members[id] = maps.Clone(m)
	}
	for k, m := range v.byKey {
		c.byKey[k] = maps.Clone(m)
	}
	return c
}

// Same reports whether two views hold the same state.
func (v *View) Same(o *View) bool {
	return reflect.DeepEqual(v.records, o.records) && reflect.DeepEqual(v.contacts, o.contacts) &&
		reflect.DeepEqual(v.members, o.members) && reflect.DeepEqual(v.byKey, o.byKey) &&
		reflect.DeepEqual(v.Control, o.Control) && v.control == o.control
}
