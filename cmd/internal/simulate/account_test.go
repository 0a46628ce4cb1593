package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// account is what the log says was decided, folded from its decisions alone: for each key the higher input counts.
type account struct {
	position int64 // read so far
	planned_ int64 // inputs the planner has taken
	links    map[domain.Record]*linked
	contacts map[ulid.ULID]*contact
	alias    map[ulid.ULID]ulid.ULID
	commands map[ulid.ULID]*command
	order    []*command
	// named are the values verdicts speak of, by slot and digest.
	named map[string]bool
	// wed says since which position a record was linked for the first time.
	wed    map[domain.Record]int64
	digest planner.Digester
}

type linked struct {
	planner.Link
	at int64
}

type contact struct {
	head   planner.HeadState
	headAt int64
	fields map[string]*field
}

type field struct {
	planner.FieldState
	at int64
}

// command is one decided command and what became of it.
type command struct {
	planner.Command
	contact  ulid.ULID
	position int64 // of the decision
	at       int64 // when it was recorded, µs
	outcome  *domain.Outcome
	settled  int64 // position of the outcome
}

func newAccount() *account {
	return &account{
		links: map[domain.Record]*linked{}, contacts: map[ulid.ULID]*contact{}, alias: map[ulid.ULID]ulid.ULID{},
		commands: map[ulid.ULID]*command{}, named: map[string]bool{}, wed: map[domain.Record]int64{},
	}
}

// planned notes how far the planner has come.
func (w *world) planned() {
	n := w.up()
	if n == nil {
		return // just killed
	}
	rows, err := n.store.Query(context.Background(), "SELECT position FROM outbound WHERE connection = $1 AND live = 1", connection)
	at, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (int64, error) {
		var p int64
		return p, r.Scan(&p)
	})
	w.must(err)
	w.planned_ = at[0]
}

// read folds what was added to the log.
func (w *world) read() {
	log := w.any().app.Log
	if w.position == 0 {
		w.digest = planner.NewDigester(log.Vault().Secret("planner digest"))
	}
	for {
		events, err := log.Read(context.Background(), w.position, 500)
		w.must(err)
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			w.position = e.Position
			w.fold(e)
		}
	}
}

func (w *world) fold(e eventstore.Event) {
	if e.Erased {
		return
	}
	switch e.Type {
	case domain.DecisionMade:
		var d planner.Decision
		w.must(json.Unmarshal(e.Data, &d))
		w.note("log %d: %s", e.Position, brief(d))
		w.decided(e, d)
	case domain.CommandSettled:
		var o domain.Outcome
		w.must(json.Unmarshal(e.Data, &o))
		w.note("log %d: outcome of %s %s: %s %s %v", e.Position, o.Kind, o.System, o.Result, o.Reason, texts(o.Sent))
		c := w.commands[o.Command]
		if c == nil {
			w.fail("undecided", "the outcome at %d is of a command nobody decided", e.Position)
		}
		if c.outcome != nil {
			w.fail("two outcomes", "command %s has one at %d and one at %d", o.Command, c.settled, e.Position)
		}
		c.outcome, c.settled = &o, e.Position
	default:
		w.note("log %d: %s %s", e.Position, e.Type, e.Stream)
	}
}

func texts(p domain.Properties) map[string]string {
	out := map[string]string{}
	for k, v := range p {
		out[k] = text(v)
	}
	return out
}

