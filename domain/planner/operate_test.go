package planner_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// rows plans the rows of an operation's page.
func rows(v *planner.View, in planner.Input, e planner.Effect) (out []planner.Planned) {
	if e.Page == nil {
		return nil
	}
	for _, r := range e.Page.Rows {
		out = append(out, v.PlanRow(in, *e.Page, r)...)
	}
	return out
}

// watched are the properties a plan looks at.
func watched(s settings.Settings) map[domain.System][]string {
	return map[domain.System][]string{
		domain.Aloware: s.ReadProperties(domain.Aloware), domain.HubSpot: s.ReadProperties(domain.HubSpot),
	}
}

// operate starts an operation on every contact there is, as it stands now, and appends its one page.
func (w *world) operate(name string) {
	w.append(domain.OperationStarted, "connection", domain.Act{Name: name, Counts: map[string]int64{domain.CountBudget: 2}})
	page := domain.PlanPage{
		Scope: domain.Scope{Name: name}, Operation: w.log[len(w.log)-1].in.ID, Watch: watched(w.settings),
	}
	for _, c := range w.contacts() {
		page.Rows = append(page.Rows, domain.PlanRow{Contact: c.ID, Digest: w.view.RowDigest(c.ID, page.Watch)})
	}
	w.append(domain.PlanApplied, "connection", page)
}

// operation is one at a desk.
type operation struct {
	*desk
	spec domain.PlanSpec
	id   ulid.ULID
	page domain.PlanPage
}

// prepare previews the operation for some contacts; start and apply carry it out.
func (d *desk) prepare(spec domain.PlanSpec, contacts ...ulid.ULID) (*operation, []planner.Preview) {
	d.Helper()
	o := &operation{desk: d, spec: spec, page: domain.PlanPage{Scope: spec.Scope, Watch: watched(d.set)}}
	dry := d.copied()
	in := planner.Input{Position: d.pos + 1, RecordedAt: d.now}
	var all []planner.Preview
	for _, c := range contacts {
		p, ok := dry.Preview(in, spec, settings.Filter{}, o.page.Watch, c)
		if !ok {
			d.Fatalf("no preview of %s", c)
		}
		all = append(all, p)
		o.page.Rows = append(o.page.Rows, domain.PlanRow{Contact: c, Digest: p.Digest})
	}
	return o, all
}

func (o *operation) start(budget int64) {
	o.Helper()
	o.act(domain.OperationStarted, domain.Act{
		Name: o.spec.Name, Counts: map[string]int64{domain.CountBudget: budget, domain.CountRows: int64(len(o.page.Rows))},
	})
	ops := o.v.Control.Operations
	o.id = ops[len(ops)-1].ID
	o.page.Operation = o.id
}

func (o *operation) apply() {
	o.Helper()
	o.in(domain.PlanApplied, "connection", o.page)
}

func (d *desk) contact(r domain.Record) ulid.ULID { return d.v.Record(r).Link.Contact }

// copied is a copy of the desk's view, for what must leave that as it is.
func (d *desk) copied() *planner.View {
	d.Helper()
	next := planner.NewView(again(d, d.v.Control), planner.NewDigester(secret))
	records, contacts, _ := d.v.Changed()
	for _, c := range contacts {
		k := again(d, *c)
		next.AddContact(&k)
	}
	for _, r := range records {
		k := again(d, *r)
		k.Seen, k.Answers, k.Replaced = maps.Clone(r.Seen), maps.Clone(r.Answers), maps.Clone(r.Replaced)
		next.AddRecord(&k)
	}
	return next
}

func again[T any](d *desk, v T) (out T) {
	d.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// firstNameIs puts other settings of the first name into force.
func (d *desk) firstNameIs(edit func(*settings.Field)) *desk {
	d.settings(firstName(edit))
	return d
}

// TestOperationOverridesTheRule: a push takes Aloware's value where the rule left both, once, and does what was shown.
func TestOperationOverridesTheRule(t *testing.T) {
	d := apart(t, nil)
	spec := domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPush}}
	o, shown := d.prepare(spec, d.contact(hub))
	if len(shown[0].Planned) != 1 || shown[0].Planned[0].Decision.Writes() != 1 {
		t.Fatalf("shown: %s", text(shown))
	}
	o.start(1)
	o.apply()
	d.wrote(to{domain.HubSpot: "Bob"})
	if d.last[0].Operation != o.id || d.v.Control.Operations[0].Spent != 1 || d.v.Control.Operations[0].Done != 1 {
		t.Errorf("decided for %s: %+v", d.last[0].Operation, d.v.Control.Operations)
	}
	d.settled(d.sent[0], values{"firstname": "Bob"}, nil)
	_, shown = d.prepare(spec, d.contact(hub))
	if n := writesOf(shown[0]); n != 0 || len(shown[0].Left) != 0 {
		t.Errorf("a second push would write %d, and leaves %v", n, shown[0].Left)
	}
}

