package planner

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
)

// packer makes byte strings of records and contacts, and records and contacts of those: texts that come again and again
// are numbers of a list, and a digest that comes again is one of those before it. Nobody else reads them.
type packer struct {
	b       []byte
	words   []string
	number  map[string]uint64 // of a word, from 1
	digests []string          // in what is being packed
}

func newPacker() packer { return packer{number: map[string]uint64{}} }

// maxWords bounds the list: what comes once, or is somebody's own, stands where it is.
const maxWords = 1 << 12

// What of a record or contact is seldom there is packed as JSON.
type (
	seldomRecord struct {
		Merged  []domain.Record `json:"m,omitempty"`
		Primary domain.Record   `json:"p,omitzero"`
		Calls   []domain.Source `json:"c,omitempty"`
		Ties    []Tie           `json:"t,omitempty"`
	}
	seldomContact struct {
		Lookups []Lookup        `json:"l,omitempty"`
		Others  []domain.Record `json:"o,omitempty"`
		Looked  []ulid.ULID     `json:"d,omitempty"`
		Unasked []ulid.ULID     `json:"u,omitempty"`
	}
)

// record packs a record; the bytes are good until the next one is packed.
func (p *packer) record(r *Record) []byte {
	p.b, p.digests = p.b[:0], p.digests[:0]
	p.flags(r.Known, r.Out, r.Counted, r.Link.Ever)
	p.int(r.First)
	p.id(r.FirstID)
	p.word(string(r.Life))
	p.int(r.LifeAt)
	p.int(r.Whole)
	p.id(r.ReadDone)
	p.int(r.ChangedAt)
	p.rec(r.Link.Record)
	p.id(r.Link.Contact)
	p.word(string(r.Link.State))
	p.word(r.Link.Reason)
	p.id(r.Link.Reading)
	p.int(r.LinkAt)
	p.uint(uint64(len(r.keys)))
	for _, k := range r.keys {
		p.word(k.Kind)
		p.text(k.Value)
	}
	p.seen(r.Seen)
	p.seen(r.Answers)
	p.seen(r.Replaced)
	if len(r.Merged)+len(r.Calls)+len(r.Ties) > 0 || !r.Primary.IsZero() {
		p.json(seldomRecord{r.Merged, r.Primary, r.Calls, r.Ties})
	}
	return p.b
}

func (p *packer) unpackRecord(id domain.Record, b []byte) *Record {
	u := unpacker{packer: p, b: b}
	r := &Record{ID: id}
	u.flags(&r.Known, &r.Out, &r.Counted, &r.Link.Ever)
	r.First, r.FirstID = u.int(), u.id()
	r.Life, r.LifeAt, r.Whole = Life(u.word()), u.int(), u.int()
	r.ReadDone, r.ChangedAt = u.id(), u.int()
	r.Link.Record, r.Link.Contact, r.Link.State = u.rec(), u.id(), LinkState(u.word())
	r.Link.Reason, r.Link.Reading, r.LinkAt = u.word(), u.id(), u.int()
	if n := u.uint(); n > 0 {
		r.keys = make([]identity.Key, n)
		for i := range r.keys {
			r.keys[i] = identity.Key{Kind: u.word(), Value: u.text()}
		}
	}
	r.Seen, r.Answers, r.Replaced = u.seen(), u.seen(), u.seen()
	var rest seldomRecord
	if u.json(&rest) {
		r.Merged, r.Primary, r.Calls, r.Ties = rest.Merged, rest.Primary, rest.Calls, rest.Ties
	}
	return r
}

// contact packs a contact and its members; the bytes are good until the next one is packed.
func (p *packer) contact(c *Contact, members []domain.Record) []byte {
	p.b, p.digests = p.b[:0], p.digests[:0]
	h := c.Head
	p.flags(h.Dirty, h.Parked, h.Standing, c.Created != nil)
	p.id(c.Alias)
	p.int(c.AliasAt)
	p.int(c.HeadAt)
	p.int(h.CountedAt)
	p.word(string(h.Creation.System))
	p.id(h.Creation.Command)
	p.word(string(h.Creation.Result))
	p.word(h.Creation.Rule)
	p.text(h.Review)
	if c.Created != nil {
		p.settlement(*c.Created)
	}
	p.uint(uint64(len(c.Fields)))
	for name, f := range c.Fields {
		p.word(name)
		p.field(f)
	}
	p.recs(members)
	if len(h.Lookups)+len(h.Others)+len(c.Looked)+len(c.Unasked) > 0 {
		p.json(seldomContact{h.Lookups, h.Others, c.Looked, c.Unasked})
	}
	return p.b
}

