package planner_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// caller is a webhook about an Aloware contact that came to be as the word says; event names it.
func (d *desk) caller(event, intake string, more values) {
	d.Helper()
	v := values{"phone_number": "+18182124567", "intake_source": intake}
	for name, value := range more {
		v[name] = value
	}
	d.in(domain.RecordUpdated, alo.Stream(), domain.Fact{
		Via: "webhook", Complete: true, Clock: d.now + hour, Properties: v.raw(), Vendor: event,
	})
}

// created reports whether the last input led to a create, and otherwise by which rule not.
func (d *desk) created() (bool, string) {
	d.Helper()
	if slices.ContainsFunc(d.sent, func(o planner.Outgoing) bool { return o.Kind == domain.KindCreate }) {
		return true, ""
	}
	for _, dec := range d.last {
		if dec.Whole != nil {
			return false, dec.Whole.Rule
		}
	}
	return false, ""
}

func only(sources ...domain.Source) func(*settings.Settings) {
	return func(s *settings.Settings) {
		for _, source := range domain.Sources {
			s.Contacts.CreateFrom[source] = slices.Contains(sources, source)
		}
	}
}

// TestCreateFrom: a contact is made in HubSpot when the way it came to be in Aloware is one the settings allow, and
// otherwise the decision names the setting.
func TestCreateFrom(t *testing.T) {
	const missed, answered = "InboundPhoneCall-DispositionMissed", "InboundPhoneCall-DispositionCompleted"
	named := values{"first_name": "Ann"}
	for _, c := range []struct {
		name   string
		allow  []domain.Source
		events []string // after Contact-Created
		intake string
		more   values
		want   string // the rule; empty: created
	}{
		{"typed in", []domain.Source{domain.TypedIn}, nil, "ui", nil, ""},
		{"typed in, not allowed", []domain.Source{domain.Imported}, nil, "ui", nil, "contacts.create_from.typed_in = false"},
		{"import", []domain.Source{domain.Imported}, nil, "imports", nil, ""},
		{"import, not allowed", nil, nil, "imports", nil, "contacts.create_from.import = false"},
		{"form", []domain.Source{domain.FromForm}, nil, "form-capture", nil, ""},
		{"text", []domain.Source{domain.TextMessage, domain.UnknownCaller}, nil, "voip-sms", nil, ""},
		{"text of somebody named", []domain.Source{domain.TextMessage}, nil, "voip-sms", named, ""},
		{"text of nobody known", []domain.Source{domain.TextMessage}, nil, "voip-sms", nil, "contacts.create_from.unknown_caller = false"},
		{"other", []domain.Source{domain.OtherSource}, nil, "zoho", nil, ""},
		{"a call not ended", []domain.Source{domain.MissedCall}, nil, "voip-call", named, "contacts.create_from: how the call ended is not told yet"},
		{"no calls", nil, nil, "voip-call", named, "contacts.create_from.answered_call, missed_call = false"},
		{"any call", []domain.Source{domain.MissedCall, domain.AnsweredCall}, nil, "voip-call", named, ""},
		{"missed", []domain.Source{domain.MissedCall}, []string{missed}, "voip-call", named, ""},
		{"missed, not allowed", []domain.Source{domain.AnsweredCall}, []string{missed}, "voip-call", named, "contacts.create_from.missed_call = false"},
		{"answered", []domain.Source{domain.AnsweredCall}, []string{answered}, "voip-call", named, ""},
		{"missed, called back", []domain.Source{domain.AnsweredCall}, []string{missed, "OutboundPhoneCall-DispositionCompleted"}, "voip-call", named, ""},
		{"typed in, then missed", []domain.Source{domain.MissedCall}, []string{missed}, "ui", named, "contacts.create_from.typed_in = false"},
		{"a caller nobody knows", []domain.Source{domain.MissedCall}, []string{missed}, "voip-call", nil, "contacts.create_from.unknown_caller = false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, only(c.allow...))
			d.caller("Contact-Created", c.intake, c.more)
			made, rule := d.created()
			for _, event := range c.events {
				if made {
					t.Fatal("created before the call had ended")
				}
				d.caller(event, c.intake, c.more)
				if now, why := d.created(); now || why != "" {
					made, rule = now, why
				}
			}
			if made != (c.want == "") || rule != c.want {
				t.Errorf("created: %v, %q; want %q\n%s", made, rule, c.want, text(d.all))
			}
			if !made && d.v.Record(alo).Link.State != planner.Excluded {
				t.Errorf("the link is %s, want excluded", d.v.Record(alo).Link.State)
			}
		})
	}
}

