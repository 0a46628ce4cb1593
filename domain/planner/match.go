package planner

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
)

// match looks for the record's counterpart, key by key in the settings' order. One free candidate is linked; several,
// or one that is linked elsewhere, are held for a person; a shared number with contradicting emails is no candidate.
// In the first scan of both sides only our own key links: who else could claim the candidate is known when it is over.
func (p *pass) match(d *draft, r *Record) {
	if p.tied(d, r) {
		return
	}
	keys := identity.Ordered(p.v.Control.Settings, r.keys)
	for _, kind := range []string{identity.KindUnique, identity.KindEmail, identity.KindPhone} {
		if kind != identity.KindUnique && p.e.Scanned && !p.v.Control.Baseline {
			d.head.Dirty = true
			return
		}
		found := p.candidates(d, r, keys, kind)
		for _, o := range found.all() {
			d.Considered = append(d.Considered, o.ID)
		}
		if len(found.free) == 1 && len(found.taken)+len(found.rivals) == 0 {
			p.join(d, r, found.free[0], reasonOf[kind])
			return
		}
		if len(found.free)+len(found.taken) > 0 {
			p.hold(d, r, "ambiguous by "+reasonOf[kind], found.all())
			return
		}
	}
	if r.Link.State == Held {
		l := r.Link
		l.State, l.Reason = Unlinked, "no longer ambiguous"
		d.link(p, r, l)
		d.head.Review, d.head.Others = "", nil
	}
}

var reasonOf = map[string]string{
	identity.KindUnique: "unique key", identity.KindEmail: "email", identity.KindPhone: "phone",
}

// found sorts the holders of a key: free to link, taken by another record of this system, and rivals, records of this
// system that could claim the same candidate.
type found struct{ free, taken, rivals []*Record }

func (f found) all() []*Record { return slices.Concat(f.free, f.taken, f.rivals) }

func (p *pass) candidates(d *draft, r *Record, keys []identity.Key, kind string) found {
	var out found
	seen := map[domain.Record]bool{r.ID: true}
	for _, k := range keys {
		if k.Kind != kind {
			continue
		}
		for _, o := range p.v.Holders(k) {
			if seen[o.ID] || !o.alive() || o.Link.Contact == d.Contact {
				continue
			}
			seen[o.ID] = true
			p.sort(r, o, kind, &out)
		}
	}
	if len(p.e.Found) > 1 && p.e.Record == r.ID && kind == identity.KindPhone {
		for _, id := range p.e.Found {
			if o := p.v.rec(id); o != nil && !seen[id] {
				out.rivals = append(out.rivals, o)
			}
		}
	}
	return out
}

func (p *pass) sort(r, o *Record, kind string, out *found) {
	same := o.ID.System == r.ID.System
	switch {
	case r.separate(o.ID):
	case kind == identity.KindPhone && identity.Contradicts(r.keys, o.keys):
	case kind != identity.KindUnique && !p.takesPart(r, o):
	case same && kind != identity.KindUnique && p.counterpart(o.Link.Contact, o) == nil:
		out.rivals = append(out.rivals, o)
	case same:
	case p.standing(o.Link.Contact, r.ID.System, domain.Record{}) != nil:
		out.taken = append(out.taken, o)
	default:
		out.free = append(out.free, o)
	}
}

// Holders returns the records that hold a key, sorted; of a unique key, the records of the contact it names.
func (v *View) Holders(k identity.Key) []*Record {
	if k.Kind == identity.KindUnique {
		id, err := ulid.ParseStrict(k.Value)
		if c := v.Contact(id); err == nil && c != nil {
			return v.Members(c.ID)
		}
		return nil
	}
	var out []*Record
	for _, id := range v.holders(k) {
		out = append(out, v.rec(id))
	}
	slices.SortFunc(out, func(a, b *Record) int { return compareRecords(a.ID, b.ID) })
	return out
}

// hold leaves the record to a person, with the evidence.
func (p *pass) hold(d *draft, r *Record, why string, others []*Record) {
	ids := make([]domain.Record, 0, len(others))
	for _, o := range others {
		ids = append(ids, o.ID)
	}
	slices.SortFunc(ids, compareRecords)
	ids = slices.Compact(ids)
	if r.Link.State == Held && d.head.Review == why && slices.Equal(d.head.Others, ids) {
		return
	}
	l := r.Link
	l.State, l.Reason, l.Reading = Held, why, ulid.ULID{}
	d.link(p, r, l)
	d.head.Review, d.head.Others = why, ids
	d.Whole = &Whole{Result: HeldBack, Rule: why, System: r.ID.System.Other(), Others: ids}
}