func writesOf(p planner.Preview) (n int) {
	for _, d := range p.Planned {
		n += d.Decision.Writes()
	}
	return n
}

// apart is a pair whose first names differ since a change in Aloware was blocked; the field is changed then.
func apart(t *testing.T, edit func(*settings.Field)) *desk {
	d := newDesk(t, firstName(func(f *settings.Field) { f.Direction = settings.ToAloware })).linked()
	d.webhook(alo, values{"first_name": "Bob"})
	d.firstNameIs(func(f *settings.Field) {
		f.Direction = settings.Both
		if edit != nil {
			edit(f)
		}
	})
	return d
}

// TestOperationsAndRules: whose value counts in which operation, and what binds all of them.
func TestOperationsAndRules(t *testing.T) {
	push, pull := domain.Scope{Name: domain.OpPush}, domain.Scope{Name: domain.OpPull}
	for name, c := range map[string]struct {
		scope domain.Scope
		edit  func(*settings.Field)
		want  to
		left  planner.Result
	}{
		"push":              {scope: push, want: to{domain.HubSpot: "Bob"}},
		"pull":              {scope: pull, want: to{domain.Aloware: "Ann"}},
		"toward aloware":    {scope: domain.Scope{Name: domain.OpReconcile, Toward: domain.TowardAloware}, want: to{domain.HubSpot: "Bob"}},
		"toward hubspot":    {scope: domain.Scope{Name: domain.OpReconcile, Toward: domain.TowardHubSpot}, want: to{domain.Aloware: "Ann"}},
		"toward rules":      {scope: domain.Scope{Name: domain.OpReconcile}, want: to{domain.Aloware: "Ann"}},
		"rules: aloware":    {scope: domain.Scope{Name: domain.OpReconcile}, edit: func(f *settings.Field) { f.Conflict = settings.AlowareWins }, want: to{domain.HubSpot: "Bob"}},
		"rules: a person's": {scope: domain.Scope{Name: domain.OpReconcile}, edit: func(f *settings.Field) { f.Conflict = settings.Review }, left: planner.Blocked},
		"match":             {scope: domain.Scope{Name: domain.OpMatch}, left: planner.Blocked},
		"another field":     {scope: domain.Scope{Name: domain.OpReconcile, Field: "city"}},
		"push against the direction": {
			scope: push, edit: func(f *settings.Field) { f.Direction = settings.ToAloware }, left: planner.Blocked,
		},
		"pull never overwrites": {
			scope: pull, edit: func(f *settings.Field) { f.Overwrite = settings.OverwriteNever }, left: planner.Kept,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := apart(t, c.edit)
			o, shown := d.prepare(domain.PlanSpec{Scope: c.scope}, d.contact(hub))
			o.start(1)
			o.apply()
			d.wrote(c.want)
			if n := writesOf(shown[0]); n != len(c.want) {
				t.Errorf("%d writes shown, %d made", n, len(c.want))
			}
			if left := shown[0].Left; c.left == "" && len(left) > 0 || c.left != "" && (len(left) != 1 || left[0].Result != c.left) {
				t.Errorf("left %v, want %s", left, c.left)
			}
		})
	}
}

// TestBlanksAndStopsAreNotOverridden: a push of a blank keeps what HubSpot has, and no operation lifts a stop.
func TestBlanksAndStopsAreNotOverridden(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"first_name": ""})
	d.webhook(hub, values{"hs_do_not_call": "true"})
	o, _ := d.prepare(domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPush}}, d.contact(hub))
	o.start(9)
	o.apply()
	d.wrote(to{})
}

// TestRowsThatChanged: a contact that changed since the plan was made is skipped, and told; settings that changed do
// not count as that.
func TestRowsThatChanged(t *testing.T) {
	d := apart(t, nil)
	o, _ := d.prepare(domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPush}}, d.contact(hub))
	d.firstNameIs(func(f *settings.Field) { f.Conflict = settings.AlowareWins })
	o.start(1)
	d.webhook(hub, values{"lastname": "Lee"})
	d.settled(d.sent[0], values{"last_name": "Lee"}, nil)
	o.apply()
	d.wrote(to{})
	if len(d.last) != 1 || d.last[0].Whole == nil || d.last[0].Whole.Result != planner.Skipped || d.last[0].Operation != o.id {
		t.Errorf("decided %s, want skipped", text(d.last))
	}

	d = apart(t, nil)
	o, _ = d.prepare(domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPush}}, d.contact(hub))
	o.start(1)
	d.act(domain.OperationPaused, domain.Act{Command: o.id})
	o.apply()
	d.wrote(to{})
	if op := d.v.Control.Operations[0]; op.Done != 0 || op.Vain != 1 {
		t.Errorf("paused: %+v", op)
	}
	d.firstNameIs(func(f *settings.Field) { f.Direction = settings.ToAloware })
	d.act(domain.OperationResumed, domain.Act{Command: o.id})
	o.apply()
	d.wrote(to{}) // the mapping was fixed meanwhile
	o.apply()     // a page that was told twice
	if op := d.v.Control.Operations[0]; op.Done != 1 || op.Vain != 2 {
		t.Errorf("resumed: %+v", op)
	}
	d.act(domain.OperationCancelled, domain.Act{Command: o.id})
	o.apply()
	if len(d.last) != 0 || len(d.v.Control.Operations) != 0 {
		t.Errorf("cancelled: %s, %+v", text(d.last), d.v.Control.Operations)
	}
}

