package contacts

import (
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections"
)

// codec encodes the rows a folder holds, and reads them again. Nobody else sees them: texts that come again and again are
// numbers of a list, and positions and clocks are told by what they differ from those before.
type codec struct {
	decoder
	words  []string
	number map[string]uint64 // of a word, from 1
}

func newCodec() *codec { return &codec{decoder: *newDecoder(), number: map[string]uint64{}} }

// What is held of a record's values.
const (
	bodyNone   = iota
	bodySealed // as loaded: nobody has asked for them
	bodyPlain
	bodyErased
)

// Which keys stand in the table for a row that is to be written.
const (
	tabledSame = iota
	tabledNone
	tabledOther // those that follow
)

func (c *codec) appendWord(b []byte, word string) []byte {
	n, ok := c.number[word]
	if !ok && len(c.words) < maxKnown {
		c.words = append(c.words, word)
		n = uint64(len(c.words))
		c.number[word] = n
	}
	if b = binary.AppendUvarint(b, n); n == 0 {
		return appendText(b, word)
	}
	return b
}

func (c *codec) word() string {
	n := c.uint()
	if n == 0 {
		return c.text()
	}
	if n > uint64(len(c.words)) {
		c.fail()
		return ""
	}
	return c.words[n-1]
}

func appendOrder(b []byte, o order) []byte {
	b = binary.AppendVarint(b, o.Input)
	return binary.AppendVarint(b, o.Position-o.Input)
}

func (c *codec) order() order {
	input := c.int()
	return order{Input: input, Position: input + c.int()}
}

func appendID(b []byte, id ulid.ULID) []byte {
	if id.IsZero() {
		return append(b, 0)
	}
	return append(append(b, 1), id[:]...)
}

func (c *codec) id() (id ulid.ULID) {
	if n := c.take(1); len(n) == 1 && n[0] == 1 {
		copy(id[:], c.take(len(id)))
	}
	return id
}

func (c *codec) appendRecord(b []byte, r *record) []byte {
	b = c.appendWord(appendText(b, r.contact), string(r.link))
	b = appendOrder(b, r.linked)
	b = binary.AppendVarint(b, r.position)
	b = binary.AppendVarint(b, r.keysAt)
	b = appendTabled(appendKeys(b, r.keys), r)
	switch {
	case r.erased:
		return append(b, bodyErased)
	case r.opened && len(r.values) > 0:
		return c.appendValues(append(b, bodyPlain), r)
	case !r.opened && len(r.sealed) > 0:
		return append(append(b, bodySealed), r.sealed...)
	}
	return append(b, bodyNone)
}

func appendTabled(b []byte, r *record) []byte {
	switch {
	case len(r.tabled) == 0:
		return append(b, tabledNone)
	case len(without(r.keys, r.tabled)) == 0 && len(without(r.tabled, r.keys)) == 0:
		return append(b, tabledSame)
	}
	return appendKeys(append(b, tabledOther), r.tabled)
}

func (c *codec) record(stream string, row projections.Row) (*record, error) {
	r, err := c.unread(stream, row)
	if err == nil && r.opened {
		r.values, err = c.read(r, nil)
		r.coded = nil
	}
	return r, err
}

// unread leaves the values as they are encoded.
func (c *codec) unread(stream string, row projections.Row) (*record, error) {
	c.b, c.bad = row.Data, false
	r := &record{stream: stream, stored: row.Stored}
	r.contact, r.link, r.linked = c.text(), planner.LinkState(c.word()), c.order()
	r.position, r.keysAt, r.keys = c.int(), c.int(), c.keys()
	switch state := c.take(1); {
	case c.bad || state[0] == tabledNone:
	case state[0] == tabledSame:
		r.tabled = r.keys
	case state[0] == tabledOther:
		r.tabled = c.keys()
	}
	if !row.Changed { // it was written with the keys it has
		r.tabled = r.keys
	}
	switch state := c.take(1); {
	case c.bad:
	case state[0] == bodySealed:
		r.sealed = c.take(len(c.b))
	case state[0] == bodyPlain:
		r.opened, r.coded = true, c.take(len(c.b))
	case state[0] == bodyErased:
		r.erased = true
	}
	return r, c.end()
}

func (c *codec) appendValues(b []byte, r *record) []byte {
	b = binary.AppendUvarint(b, uint64(len(r.values)))
	position, clock := r.position, int64(0)
	for _, n := range r.values {
		b = appendText(c.appendWord(b, n.name), n.v.Value)
		b = binary.AppendVarint(b, n.v.Position-position)
		b = binary.AppendVarint(b, n.v.Occurred-clock)
		b = binary.AppendVarint(b, n.v.Clock-n.v.Occurred)
		b = c.appendWord(b, n.v.By)
		position, clock = n.v.Position, n.v.Occurred
	}
	return b
}

// read reads the values of a record that was left unread, into the room there is.
func (c *codec) read(r *record, room byName[value]) (byName[value], error) {
	c.b, c.bad = r.coded, false
	values := c.values(r.position, room)
	return values, c.end()
}

