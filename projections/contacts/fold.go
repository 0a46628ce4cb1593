package contacts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// purpose binds a record's sealed body to its table.
const purpose = "contact_record.body"

// erasedMark stands for a sealed body whose key is gone.
var erasedMark = []byte{0}

const (
	errStream   = projections.Fault("the event's stream is not a record")
	errSubject  = projections.Fault("the event is not sealed under its record's key")
	errDecision = projections.Fault("the decision names no contact")
)

// fold holds the rows a run of events touches, and folds the events into them.
type fold struct {
	vault    eventstore.Vault
	blinds   *blinds
	records  map[string]*record
	contacts map[string]*contact
	policies []policy // by position; the first one stands for everything before the second
	decoder  *decoder
	// forgotten are the records whose keys have to go, whatever they are: nobody can tell any more.
	forgotten []string
}

func newFold(v eventstore.Vault) *fold {
	return &fold{
		vault: v, blinds: newBlinds(v), records: map[string]*record{}, contacts: map[string]*contact{}, decoder: newDecoder(),
	}
}

func (f *fold) apply(ctx context.Context, in *input) error {
	switch {
	case in.settings != nil:
		return f.applySettings(in)
	case in.decision != nil:
		return f.applyDecision(in)
	case in.erasure != nil:
		f.applyErasure(in)
		return nil
	case in.outcome != nil:
		f.applyOutcome(in)
	}
	f.applyRead(in)
	if in.shows() {
		return f.applyValues(ctx, in)
	}
	return nil
}

// applyOutcome tells the fields that wait for the command what became of it.
func (f *fold) applyOutcome(in *input) {
	c := f.contacts[f.final(in.outcome.Contact.String())]
	if c != nil && c.settled(in, f.policy(in.Position)) {
		c.touch(in.Position, in.RecordedAt)
	}
}

func (f *fold) applySettings(in *input) error {
	p, err := newPolicy(in.Position, string(in.settings.Settings))
	if err != nil {
		return fmt.Errorf("read settings at %d: %w", in.Position, err)
	}
	p.fresh = true
	i, _ := slices.BinarySearchFunc(f.policies, in.Position, func(p policy, at int64) int { return int(p.position - at) })
	f.policies = slices.Insert(f.policies, i, p)
	return nil
}

// policy returns the one in force at the position.
func (f *fold) policy(position int64) *policy { return policyAt(f.policies, position) }

// applyRead notes on the members that their read was answered.
func (f *fold) applyRead(in *input) {
	streams, command := in.read()
	for _, stream := range streams {
		r := f.records[stream]
		if r == nil || r.contact == "" {
			continue
		}
		c := f.own(r.contact)
		m, _ := c.body.Members.get(stream)
		m.Done = command
		c.body.Members.put(stream, m)
		c.touch(in.Position, in.RecordedAt)
	}
	if in.fact != nil && len(streams) > 0 {
		f.readInPlace(in, f.contacts[f.final(in.fact.Answer.Contact.String())])
	}
}

// readInPlace notes the answer on the member that was asked for, when another record answered in its place.
func (f *fold) readInPlace(in *input, c *contact) {
	if c == nil {
		return
	}
	for i := range c.body.Members {
		if m := &c.body.Members[i].v; m.waits() && m.Reading == in.fact.Answer.Command {
			m.Done = m.Reading
			c.touch(in.Position, in.RecordedAt)
		}
	}
}

// applyValues folds what a fact or an outcome shows into its record.
func (f *fold) applyValues(ctx context.Context, in *input) error {
	rec, err := domain.ParseRecord(in.Stream)
	if err != nil {
		return errStream
	}
	if in.Subject != in.Stream {
		return errSubject
	}
	r := f.record(in.Stream)
	r.position, r.dirty = max(r.position, in.Position), true
	if in.Erased {
		r.erase()
		return nil
	}
	if err := f.open(ctx, r); err != nil || r.erased {
		return err
	}
	p := f.policy(in.Position)
	r.watch = p.keyed[rec.System]
	if in.fact != nil {
		r.tellFact(in.Event, in.fact)
	} else {
		r.tellOutcome(in.Event, in.outcome, p)
	}
	if r.changed && (r.rekey || r.keysAt == 0 || r.keysAt < p.position) {
		r.keys, r.keysAt = keysOf(f.blinds, rec, r.values, p), in.Position
	}
	r.changed, r.rekey = false, false
	return nil
}