func (w *world) decided(e eventstore.Event, d planner.Decision) {
	for _, l := range d.Links {
		if was := w.links[l.Record]; was == nil || d.Input >= was.at {
			w.links[l.Record] = &linked{l, d.Input}
		}
		if l.State == planner.Linked && w.wed[l.Record] == 0 {
			w.wed[l.Record] = e.Position
		}
	}
	for _, a := range d.Aliases {
		w.alias[a.From] = a.To
	}
	c := w.contacts[d.Contact]
	if c == nil {
		c = &contact{fields: map[string]*field{}}
		w.contacts[d.Contact] = c
	}
	if d.Head != nil && d.Input >= c.headAt {
		c.head, c.headAt = *d.Head, d.Input
	}
	for _, v := range d.Fields {
		if was := c.fields[v.Field]; was == nil || d.Input >= was.at {
			c.fields[v.Field] = &field{v.After, d.Input}
		}
		for _, r := range []*planner.Ref{v.Value, v.Loser} {
			if r != nil {
				w.named[slot{r.Record, v.Field}.String()+" "+r.Digest] = true
			}
		}
		if v.Result == planner.Agreed { // without a reference: both sides hold it
			for r, l := range w.links {
				if w.home(l.Contact) == w.home(d.Contact) {
					w.named[slot{r, v.Field}.String()+" "+v.After.Base[r.System]] = true
				}
			}
		}
	}
	for _, cmd := range d.Commands {
		c := &command{Command: cmd, contact: d.Contact, position: e.Position, at: e.RecordedAt}
		w.commands[cmd.ID], w.order = c, append(w.order, c)
		if cmd.Kind == domain.KindCreate {
			w.judgeCreate(c)
		}
	}
}

// brief is a decision in one line.
func brief(d planner.Decision) string {
	b, _ := json.Marshal(struct {
		On       int64           `json:"on"`
		Trigger  string          `json:"trigger"`
		Links    []planner.Link  `json:"links,omitempty"`
		Aliases  []planner.Alias `json:"aliases,omitempty"`
		Whole    *planner.Whole  `json:"whole,omitempty"`
		Fields   []string        `json:"fields,omitempty"`
		Commands []string        `json:"commands,omitempty"`
	}{d.Input, d.Trigger, d.Links, d.Aliases, d.Whole, briefFields(d), briefCommands(d)})
	return string(b)
}

func briefFields(d planner.Decision) []string {
	var out []string
	for _, v := range d.Fields {
		out = append(out, v.Field+": "+string(v.Result)+" from "+string(v.From)+" by "+v.Rule+" → "+string(v.After.State))
	}
	return out
}

func briefCommands(d planner.Decision) []string {
	var out []string
	for _, c := range d.Commands {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %v", c.Kind, c.System, c.Record.ID, c.By, slices.Sorted(maps.Keys(c.Digests)))))
	}
	return out
}

// home is the contact an id means by now.
func (a *account) home(id ulid.ULID) ulid.ULID {
	for range 32 {
		to, ok := a.alias[id]
		if !ok {
			return id
		}
		id = to
	}
	return id
}

// digestOf is the keyed digest of a value as a system writes it.
func (w *world) digestOf(field string, s domain.System, value string) string {
	f := fieldOf(field)
	raw, _ := json.Marshal(value)
	side := f.Side(s)
	side.Read = side.Write
	text, err := domain.Canonical(f.Type, raw, f.Format(s, env))
	if err != nil {
		return w.digest.Of(field, "\x01"+string(raw))
	}
	return w.digest.Of(field, text)
}

// unsettled reports whether a write to the slot was decided whose end the planner does not know.
func (w *world) unsettled(s slot) bool {
	w.read()
	for _, c := range w.order {
		if c.outcome != nil && c.settled <= w.planned_ {
			continue
		}
		if c.Record == s.record && c.Digests[fieldOf(s.field).Side(s.record.System).Write] != "" || w.makes(c, s.record) {
			return true
		}
	}
	return false
}

// makes reports whether the command is the create that made a record.
func (w *world) makes(c *command, r domain.Record) bool {
	made := w.made[r]
	if made == nil || c.Kind != domain.KindCreate || c.System != r.System {
		return false
	}
	if r.System == domain.HubSpot {
		return made.address == c.contact.String()
	}
	return w.digestOf("phone_number", domain.Aloware, made.address) == c.Digests["phone_number"]
}
