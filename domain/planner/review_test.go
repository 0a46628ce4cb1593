package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// TestReadThatFailsIsNotRepeated: a doubtful Aloware value is asked for; when that cannot be answered the read is not
// sent again by its own outcome, or the two would go round for ever.
func TestReadThatFailsIsNotRepeated(t *testing.T) {
	for name, phone := range map[string]string{"a number that is none": "Anonymous", "a number Aloware refuses": "+18182124567"} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil).linked()
			d.webhook(alo, values{"first_name": "Bob", "phone_number": phone})
			d.now -= hour - 1_000_000 // the next comes at once
			d.hasty(alo, values{"first_name": "Cyd", "last_name": "Lee"})
			for rounds := 0; ; rounds++ {
				i := slices.IndexFunc(d.sent, func(o planner.Outgoing) bool { return o.Kind == domain.KindRead })
				if i < 0 {
					return
				}
				if rounds > 0 {
					t.Fatalf("read again because the read failed\n%s", text(d.last))
				}
				d.settled(d.sent[i], nil, func(o *domain.Outcome) {
					o.Result, o.Reason, o.Sent = domain.ResultRejected, domain.ReasonImpossible, nil
				})
			}
		})
	}
}

// hasty is a webhook a second after the one before.
func (d *desk) hasty(rec domain.Record, v values) {
	d.Helper()
	all := d.v.Record(rec).Properties()
	for name, raw := range v.raw() {
		all[name] = raw
	}
	d.in(domain.RecordUpdated, rec.Stream(), domain.Fact{
		Via: "webhook", Complete: true, Clock: d.v.Record(rec).ChangedAt + 1_000_000, Properties: all,
	})
}

// mapped adds a field that was not mapped when the records were read.
func mapped(s *settings.Settings) {
	f := s.NewField("notes", "jobtitle")
	s.Fields = append(s.Fields, f)
	*s = s.Sorted()
}

// TestNewlyMappedFieldIsReadFirst: HubSpot was never asked for a property before it was mapped, so nothing is known
// about it: it is no blank to be filled.
func TestNewlyMappedFieldIsReadFirst(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.settings(mapped)
	d.webhook(alo, values{"notes": "from Aloware"})
	if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
		t.Fatalf("%v, want HubSpot's value to be read first\n%s", got, text(d.last))
	}
	read := d.sent[0]
	d.webhook(alo, values{"city": "Oakland"})
	if slices.Contains(d.kinds(), "read hubspot") {
		t.Fatalf("read twice: %v", d.kinds())
	}
	d.read(hub, values{
		"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann", "jobtitle": "from HubSpot",
	}, read)
	for _, o := range d.sent {
		if o.System == domain.HubSpot && o.Values["jobtitle"] != nil {
			t.Fatalf("HubSpot's own value is written over\n%s", text(d.last))
		}
	}
	if f := d.field("notes"); f.State != planner.Pending || f.From != domain.HubSpot {
		t.Fatalf("%s", text(f))
	}
}

// TestUntoldIsNotBlank: a value told before its property was mapped is not blanked by a read that did not ask for it.
func TestUntoldIsNotBlank(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"jobtitle": "from HubSpot"})
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
	if v, _ := d.v.Record(hub).Properties()["jobtitle"]; string(v) != `"from HubSpot"` {
		t.Fatalf("jobtitle is %s", v)
	}
}

// TestOwnCreateAnsweredTwice: a create whose first answer was lost finds its record there, holding what was sent. What
// the source changed meanwhile is a change like any other, whatever the first-value rule says.
func TestOwnCreateAnsweredTwice(t *testing.T) {
	d := newDesk(t, func(s *settings.Settings) {
		for i := range s.Fields {
			s.Fields[i].Initial = settings.FillBlanks
		}
	})
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
	create := d.sent[0]
	d.webhook(hub, values{"firstname": "Bob"})
	d.settled(create, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"},
		func(o *domain.Outcome) {
			o.Result, o.Reason, o.Existing, o.Sent, o.Complete = domain.ResultRejected, domain.ReasonExists, alo, nil, true
		})
	d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Bob"})
}

// TestPausedOverGoingLive: what came while the mode was off stays unsent, also when the sync was paused as it went live.
func TestPausedOverGoingLive(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeOff})
	d.webhook(hub, values{"firstname": "Bob"})
	d.act(domain.SyncPaused, domain.Act{})
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
	d.act(domain.SyncResumed, domain.Act{})
	d.wrote(to{})
	d.act(domain.SyncPaused, domain.Act{})
	d.webhook(hub, values{"firstname": "Cyd"})
	d.act(domain.SyncResumed, domain.Act{})
	d.wrote(to{domain.Aloware: "Cyd"})
}

// TestNumberNobodyHolds: Aloware is asked by number. That nobody holds one an old body told of does not make the
// record gone.
func TestNumberNobodyHolds(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"phone_number": "+18182124599"})
	d.hasty(alo, values{"phone_number": "+18182124567"}) // an old body, late
	i := slices.IndexFunc(d.sent, func(o planner.Outgoing) bool { return o.Kind == domain.KindRead })
	if i < 0 {
		t.Fatalf("not asked\n%s", text(d.last))
	}
	o := d.sent[i]
	d.in(domain.RecordAbsent, alo.Stream(), domain.Fact{
		Via: "read", Clock: d.now + hour, Answer: &domain.Answer{Command: o.ID, Contact: o.Contact, By: "id"},
	})
	d.stands(alo, planner.Linked)
	if len(d.sent) > 0 {
		t.Fatalf("%v\n%s", d.kinds(), text(d.last))
	}
}

// TestLookupThatFindsSomebodyElse: whoever a look-up before a create found, the contact it was made for is decided on.
func TestLookupThatFindsSomebodyElse(t *testing.T) {
	d := &desk{T: t, set: preset(t, "default"), now: 1_790_000_000_000_000}
	d.v = planner.NewView(planner.Control{}, planner.NewDigester(secret))
	d.settings(nil)
	d.webhook(alo, values{"phone_number": "+18182124567", "email": "ann@example.com"})
	asked := slices.Clone(d.sent)
	if len(asked) != 2 || asked[0].By != "email" || asked[1].By != "phone" {
		t.Fatalf("%s", text(d.sent))
	}
	d.in(domain.RecordAbsent, alo.Stream(), domain.Fact{
		Via: "lookup", Clock: d.now + hour, Answer: &domain.Answer{Command: asked[0].ID, Contact: asked[0].Contact, By: "email"},
	})
	d.read(hub, values{"phone": "+18182124567", "email": "bob@example.com"}, asked[1])
	if c := d.v.Contact(asked[0].Contact); c.Head.Creation.Result == planner.Looking {
		t.Fatalf("nothing follows from the answers: %s\n%s", text(c.Head), text(d.last))
	}
}

// TestViewLeavesControl: a view works on a control state of its own.
func TestViewLeavesControl(t *testing.T) {
	d := newDesk(t, nil)
	d.webhook(hub, values{"firstname": "Ann"})
	before := d.v.Control
	told := before.Heard[domain.HubSpot]
	d.v = planner.NewView(before, d.v.Digester)
	d.webhook(hub, values{"firstname": "Bob"})
	if before.Heard[domain.HubSpot] != told {
		t.Fatal("changed in place")
	}
}
