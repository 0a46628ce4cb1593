package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/duolog/duolog/domain"
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
		c.members[id] = slices.Clone(m)
	}
	for k, m := range v.byKey {
		c.byKey[k] = slices.Clone(m)
	}
	return c
}

func (s FieldState) clone() FieldState {
	s.Base, s.Recent = maps.Clone(s.Base), slices.Clone(s.Recent)
	if s.Pending != nil {
		w := *s.Pending
		s.Pending = &w
	}
	if s.Restated != nil {
		w := *s.Restated
		s.Restated = &w
	}
	if s.Meanwhile != nil {
		m := *s.Meanwhile
		s.Meanwhile = &m
	}
	return s
}

// Same reports whether two views hold the same state.
func (v *View) Same(o *View) bool {
	return reflect.DeepEqual(unread(v.records), unread(o.records)) && reflect.DeepEqual(v.contacts, o.contacts) &&
		sameLists(v.members, o.members) && sameLists(v.byKey, o.byKey) &&
		reflect.DeepEqual(v.Control, o.Control) && v.control == o.control
}

// unread are records without what was read of their values, which may be known or not.
func unread(records map[domain.Record]*Record) map[domain.Record]Record {
	all := map[domain.Record]Record{}
	for id, r := range records {
		o := *r
		o.read = readings{}
		all[id] = o
	}
	return all
}

// sameLists compares lists of records, in whatever order.
func sameLists[K comparable](a, b map[K][]domain.Record) bool {
	return maps.EqualFunc(a, b, func(x, y []domain.Record) bool {
		x, y = slices.Clone(x), slices.Clone(y)
		slices.SortFunc(x, compareRecords)
		slices.SortFunc(y, compareRecords)
		return slices.Equal(x, y)
	})
}

// Repacked puts a record and a contact away and takes them back.
func Repacked(r Record, c Contact) (Record, Contact) {
	p := newPacker()
	again := p.unpackRecord(r.ID, slices.Clone(p.record(&r)))
	also, _ := p.unpackContact(c.ID, slices.Clone(p.contact(&c, nil)))
	return *again, *also
}

// AtHand counts what is not put away.
func (v *View) AtHand() int { return len(v.records) + len(v.contacts) + len(v.members) + len(v.byKey) }

// Lacks says what a view that puts away does not hold as another does; nothing when it holds the same.
func (v *View) Lacks(o *View) string {
	text := func(is any, has ...any) string {
		b, err := json.Marshal(is)
		return fmt.Sprint(string(b), err, has)
	}
	for id, r := range o.records {
		got := v.rec(id)
		if got == nil || text(got, got.Seen, got.Answers, got.Replaced, got.keys) != text(r, r.Seen, r.Answers, r.Replaced, r.keys) {
			return fmt.Sprintf("record %v: %+v, want %+v", id, got, r)
		}
	}
	for id, c := range o.contacts {
		if got := v.person(id); text(got) != text(c) {
			return fmt.Sprintf("contact %v: %s, want %s", id, text(got), text(c))
		}
	}
	for k := range o.byKey {
		v.holders(k)
	}
	if !sameLists(v.members, o.members) || !sameLists(v.byKey, o.byKey) {
		return fmt.Sprintf("lists: %v, %v, want %v, %v", v.members, v.byKey, o.members, o.byKey)
	}
	return ""
}
