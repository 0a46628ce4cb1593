package contacts

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// How rows are held in memory, and a record's values sealed in its row: numbers as varints, texts with their length in
// front. It is a fraction of the size of JSON, and of the time.

// bodyVersion is the first byte of a record's sealed body; rows of fold 1 hold a JSON object instead.
const bodyVersion = 1

// keySize is the size of a blind key.
const keySize = 16

var errEncoding = errors.New("a row is not encoded as it should be")

// What is held of a record's values.
const (
	bodyNone   = iota
	bodySealed // as loaded: nobody has asked for them
	bodyPlain
	bodyErased
)

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendOrder(b []byte, o order) []byte {
	b = binary.AppendVarint(b, o.Input)
	return binary.AppendVarint(b, o.Position-o.Input)
}

func appendID(b []byte, id ulid.ULID) []byte {
	if id.IsZero() {
		return append(b, 0)
	}
	return append(append(b, 1), id[:]...)
}

func appendValues(b []byte, values byName[value]) []byte {
	b = binary.AppendUvarint(b, uint64(len(values)))
	for _, n := range values {
		b = appendText(appendText(b, n.name), n.v.Value)
		b = binary.AppendVarint(b, n.v.Position)
		b = binary.AppendVarint(b, n.v.Occurred)
		b = binary.AppendVarint(b, n.v.Clock-n.v.Occurred)
		b = appendText(b, n.v.By)
	}
	return b
}

func appendKeys(b []byte, keys []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, key := range keys {
		b = append(b, key...)
	}
	return b
}

func encodeBody(values byName[value], keys []string) []byte {
	return appendKeys(appendValues(append(make([]byte, 0, 64+64*len(values)+keySize*len(keys)), bodyVersion), values), keys)
}

func (r *record) encode(b []byte) []byte {
	b = appendText(b, r.contact)
	b = appendText(b, r.link)
	b = appendOrder(b, r.linked)
	b = binary.AppendVarint(b, r.position)
	b = binary.AppendVarint(b, r.keysUnder)
	b = appendKeys(b, r.keys)
	switch {
	case r.erased:
		return append(b, bodyErased)
	case r.opened && len(r.values) > 0:
		return appendValues(append(b, bodyPlain), r.values)
	case !r.opened && len(r.sealed) > 0:
		return append(append(b, bodySealed), r.sealed...)
	}
	return append(b, bodyNone)
}

func (c *contact) encode(b []byte) []byte {
	b = appendText(b, c.aliasOf)
	b = binary.AppendVarint(b, c.created)
	b = binary.AppendVarint(b, c.updated-c.created)
	b = binary.AppendVarint(b, c.position)
	b = binary.AppendUvarint(b, uint64(len(c.body.Members)))
	for _, n := range c.body.Members {
		b = appendText(appendText(appendText(b, n.name), n.v.State), n.v.Reason)
		b = appendID(appendID(appendOrder(b, n.v.Order), n.v.Reading), n.v.Done)
	}
	b = binary.AppendUvarint(b, uint64(len(c.body.Fields)))
	for _, n := range c.body.Fields {
		b = appendText(appendText(appendText(b, n.name), n.v.State), n.v.Reason)
		b = appendOrder(binary.AppendVarint(b, n.v.Position), n.v.Order)
		b = appendWrite(b, n.v.Write)
	}
	b = appendOrder(b, c.body.Head.Order)
	b = appendText(b, c.head())
	b = binary.AppendUvarint(b, uint64(len(c.stored)))
	for _, n := range c.stored {
		b = appendText(appendText(appendText(b, n.name), n.v.state), n.v.reason)
		b = binary.AppendVarint(b, n.v.position)
	}
	return b
}

func appendWrite(b []byte, w write) []byte {
	if w == (write{}) {
		return append(b, 0)
	}
	b = appendID(appendText(append(b, 1), w.System), w.Command)
	return binary.AppendVarint(appendText(appendText(b, w.Result), w.Reason), w.Position)
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

// decoder reads what was encoded. Texts that come again and again are kept once; others share the bytes read.
type decoder struct {
	b     []byte
	bad   bool
	known map[string]string
}

// maxKnown bounds the texts kept: a system may have as many properties as it likes.
const maxKnown = 10_000

func newDecoder() *decoder { return &decoder{known: map[string]string{}} }

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

// count is the number of things that follow, each of at least a byte.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail()
		return nil
	}
	got := d.b[:n:n]
	d.b = d.b[n:]
	return got
}