// TestOperationCreates: a push makes nobody in Aloware, a pull nobody in HubSpot, match nobody at all.
func TestOperationCreates(t *testing.T) {
	for name, want := range map[string]bool{domain.OpPush: false, domain.OpPull: true, domain.OpMatch: false, domain.OpReconcile: true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
			d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com"}, planner.Outgoing{})
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
			d.wrote(to{})
			o, shown := d.prepare(domain.PlanSpec{Scope: domain.Scope{Name: name}}, d.contact(hub))
			o.start(1)
			o.apply()
			if got := len(d.sent) == 1 && d.sent[0].Kind == domain.KindCreate; got != want || (writesOf(shown[0]) == 1) != want {
				t.Errorf("created: %t, shown %d; want %t", got, writesOf(shown[0]), want)
			}
		})
	}
}

// TestBackFill: a field mapped after its records became a pair waits for an operation, which fills blanks and leaves
// what differs apart.
func TestBackFill(t *testing.T) {
	late := func(initial settings.Winner) *desk {
		d := newDesk(t, func(s *settings.Settings) {
			s.Fields = slices.DeleteFunc(s.Fields, func(f settings.Field) bool { return f.Name == "city" })
		}).linked()
		all := preset(t, "default")
		city, _ := all.Field("city")
		city.Initial = initial
		d.settings(func(s *settings.Settings) { s.Fields = append(s.Fields, city) })
		d.in(domain.RecordObserved, alo.Stream(), domain.Fact{Via: "scan", Clock: d.now + hour, Properties: values{"cnam_city": "Paris"}.raw()})
		d.wrote(to{})
		return d
	}
	tell := func(d *desk, city string) {
		known := d.v.Record(hub).Properties()
		known["city"], _ = json.Marshal(city)
		d.in(domain.RecordObserved, hub.Stream(), domain.Fact{Via: "scan", Complete: true, Clock: d.now + hour, Properties: known})
		d.wrote(to{})
		if d.v.Contact(d.contact(hub)).Fields["city"] != nil {
			t.Error("a look at what is there decided")
		}
	}
	spec := domain.PlanSpec{Scope: domain.Scope{Name: domain.OpReconcile, Field: "city"}}

	d := late(settings.FillBlanks)
	tell(d, "Rome")
	_, shown := d.prepare(spec, d.contact(hub))
	if writesOf(shown[0]) != 0 || len(shown[0].Left) != 1 || shown[0].Left[0].Result != planner.Kept {
		t.Errorf("both have one: %s", text(shown))
	}

	d = late(settings.FillBlanks)
	tell(d, "")
	o, _ := d.prepare(spec, d.contact(hub))
	o.start(1)
	o.apply()
	if len(d.sent) != 1 || string(d.sent[0].Values["city"]) != `"Paris"` {
		t.Errorf("a blank: %s", text(d.sent))
	}
}

// TestBudget: the writes that were confirmed count for no guard, and not one more does.
func TestBudget(t *testing.T) {
	const people = 40
	for budget, want := range map[int64]int{people: people, 5: 5 + 10} {
		d := crowd(t, people, settings.Guards{MaxChangedShare: 5})
		d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
		var all []ulid.ULID
		for i := range people {
			d.rename(i, "Bob")
			all = append(all, d.contact(hubN(i)))
		}
		d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
		o, _ := d.prepare(domain.PlanSpec{Scope: domain.Scope{Name: domain.OpReconcile}}, all...)
		o.start(budget)
		o.apply()
		if len(d.sent) != want {
			t.Errorf("of a budget of %d: %d sent, want %d", budget, len(d.sent), want)
		}
		if tripped := d.trip() != nil; tripped != (budget < people) {
			t.Errorf("of a budget of %d: tripped: %t", budget, tripped)
		}
	}
}
