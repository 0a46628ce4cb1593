package planner

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
)

// identify settles how a record belongs to its contact: read it first, follow its deletion or return, or look for
// its counterpart.
func (p *pass) identify(d *draft, r *Record) {
	switch {
	case r.Life == Away, r.Link.State == Merged, r.Link.State == Absorbed, r.Link.State == Suppressed:
		return
	case r.Life == Missing:
		p.deleted(d, r)
		return
	case r.Life == Reported || !r.Known:
		p.read(d, r)
		return
	case r.Link.State == Deleted:
		p.returned(d, r)
	}
	if r.Link.State != Linked {
		p.match(d, r)
	}
}

// read asks for a record before anything is decided about it. A read that failed is repeated only when something new
// is told about the record.
func (p *pass) read(d *draft, r *Record) {
	waiting := !r.Link.Reading.IsZero() && r.Link.Reading != r.ReadDone
	failed := !r.Link.Reading.IsZero() && !waiting
	if waiting || failed && !p.e.Force && !p.e.Release && (p.e.Record != r.ID || p.e.Answered || !p.e.Changed) {
		return
	}
	p.sendRead(d, r)
	d.Whole = &Whole{Result: Reading, Rule: "first sight", System: r.ID.System, Others: []domain.Record{r.ID}}
	if r.Life == Reported {
		d.Whole.Rule = "deletion reported"
	}
}

func (p *pass) sendRead(d *draft, r *Record) {
	phone, _, _ := p.phone(r)
	l := r.Link
	l.Reading = d.command(p, Outgoing{
		Command: Command{Kind: domain.KindRead, System: r.ID.System, Record: r.ID, Source: r.ID, By: "id"},
		Phone:   phone, Value: r.ID.ID,
	})
	d.link(p, r, l)
}

// phone returns the record's number by which Aloware finds it.
func (p *pass) phone(r *Record) (canonical string, known bool, err error) {
	f, ok := p.v.field("phone_number")
	if !ok {
		return "", false, nil
	}
	return f.Get(r.ID.System, r.Properties(), p.v.env)
}

// deleted turns the link into a tombstone; deletions never cascade.
func (p *pass) deleted(d *draft, r *Record) {
	if r.Link.State == Deleted {
		return
	}
	l := r.Link
	l.State, l.Reason, l.Reading = Deleted, "gone there", ulid.ULID{}
	d.link(p, r, l)
	d.Whole = &Whole{Result: Gone, Rule: "on_delete = " + p.v.Control.Settings.Contacts.OnDelete, System: r.ID.System}
	if p.v.Control.Settings.Contacts.OnDelete != "unlink" {
		return
	}
	for _, o := range p.v.Members(d.Contact) {
		if o.Link.State == Linked {
			l := o.Link
			l.State, l.Reason = Unlinked, "counterpart deleted"
			d.link(p, o, l)
		}
	}
}

// returned reopens the link of a record that was restored.
func (p *pass) returned(d *draft, r *Record) {
	l := r.Link
	l.State, l.Reason = Unlinked, "restored"
	if p.counterpart(d.Contact, r) != nil {
		l.State = Linked
	}
	d.link(p, r, l)
}

// counterpart returns the contact's live record in the other system, nil when there is none.
func (p *pass) counterpart(contact ulid.ULID, r *Record) *Record {
	return p.standing(contact, r.ID.System.Other(), domain.Record{})
}

// standing returns the contact's live record in a system, other than one.
func (p *pass) standing(contact ulid.ULID, s domain.System, except domain.Record) *Record {
	for _, o := range p.v.Members(contact) {
		if o.ID.System == s && o.ID != except && o.alive() {
			return o
		}
	}
	return nil
}

// alive reports whether the record stands for its contact in its system.
func (r *Record) alive() bool {
	switch r.Link.State {
	case Absorbed, Merged, Deleted, Suppressed:
		return false
	default:
		return r.Life != Missing && r.Life != Away
	}
}

// match looks for the record's counterpart, key by key in the settings' order. One free candidate is linked; several,
// or one that is linked elsewhere, are held for a person; a shared number with contradicting emails is no candidate.
func (p *pass) match(d *draft, r *Record) {
	keys := identity.Ordered(p.v.Control.Settings, r.keys)
	for _, kind := range []string{identity.KindUnique, identity.KindEmail, identity.KindPhone} {
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
		for _, o := range p.holders(k) {
			if seen[o.ID] || !o.alive() || o.Link.Contact == d.Contact {
				continue
			}
			seen[o.ID] = true
			p.sort(r, o, kind, &out)
		}
	}
	if len(p.e.Found) > 1 && p.e.Record == r.ID && kind == identity.KindPhone {
		for _, id := range p.e.Found {
			if o := p.v.records[id]; o != nil && !seen[id] {
				out.rivals = append(out.rivals, o)
			}
		}
	}
	return out
}

func (p *pass) sort(r, o *Record, kind string, out *found) {
	same := o.ID.System == r.ID.System
	switch {
	case kind == identity.KindPhone && identity.Contradicts(r.keys, o.keys):
	case same && kind != identity.KindUnique && p.counterpart(o.Link.Contact, o) == nil:
		out.rivals = append(out.rivals, o)
	case same:
	case p.standing(o.Link.Contact, r.ID.System, domain.Record{}) != nil:
		out.taken = append(out.taken, o)
	default:
		out.free = append(out.free, o)
	}
}