func (d *decoder) bytes() []byte { return d.take(d.count()) }

func (d *decoder) text() string { return string(d.bytes()) }

// word is a text that others have too.
func (d *decoder) word() string {
	b := d.bytes()
	if len(b) == 0 {
		return ""
	}
	s, ok := d.known[string(b)]
	if !ok {
		if len(d.known) >= maxKnown {
			clear(d.known)
		}
		s = string(b)
		d.known[s] = s
	}
	return s
}

func (d *decoder) order() order {
	input := d.int()
	return order{Input: input, Position: input + d.int()}
}

func (d *decoder) id() (id ulid.ULID) {
	if n := d.take(1); len(n) == 1 && n[0] == 1 {
		copy(id[:], d.take(len(id)))
	}
	return id
}

func (d *decoder) values() byName[value] {
	n := d.count()
	values := make(byName[value], n, n+2)
	for i := range values {
		v := &values[i]
		v.name, v.v.Value = d.word(), d.bytes()
		v.v.Position, v.v.Occurred = d.int(), d.int()
		v.v.Clock, v.v.By = v.v.Occurred+d.int(), d.word()
	}
	return values
}

func (d *decoder) keys() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = string(d.take(keySize))
	}
	return keys
}

// body reads a record's sealed body.
func (d *decoder) body(plain []byte) (values byName[value], keys []string, err error) {
	if len(plain) > 0 && plain[0] == '{' {
		return oldBody(plain)
	}
	d.b, d.bad = plain, false
	if v := d.take(1); len(v) != 1 || v[0] != bodyVersion {
		return nil, nil, errEncoding
	}
	values, keys = d.values(), d.keys()
	return values, keys, d.end()
}

func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return errEncoding
	}
	return nil
}

func (d *decoder) record(stream string, data []byte) (*record, error) {
	d.b, d.bad = data, false
	r := &record{stream: stream}
	r.contact, r.link, r.linked = d.text(), planner.LinkState(d.word()), d.order()
	r.position, r.keysUnder, r.keys = d.int(), d.int(), d.keys()
	switch state := d.take(1); {
	case d.bad:
	case state[0] == bodySealed:
		r.sealed = d.take(len(d.b))
	case state[0] == bodyPlain:
		r.opened, r.values = true, d.values()
	case state[0] == bodyErased:
		r.erased = true
	}
	return r, d.end()
}

func (d *decoder) contact(id string, data []byte) (*contact, error) {
	d.b, d.bad = data, false
	c := &contact{id: id}
	c.aliasOf, c.created = d.text(), d.int()
	c.updated, c.position = c.created+d.int(), d.int()
	if n := d.count(); n > 0 {
		c.body.Members = make(byName[member], n)
	}
	for i := range c.body.Members {
		m := &c.body.Members[i]
		m.name, m.v.State, m.v.Reason = d.text(), planner.LinkState(d.word()), d.word()
		m.v.Order, m.v.Reading, m.v.Done = d.order(), d.id(), d.id()
	}
	if n := d.count(); n > 0 {
		c.body.Fields = make(byName[field], n)
	}
	for i := range c.body.Fields {
		f := &c.body.Fields[i]
		f.name, f.v.State, f.v.Reason = d.word(), d.word(), d.word()
		f.v.Position, f.v.Order, f.v.Write = d.int(), d.order(), d.write()
	}
	c.body.Head.Order = d.order()
	if raw := d.bytes(); len(raw) > 0 && json.Unmarshal(raw, &c.body.Head.HeadState) != nil {
		d.fail()
	}
	if n := d.count(); n > 0 {
		c.stored = make(byName[fieldRow], n)
	}
	for i := range c.stored {
		s := &c.stored[i]
		s.name, s.v.state, s.v.reason, s.v.position = d.word(), d.word(), d.word(), d.int()
	}
	return c, d.end()
}

func (d *decoder) write() (w write) {
	if n := d.take(1); len(n) != 1 || n[0] == 0 {
		return w
	}
	w.System, w.Command = domain.System(d.word()), d.id()
	w.Result, w.Reason, w.Position = d.word(), d.word(), d.int()
	return w
}
