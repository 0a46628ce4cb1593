package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// TestEndOfAWriteKeepsWhatWasDecidedSince: a write's good end says nothing about a value that took its source's place
// while it was under way and may not be sent.
func TestEndOfAWriteKeepsWhatWasDecidedSince(t *testing.T) {
	for name, echo := range map[string]bool{"told back before the outcome": true, "outcome first": false} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil).linked()
			d.webhook(hub, values{"firstname": "Bob"})
			write := d.sent[0]
			d.webhook(hub, values{"firstname": ""})
			d.says(planner.Kept, planner.Apart, nil)
			if echo {
				d.webhook(alo, values{"first_name": "Bob"})
			}
			d.settled(write, values{"first_name": "Bob"}, nil)
			if !echo {
				d.webhook(alo, values{"first_name": "Bob"})
			}
			if f := d.field("first_name"); f.State != planner.Apart || f.Result != planner.Kept {
				t.Fatalf("HubSpot is blank, Aloware shows Bob, and the field is %s %s %s", f.State, f.Result, f.Rule)
			}
		})
	}
}

// TestCreateThatWasThereKeepsWhatWasDecidedSince is the same for a create that is answered the second time.
func TestCreateThatWasThereKeepsWhatWasDecidedSince(t *testing.T) {
	d := newDesk(t, nil)
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
	create := d.sent[0]
	d.webhook(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"})
	d.webhook(hub, values{"phone": "+18182124599"})
	if f := d.field("phone_number"); f.State != planner.Apart {
		t.Fatalf("a number changed in HubSpot is %s: %s", f.State, text(d.last))
	}
	d.settled(create, values{"phone_number": "+18182124567"}, func(o *domain.Outcome) {
		o.Result, o.Reason, o.Existing, o.Sent = domain.ResultRejected, domain.ReasonExists, alo, nil
	})
	if f := d.field("phone_number"); f.State != planner.Apart || f.Result != planner.Impossible {
		t.Fatalf("the numbers differ, and the field is %s %s %s", f.State, f.Result, f.Rule)
	}
}

// TestCreateThatWasThereAgreesOnNothingDoubtful: what Aloware tells soon after is asked about, and not taken for agreed.
func TestCreateThatWasThereAgreesOnNothingDoubtful(t *testing.T) {
	d := newDesk(t, nil)
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
	create := d.sent[0]
	d.webhook(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"})
	d.hasty(alo, values{"first_name": "Cyd"})
	d.settled(create, nil, func(o *domain.Outcome) {
		o.Result, o.Reason, o.Existing, o.Sent, o.Clock = domain.ResultRejected, domain.ReasonExists, alo, nil, 0
	})
	d.base(domain.Aloware, "Ann")
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Cyd"}, d.sent[0])
	d.wrote(map[domain.System]string{domain.HubSpot: "Cyd"})
}

// TestBlankOverAPendingValue: both sides look the same only until the write that is under way has landed.
func TestBlankOverAPendingValue(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"city": "Reno"})
	write := d.sent[0]
	d.webhook(hub, values{"city": ""})
	d.settled(write, values{"cnam_city": "Reno"}, nil)
	if f := d.field("city"); f.State != planner.Apart || f.Result != planner.Kept {
		t.Fatalf("HubSpot is blank, Aloware shows Reno, and the field is %s %s %s", f.State, f.Result, f.Rule)
	}
}

// TestFirstSightNamesTheLoser: what the first-value rule writes over is named, as in any other conflict.
func TestFirstSightNamesTheLoser(t *testing.T) {
	d := newDesk(t, func(s *settings.Settings) { s.Contacts.Create = settings.ToAloware })
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"}, planner.Outgoing{})
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Bob"}, planner.Outgoing{})
	for _, dec := range d.last {
		for _, v := range dec.Fields {
			if v.Field == "first_name" && (v.Result != planner.Sent || v.Loser == nil || v.Loser.Record != alo) {
				t.Fatalf("Bob goes over Ann, and the verdict is %s", text(v))
			}
		}
	}
	d.wrote(map[domain.System]string{domain.Aloware: "Bob"})
}

