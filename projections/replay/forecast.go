package replay

import (
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// Change is how often something was, and how often it would have been.
type Change struct {
	Was   int64 `json:"was"`
	Would int64 `json:"would_be"`
}

// Differs reports a change.
func (c Change) Differs() bool { return c.Was != c.Would }

// Forecast is what would have been under other settings.
type Forecast struct {
	From     int64 `json:"from"`
	To       int64 `json:"to"`
	Cut      bool  `json:"cut_short,omitempty"` // To is how far it came
	Inputs   int64 `json:"inputs"`
	Contacts int64 `json:"contacts"` // that were decided on
	// Created and Updated count writes by the system they go to, Fields by field and system, and Held whom a person
	// has to look at.
	Created map[domain.System]Change            `json:"created"`
	Updated map[domain.System]Change            `json:"updated"`
	Fields  map[string]map[domain.System]Change `json:"fields"`
	Held    Change                              `json:"held"`
	// Twins counts who was created although somebody else in that system has their email or number, and Prevented who was
	// not, because somebody else has the one by which the system tells people apart.
	Twins     Change `json:"duplicates_made"`
	Prevented Change `json:"duplicates_prevented"`
	// Ends counts the contacts of which a system would hold something else in the end.
	Ends int64 `json:"end_state_differs"`
	// Begin counts the contacts that begin to differ, ByRule and BySource by the rule behind it and by how they came to
	// be, and MadeBySource those who would be made in a system, or would not. First are the first differences, in order,
	// Firsts at most. What Later counts, decisions of such contacts that differ, is counterfactual: people and workflows
	// might have reacted otherwise.
	Begin        int64                              `json:"begin_to_differ" doc:"Contacts; first_differences has the first of them"`
	ByRule       map[string]int64                   `json:"by_rule"`
	BySource     map[string]int64                   `json:"by_source"`
	MadeBySource map[domain.System]map[string]int64 `json:"-"`
	First        []Divergence                       `json:"first_differences"`
	Later        int64                              `json:"later_differences"`
	// Unknown counts, by field, contacts whose value nobody had asked for then.
	Unknown map[string]int64 `json:"unknown"`
	// Guards counts how often a guard would have stopped the sync that did not; it is taken to have been resumed.
	Guards int64 `json:"guards"`
}

// Firsts is how many first differences a forecast holds at most. Config.Began is told of all.
const Firsts = 10_000

// LookUps counts the numbers that are looked up: those of contacts made in Aloware.
func (f Forecast) LookUps() Change { return f.Created[domain.Aloware] }

// Same reports that nothing would have been otherwise.
func (f Forecast) Same() bool {
	return f.Begin == 0 && f.Ends == 0 && len(f.Unknown) == 0 && f.Guards == 0
}

// Divergence is the first difference of a contact. It holds no personal value.
type Divergence struct {
	Input   int64         `json:"input"`
	At      int64         `json:"at"` // when that was recorded, µs UTC
	Trigger string        `json:"trigger"`
	Record  domain.Record `json:"record,omitzero"` // that the input is about
	Contact ulid.ULID     `json:"contact"`
	Field   string        `json:"field,omitempty"`
	Was     string        `json:"was"`
	Would   string        `json:"would_be"`
	Rule    string        `json:"rule,omitempty"`
	// Source is how the contact came to be, as far as its system tells.
	Source string `json:"source,omitempty"`
}

// account keeps count in a branch.
type account struct {
	Forecast
	contacts map[ulid.ULID]bool // that were decided on; whether they began to differ
	merged   notes              // contacts that became another, which is noted
	unknowns notes              // by contact: bits, by number of the field
	fields   map[string]int     // numbers of fields
}

func newAccount(c Config, store *scratch.Store) *account {
	return &account{
		Forecast: Forecast{
			From: max(c.From, 1), To: c.To, Created: map[domain.System]Change{}, Updated: map[domain.System]Change{},
			Fields: map[string]map[domain.System]Change{}, Unknown: map[string]int64{},
			ByRule: map[string]int64{}, BySource: map[string]int64{}, MadeBySource: map[domain.System]map[string]int64{},
			First: []Divergence{},
		},
		contacts: map[ulid.ULID]bool{}, merged: notes{store: store, kind: 'A'}.listed(), unknowns: notes{store: store, kind: 'K'}, fields: map[string]int{},
	}
}

// now is what a contact id means in the branch.
func (b *branch) now(id ulid.ULID) ulid.ULID {
	if c := b.view.Contact(id); c != nil {
		return c.ID
	}
	return id
}

// counted reports whether a contact is asked about.
func (b *branch) counted(id ulid.ULID) bool {
	return b.Contact.IsZero() || id == b.Contact || b.now(id) == b.Contact
}

func (b *branch) unknown(field string, contact ulid.ULID) {
	if !b.counted(contact) {
		return
	}
	n, ok := b.fields[field]
	if !ok {
		n = len(b.fields)
		b.fields[field] = n
	}
	id := b.now(contact)
	bits := b.unknowns.get(id[:])
	for len(bits) <= n/8 {
		bits = append(bits, 0)
	}
	if bits[n/8]&(1<<(n%8)) == 0 {
		bits[n/8] |= 1 << (n % 8)
		b.unknowns.put(id[:], bits)
		b.Unknown[field]++
	}
}

// begins takes in where a contact begins to differ.
func (b *branch) begins(d Divergence) {
	b.Begin++
	b.ByRule[d.Rule]++
	if d.Source != "" {
		b.BySource[d.Source]++
	}
	for _, s := range domain.Systems {
		if made := "create in " + s.Title(); d.Source != "" && strings.Contains(d.Was, made) != strings.Contains(d.Would, made) {
			if b.MadeBySource[s] == nil {
				b.MadeBySource[s] = map[string]int64{}
			}
			b.MadeBySource[s][d.Source]++
		}
	}
	if len(b.First) < Firsts {
		b.First = append(b.First, d)
	}
	if b.Began != nil {
		b.Began(d)
	}
}

// both counts decisions that are the same.
func (b *branch) both(planned []planner.Planned) {
	for _, p := range planned {
		b.merges(p.Decision)
		b.count(p.Decision, 1, 1)
	}
}

// merges notes which contacts a decision of the branch made others of.
func (b *branch) merges(d planner.Decision) {
	for _, a := range d.Aliases {
		b.merged.put(a.From[:], a.To[:])
	}
}

// lastly is what a contact became in the end.
func (b *branch) lastly(id ulid.ULID) ulid.ULID {
	for range 32 { // as far as the view follows them
		to := b.merged.get(id[:])
		if to == nil {
			break
		}
		id = ulid.ULID(to)
	}
	return id
}

// count adds a decision to what was and to what would be.
func (b *branch) count(d planner.Decision, was, would int64) {
	if !b.counted(d.Contact) {
		return
	}
	if _, ok := b.contacts[d.Contact]; !ok {
		b.contacts[d.Contact] = false
	}
	plus := func(c Change) Change { return Change{c.Was + was, c.Would + would} }
	if d.Whole != nil && d.Whole.Result == planner.HeldBack && d.Head != nil && d.Head.Review != "" {
		b.Held = plus(b.Held)
	}
	if d.Whole != nil && d.Whole.Result == planner.OutOfScope && len(d.Whole.Others) > 0 {
		b.Prevented = plus(b.Prevented)
	}
	names := b.recorded
	if would > 0 {
		names = b.view.Control.Settings
	}
	for _, c := range d.Commands {
		switch c.Kind {
		case domain.KindCreate:
			b.Created[c.System] = plus(b.Created[c.System])
			if b.twin(c.System, d.Contact) {
				b.Twins = plus(b.Twins)
			}
		case domain.KindUpdate:
			b.Updated[c.System] = plus(b.Updated[c.System])
			for write := range c.Digests {
				name := write
				if f, ok := names.FieldFor(c.System, write); ok {
					name = f.Name
				}
				if b.Fields[name] == nil {
					b.Fields[name] = map[domain.System]Change{}
				}
				b.Fields[name][c.System] = plus(b.Fields[name][c.System])
			}
		}
	}
}

// twin reports that somebody else who is alive in a system has an email or a number of the contact's.
func (b *branch) twin(sys domain.System, contact ulid.ULID) bool {
	for _, r := range b.view.Members(contact) {
		for _, k := range identity.Keys(b.view.Control.Settings, r.ID, r.Properties()) {
			if k.Kind != identity.KindUnique && slices.ContainsFunc(b.view.Holders(k), func(o *planner.Record) bool {
				return o.ID.System == sys && o.Life == planner.Live && o.Link.Contact != r.Link.Contact
			}) {
				return true
			}
		}
	}
	return false
}

// result closes the account.
func (b *branch) result() Forecast {
	f := b.Forecast
	for from, to := range b.merged.all() {
		id := ulid.ULID(from)
		if _, ok := b.contacts[id]; !ok {
			continue
		}
		delete(b.contacts, id)
		now := b.lastly(ulid.ULID(to))
		differs := b.contacts[now]
		b.contacts[now] = differs // it was decided on
	}
	f.Contacts, f.Ends = int64(len(b.contacts)), int64(len(b.ends()))
	return f
}

// ends are the contacts of which a system holds something else in the end.
func (b *branch) ends() map[ulid.ULID]bool {
	differ := map[ulid.ULID]bool{}
	add := func(id ulid.ULID) {
		if b.counted(id) {
			differ[b.now(id)] = true
		}
	}
	for rec, packed := range b.shadows.records() {
		b.view.Rest(b.AtHand)
		of := unpacked(packed)
		for i := range of {
			if r := b.view.Record(rec); r != nil && of[i].last != b.digest(&of[i], rec) {
				add(r.Link.Contact)
			}
		}
	}
	for _, contact := range b.ghosts.records() {
		b.view.Rest(b.AtHand)
		add(ulid.ULID(contact))
	}
	for rec := range b.imagined.records() {
		b.view.Rest(b.AtHand)
		if r := b.view.Record(rec); r != nil {
			add(r.Link.Contact)
		}
	}
	return differ
}
