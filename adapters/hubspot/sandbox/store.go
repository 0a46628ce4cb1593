package sandbox

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// author is who made a change, in webhooks and in the history of values.
type author struct{ source, id string }

func person(id string) author { return author{"CRM_UI", "userId:" + id} }

// object is one record.
type object struct {
	id               int64
	values           map[string]string
	history          map[string][]version // oldest first
	created, updated time.Time
	archived         time.Time // zero while live
}

type version struct {
	value string
	at    time.Time
	by    author
}

// table holds the records of one object type.
type table struct {
	name, typeID, modified string
	properties             []*property
	objects                map[int64]*object
	order                  []int64
	next                   int64
	alias                  map[int64]int64             // merged id → survivor
	unique                 map[string]map[string]int64 // property, value → record; secondary emails included
	blocked                map[string]bool             // emails erased on request
}

func newTables() map[string]*table {
	contacts := newTable("contacts", "0-1", "lastmodifieddate", 501, contactProperties())
	contacts.unique["email"] = map[string]int64{}
	deals := newTable("deals", "0-3", "hs_lastmodifieddate", 9001, dealProperties())
	calls := newTable("calls", "0-48", "hs_lastmodifieddate", 20001, callProperties())
	meetings := newTable("meetings", "0-47", "hs_lastmodifieddate", 30001, meetingProperties())
	return map[string]*table{
		"contacts": contacts, "0-1": contacts, "deals": deals, "0-3": deals, "calls": calls, "0-48": calls,
		"meetings": meetings, "0-47": meetings,
	}
}

func newTable(name, typeID, modified string, first int64, properties []*property) *table {
	return &table{
		name: name, typeID: typeID, modified: modified, next: first, properties: properties,
		objects: map[int64]*object{}, alias: map[int64]int64{}, unique: map[string]map[string]int64{},
		blocked: map[string]bool{},
	}
}

// get finds a live record by id; a merged id finds its survivor.
func (t *table) get(id int64) *object {
	for {
		to, ok := t.alias[id]
		if !ok {
			break
		}
		id = to
	}
	if o := t.objects[id]; o != nil && o.archived.IsZero() {
		return o
	}
	return nil
}

// find looks a record up by id or by a unique property's value.
func (t *table) find(by, value string) *object {
	if by == "" || by == "hs_object_id" {
		id, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil
		}
		return t.get(id)
	}
	return t.get(t.unique[by][key(by, value)])
}

// key is the form in which a unique value is compared.
func key(name, value string) string {
	if name == "email" {
		return strings.ToLower(strings.TrimSpace(value))
	}
	return value
}

// taken returns the record other than id that holds one of the unique values, and the property.
func (t *table) taken(id int64, values map[string]string) (owner int64, name string) {
	for _, name := range sortedKeys(values) {
		holder, ok := t.unique[name][key(name, values[name])]
		if ok && values[name] != "" && holder != id {
			return holder, name
		}
	}
	return 0, ""
}

func (t *table) create(at time.Time, values map[string]string, by author) *object {
	o := &object{
		id: t.next, values: map[string]string{}, history: map[string][]version{}, created: at,
		updated: at.Add(-time.Millisecond),
	}
	t.next += 50
	t.objects[o.id] = o
	t.order = append(t.order, o.id)
	t.set(o, at, values, by)
	o.created = o.updated
	return o
}

// set stores values and returns the names of those that differ from before. A record's time always moves on, so its
// changes have an order also within a millisecond.
func (t *table) set(o *object, at time.Time, values map[string]string, by author) (changed []string) {
	for _, name := range sortedKeys(values) {
		if v, ok := o.values[name]; (ok || values[name] != "") && v != values[name] {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 && !o.updated.Before(o.created) {
		return nil
	}
	o.updated = later(at, o.updated)
	for _, name := range changed {
		t.put(o, name, values[name], by)
	}
	t.derive(o)
	return changed
}

func later(at, than time.Time) time.Time {
	if min := than.Add(time.Millisecond); at.Before(min) {
		return min
	}
	return at
}

func (t *table) put(o *object, name, v string, by author) {
	if index := t.unique[name]; index != nil {
		delete(index, key(name, o.values[name]))
		if v != "" {
			index[key(name, v)] = o.id
		}
	}
	o.values[name] = v
	o.history[name] = append(o.history[name], version{v, o.updated, by})
}

// derive works the calculated properties out: area code and local number, without the country code.
func (t *table) derive(o *object) {
	for from, to := range map[string]string{
		"phone":       "hs_searchable_calculated_phone_number",
		"mobilephone": "hs_searchable_calculated_mobile_number",
	} {
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, o.values[from])
		if len(digits) > 10 {
			digits = digits[len(digits)-10:]
		}
		if o.values[to] != digits {
			o.values[to] = digits
		}
	}
}

// remove archives a record and frees its unique values.
func (t *table) remove(o *object, at time.Time) {
	o.archived = at
	for _, index := range t.unique {
		maps.DeleteFunc(index, func(_ string, id int64) bool { return id == o.id })
	}
}

// restore takes a record out of the recycle bin.
func (t *table) restore(o *object, at time.Time) {
	o.updated = later(at, o.archived)
	o.archived = time.Time{}
	for name, index := range t.unique {
		if v := o.values[name]; v != "" {
			index[key(name, v)] = o.id
		}
	}
}

// live lists the records that are not archived, oldest first.
func (t *table) live() []*object {
	out := make([]*object, 0, len(t.order))
	for _, id := range t.order {
		if o := t.objects[id]; o != nil && o.archived.IsZero() {
			out = append(out, o)
		}
	}
	return out
}

// asOf is a value as it stood at a time.
func (o *object) asOf(name string, at time.Time) string {
	h := o.history[name]
	if len(h) == 0 {
		return o.values[name]
	}
	i, _ := slices.BinarySearchFunc(h, at, func(v version, at time.Time) int {
		return cmp.Or(v.at.Compare(at), -1) // equal counts as past
	})
	if i == 0 {
		return ""
	}
	return h[i-1].value
}

// updatedAsOf is the time of the last change up to a time.
func (o *object) updatedAsOf(at time.Time) time.Time {
	if !o.updated.After(at) {
		return o.updated
	}
	last := o.created
	for _, h := range o.history {
		for _, v := range h {
			if v.at.After(last) && !v.at.After(at) {
				last = v.at
			}
		}
	}
	return last
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