// TestUnknownCallerGetsAName: who was left out for want of a name is made once one is known.
func TestUnknownCallerGetsAName(t *testing.T) {
	d := newDesk(t, only(domain.MissedCall))
	d.caller("InboundPhoneCall-DispositionMissed", "voip-call", nil)
	if made, _ := d.created(); made {
		t.Fatal("created without a name")
	}
	d.caller("Contact-Updated", "voip-call", values{"first_name": "Ann"})
	if made, rule := d.created(); !made {
		t.Errorf("not created with a name: %s", rule)
	}
}

func TestHubSpotCreatesOnlyWhereAllowed(t *testing.T) {
	d := newDesk(t, only(domain.TypedIn))
	d.read(hub, values{"phone": "+18182124567", "firstname": "Ann"}, planner.Outgoing{})
	if made, rule := d.created(); made || rule != "contacts.create_from.hubspot = false" {
		t.Errorf("created %v, %q", made, rule)
	}
}

// TestOnCreate: values of the settings are written with a new contact, and never over the person's own.
func TestOnCreate(t *testing.T) {
	yes := true
	d := newDesk(t, func(s *settings.Settings) {
		s.Contacts.OnCreate = settings.OnCreate{
			HubSpot: map[string]string{"duolog_created_by": "aloware:{source}", "city": "Bern", "state": "BE"}, Marketing: &yes,
		}
	})
	d.caller("InboundPhoneCall-DispositionMissed", "voip-call", values{"first_name": "Ann", "cnam_city": "Oakland"})
	if made, rule := d.created(); !made {
		t.Fatal(rule)
	}
	got := map[string]string{}
	for name, raw := range d.sent[0].Values {
		got[name] = domain.Scalar(raw)
	}
	for name, want := range map[string]string{
		"duolog_created_by": "aloware:missed_call", "city": "Oakland", "state": "BE", "hs_marketable_status": "true", "firstname": "Ann",
	} {
		if got[name] != want {
			t.Errorf("%s is written as %q, want %q", name, got[name], want)
		}
	}
	digests := planner.NewDigester(secret)
	for name, value := range map[string]string{"state": "BE", "duolog_created_by": "aloware:missed_call"} {
		if got := d.sent[0].Digests[name]; got != digests.Of(name, value) {
			t.Errorf("%s: the decision tells its value by %q: another rule would seem to have come to the same", name, got)
		}
	}
	if strings.Contains(text(d.all), "missed_call") {
		t.Error("the decision holds a value")
	}
}

// oakland lets only people of Oakland take part.
func oakland(s *settings.Settings) { s.Contacts.Only = "city = Oakland" }

// TestWhoTakesPart: nobody else is created, matched or updated; who leaves keeps what was, and who enters is taken up.
func TestWhoTakesPart(t *testing.T) {
	d := newDesk(t, oakland)
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann", "city": "Elko"}, planner.Outgoing{})
	if made, rule := d.created(); made || rule != "contacts.only" {
		t.Fatalf("outside: created %v, %q", made, rule)
	}
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com"}, planner.Outgoing{})
	if d.v.Record(alo).Link.State == planner.Linked {
		t.Fatal("outside: linked")
	}
	d.webhook(hub, values{"city": "Oakland"})
	if d.v.Record(alo).Link.State != planner.Linked || d.v.Contact(d.v.Record(alo).Link.Contact).Head.Creation.Result != "" {
		t.Fatalf("inside: not linked\n%s", text(d.last))
	}
	for _, w := range d.sent {
		d.settled(w, values{"first_name": "Ann", "cnam_city": "Oakland"}, nil)
	}
	d.now += 48 * hour
	d.webhook(hub, values{"city": "Elko", "firstname": "Bob"})
	d.says(planner.OutOfScope, planner.Apart, nil)
	d.webhook(hub, values{"city": "Oakland"})
	d.wrote(nil) // nothing is sent retroactively
	d.webhook(hub, values{"firstname": "Cyd"})
	d.says(planner.Sent, planner.Pending, map[domain.System]string{domain.Aloware: "Cyd"})
}

