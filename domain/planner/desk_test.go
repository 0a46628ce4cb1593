package planner_test

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// hour is between any two inputs at a desk, so that no Aloware webhook is hasty.
const hour = int64(3_600_000_000)

var (
	hub = domain.Record{System: domain.HubSpot, ID: "1"}
	alo = domain.Record{System: domain.Aloware, ID: "2"}
)

// desk is a planner that is handed one input after another.
type desk struct {
	*testing.T
	set settings.Settings
	v   *planner.View
	pos int64
	now int64
	rnd *rand.Rand // set: state is loaded anew before every input, in a random order
	// what the last input led to, and everything so far
	last []planner.Decision
	sent []planner.Outgoing
	all  []planner.Decision
	log  []planner.Input
}

// newDesk is live, with its baseline done.
func newDesk(t *testing.T, edit func(*settings.Settings)) *desk {
	t.Helper()
	d := &desk{T: t, set: preset(t, "default"), now: 1_790_000_000_000_000}
	d.v = planner.NewView(planner.Control{}, planner.NewDigester(secret))
	d.settings(edit)
	d.act(domain.BaselineCompleted, domain.Act{})
	return d
}

// in folds and plans one input.
func (d *desk) in(kind, stream string, payload any) {
	d.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		d.Fatal(err)
	}
	d.pos++
	d.now += hour
	var id ulid.ULID
	_ = id.SetTime(uint64(d.now / 1000))
	binary.BigEndian.PutUint64(id[8:], uint64(d.pos))
	in := planner.Input{Position: d.pos, ID: id, Type: kind, Stream: stream, RecordedAt: d.now, Data: data}
	if d.rnd != nil {
		d.v = shuffled(d.T, d.v, d.rnd)
	}
	d.log = append(d.log, in)
	for _, at := range planner.Recalls(in) {
		d.v.Recall(d.log[at-1])
	}
	e, err := d.v.Fold(in)
	if err != nil {
		d.Fatal(err)
	}
	out := d.v.Plan(in, e)
	if e.Release {
		for _, c := range allContacts(d.v) {
			if c.Head.Dirty {
				out = append(out, d.v.PlanDirty(in, e, c.ID)...)
			}
		}
	}
	out = append(out, rows(d.v, in, e)...)
	d.last, d.sent = nil, nil
	for _, p := range out {
		d.last, d.sent = append(d.last, p.Decision), append(d.sent, p.Outgoing...)
	}
	d.all = append(d.all, d.last...)
}

func (d *desk) settings(edit func(*settings.Settings)) {
	d.Helper()
	if edit != nil {
		edit(&d.set)
	}
	raw, err := json.Marshal(d.set)
	if err != nil {
		d.Fatal(err)
	}
	d.in(domain.SettingsChanged, "connection", domain.SettingsAct{Version: int(d.pos) + 1, Settings: raw})
}

func (d *desk) act(kind string, a domain.Act) {
	d.Helper()
	d.in(kind, "connection", a)
}

type values map[string]string

func (v values) raw() domain.Properties {
	p := domain.Properties{}
	for k, s := range v {
		p[k], _ = json.Marshal(s)
	}
	return p
}

// webhook tells values; of an Aloware record it tells all that were told before too, as Aloware does.
func (d *desk) webhook(rec domain.Record, v values) {
	d.Helper()
	f := domain.Fact{Via: "webhook", Clock: d.now + hour, Properties: v.raw()}
	if rec.System == domain.Aloware {
		f.Complete = true
		if r := d.v.Record(rec); r != nil {
			all := r.Properties()
			maps.Copy(all, f.Properties)
			f.Properties = all
		}
	}
	d.in(domain.RecordUpdated, rec.Stream(), f)
}

// read tells all of a record, as the answer to a read command, if any, would.
func (d *desk) read(rec domain.Record, v values, o planner.Outgoing) {
	d.Helper()
	f := domain.Fact{Via: "read", Complete: true, Clock: d.now + hour, Properties: v.raw()}
	if !o.ID.IsZero() {
		f.Answer = &domain.Answer{Command: o.ID, Contact: o.Contact, By: o.By, Found: []domain.Record{rec}}
	}
	d.in(domain.RecordObserved, rec.Stream(), f)
}

// settled answers a write.
func (d *desk) settled(w planner.Outgoing, shows values, change func(*domain.Outcome)) {
	d.Helper()
	o := domain.Outcome{
		Command: w.ID, Contact: w.Contact, Kind: w.Kind, System: w.System, Record: w.Record,
		Result: domain.ResultApplied, Sent: w.Values, Shows: shows.raw(), Clock: d.now + hour,
	}
	if change != nil {
		change(&o)
	}
	stream := o.Record.Stream()
	if stream == "" {
		stream = w.Source.Stream()
	}
	d.in(domain.CommandSettled, stream, o)
}

// linked puts a contact on the desk that stands in both systems and agrees.
func (d *desk) linked() *desk {
	d.Helper()
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
	for _, w := range d.sent {
		d.settled(w, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"},
			func(o *domain.Outcome) { o.Record, o.Created, o.Complete = alo, true, true })
	}
	d.now += 48 * hour // what Aloware held is forgotten
	if f := d.field("first_name"); f.State != planner.InStep && f.State != planner.Pending {
		d.Fatalf("not linked: %s", text(d.all))
	}
	return d
}

// field is the state of a field of the hub record's contact.
func (d *desk) field(name string) planner.Field {
	d.Helper()
	r := d.v.Record(hub)
	if r == nil || d.v.Contact(r.Link.Contact) == nil {
		d.Fatal("no contact")
	}
	f := d.v.Contact(r.Link.Contact).Fields[name]
	if f == nil {
		return planner.Field{}
	}
	return *f
}

// says checks what the last input led to for first_name: its result, the field's state, and the values written, by
// system. No result: nothing was decided about it.
func (d *desk) says(result planner.Result, state planner.FieldStatus, written map[domain.System]string) {
	d.Helper()
	var got planner.Result
	for _, dec := range d.last {
		for _, v := range dec.Fields {
			if v.Field == "first_name" {
				got = v.Result
			}
		}
	}
	if f := d.field("first_name"); got != result || f.State != state {
		d.Fatalf("first_name: %q and %q, want %q and %q\n%s", got, f.State, result, state, text(d.last))
	}
	d.wrote(written)
}

// wrote checks the first names the last input's commands write.
func (d *desk) wrote(want map[domain.System]string) {
	d.Helper()
	got := map[domain.System]string{}
	for _, o := range d.sent {
		for _, name := range []string{"firstname", "first_name"} {
			if raw, ok := o.Values[name]; ok {
				var s string
				_ = json.Unmarshal(raw, &s)
				got[o.System] = s
			}
		}
	}
	if !maps.Equal(got, want) {
		d.Fatalf("wrote %v, want %v\n%s", got, want, text(d.last))
	}
}

// base checks the value a side's base stands for.
func (d *desk) base(s domain.System, want string) {
	d.Helper()
	if got := d.field("first_name").Base[s]; got != planner.NewDigester(secret).Of("first_name", want) {
		d.Fatalf("the base of %s is not %q: %s", s, want, text(d.field("first_name")))
	}
}

// kinds lists the last input's commands.
func (d *desk) kinds() (kinds []string) {
	for _, o := range d.sent {
		kinds = append(kinds, o.Kind+" "+string(o.System))
	}
	return kinds
}