// TestHubSpotWaitsForAloware: a change in HubSpot is not written over a change in Aloware that is still being asked
// about; when the answer comes, the conflict rule decides.
func TestHubSpotWaitsForAloware(t *testing.T) {
	for _, c := range []struct {
		rule  settings.Winner
		shows string // what Aloware answers
		wrote map[domain.System]string
	}{
		{settings.HubSpotWins, "Cyd", map[domain.System]string{domain.Aloware: "Dee"}},
		{settings.AlowareWins, "Cyd", map[domain.System]string{domain.HubSpot: "Cyd"}},
		{settings.AlowareWins, "Ann", map[domain.System]string{domain.Aloware: "Dee"}}, // an old body, late
	} {
		t.Run(string(c.rule)+" "+c.shows, func(t *testing.T) {
			d := newDesk(t, conflict(c.rule)).linked()
			d.webhook(alo, values{"cnam_city": "Reno"})
			d.settled(d.sent[0], values{"city": "Reno"}, nil)
			d.hasty(alo, values{"first_name": "Cyd"})
			if got := d.kinds(); !slices.Equal(got, []string{"read aloware"}) {
				t.Fatalf("%v, want a doubtful value to be asked about", got)
			}
			read := d.sent[0]
			d.webhook(hub, values{"firstname": "Dee"})
			d.says(planner.Waiting, planner.InStep, nil)
			d.read(alo, values{
				"phone_number": "+18182124567", "email": "ann@example.com", "first_name": c.shows, "cnam_city": "Reno",
			}, read)
			d.wrote(c.wrote)
		})
	}
}

// TestReadByAnOldNumberIsRepeated: a record that told another number since it was asked for by its old one was not
// found for that reason alone.
func TestReadByAnOldNumberIsRepeated(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"cnam_city": "Reno"})
	d.hasty(alo, values{"first_name": "Cyd"})
	read := d.sent[0]
	d.hasty(alo, values{"first_name": "Cyd", "phone_number": "+18182124599"})
	d.in(domain.RecordAbsent, alo.Stream(), domain.Fact{
		Via: "read", Clock: d.now + hour, Answer: &domain.Answer{Command: read.ID, Contact: read.Contact, By: "id"},
	})
	if len(d.sent) != 1 || d.sent[0].Kind != domain.KindRead || d.sent[0].Phone != "+18182124599" {
		t.Fatalf("sent %v, want a read by the new number\n%s", d.kinds(), text(d.sent))
	}
	again := d.sent[0]
	d.in(domain.RecordAbsent, alo.Stream(), domain.Fact{
		Via: "read", Clock: d.now + hour, Answer: &domain.Answer{Command: again.ID, Contact: again.Contact, By: "id"},
	})
	if len(d.sent) != 0 {
		t.Fatalf("asked for ever: %v", d.kinds())
	}
}

// TestReadTakenBackIsRepeated: what a pause takes back may be taken back only after the sync has opened again.
func TestReadTakenBackIsRepeated(t *testing.T) {
	d := newDesk(t, nil)
	d.in(domain.RecordCreated, hub.Stream(), domain.Fact{Via: "webhook", Clock: d.now + hour})
	read := d.sent[0]
	d.act(domain.SyncPaused, domain.Act{})
	d.act(domain.SyncResumed, domain.Act{})
	d.settled(read, nil, func(o *domain.Outcome) { o.Result, o.Sent, o.Clock = domain.ResultWithdrawn, nil, 0 })
	if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
		t.Fatalf("%v, want the record to be read after all\n%s", got, text(d.last))
	}
}

// TestWhoJoinsOnReleaseIsRead: a record of which only single values were told while the sync stood still is read when
// the contact it is found to belong to is planned.
func TestWhoJoinsOnReleaseIsRead(t *testing.T) {
	d := newDesk(t, func(s *settings.Settings) { s.Contacts.Create = settings.ToAloware })
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"}, planner.Outgoing{})
	d.act(domain.SyncPaused, domain.Act{})
	d.webhook(alo, values{"cnam_city": "Reno"})
	d.webhook(hub, values{"email": "ann@example.com"})
	d.act(domain.SyncResumed, domain.Act{})
	if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
		t.Fatalf("%v, want the record that joined to be read\n%s", got, text(d.last))
	}
}

// TestOverrunOfWhatWasBlank: a change in HubSpot that our write went over is named also where HubSpot had never told a
// value before, when several of them are told late, and when the record was read in between.
func TestOverrunOfWhatWasBlank(t *testing.T) {
	for _, rule := range []settings.Winner{settings.HubSpotWins, settings.AlowareWins} {
		for name, read := range map[string]bool{"told at once": false, "read in between": true} {
			t.Run(string(rule)+" "+name, func(t *testing.T) {
				d := newDesk(t, conflict(rule)).linked()
				d.webhook(alo, values{"cnam_city": "Reno"})
				write := d.sent[0]
				at := d.now + 10*hour
				d.settled(write, values{"city": "Reno"}, func(o *domain.Outcome) { o.Clock = at })
				if read {
					d.now = at
					d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann", "city": "Reno"}, planner.Outgoing{})
				}
				for i, city := range []string{"Elko", "Ely"} {
					d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
						Via: "webhook", Clock: at - hour + int64(i), Properties: values{"city": city}.raw(),
					})
					if !d.names("city", city) {
						t.Fatalf("%s was written over, and nothing says so\n%s", city, text(d.last))
					}
				}
			})
		}
	}
}