// TestLeavingUnlinks: a pair that leaves stands alone, matches nobody else, and begins anew when it comes back.
func TestLeavingUnlinks(t *testing.T) {
	d := newDesk(t, func(s *settings.Settings) {
		oakland(s)
		s.Contacts.WhenLeaving = settings.LeavingUnlink
		s.Defaults.Initial = settings.FillBlanks
		for i := range s.Fields {
			s.Fields[i].Initial = settings.FillBlanks
		}
	})
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann", "city": "Oakland"}, planner.Outgoing{})
	for _, w := range d.sent {
		d.settled(w, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann", "cnam_city": "Oakland"},
			func(o *domain.Outcome) { o.Record, o.Created, o.Complete = alo, true, true })
	}
	d.now += 48 * hour
	d.webhook(hub, values{"city": "Elko"})
	if h, a := d.v.Record(hub).Link, d.v.Record(alo).Link; h.State != planner.Excluded || a.State != planner.Excluded {
		t.Fatalf("left: %s and %s, want excluded\n%s", h.State, a.State, text(d.last))
	}
	d.webhook(hub, values{"firstname": "Bob"})
	d.wrote(nil)
	if h := d.v.Record(hub).Link; h.State != planner.Excluded || len(d.sent) > 0 {
		t.Fatalf("outside: %s, %v", h.State, d.kinds())
	}
	d.webhook(hub, values{"city": "Oakland", "company": "Acme"})
	if h, a := d.v.Record(hub).Link, d.v.Record(alo).Link; h.State != planner.Linked || a.State != planner.Linked {
		t.Fatalf("back: %s and %s, want linked", h.State, a.State)
	}
	if f := d.field("first_name"); f.State != planner.Apart || f.Rule != "initial = fill_blanks" {
		t.Errorf("back: first_name %s, want the first-value rule", text(f))
	}
	if f := d.field("company_name"); f.State != planner.Pending {
		t.Errorf("back: company_name %s, want a blank to be filled", text(f))
	}
}

// TestFilterThatCannotBeReadLetsNobodyIn: the field a filter looks at may no longer be mapped.
func TestFilterThatCannotBeReadLetsNobodyIn(t *testing.T) {
	d := newDesk(t, func(s *settings.Settings) {
		s.Contacts.Only = "hair_colour = red"
	})
	d.caller("Contact-Created", "ui", nil)
	if made, rule := d.created(); made || rule != "contacts.only" {
		t.Errorf("created %v, %q", made, rule)
	}
	p := newDesk(t, nil)
	p.act(domain.ModeChanged, domain.Act{Mode: domain.ModePilot, Filter: "hair_colour = red"})
	p.caller("Contact-Created", "ui", nil)
	if made, _ := p.created(); made {
		t.Error("a pilot's filter that cannot be read lets everybody in")
	}
	q := newDesk(t, nil)
	q.act(domain.ModeChanged, domain.Act{Mode: domain.ModePilot, Filter: `phone = "(818) 212-4567"`})
	q.caller("Contact-Created", "ui", nil)
	if made, rule := q.created(); !made {
		t.Errorf("a number written as people write it matches nobody: %s", rule)
	}
}

// TestNewFieldOfSomebodyOutside is seen for the first time when they come in.
func TestNewFieldOfSomebodyOutside(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.settings(func(s *settings.Settings) { oakland(s); mapped(s) })
	d.webhook(hub, values{"jobtitle": "Boss"})
	if f := d.field("notes"); f.State != "" || len(d.sent) > 0 {
		t.Fatalf("outside: %s, %v", text(f), d.kinds())
	}
	d.webhook(hub, values{"city": "Oakland"})
	if f := d.field("notes"); f.State != planner.Pending {
		t.Errorf("inside: %s, want it to be filled\n%s", text(f), text(d.last))
	}
}

// TestWhoLeftMatchesNobodyElse: a pair that was ended still is one, for whoever looks like one of the two.
func TestWhoLeftMatchesNobodyElse(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.settings(func(s *settings.Settings) {
		oakland(s)
		s.Contacts.WhenLeaving = settings.LeavingUnlink
	})
	d.webhook(hub, values{"lastname": "Lee"})
	if d.v.Record(hub).Link.State != planner.Excluded {
		t.Fatalf("not ended: %s", text(d.last))
	}
	d.read(aloID("3"), values{"phone_number": "+18182124568", "email": "ann@example.com", "cnam_city": "Oakland"}, planner.Outgoing{})
	d.webhook(hub, values{"lastname": "Doe"})
	h, other := d.v.Record(hub).Link, d.v.Record(aloID("3")).Link
	if h.State != planner.Excluded || h.Contact == other.Contact {
		t.Errorf("%+v and %+v, want them apart\n%s", h, other, text(d.last))
	}
}
