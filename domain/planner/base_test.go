package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

type to = map[domain.System]string

func firstName(edit func(*settings.Field)) func(*settings.Settings) {
	return func(s *settings.Settings) {
		for i := range s.Fields {
			if s.Fields[i].Name == "first_name" {
				edit(&s.Fields[i])
			}
		}
	}
}

// TestBasePair follows every ending a change can have: what is said, sent, and kept as the base of each side.
func TestBasePair(t *testing.T) {
	for name, run := range map[string]func(d *desk){
		"sent": func(d *desk) {
			d.webhook(hub, values{"firstname": "Bob"})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Bob"})
			d.base(domain.HubSpot, "Bob")
			d.base(domain.Aloware, "Ann")
		},
		"applied with the target's own rendering": func(d *desk) {
			d.webhook(hub, values{"firstname": "Bob"})
			d.settled(d.sent[0], values{"first_name": "BOB."}, nil)
			d.wrote(to{})
			d.webhook(alo, values{"first_name": "BOB."})
			d.wrote(to{})
			d.webhook(hub, values{"lastname": "Lee"})
			d.wrote(to{})
			d.webhook(hub, values{"firstname": "Cyd"})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
		},
		"echo before the outcome": func(d *desk) {
			d.webhook(hub, values{"firstname": "Bob"})
			w := d.sent[0]
			d.webhook(alo, values{"first_name": "Bob"})
			d.says(planner.Echo, planner.InStep, to{})
			d.settled(w, values{"first_name": "Bob"}, nil)
			d.wrote(to{})
			d.base(domain.Aloware, "Bob")
		},
		"echo after the outcome": func(d *desk) {
			d.webhook(hub, values{"firstname": "Bob"})
			d.settled(d.sent[0], values{"first_name": "Bob"}, nil)
			d.webhook(alo, values{"first_name": "Bob"})
			d.says(planner.Echo, planner.InStep, to{})
			d.base(domain.Aloware, "Bob")
		},
		"own late write": func(d *desk) {
			for _, name := range []string{"Bob", "Cyd"} {
				d.webhook(alo, values{"first_name": name})
				d.settled(d.sent[0], values{"firstname": name}, nil)
				d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
					Via: "webhook", Clock: d.now, Origin: domain.Origin{Own: true}, Properties: values{"firstname": name}.raw(),
				})
				d.wrote(to{})
			}
			d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
				Via: "webhook", Clock: d.now + hour, Origin: domain.Origin{Own: true}, Properties: values{"firstname": "Bob"}.raw(),
			})
			d.wrote(to{domain.HubSpot: "Cyd"})
		},
		"blocked, and the direction changed later": func(d *desk) {
			d.settings(firstName(func(f *settings.Field) { f.Direction = settings.ToAloware }))
			d.webhook(alo, values{"first_name": "Bob"})
			d.says(planner.Blocked, planner.Apart, to{})
			d.base(domain.Aloware, "Bob")
			d.base(domain.HubSpot, "Ann")
			d.settings(firstName(func(f *settings.Field) { f.Direction = settings.Both }))
			d.wrote(to{})
			d.webhook(alo, values{"last_name": "Lee"})
			d.wrote(to{})
			d.webhook(alo, values{"first_name": "Cyd"})
			d.says(planner.Sent, planner.Pending, to{domain.HubSpot: "Cyd"})
		},
		"rejected until the value changes": func(d *desk) {
			d.webhook(hub, values{"firstname": "Bob"})
			d.settled(d.sent[0], nil, func(o *domain.Outcome) {
				o.Result, o.Reason, o.Refused = domain.ResultRejected, domain.ReasonInvalid, map[string]string{"first_name": "too short"}
			})
			d.says(planner.Refused, planner.Apart, to{})
			d.base(domain.HubSpot, "Bob")
			d.base(domain.Aloware, "Ann")
			d.webhook(hub, values{"lastname": "Lee"})
			d.wrote(to{})
			d.webhook(hub, values{"firstname": "Cyd"})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
		},
		"rejected, and tried again by a person": func(d *desk) {
			d.webhook(hub, values{"firstname": "Bob"})
			contact := d.sent[0].Contact
			d.settled(d.sent[0], nil, func(o *domain.Outcome) { o.Result, o.Reason = domain.ResultRejected, domain.ReasonFailed })
			d.act(domain.CommandRetried, domain.Act{Contact: contact})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Bob"})
		},
		"invalid, while the others go on": func(d *desk) {
			d.webhook(hub, values{"email": "nonsense", "firstname": "Bob"})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Bob"})
			if f := d.field("email"); f.State != planner.Apart || f.Result != planner.Invalid {
				d.Fatalf("email: %s", text(f))
			}
			d.webhook(hub, values{"lastname": "Lee"})
			if slices.ContainsFunc(d.last[0].Fields, func(v planner.Verdict) bool { return v.Field == "email" }) {
				d.Fatalf("said twice: %s", text(d.last))
			}
		},
		"paused": func(d *desk) {
			d.act(domain.SyncPaused, domain.Act{})
			d.webhook(hub, values{"firstname": "Bob"})
			d.webhook(hub, values{"firstname": "Cyd"})
			d.wrote(to{})
			d.base(domain.HubSpot, "Ann")
			d.act(domain.SyncResumed, domain.Act{})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
		},
		"gate of the field": func(d *desk) {
			d.act(domain.GateChanged, domain.Act{Field: "first_name", Reason: "no such property"})
			d.webhook(hub, values{"firstname": "Bob"})
			d.says(planner.Waiting, planner.Apart, to{})
			d.base(domain.HubSpot, "Ann")
			d.act(domain.GateChanged, domain.Act{Field: "first_name", Open: true})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Bob"})
		},
		"stale": func(d *desk) {
			d.webhook(hub, values{"firstname": "Cyd"})
			d.in(domain.RecordUpdated, hub.Stream(), domain.Fact{
				Via: "webhook", Clock: d.now - hour/2, Properties: values{"firstname": "Bob"}.raw(),
			})
			d.says(planner.Stale, planner.Pending, to{})
			d.base(domain.HubSpot, "Cyd")
		},
		"an old body again is read first": func(d *desk) {
			d.webhook(alo, values{"first_name": "Bob"})
			d.settled(d.sent[0], values{"firstname": "Bob"}, nil)
			d.webhook(alo, values{"first_name": "Ann"})
			if got := d.kinds(); !slices.Equal(got, []string{"read aloware"}) {
				d.Fatalf("%v, want a read and nothing else\n%s", got, text(d.last))
			}
			d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"}, d.sent[0])
			d.wrote(to{domain.HubSpot: "Ann"})
		},
		"observe, then live": func(d *desk) {
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
			d.webhook(hub, values{"firstname": "Bob"})
			d.says(planner.Withheld, planner.Apart, to{})
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
			d.wrote(to{})
			d.webhook(hub, values{"lastname": "Lee"})
			d.wrote(to{})
			d.webhook(hub, values{"firstname": "Cyd"})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
		},
		"off, then live": func(d *desk) {
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeOff})
			d.webhook(hub, values{"firstname": "Bob"})
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
			d.wrote(to{})
			d.webhook(hub, values{"firstname": "Cyd"})
			d.wrote(to{domain.Aloware: "Cyd"})
		},
		"pilot's filter": func(d *desk) {
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModePilot, Filter: `last_name = "Lee"`})
			d.webhook(hub, values{"firstname": "Bob"})
			d.says(planner.Withheld, planner.Apart, to{})
			d.webhook(hub, values{"lastname": "Lee", "firstname": "Cyd"})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: "Cyd"})
		},
		"overwrite never": func(d *desk) {
			d.settings(firstName(func(f *settings.Field) { f.Overwrite = settings.OverwriteNever }))
			d.webhook(hub, values{"firstname": "Bob"})
			d.says(planner.Kept, planner.Apart, to{})
		},
		"overwrite if blank": func(d *desk) {
			d.settings(func(s *settings.Settings) {
				for i := range s.Fields {
					s.Fields[i].Overwrite = settings.OverwriteIfBlank
				}
			})
			d.webhook(hub, values{"firstname": "Bob", "lastname": "Lee"})
			d.says(planner.Kept, planner.Apart, to{})
			if f := d.field("last_name"); f.State != planner.Pending {
				d.Fatalf("a blank was not filled: %s", text(f))
			}
		},
		"blank is kept": func(d *desk) {
			d.webhook(hub, values{"firstname": ""})
			d.says(planner.Kept, planner.Apart, to{})
		},
		"blank is sent": func(d *desk) {
			d.settings(firstName(func(f *settings.Field) { f.Blank = settings.BlankSend }))
			d.webhook(hub, values{"firstname": ""})
			d.says(planner.Sent, planner.Pending, to{domain.Aloware: ""})
		},
	} {
		t.Run(name, func(t *testing.T) { run(newDesk(t, nil).linked()) })
	}
}

