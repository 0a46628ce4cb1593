package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

func hubID(id string) domain.Record { return domain.Record{System: domain.HubSpot, ID: id} }
func aloID(id string) domain.Record { return domain.Record{System: domain.Aloware, ID: id} }

// stands checks a record's link state.
func (d *desk) stands(r domain.Record, want planner.LinkState) {
	d.Helper()
	if got := d.v.Record(r); got == nil || got.Link.State != want {
		d.Fatalf("%s: %s, want %s\n%s", r, text(got), want, text(d.last))
	}
}

// together checks whether two records belong to one contact.
func (d *desk) together(a, b domain.Record, want bool) {
	d.Helper()
	if got := d.v.Record(a).Link.Contact == d.v.Record(b).Link.Contact; got != want {
		d.Fatalf("%s and %s of one contact: %t, want %t\n%s", a, b, got, want, text(d.last))
	}
}

// quiet makes a desk that creates nobody, so that records stand alone until they match.
func quiet(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, nil)
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
	return d
}

func TestIdentity(t *testing.T) {
	none := planner.Outgoing{}
	for name, run := range map[string]func(d *desk){
		"unique key": func(d *desk) {
			d.read(aloID("1"), values{"phone_number": "+18182124567"}, none)
			unique := d.v.Record(aloID("1")).Link.Contact.String()
			d.read(hubID("1"), values{"email": "x@example.com", domain.UniqueProperty: unique}, none)
			d.together(aloID("1"), hubID("1"), true)
			d.stands(hubID("1"), planner.Linked)
		},
		"email": func(d *desk) {
			d.read(aloID("1"), values{"phone_number": "+18182124567", "email": "Ann@Example.com"}, none)
			d.read(hubID("1"), values{"phone": "+18182124568", "email": "ann@example.com"}, none)
			d.together(aloID("1"), hubID("1"), true)
		},
		"secondary email": func(d *desk) {
			d.read(aloID("1"), values{"phone_number": "+18182124567", "email": "ann@example.com"}, none)
			d.read(hubID("1"), values{"email": "a@work.com", settings.AdditionalEmails: "b@work.com;ann@example.com"}, none)
			d.together(aloID("1"), hubID("1"), true)
		},
		"phone": func(d *desk) {
			d.read(aloID("1"), values{"phone_number": "+18182124567"}, none)
			d.read(hubID("1"), values{"phone": "(818) 212-4567", "email": "ann@example.com"}, none)
			d.together(aloID("1"), hubID("1"), true)
		},
		"ambiguous": func(d *desk) {
			d.read(aloID("1"), values{"phone_number": "+18182124567", "email": "ann@example.com"}, none)
			d.read(aloID("2"), values{"phone_number": "+18182124568", "email": "ann@example.com"}, none)
			d.read(hubID("1"), values{"email": "ann@example.com"}, none)
			d.stands(hubID("1"), planner.Held)
			c := d.v.Contact(d.v.Record(hubID("1")).Link.Contact)
			if c.Head.Review == "" || !slices.Equal(c.Head.Others, []domain.Record{aloID("1"), aloID("2")}) {
				d.Fatalf("evidence: %s", text(c.Head))
			}
		},
		"linked elsewhere": func(d *desk) {
			d.read(aloID("1"), values{"phone_number": "+18182124567", "email": "ann@example.com"}, none)
			d.read(hubID("1"), values{"email": "ann@example.com"}, none)
			d.read(hubID("2"), values{"email": "bob@example.com", settings.AdditionalEmails: "ann@example.com"}, none)
			d.stands(hubID("2"), planner.Held)
			d.together(hubID("1"), hubID("2"), false)
		},
		"contradicting emails, one number": func(d *desk) {
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
			d.read(aloID("1"), values{"phone_number": "+18182124567", "email": "ann@example.com"}, none)
			d.read(hubID("1"), values{"phone": "+18182124567", "email": "bob@example.com"}, none)
			d.together(aloID("1"), hubID("1"), false)
			d.stands(hubID("1"), planner.Excluded)
			d.read(hubID("1"), values{"phone": "+18182124569", "email": "bob@example.com"}, none)
			d.stands(hubID("1"), planner.Unlinked)
			if got := d.kinds(); !slices.Equal(got, []string{"create aloware"}) {
				d.Fatalf("%v, want it created once its number is its own", got)
			}
		},
		"a pending create reserves its number": func(d *desk) {
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
			d.read(hubID("1"), values{"phone": "+18182124567", "email": "ann@example.com"}, none)
			if got := d.kinds(); !slices.Equal(got, []string{"create aloware"}) {
				d.Fatalf("%v, want a create", got)
			}
			d.read(hubID("2"), values{"phone": "+18182124567", "email": "bob@example.com"}, none)
			if len(d.sent) > 0 {
				d.Fatalf("a second create: %s", text(d.last))
			}
			d.stands(hubID("2"), planner.Excluded)
			d.read(aloID("1"), values{"phone_number": "+18182124567", "email": "ann@example.com"}, none)
			d.together(aloID("1"), hubID("1"), true)
			if slices.Contains(d.kinds(), "create hubspot") {
				d.Fatalf("our own create came back as a person: %s", text(d.last))
			}
		},
	} {
		t.Run(name, func(t *testing.T) { run(quiet(t)) })
	}
}