func (p *packer) unpackContact(id ulid.ULID, b []byte) (c *Contact, members []domain.Record) {
	u := unpacker{packer: p, b: b}
	c = &Contact{ID: id}
	h, created := &c.Head, false
	u.flags(&h.Dirty, &h.Parked, &h.Standing, &created)
	c.Alias, c.AliasAt, c.HeadAt, h.CountedAt = u.id(), u.int(), u.int(), u.int()
	h.Creation = Creation{
		System: domain.System(u.word()), Command: u.id(), Result: Result(u.word()), Rule: u.word(),
	}
	h.Review = u.text()
	if created {
		c.Created = u.settlement()
	}
	if n := u.uint(); n > 0 {
		c.Fields = make(map[string]*Field, n)
		fields := make([]Field, n)
		for i := range fields {
			c.Fields[u.word()] = &fields[i]
			u.field(&fields[i])
		}
	}
	members = u.recs()
	var rest seldomContact
	if u.json(&rest) {
		h.Lookups, h.Others, c.Looked, c.Unasked = rest.Lookups, rest.Others, rest.Looked, rest.Unasked
	}
	return c, members
}

// list packs records alone; the bytes are good until the next one is packed.
func (p *packer) list(all []domain.Record) []byte {
	p.b = p.b[:0]
	p.recs(all)
	return p.b
}

func (p *packer) unpackList(b []byte) []domain.Record {
	u := unpacker{packer: p, b: b}
	return u.recs()
}

func (p *packer) recs(all []domain.Record) {
	p.uint(uint64(len(all)))
	for _, r := range all {
		p.rec(r)
	}
}

func (u *unpacker) recs() []domain.Record {
	n := u.uint()
	if n == 0 {
		return nil
	}
	all := make([]domain.Record, n)
	for i := range all {
		all[i] = u.rec()
	}
	return all
}

func (p *packer) field(f *Field) {
	p.flags(f.Pending != nil, f.Meanwhile != nil, f.Settled != nil, f.Meanwhile != nil && f.Meanwhile.Doubt, f.Restated != nil,
		f.Landed != nil)
	p.uint(uint64(len(f.Base)))
	for sys, digest := range f.Base {
		p.word(string(sys))
		p.digest(digest)
	}
	p.word(string(f.State))
	p.word(string(f.Result))
	p.word(f.Rule)
	p.word(string(f.From))
	p.int(f.Since)
	p.int(f.At)
	p.uint(uint64(len(f.Recent)))
	for _, h := range f.Recent {
		p.flags(h.Held)
		p.word(string(h.System))
		p.digest(h.Digest)
		p.int(h.At)
	}
	for _, w := range []*PendingWrite{f.Pending, f.Restated} {
		if w != nil {
			p.write(w)
		}
	}
	if m := f.Meanwhile; m != nil {
		p.digest(m.Digest)
		p.int(m.Position)
		p.int(m.Clock)
	}
	for _, s := range []*Settlement{f.Settled, f.Landed} {
		if s != nil {
			p.settlement(*s)
		}
	}
}

func (p *packer) write(w *PendingWrite) {
	p.word(string(w.System))
	p.id(w.Command)
	p.digest(w.Digest)
	p.digest(w.Was)
	p.digest(w.Over)
	p.int(w.Position)
}

func (u *unpacker) field(f *Field) {
	var pending, meanwhile, settled, doubt, restated, landed bool
	u.flags(&pending, &meanwhile, &settled, &doubt, &restated, &landed)
	if n := u.uint(); n > 0 {
		f.Base = make(map[domain.System]string, n)
		for range n {
			sys := domain.System(u.word())
			f.Base[sys] = u.digest()
		}
	}
	f.State, f.Result, f.Rule = FieldStatus(u.word()), Result(u.word()), u.word()
	f.From, f.Since, f.At = domain.System(u.word()), u.int(), u.int()
	if n := u.uint(); n > 0 {
		f.Recent = make([]HeldValue, n)
		for i := range f.Recent {
			h := &f.Recent[i]
			u.flags(&h.Held)
			h.System, h.Digest, h.At = domain.System(u.word()), u.digest(), u.int()
		}
	}
	if pending {
		f.Pending = u.write()
	}
	if restated {
		f.Restated = u.write()
	}
	if meanwhile {
		f.Meanwhile = &Meanwhile{Digest: u.digest(), Position: u.int(), Clock: u.int(), Doubt: doubt}
	}
	if settled {
		f.Settled = u.settlement()
	}
	if landed {
		f.Landed = u.settlement()
	}
}

func (u *unpacker) write() *PendingWrite {
	return &PendingWrite{
		System: domain.System(u.word()), Command: u.id(), Digest: u.digest(), Was: u.digest(), Over: u.digest(), Position: u.int(),
	}
}

func (p *packer) settlement(s Settlement) {
	p.id(s.Command)
	p.int(s.Position)
	p.word(s.Result)
	p.word(s.Reason)
	p.rec(s.Record)
	p.rec(s.Existing)
	p.uint(uint64(len(s.Refused)))
	for name, why := range s.Refused {
		p.word(name)
		p.text(why)
	}
}