// TestConflict: both sides changed before either was decided; the field's rule speaks.
func TestConflict(t *testing.T) {
	for _, c := range []struct {
		rule      settings.Winner
		hubFirst  bool
		direction settings.Direction
		want      to
	}{
		{rule: settings.HubSpotWins, want: to{domain.Aloware: "Bob"}},
		{rule: settings.AlowareWins, want: to{domain.HubSpot: "Cyd"}},
		{rule: settings.NewestWins, hubFirst: true, want: to{domain.HubSpot: "Cyd"}},
		{rule: settings.NewestWins, want: to{domain.Aloware: "Bob"}},
		{rule: settings.Review, want: to{}},
		{rule: settings.AlowareWins, direction: settings.ToAloware, want: to{domain.Aloware: "Bob"}},
		{rule: settings.HubSpotWins, direction: settings.ToHubSpot, want: to{domain.HubSpot: "Cyd"}},
	} {
		t.Run(string(c.rule)+" "+string(c.direction), func(t *testing.T) {
			d := newDesk(t, firstName(func(f *settings.Field) {
				if f.Conflict = c.rule; c.direction != "" {
					f.Direction = c.direction
				}
			})).linked()
			d.act(domain.SyncPaused, domain.Act{})
			told := []func(){
				func() { d.webhook(alo, values{"first_name": "Cyd"}) }, func() { d.webhook(hub, values{"firstname": "Bob"}) },
			}
			if c.hubFirst {
				slices.Reverse(told)
			}
			for _, tell := range told {
				tell()
			}
			d.act(domain.SyncResumed, domain.Act{})
			d.wrote(c.want)
			if c.rule == settings.Review {
				d.says(planner.HeldBack, planner.Dirty, to{})
				return
			}
			lost := slices.ContainsFunc(d.last[0].Fields, func(v planner.Verdict) bool { return v.Field == "first_name" && v.Loser != nil })
			if !lost {
				t.Fatalf("nobody lost: %s", text(d.last))
			}
		})
	}
}

// TestFirstValue: two records that are found to be one person differ.
func TestFirstValue(t *testing.T) {
	for rule, want := range map[settings.Winner]to{
		settings.HubSpotWins: {domain.Aloware: "Ann"}, settings.AlowareWins: {domain.HubSpot: "Bea"},
		settings.NewestWins: {domain.Aloware: "Ann"}, // told by reads, which have no clock of the change
		settings.FillBlanks: {}, settings.Review: {},
	} {
		t.Run(string(rule), func(t *testing.T) {
			d := newDesk(t, func(s *settings.Settings) {
				for i := range s.Fields {
					s.Fields[i].Initial = rule
				}
			})
			d.act(domain.SyncPaused, domain.Act{})
			d.read(hub, values{"phone": "+18182124567", "firstname": "Ann"}, planner.Outgoing{})
			d.read(alo, values{"phone_number": "+18182124567", "first_name": "Bea", "last_name": "Lee"}, planner.Outgoing{})
			d.act(domain.SyncResumed, domain.Act{})
			d.wrote(want)
			if f := d.field("last_name"); f.State != planner.Pending || f.From != domain.Aloware {
				t.Errorf("a blank was not filled: %s", text(f))
			}
		})
	}
}