// TestCreation: who is created, by the direction, and what an answer that it exists leads to.
func TestCreation(t *testing.T) {
	none := planner.Outgoing{}
	t.Run("blocked by direction", func(t *testing.T) {
		d := newDesk(t, func(s *settings.Settings) { s.Contacts.Create = settings.ToAloware })
		d.read(aloID("1"), values{"phone_number": "+18182124567"}, none)
		if len(d.sent) > 0 || d.last[0].Whole.Result != planner.Blocked {
			t.Fatalf("%s", text(d.last))
		}
	})
	t.Run("without a number", func(t *testing.T) {
		d := newDesk(t, nil)
		d.read(hubID("1"), values{"email": "ann@example.com"}, none)
		d.stands(hubID("1"), planner.Excluded)
	})
	t.Run("first sight is read", func(t *testing.T) {
		d := newDesk(t, nil)
		d.in(domain.RecordCreated, hub.Stream(), domain.Fact{Via: "webhook", Clock: d.now})
		if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
			t.Fatalf("%v, want a read", got)
		}
		d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{Via: "webhook", Clock: d.now, Properties: values{"firstname": "Ann"}.raw()})
		if len(d.sent) > 0 {
			t.Fatalf("read twice: %s", text(d.last))
		}
	})
	t.Run("placeholder name does not flow back", func(t *testing.T) {
		d := newDesk(t, nil)
		d.read(aloID("1"), values{"phone_number": "+18182124567"}, none)
		d.wrote(to{domain.HubSpot: "Caller +18182124567"})
		w := d.sent[0]
		shows := values{"phone": "+18182124567", "firstname": "Caller +18182124567"}
		d.settled(w, shows, func(o *domain.Outcome) { o.Record, o.Created, o.Complete = hub, true, true })
		d.wrote(to{})
		d.webhook(hub, values{"firstname": "Caller +18182124567"})
		d.wrote(to{})
		d.webhook(hub, values{"firstname": "Ann"})
		d.wrote(to{domain.Aloware: "Ann"})
	})
	t.Run("exists there and is taken", func(t *testing.T) {
		d := newDesk(t, nil).linked()
		d.read(hubID("9"), values{"phone": "+18182124569", "email": "bob@example.com"}, none)
		d.settled(d.sent[0], nil, func(o *domain.Outcome) {
			o.Result, o.Reason, o.Existing = domain.ResultRejected, domain.ReasonExists, alo
		})
		d.stands(hubID("9"), planner.Excluded)
		d.together(hubID("9"), hub, false)
	})
	t.Run("exists there and is another's, though nothing contradicts", func(t *testing.T) {
		d := newDesk(t, nil).linked()
		d.read(hubID("9"), values{"phone": "+18182124569"}, none)
		d.settled(d.sent[0], nil, func(o *domain.Outcome) {
			o.Result, o.Reason, o.Existing, o.Sent = domain.ResultRejected, domain.ReasonExists, alo, nil
		})
		d.stands(hubID("9"), planner.Excluded)
		d.together(hubID("9"), hub, false)
		d.together(hub, alo, true)
	})
	t.Run("exists there and is nobody's, but another email contradicts", func(t *testing.T) {
		d := newDesk(t, nil)
		d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com"}, none)
		d.settled(d.sent[0], values{"phone_number": "+18182124567", "email": "bob@example.com"}, func(o *domain.Outcome) {
			o.Result, o.Reason, o.Existing, o.Sent, o.Complete = domain.ResultRejected, domain.ReasonExists, alo, nil, true
		})
		d.stands(hub, planner.Excluded)
		if r := d.v.Record(alo); r.Link.State == planner.Linked {
			t.Fatalf("linked: %s", text(r))
		}
	})
	t.Run("exists there, is nobody's, and nothing contradicts", func(t *testing.T) {
		d := newDesk(t, nil)
		d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com"}, none)
		d.settled(d.sent[0], values{"phone_number": "+18182124567"}, func(o *domain.Outcome) {
			o.Result, o.Reason, o.Existing, o.Sent, o.Complete = domain.ResultRejected, domain.ReasonExists, alo, nil, true
		})
		d.stands(hub, planner.Linked)
		d.together(hub, alo, true)
	})
	t.Run("exists there, and its own was found meanwhile", func(t *testing.T) {
		d := newDesk(t, nil)
		d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com"}, none)
		create := d.sent[0]
		d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com"}, none)
		d.read(alo, values{"phone_number": "+18182124599", "email": "ann@example.com"}, none) // another number by now
		d.read(aloID("3"), values{"phone_number": "+18182124567", "email": "bob@example.com"}, none)
		d.settled(d.sent[0], nil, func(o *domain.Outcome) { o.Record, o.Created = hubID("4"), true })
		d.settled(create, nil, func(o *domain.Outcome) {
			o.Result, o.Reason, o.Existing, o.Sent = domain.ResultRejected, domain.ReasonExists, aloID("3"), nil
		})
		d.stands(hub, planner.Linked)
		d.together(hub, alo, true)
	})
	t.Run("pilot's cap", func(t *testing.T) {
		d := newDesk(t, nil)
		d.act(domain.ModeChanged, domain.Act{Mode: domain.ModePilot, MaxWrites: 2})
		sent := 0
		for i, phone := range []string{"+18182124561", "+18182124562", "+18182124563", "+18182124564"} {
			d.now -= hour // all within one
			d.read(hubID(string(rune('1'+i))), values{"phone": phone}, none)
			sent += len(d.sent)
		}
		if sent != 2 {
			t.Fatalf("%d writes, want 2", sent)
		}
	})
}

