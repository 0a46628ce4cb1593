package planner_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// world is two systems, a log and a planner, all in memory, stepped by a seeded scheduler.
type world struct {
	t        *rapid.T
	settings settings.Settings
	now      int64 // µs
	nextID   int
	systems  map[domain.System]map[string]map[string]string // canonical field name → value
	hooks    []hook
	log      []entry
	planned  int
	view     *planner.View
	resting  *planner.View // decides everything as well, and puts everybody away in between; nil for none
	outbox   []planner.Outgoing
	sends    int
	creates  map[string]int
	// unguarded: writes do not look first whether the target still shows what they were decided on
	unguarded bool
	ours      map[string]bool // by record and field: we wrote it last
}

// entry is an event of the log: an input, or a decision.
type entry struct {
	in  planner.Input
	dec *planner.Decision
}

// hook is a webhook on its way.
type hook struct {
	kind string
	rec  domain.Record
	fact domain.Fact
}

var (
	secret = []byte("secret")
	fields = []string{"company_name", "email", "first_name", "phone_number"}
)

func newWorld(t *rapid.T, s settings.Settings) *world {
	w := unknownWorld(t, s)
	w.append(domain.BaselineCompleted, "connection", domain.Act{})
	return w
}

// unknownWorld is one whose two sides were not scanned yet.
func unknownWorld(t *rapid.T, s settings.Settings) *world {
	w := &world{
		t: t, settings: s, now: 1_700_000_000_000_000, systems: map[domain.System]map[string]map[string]string{
			domain.HubSpot: {}, domain.Aloware: {},
		}, creates: map[string]int{}, ours: map[string]bool{},
	}
	w.view = planner.NewView(planner.Control{}, planner.NewDigester(secret))
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	w.append(domain.SettingsChanged, "connection", domain.SettingsAct{Version: 1, Settings: raw})
	return w
}

