package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// mergeCall merges two records into a new one.
func (s *Sandbox) mergeCall(c call) (int, any, *problem) {
	var in struct {
		Primary string `json:"primaryObjectId"`
		Other   string `json:"objectIdToMerge"`
	}
	if p := decode(c, &in); p != nil {
		return 0, nil, p
	}
	a, b := c.table.find("", in.Primary), c.table.find("", in.Other)
	if a == nil || b == nil {
		return 0, nil, notFound()
	}
	if a == b {
		return 0, nil, invalid("A record cannot be merged with itself")
	}
	s.writes++
	return http.StatusOK, c.table.render(s.merge(c.table, a, b, c.by), nil, nil), nil
}

// merge makes a record with a new id that both old ids lead to. The primary's values win, the other fills blanks and
// its email becomes a secondary one. No propertyChange tells of the values; a deletion tells of each old record.
func (s *Sandbox) merge(t *table, a, b *object, by author) *object {
	values, moved := map[string]string{}, 0
	for name, v := range b.values {
		if p := t.property(name); p != nil && p.writable() && a.values[name] == "" && v != "" {
			values[name], moved = v, moved+1
		}
	}
	for name, v := range a.values {
		if p := t.property(name); p != nil && p.writable() && v != "" {
			values[name] = v
		}
	}
	// Our key can stand on one record only: the primary's wins, as any other value.
	values["hs_additional_emails"] = joinUnique(values["email"], a.values["hs_additional_emails"],
		b.values["hs_additional_emails"], a.values["email"], b.values["email"])
	values["hs_merged_object_ids"] = joinUnique("", a.values["hs_merged_object_ids"],
		b.values["hs_merged_object_ids"], idText(a), idText(b))
	at := later(later(s.now(), a.updated), b.updated)
	t.remove(a, at)
	t.remove(b, at)
	o := t.create(at, values, by)
	for _, e := range strings.Split(o.values["hs_additional_emails"], ";") {
		if e != "" {
			t.unique["email"][e] = o.id
		}
	}
	t.alias[a.id], t.alias[b.id] = o.id, o.id
	delete(t.objects, a.id)
	delete(t.objects, b.id)
	s.tellMerged(t, a, b, o, moved, by)
	return o
}

func idText(o *object) string { return strconv.FormatInt(o.id, 10) }

// joinUnique lists what the lists hold, once each, without one value.
func joinUnique(without string, lists ...string) string {
	seen, out := map[string]bool{without: true, "": true}, []string(nil)
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ";") {
			if !seen[one] {
				seen[one] = true
				out = append(out, one)
			}
		}
	}
	return strings.Join(out, ";")
}

// erase removes a person for good; an email that is not known is blocked.
func (s *Sandbox) erase(c call) (int, any, *problem) {
	var in struct {
		ObjectID   string `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if p := decode(c, &in); p != nil {
		return 0, nil, p
	}
	o := c.table.find(in.IDProperty, in.ObjectID)
	if in.IDProperty == "email" {
		c.table.blocked[key("email", in.ObjectID)] = true
	}
	if o != nil {
		s.archive(c.table, o, c.by)
		s.tell(c.table, o, "privacyDeletion", o.archived, c.by, nil)
		delete(c.table.objects, o.id)
	}
	return http.StatusNoContent, nil, nil
}