// TestGone: merges and deletions never bring anybody back.
func TestGone(t *testing.T) {
	gone := func(d *desk, r domain.Record) {
		d.in(domain.RecordDeleted, r.Stream(), domain.Fact{Via: "webhook", Clock: d.now})
	}
	second := func(d *desk) {
		d.read(hubID("11"), values{"phone": "+18182124511", "email": "bea@example.com", "firstname": "Bea"}, planner.Outgoing{})
		d.settled(d.sent[0], values{"phone_number": "+18182124511", "email": "bea@example.com", "first_name": "Bea"},
			func(o *domain.Outcome) { o.Record, o.Created, o.Complete = aloID("12"), true, true })
	}
	merged := func(d *desk) {
		d.in(domain.RecordMerged, hubID("21").Stream(), domain.Fact{
			Via: "webhook", Clock: d.now, Merged: []domain.Record{hub, hubID("11")}, Primary: hub,
		})
	}
	settled := func(d *desk) {
		d.Helper()
		d.stands(hub, planner.Merged)
		d.stands(hubID("11"), planner.Merged)
		d.together(hubID("21"), alo, true)
		d.stands(aloID("12"), planner.Absorbed)
		d.read(hubID("21"), values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
		d.stands(hubID("21"), planner.Linked)
		d.webhook(aloID("12"), values{"first_name": "Zed"})
		if len(d.sent) > 0 {
			d.Fatalf("the absorbed record leads to %v", d.kinds())
		}
		d.webhook(alo, values{"first_name": "Dee"})
		d.wrote(to{domain.HubSpot: "Dee"})
		if d.sent[0].Record != hubID("21") {
			d.Fatalf("written to %s", d.sent[0].Record)
		}
	}
	for name, run := range map[string]func(d *desk){
		"merged, then told deleted": func(d *desk) {
			second(d)
			merged(d)
			gone(d, hub)
			gone(d, hubID("11"))
			settled(d)
		},
		"told deleted, then merged": func(d *desk) {
			second(d)
			gone(d, hub)
			gone(d, hubID("11"))
			merged(d)
			settled(d)
		},
		"merged into one that is known": func(d *desk) {
			second(d)
			into := domain.Fact{Via: "webhook", Clock: d.now, Merged: []domain.Record{hubID("11")}, Primary: hub}
			d.in(domain.RecordMerged, hub.Stream(), into)
			if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
				d.Fatalf("%v, want the survivor read: nothing tells of what it took over", got)
			}
			d.stands(hubID("11"), planner.Merged)
			d.stands(aloID("12"), planner.Absorbed)
			d.together(hub, alo, true)
			d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Bea"}, d.sent[0])
			d.wrote(to{domain.Aloware: "Bea"})
			d.in(domain.RecordMerged, hub.Stream(), into)
			if len(d.sent) > 0 {
				d.Fatalf("told once more, it leads to %v", d.kinds())
			}
		},
		"merged before its create was answered": func(d *desk) {
			d.read(aloID("12"), values{"phone_number": "+18182124511", "email": "bea@example.com", "first_name": "Bea"}, planner.Outgoing{})
			create := d.sent[0]
			d.in(domain.RecordMerged, hubID("21").Stream(), domain.Fact{
				Via: "webhook", Clock: d.now, Merged: []domain.Record{hub, hubID("11")}, Primary: hubID("11"),
			})
			d.settled(create, nil, func(o *domain.Outcome) { o.Record, o.Created = hubID("11"), true })
			settled(d)
		},
		"deleted is a tombstone": func(d *desk) {
			gone(d, hub)
			if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
				d.Fatalf("%v, want it read first", got)
			}
			a := &domain.Answer{Command: d.sent[0].ID, Contact: d.sent[0].Contact, By: "id"}
			d.in(domain.RecordAbsent, hub.Stream(), domain.Fact{Via: "read", Clock: d.now + hour, Answer: a})
			d.stands(hub, planner.Deleted)
			d.webhook(alo, values{"first_name": "Bob"})
			if len(d.sent) > 0 {
				d.Fatalf("brought back: %v", d.kinds())
			}
			d.in(domain.RecordRestored, hub.Stream(), domain.Fact{Via: "webhook", Clock: d.now + hour})
			if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
				d.Fatalf("%v, want the restored record read", got)
			}
			d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, d.sent[0])
			d.stands(hub, planner.Linked)
			d.wrote(to{domain.HubSpot: "Bob"})
			if w := d.last[0].Whole; w == nil || w.Result != planner.Restored {
				d.Fatalf("the return is told nowhere: %s", text(w))
			}
		},
		"a lie: the record is there": func(d *desk) {
			gone(d, hub)
			d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, d.sent[0])
			d.stands(hub, planner.Linked)
		},
	} {
		t.Run(name, func(t *testing.T) { run(newDesk(t, nil).linked()) })
	}
}