func (w *world) append(kind, stream string, payload any) {
	data, err := json.Marshal(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	w.now += 1000
	pos := int64(len(w.log) + 1)
	var id ulid.ULID
	_ = id.SetTime(uint64(w.now / 1000))
	binary.BigEndian.PutUint64(id[8:], uint64(pos))
	w.log = append(w.log, entry{in: planner.Input{
		Position: pos, ID: id, Type: kind, Stream: stream, RecordedAt: w.now, Data: data,
	}})
}

// tick moves time far enough that no two things happen at once.
func (w *world) tick() int64 { w.now += 3_000_000; return w.now }

func (w *world) raw(s domain.System, values map[string]string) domain.Properties {
	p := domain.Properties{}
	for _, f := range w.settings.Fields {
		if !slices.Contains(fields, f.Name) {
			continue
		}
		b, _ := json.Marshal(values[f.Name])
		p[f.Side(s).Read] = b
	}
	return p
}

// create makes a record by a person; edit changes one of its fields. Both tell it by webhook.
func (w *world) create(s domain.System, values map[string]string, contact string) string {
	w.nextID++
	id := fmt.Sprint(w.nextID)
	w.systems[s][id] = maps.Clone(values)
	for f := range values {
		w.ours[domain.Record{System: s, ID: id}.String()+f] = contact != ""
	}
	if contact != "" {
		w.systems[s][id]["unique"] = contact
	}
	at := w.tick()
	rec := domain.Record{System: s, ID: id}
	origin := domain.Origin{Source: "CRM_UI"}
	if contact != "" || s == domain.HubSpot && contact != "" {
		origin.Own = true
	}
	if s == domain.HubSpot {
		w.hooks = append(w.hooks, hook{domain.RecordCreated, rec, domain.Fact{Via: "webhook", Clock: at, Origin: origin}})
		return id
	}
	w.hooks = append(w.hooks, hook{domain.RecordCreated, rec, domain.Fact{
		Via: "webhook", Complete: true, Properties: w.raw(s, values),
	}})
	return id
}

func (w *world) edit(rec domain.Record, field, value string, own bool) {
	values := w.systems[rec.System][rec.ID]
	values[field] = normalise(rec.System, value)
	w.ours[rec.String()+field] = own
	at := w.tick()
	f, _ := w.settings.Field(field)
	fact := domain.Fact{Via: "webhook", Clock: at, Origin: domain.Origin{Own: own}}
	if rec.System == domain.HubSpot {
		b, _ := json.Marshal(values[field])
		fact.Properties = domain.Properties{f.HubSpot.Read: b}
	} else {
		fact.Properties, fact.Complete = w.raw(rec.System, values), true
	}
	w.hooks = append(w.hooks, hook{domain.RecordUpdated, rec, fact})
}

// normalise is what both stand-ins do to a value beyond our canonical form: inner runs of spaces become one.
func normalise(_ domain.System, v string) string { return strings.Join(strings.Fields(v), " ") }

func (w *world) deliver(i int, again bool) {
	h := w.hooks[i]
	if !again {
		w.hooks = slices.Delete(w.hooks, i, i+1)
	}
	if h.rec.System == domain.Aloware {
		h.fact.Clock = w.tick() // its receipt
	}
	w.append(h.kind, h.rec.Stream(), h.fact)
}

// plan takes the next input.
func (w *world) plan() bool {
	for w.planned < len(w.log) {
		e := w.log[w.planned]
		w.planned++
		if e.dec != nil {
			continue
		}
		eff, err := w.view.Fold(e.in)
		if err != nil {
			w.t.Fatal(err)
		}
		out := w.tried(func() []planner.Planned {
			out := w.view.Plan(e.in, eff)
			if eff.Release {
				for _, id := range w.dirty() {
					out = append(out, w.view.PlanDirty(e.in, eff, id)...)
				}
			}
			return append(out, rows(w.view, e.in, eff)...)
		})
		w.decidedAlike(e.in, out)
		w.take(e.in, eff, out)
		return true
	}
	return false
}

func (w *world) take(in planner.Input, eff planner.Effect, out []planner.Planned) {
	for _, p := range out {
		d := p.Decision
		w.append(domain.DecisionMade, "contact/"+d.Contact.String(), d)
		w.log[len(w.log)-1].dec = &d
		w.outbox = append(w.outbox, p.Outgoing...)
	}
	// planning again after a decision yields nothing
	for range 1 {
		if again := w.view.Plan(in, planner.Effect{Contact: contactOf(out), Changed: true, Scanned: eff.Scanned}); len(again) > 0 {
			w.t.Fatalf("planned again on %s at %d: %s\nfirst: %s\n%s", in.Type, in.Position, text(again), text(out), w.story())
		}
	}
}

func contactOf(out []planner.Planned) ulid.ULID {
	if len(out) == 0 {
		return ulid.ULID{}
	}
	return out[0].Decision.Contact
}

func text(v any) string { b, _ := json.MarshalIndent(v, "", " "); return string(b) }

func (w *world) dirty() []ulid.ULID {
	var ids []ulid.ULID
	for _, c := range w.contacts() {
		if c.Head.Dirty {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// contacts rebuilds the contacts from the decisions' ids.
func (w *world) contacts() []*planner.Contact {
	seen := map[ulid.ULID]*planner.Contact{}
	for _, e := range w.log {
		if e.dec != nil {
			if c := w.view.Contact(e.dec.Contact); c != nil {
				seen[c.ID] = c
			}
		}
	}
	return slices.SortedFunc(maps.Values(seen), func(a, b *planner.Contact) int { return a.ID.Compare(b.ID) })
}

// dispatch carries out the oldest command of some lane; unsure ones happen, are answered late or repeated.
func (w *world) dispatch(i int, doubtful bool) {
	o := w.outbox[i]
	lane := func(o planner.Outgoing) string { return string(o.System) + o.Record.String() + o.Contact.String() }
	for j := range i {
		if lane(w.outbox[j]) == lane(o) {
			i, o = j, w.outbox[j]
			break
		}
	}
	switch o.Kind {
	case domain.KindRead, domain.KindLookup:
		w.outbox = slices.Delete(w.outbox, i, i+1)
		w.read(o)
	default:
		out := w.write(o)
		if doubtful {
			return // it happened, but nobody was told: the row stays and is sent again
		}
		w.outbox = slices.Delete(w.outbox, i, i+1)
		stream := out.Record.Stream()
		if stream == "" {
			stream = o.Source.Stream()
		}
		w.append(domain.CommandSettled, stream, out)
	}
}

func (w *world) read(o planner.Outgoing) {
	at := w.tick()
	values, ok := w.systems[o.System][o.Record.ID]
	a := &domain.Answer{Command: o.ID, Contact: o.Contact, By: o.By}
	if !ok {
		w.append(domain.RecordAbsent, o.Record.Stream(), domain.Fact{Via: "read", Clock: at, Answer: a})
		return
	}
	a.Found = []domain.Record{o.Record}
	p := w.raw(o.System, values)
	if u := values["unique"]; u != "" {
		p[domain.UniqueProperty], _ = json.Marshal(u)
	}
	w.append(domain.RecordObserved, o.Record.Stream(), domain.Fact{
		Via: "read", Clock: at, Complete: true, Properties: p, Answer: a,
	})
}

func (w *world) write(o planner.Outgoing) domain.Outcome {
	w.sends++
	out := domain.Outcome{Command: o.ID, Contact: o.Contact, Kind: o.Kind, System: o.System, Record: o.Record, Result: domain.ResultApplied}
	values := map[string]string{}
	for prop, raw := range o.Values {
		f, _ := w.settings.FieldFor(o.System, prop)
		var s string
		_ = json.Unmarshal(raw, &s)
		values[f.Name] = normalise(o.System, s)
	}
	id := o.Record.ID
	if o.Kind == domain.KindCreate {
		if id = w.findFor(o, values); id == "" {
			unique := ""
			if o.System == domain.HubSpot {
				unique = o.Contact.String()
			}
			id = w.create(o.System, values, unique)
			w.creates[o.Contact.String()]++
			out.Created = true
		} else if o.System == domain.Aloware {
			out.Result, out.Reason = domain.ResultRejected, domain.ReasonExists
			out.Existing = domain.Record{System: o.System, ID: id}
		} else {
			w.overwrite(domain.Record{System: o.System, ID: id}, values)
		}
	} else {
		w.update(o, values, &out)
	}
	out.Record = domain.Record{System: o.System, ID: id}
	if out.Result != domain.ResultRejected {
		out.Sent = maps.Clone(o.Values)
		maps.DeleteFunc(out.Sent, func(p string, _ json.RawMessage) bool { return out.Refused[p] != "" })
	}
	out.Shows, out.Clock, out.Complete = w.raw(o.System, w.systems[o.System][id]), w.tick(), true
	return out
}

// update writes what nobody changed since it was decided.
func (w *world) update(o planner.Outgoing, values map[string]string, out *domain.Outcome) {
	out.Refused = w.unexpected(o)
	for prop := range out.Refused {
		f, _ := w.settings.FieldFor(o.System, prop)
		delete(values, f.Name)
		out.Result, out.Reason = domain.ResultPartly, domain.ReasonChanged
	}
	if len(values) == 0 {
		out.Result = domain.ResultRejected
	}
	w.overwrite(o.Record, values)
}

// overwrite is a write by us: what differs changes, and is told back.
func (w *world) overwrite(rec domain.Record, values map[string]string) {
	for _, f := range slices.Sorted(maps.Keys(values)) {
		if w.systems[rec.System][rec.ID][f] != values[f] {
			w.edit(rec, f, values[f], true)
		}
	}
}

// findFor is how each system recognises a create that is repeated: HubSpot by our unique key, Aloware by the number.
func (w *world) findFor(o planner.Outgoing, values map[string]string) string {
	for _, id := range slices.Sorted(maps.Keys(w.systems[o.System])) {
		v := w.systems[o.System][id]
		if o.System == domain.HubSpot && v["unique"] == o.Contact.String() ||
			o.System == domain.Aloware && v["phone_number"] == values["phone_number"] {
			return id
		}
	}
	return ""
}

// settle lets everything come to rest.
func (w *world) settle() {
	for range 10_000 {
		switch {
		case w.plan():
		case len(w.outbox) > 0:
			w.dispatch(0, false)
		case len(w.hooks) > 0:
			w.deliver(0, false)
		default:
			return
		}
	}
	w.t.Fatalf("does not come to rest: %d sends, %d hooks", w.sends, len(w.hooks))
}

var _ testing.TB = (*testing.T)(nil)