// TestSnapshotFromBeforeOurWriteIsNoChange: a scan reads what stood there, our write replaces it, the scan is told.
func TestSnapshotFromBeforeOurWriteIsNoChange(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"first_name": "Bob"})
	write := d.sent[0]
	at := d.now + 10*hour
	d.settled(write, values{"firstname": "Bob"}, func(o *domain.Outcome) { o.Clock = at })
	d.in(domain.RecordObserved, hub.Stream(), domain.Fact{
		Via: "scan", Complete: true, Clock: at - hour,
		Properties: values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}.raw(),
	})
	d.wrote(nil)
}

// TestRetriedWriteTakenBackIsSentAgain: a pause may take back a write that was refused before and tried again.
func TestRetriedWriteTakenBackIsSentAgain(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(hub, values{"firstname": "Bob"})
	d.settled(d.sent[0], nil, func(o *domain.Outcome) {
		o.Result, o.Reason, o.Sent = domain.ResultRejected, domain.ReasonMoved, nil
	})
	d.says(planner.Refused, planner.Apart, nil)
	d.act(domain.CommandRetried, domain.Act{Contact: d.v.Record(hub).Link.Contact})
	d.wrote(map[domain.System]string{domain.Aloware: "Bob"})
	d.settled(d.sent[0], nil, func(o *domain.Outcome) { o.Result, o.Sent = domain.ResultWithdrawn, nil })
	d.wrote(map[domain.System]string{domain.Aloware: "Bob"})
}

// TestNumberTakenByAnotherRecord: a record is asked for by a number that somebody else has by now, and has told its own
// meanwhile: it is asked for by that one.
func TestNumberTakenByAnotherRecord(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"cnam_city": "Reno"})
	d.settled(d.sent[0], values{"city": "Reno"}, nil)
	d.hasty(alo, values{"first_name": "Cyd"})
	read := d.sent[0]
	d.hasty(alo, values{"first_name": "Cyd", "phone_number": "+18182124599"})
	d.read(domain.Record{System: domain.Aloware, ID: "3"}, values{"phone_number": "+18182124567", "first_name": "Flo"}, read)
	if !slices.ContainsFunc(d.sent, func(o planner.Outgoing) bool {
		return o.Kind == domain.KindRead && o.Record == alo && o.Phone == "+18182124599"
	}) {
		t.Fatalf("sent %v, want a read by the new number\n%s", d.kinds(), text(d.sent))
	}
}

// TestRestoredLinksBothSides: the record that on_delete = unlink let go is linked again with the one that comes back.
func TestRestoredLinksBothSides(t *testing.T) {
	d := newDesk(t, func(s *settings.Settings) { s.Contacts.OnDelete = "unlink" }).linked()
	d.in(domain.RecordDeleted, hub.Stream(), domain.Fact{Via: "webhook", Clock: d.now + hour})
	gone := d.sent[0]
	d.in(domain.RecordAbsent, hub.Stream(), domain.Fact{
		Via: "read", Clock: d.now + hour, Answer: &domain.Answer{Command: gone.ID, Contact: gone.Contact, By: "id"},
	})
	if got := d.v.Record(alo).Link.State; got != planner.Unlinked {
		t.Fatalf("%s after the deletion", got)
	}
	d.in(domain.RecordRestored, hub.Stream(), domain.Fact{Via: "webhook", Clock: d.now + hour})
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, d.sent[0])
	if h, a := d.v.Record(hub).Link.State, d.v.Record(alo).Link.State; h != planner.Linked || a != planner.Linked {
		t.Fatalf("HubSpot %s, Aloware %s, want both linked", h, a)
	}
}

// names reports whether the last input's verdicts name a value of a field.
func (d *desk) names(field, value string) bool {
	want := planner.NewDigester(secret).Of(field, value)
	for _, dec := range d.last {
		for _, v := range dec.Fields {
			for _, r := range []*planner.Ref{v.Value, v.Loser} {
				if v.Field == field && r != nil && r.Digest == want {
					return true
				}
			}
		}
	}
	return false
}