func (c *codec) values(position int64, room byName[value]) byName[value] {
	n, clock := c.count(), int64(0)
	values := slices.Grow(room[:0], n+2)[:n]
	for i := range values {
		v := &values[i]
		v.name, v.v.Value = c.word(), c.bytes()
		v.v.Position, v.v.Occurred = position+c.int(), clock+c.int()
		v.v.Clock, v.v.By = v.v.Occurred+c.int(), c.word()
		position, clock = v.v.Position, v.v.Occurred
	}
	return values
}

func (c *codec) appendContact(b []byte, o *contact) []byte {
	b = appendText(b, o.aliasOf)
	b = binary.AppendVarint(b, o.created)
	b = binary.AppendVarint(b, o.updated-o.created)
	b = binary.AppendVarint(b, o.position)
	b = binary.AppendUvarint(b, uint64(len(o.body.Members)))
	for _, n := range o.body.Members {
		b = c.appendWord(c.appendWord(appendText(b, n.name), string(n.v.State)), n.v.Reason)
		b = appendID(appendID(appendOrder(b, n.v.Order), n.v.Reading), n.v.Done)
	}
	b = c.appendFields(b, o)
	b = appendOrder(b, o.body.Head.Order)
	b = appendText(b, o.head())
	b = binary.AppendUvarint(b, uint64(len(o.stored)))
	for _, n := range o.stored {
		b = c.appendWord(c.appendWord(c.appendWord(b, n.name), n.v.state), n.v.reason)
		b = binary.AppendVarint(b, n.v.position)
	}
	return b
}

func (c *codec) contact(id string, row projections.Row) (*contact, error) {
	o := &contact{}
	return o, c.contactInto(o, id, row)
}

// contactInto is contact in the place of another, whose lists give the room.
func (c *codec) contactInto(o *contact, id string, row projections.Row) error {
	c.b, c.bad = row.Data, false
	*o = contact{id: id, hasRow: row.Stored, body: contactBody{Members: o.body.Members[:0], Fields: o.body.Fields[:0]}}
	o.aliasOf, o.created = c.text(), c.int()
	o.updated, o.position = o.created+c.int(), c.int()
	if n := c.count(); n > 0 {
		o.body.Members = slices.Grow(o.body.Members, n)[:n]
	}
	for i := range o.body.Members {
		m := &o.body.Members[i]
		m.name, m.v.State, m.v.Reason = c.text(), planner.LinkState(c.word()), c.word()
		m.v.Order, m.v.Reading, m.v.Done = c.order(), c.id(), c.id()
	}
	o.body.Fields = c.fields(o.position, o.body.Fields)
	o.body.Head.Order = c.order()
	if raw := c.bytes(); len(raw) > 0 && json.Unmarshal(raw, &o.body.Head.HeadState) != nil {
		c.fail()
	}
	if n := c.count(); n > 0 {
		o.stored = make(byName[fieldRow], n)
	}
	for i := range o.stored {
		s := &o.stored[i]
		s.name, s.v.state, s.v.reason, s.v.position = c.word(), c.word(), c.word(), c.int()
	}
	if !row.Changed { // it was written with the fields it has
		o.stored = o.notInStep()
	}
	return c.end()
}

func (c *codec) appendFields(b []byte, o *contact) []byte {
	b = binary.AppendUvarint(b, uint64(len(o.body.Fields)))
	position, input := o.position, o.position
	for _, n := range o.body.Fields {
		b = c.appendWord(c.appendWord(c.appendWord(b, n.name), n.v.State), n.v.Reason)
		b = binary.AppendVarint(b, n.v.Position-position)
		b = binary.AppendVarint(b, n.v.Order.Input-input)
		b = binary.AppendVarint(b, n.v.Order.Position-n.v.Order.Input)
		b = c.appendWrite(b, n.v.Write)
		position, input = n.v.Position, n.v.Order.Input
	}
	return b
}

func (c *codec) fields(position int64, room byName[field]) byName[field] {
	n, input := c.count(), position
	if n == 0 {
		return room
	}
	fields := slices.Grow(room, n)[:n]
	for i := range fields {
		f := &fields[i]
		f.name, f.v.State, f.v.Reason = c.word(), c.word(), c.word()
		f.v.Position, f.v.Order.Input = position+c.int(), input+c.int()
		f.v.Order.Position, f.v.Write = f.v.Order.Input+c.int(), c.write()
		position, input = f.v.Position, f.v.Order.Input
	}
	return fields
}

func (c *codec) appendWrite(b []byte, w write) []byte {
	if w == (write{}) {
		return append(b, 0)
	}
	b = appendID(c.appendWord(append(b, 1), string(w.System)), w.Command)
	return binary.AppendVarint(c.appendWord(c.appendWord(b, w.Result), w.Reason), w.Position)
}

func (c *codec) write() (w write) {
	if n := c.take(1); len(n) != 1 || n[0] == 0 {
		return w
	}
	w.System, w.Command = domain.System(c.word()), c.id()
	w.Result, w.Reason, w.Position = c.word(), c.word(), c.int()
	return w
}

// head is the contact's head as JSON; nothing for one of which there is nothing to say.
func (c *contact) head() []byte {
	h := c.body.Head.HeadState
	if !h.Dirty && !h.Parked && h.Creation == (planner.Creation{}) && len(h.Lookups) == 0 && h.Review == "" &&
		len(h.Others) == 0 {
		return nil
	}
	raw, err := json.Marshal(h)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return raw
}