// open reads the record's sealed body, once.
func (f *fold) open(ctx context.Context, r *record) error {
	if r.opened || r.erased {
		return nil
	}
	r.opened = true
	switch {
	case len(r.sealed) == 0:
		return nil
	case bytes.Equal(r.sealed, erasedMark):
		r.erase()
		return nil
	}
	plain, err := f.vault.Open(ctx, r.stream, purpose, r.sealed)
	if errors.Is(err, eventstore.ErrErased) {
		r.erase()
		return nil
	}
	if err != nil {
		return fmt.Errorf("open a record's values: %w", err)
	}
	if r.values, r.keys, err = f.decoder.body(plain); err != nil {
		return fmt.Errorf("read a record's values: %w", err)
	}
	r.tabled = r.keys
	return nil
}

// erase forgets the values: the key that sealed them is gone.
func (r *record) erase() {
	r.erased, r.values, r.keys, r.sealed, r.keysAt, r.dirty = true, nil, nil, nil, 0, true
}

// applyErasure forgets the records that were erased. One that is let in again begins anew, under a key of its own.
func (f *fold) applyErasure(in *input) {
	for _, rec := range in.erasure.Records {
		r := f.record(rec.Stream())
		r.erase()
		r.erased, r.opened = in.Type == domain.SubjectErased, true
		f.forgotten = append(f.forgotten, r.stream)
		if c := f.contacts[r.contact]; c != nil {
			m, _ := c.body.Members.get(r.stream)
			m.Done = ulid.ULID{} // who reads the log anew finds no answer there
			c.body.Members.put(r.stream, m)
			c.touch(in.Position, in.RecordedAt)
		}
	}
}

// applyDecision folds a decision's effects, each at the position of its input.
func (f *fold) applyDecision(in *input) error {
	d := in.decision
	if d.Contact.IsZero() {
		return errDecision
	}
	at := order{Input: d.Input, Position: in.Position}
	for _, a := range d.Aliases {
		f.alias(in, a, at)
	}
	for _, l := range d.Links {
		f.link(in, l, at)
	}
	c := f.own(d.Contact.String())
	c.touch(in.Position, in.RecordedAt)
	if c.aliasOf != "" {
		return nil // decided before the merge; what the contact now means has its own decisions
	}
	if d.Head != nil && at.after(c.body.Head.Order) {
		c.body.Head = head{HeadState: *d.Head, Order: at}
	}
	c.body.Fields.grow(len(d.Fields))
	for _, v := range d.Fields {
		c.decide(v, at)
	}
	return nil
}

func (f *fold) link(in *input, l planner.Link, at order) {
	r := f.record(l.Record.Stream())
	if r.linked != (order{}) && !at.after(r.linked) {
		return
	}
	r.position = max(r.position, in.Position)
	f.move(in, r, f.final(l.Contact.String()), member{
		State: l.State, Reason: l.Reason, Order: at, Reading: l.Reading,
	})
}

// move makes the record a member of the contact, and of no other.
func (f *fold) move(in *input, r *record, to string, m member) {
	if old := r.contact; old != "" {
		c := f.own(old)
		was, _ := c.body.Members.get(r.stream)
		m.Done = was.Done
		c.body.Members.remove(r.stream)
		c.touch(in.Position, in.RecordedAt)
	}
	r.contact, r.link, r.linked, r.dirty = to, m.State, m.Order, true
	c := f.own(to)
	c.body.Members.put(r.stream, m)
	c.touch(in.Position, in.RecordedAt)
}

// alias lets the id mean another contact, for ever, and hands that one its records.
func (f *fold) alias(in *input, a planner.Alias, at order) {
	from, to := f.own(a.From.String()), f.final(a.To.String())
	if from.id == to {
		return
	}
	from.aliasOf = to
	from.touch(in.Position, in.RecordedAt)
	for _, m := range slices.Clone(from.body.Members) {
		f.move(in, f.record(m.name), to, m.v)
	}
	from.body.Fields, from.body.Head = nil, head{Order: at}
}

// final follows aliases to the contact that an id means now.
func (f *fold) final(id string) string {
	for range f.contacts {
		c, ok := f.contacts[id]
		if !ok || c.aliasOf == "" {
			break
		}
		id = c.aliasOf
	}
	return id
}

func (f *fold) record(stream string) *record {
	r := f.records[stream]
	if r == nil {
		r = &record{stream: stream, dirty: true}
		f.records[stream] = r
	}
	return r
}

// own returns the contact of exactly this id.
func (f *fold) own(id string) *contact {
	c := f.contacts[id]
	if c == nil {
		c = &contact{id: id}
		f.contacts[id] = c
	}
	return c
}