// holders returns the records that hold a key, sorted; of a unique key, the records of the contact it names.
func (p *pass) holders(k identity.Key) []*Record {
	if k.Kind == identity.KindUnique {
		id, err := ulid.ParseStrict(k.Value)
		if c := p.v.Contact(id); err == nil && c != nil {
			return p.v.Members(c.ID)
		}
		return nil
	}
	var out []*Record
	for id := range p.v.byKey[k] {
		out = append(out, p.v.records[id])
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

// join links two records and makes their contacts one. The lower id stays, the other is its alias for ever.
func (p *pass) join(d *draft, r, o *Record, reason string) {
	if o.Link.Contact.IsZero() {
		d.link(p, o, Link{Contact: d.Contact, State: Unlinked, Reason: reason})
	}
	keep, drop := p.v.contact(d.Contact), p.v.contact(o.Link.Contact)
	if drop.ID.Compare(keep.ID) < 0 {
		keep, drop = drop, keep
	}
	d.head = mergeHeads(keep.Head, drop.Head)
	fields := drop.Fields
	for _, m := range p.v.Members(drop.ID) {
		l := m.Link
		l.Contact = keep.ID
		d.link(p, m, l)
	}
	d.Contact = keep.ID
	p.forget(d)
	for _, m := range []*Record{r, o} {
		d.link(p, m, Link{Contact: keep.ID, State: Linked, Reason: reason})
	}
	if keep.ID != drop.ID {
		d.Aliases = append(d.Aliases, Alias{From: drop.ID, To: keep.ID})
		p.carry(d, keep, fields)
		for _, s := range p.v.applyAlias(Alias{From: drop.ID, To: keep.ID}, p.in.Position) {
			p.v.note(keep.ID, s)
		}
	}
	d.Whole = &Whole{Result: LinkedUp, Rule: reason, Others: []domain.Record{r.ID, o.ID}}
	slices.SortFunc(d.Whole.Others, compareRecords)
}

// carry takes over what the contact that ends knew about fields the surviving one knows nothing of.
func (p *pass) carry(d *draft, keep *Contact, fields map[string]*Field) {
	for _, f := range p.v.Control.Settings.Fields {
		old := fields[f.Name]
		if old == nil || keep.Fields[f.Name] != nil {
			continue
		}
		d.verdict(p, Verdict{Field: f.Name, Result: Unchanged, Rule: "contacts became one", After: old.FieldState})
	}
}

// forget drops another draft of the contact this one now decides for, taking its effects in.
func (p *pass) forget(d *draft) {
	for i, o := range p.drafts {
		if o != d && o.Contact == d.Contact {
			d.Links = append(o.Links, d.Links...)
			d.Commands = append(o.Commands, d.Commands...)
			d.outgoing = append(o.outgoing, d.outgoing...)
			p.drafts = slices.Delete(p.drafts, i, i+1)
			return
		}
	}
}

// mergeHeads keeps the creation that is on its way, whichever contact it belongs to; reviews are settled by the link.
func mergeHeads(a, b HeadState) HeadState {
	h := HeadState{Creation: a.Creation}
	if h.Creation.Command.IsZero() {
		h.Creation = b.Creation
	}
	return h
}

// planMerge follows a merge in a system: the survivor joins the contact of the primary, the ids merged away become
// aliases, and a counterpart of the other contact is absorbed unless the primary's had none.
func (p *pass) planMerge(r *Record) {
	home := p.homeOf(r)
	d := p.draft(home)
	if r.Link.Contact != home {
		p.leaveHome(d, r)
	}
	for _, id := range r.Merged {
		o := p.v.records[id]
		if o == nil || o.Link.State == Merged {
			continue
		}
		from := o.Link.Contact
		d.link(p, o, Link{Contact: home, State: Merged, Reason: "merged into " + r.ID.String()})
		p.absorb(d, from)
	}
	state := Unlinked
	if other := p.counterpart(home, r); other != nil {
		state = Linked
	}
	l := r.Link
	l.Contact, l.State, l.Reason = home, state, "merge"
	d.link(p, r, l)
	d.head.Review, d.head.Others = "", nil
	d.Whole = &Whole{Result: LinkedUp, Rule: "merge", System: r.ID.System, Others: slices.Clone(r.Merged)}
	if p.v.Control.Stopped() {
		d.head.Dirty = true
		return
	}
	p.identify(d, r)
	p.weigh(d)
}

// homeOf is the contact a merge survivor belongs to: the primary's, else the first merged record's that has one.
func (p *pass) homeOf(r *Record) ulid.ULID {
	ids := slices.Clone(r.Merged)
	slices.SortFunc(ids, compareRecords)
	for _, id := range append([]domain.Record{r.Primary}, ids...) {
		if o := p.v.records[id]; o != nil && !o.Link.Contact.IsZero() && o.ID != r.ID {
			return p.v.contact(o.Link.Contact).ID
		}
	}
	return r.Link.Contact
}

// leaveHome ends the contact the survivor had made of its own.
func (p *pass) leaveHome(d *draft, r *Record) {
	from := r.Link.Contact
	l := r.Link
	l.Contact = d.Contact
	d.link(p, r, l)
	p.endIfEmpty(d, from)
}

// absorb empties the other contact: its live counterpart joins this one, or is absorbed when there is one already.
func (p *pass) absorb(d *draft, from ulid.ULID) {
	if from.IsZero() || from == d.Contact {
		return
	}
	for _, m := range p.v.Members(from) {
		l := m.Link
		l.Contact = d.Contact
		if m.alive() && p.standing(d.Contact, m.ID.System, m.ID) != nil {
			l.State, l.Reason = Absorbed, "merge"
		}
		d.link(p, m, l)
	}
	p.endIfEmpty(d, from)
}

func (p *pass) endIfEmpty(d *draft, from ulid.ULID) {
	if from == d.Contact || len(p.v.members[from]) > 0 {
		return
	}
	a := Alias{From: from, To: d.Contact}
	d.Aliases = append(d.Aliases, a)
	p.v.applyAlias(a, p.in.Position)
}