func (u *unpacker) settlement() *Settlement {
	s := &Settlement{Command: u.id(), Position: u.int(), Result: u.word(), Reason: u.word(), Record: u.rec(), Existing: u.rec()}
	if n := u.uint(); n > 0 {
		s.Refused = make(map[string]string, n)
		for range n {
			name := u.word()
			s.Refused[name] = u.text()
		}
	}
	return s
}

// seen packs what was told; clocks and positions are told by what they differ from those before.
func (p *packer) seen(all map[string]Seen) {
	p.uint(uint64(len(all)))
	var clock, position int64
	for name, s := range all {
		p.word(name)
		p.flags(s.Own, s.Read, s.Hasty, s.Value != nil)
		p.text(string(s.Value))
		p.int(s.Clock - clock)
		p.int(s.Position - position)
		clock, position = s.Clock, s.Position
	}
}

func (u *unpacker) seen() map[string]Seen {
	n := u.uint()
	if n == 0 {
		return nil
	}
	all := make(map[string]Seen, n)
	var clock, position int64
	for range n {
		var s Seen
		there := false
		name := u.word()
		u.flags(&s.Own, &s.Read, &s.Hasty, &there)
		if value := u.take(int(u.uint())); there {
			s.Value = json.RawMessage(value)
		}
		clock += u.int()
		position += u.int()
		s.Clock, s.Position = clock, position
		all[name] = s
	}
	return all
}

func (p *packer) uint(n uint64) { p.b = binary.AppendUvarint(p.b, n) }
func (p *packer) int(n int64)   { p.b = binary.AppendVarint(p.b, n) }

func (p *packer) text(s string) {
	p.uint(uint64(len(s)))
	p.b = append(p.b, s...)
}

func (p *packer) flags(all ...bool) {
	var n byte
	for i, f := range all {
		if f {
			n |= 1 << i
		}
	}
	p.b = append(p.b, n)
}

func (p *packer) word(s string) {
	n, ok := p.number[s]
	if !ok && len(p.words) < maxWords {
		p.words = append(p.words, s)
		n = uint64(len(p.words))
		p.number[s] = n
	}
	if p.uint(n); n == 0 {
		p.text(s)
	}
}

func (p *packer) id(id ulid.ULID) {
	if id.IsZero() {
		p.b = append(p.b, 0)
		return
	}
	p.b = append(append(p.b, 1), id[:]...)
}

func (p *packer) rec(r domain.Record) {
	p.word(string(r.System))
	p.text(r.ID)
}

// How a digest is packed, but for those that came before: by which one of them, from digestKnown on.
const (
	digestText = iota
	digestHex  // eight bytes of it
	digestKnown
)

func (p *packer) digest(s string) {
	for i, known := range p.digests {
		if known == s {
			p.uint(uint64(digestKnown + i))
			return
		}
	}
	p.digests = append(p.digests, s)
	var raw [8]byte
	if n, err := hex.Decode(raw[:], []byte(s[:min(len(s), 16)])); err == nil && n == len(raw) && hex.EncodeToString(raw[:]) == s {
		p.uint(digestHex)
		p.b = append(p.b, raw[:]...)
		return
	}
	p.uint(digestText)
	p.text(s)
}

// json packs what can be packed no shorter; nothing follows it.
func (p *packer) json(v any) {
	if data, err := json.Marshal(v); err == nil {
		p.b = append(p.b, data...)
	}
}

// unpacker reads what a packer made. What it returns shares the bytes.
type unpacker struct {
	*packer
	b       []byte
	digests []string
}

func (u *unpacker) take(n int) []byte {
	b := u.b[:n:n]
	u.b = u.b[n:]
	return b
}

func (u *unpacker) uint() uint64 {
	n, size := binary.Uvarint(u.b)
	u.b = u.b[size:]
	return n
}

func (u *unpacker) int() int64 {
	n, size := binary.Varint(u.b)
	u.b = u.b[size:]
	return n
}

func (u *unpacker) text() string { return string(u.take(int(u.uint()))) }

func (u *unpacker) word() string {
	if n := u.uint(); n > 0 {
		return u.words[n-1]
	}
	return u.text()
}

func (u *unpacker) flags(all ...*bool) {
	n := u.take(1)[0]
	for i, f := range all {
		*f = n&(1<<i) != 0
	}
}

func (u *unpacker) id() (id ulid.ULID) {
	if u.take(1)[0] == 1 {
		copy(id[:], u.take(len(id)))
	}
	return id
}

func (u *unpacker) rec() domain.Record {
	return domain.Record{System: domain.System(u.word()), ID: u.text()}
}

func (u *unpacker) digest() (s string) {
	switch n := u.uint(); n {
	case digestText:
		s = u.text()
	case digestHex:
		s = hex.EncodeToString(u.take(8))
	default:
		return u.digests[n-digestKnown]
	}
	u.digests = append(u.digests, s)
	return s
}

// json reads what is left, if anything.
func (u *unpacker) json(into any) bool {
	return len(u.b) > 0 && json.Unmarshal(u.b, into) == nil
}
