package planner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

func conflict(rule settings.Winner) func(*settings.Settings) {
	return func(s *settings.Settings) {
		for i := range s.Fields {
			s.Fields[i].Conflict = rule
		}
	}
}

// TestToldMeanwhile: Aloware tells another value while a write to it is under way. When the outcome shows that the
// write went over it, the conflict rule decides between the two.
func TestToldMeanwhile(t *testing.T) {
	both := map[domain.System]string{domain.HubSpot: "Cyd", domain.Aloware: "Cyd"}
	for _, c := range []struct {
		name   string
		rule   settings.Winner
		then   []string // told after Cyd, before the outcome
		shows  string
		result planner.Result
		state  planner.FieldStatus
		wrote  map[domain.System]string
	}{
		{"hubspot wins", settings.HubSpotWins, nil, "Bob", planner.LostIt, planner.InStep, nil},
		{"aloware wins", settings.AlowareWins, nil, "Bob", planner.Sent, planner.Pending, both},
		{"aloware wins over a rendering", settings.AlowareWins, nil, "BOB", planner.Sent, planner.Pending, both},
		{"aloware wins, our echo came before the outcome", settings.AlowareWins, []string{"Bob"}, "Bob", planner.Sent, planner.Pending, both},
		{"the later is newest", settings.NewestWins, nil, "Bob", planner.Sent, planner.Pending, both},
		{"a person decides", settings.Review, nil, "Bob", planner.HeldBack, planner.Dirty, nil},
		{"taken back by the person", settings.AlowareWins, []string{"Ann"}, "Bob", "", planner.Pending, nil},
		{"it was how Aloware renders our value", settings.AlowareWins, nil, "Cyd", planner.Echo, planner.InStep, nil},
		{
			"changed after our write", settings.AlowareWins,
			[]string{"Bob", "Dee"},
			"Dee", planner.Sent, planner.Pending,
			map[domain.System]string{domain.HubSpot: "Dee"},
		},
		{"told again since: its value is not kept", settings.AlowareWins, []string{"Bob", " Bob "}, "Bob", planner.LostIt, planner.InStep, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, conflict(c.rule)).linked()
			d.webhook(hub, values{"firstname": "Bob"})
			write := d.sent[0]
			d.webhook(alo, values{"first_name": "Cyd"})
			d.says(planner.Waiting, planner.Pending, nil)
			for _, v := range c.then {
				d.webhook(alo, values{"first_name": v})
			}
			d.settled(write, values{"first_name": c.shows}, nil)
			d.says(c.result, c.state, c.wrote)
		})
	}
}

// TestToldWhilePaused: the same while the sync stands still and only what is under way comes to its end, before the sync
// opens or after.
func TestToldWhilePaused(t *testing.T) {
	both := map[domain.System]string{domain.HubSpot: "Cyd", domain.Aloware: "Cyd"}
	for _, c := range []struct {
		name   string
		rule   settings.Winner
		steps  []string // a first name told, "shows" and one for the outcome, "withdrawn" for another, "read" and one for an answer, or "resume"
		result planner.Result
		state  planner.FieldStatus
		wrote  map[domain.System]string
	}{
		{"ended after", settings.HubSpotWins, []string{"Cyd", "Bob", "resume", "shows Bob"}, planner.LostIt, planner.InStep, nil},
		{"ended before", settings.HubSpotWins, []string{"Cyd", "Bob", "shows Bob", "resume"}, planner.LostIt, planner.InStep, nil},
		{"not told back", settings.HubSpotWins, []string{"Cyd", "shows Bob", "resume"}, planner.LostIt, planner.InStep, nil},
		{"aloware wins", settings.AlowareWins, []string{"Cyd", "Bob", "shows Bob", "resume"}, planner.Sent, planner.Pending, both},
		{"rendered otherwise", settings.AlowareWins, []string{"Cyd", "BOB", "shows BOB", "resume"}, planner.Sent, planner.Pending, both},
		{"withdrawn after", settings.HubSpotWins, []string{"Cyd", "Bob", "resume", "withdrawn"}, planner.Agreed, planner.InStep, nil},
		{"withdrawn before", settings.AlowareWins, []string{"Cyd", "Bob", "withdrawn", "resume", "read Bob"}, planner.Agreed, planner.InStep, nil},
		{"told after the end", settings.AlowareWins, []string{"shows Bob", "Cyd", "Bob", "resume"}, planner.LostIt, planner.InStep, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, conflict(c.rule)).linked()
			d.webhook(hub, values{"firstname": "Bob"})
			write := d.sent[0]
			d.act(domain.SyncPaused, domain.Act{})
			for _, step := range c.steps {
				name, ended := strings.CutPrefix(step, "shows ")
				switch {
				case step == "resume":
					d.act(domain.SyncResumed, domain.Act{})
				case step == "withdrawn": // a try may have arrived, or Bob was typed there as well
					d.settled(write, nil, func(o *domain.Outcome) { o.Result, o.Sent, o.Clock = domain.ResultWithdrawn, nil, 0 })
				case strings.HasPrefix(step, "read "):
					d.read(alo, values{
						"phone_number": "+18182124567", "email": "ann@example.com", "first_name": strings.TrimPrefix(step, "read "),
					}, d.sent[0])
				case ended:
					d.settled(write, values{"first_name": name}, nil)
				default:
					d.webhook(alo, values{"first_name": name})
				}
			}
			d.says(c.result, c.state, c.wrote)
			if !d.names("first_name", "Cyd") {
				t.Fatalf("no word about Cyd: %s", text(d.last))
			}
		})
	}
}

// TestToldBeforeTheCreate: a person's change to somebody we have just made is told before the making, and before the
// create is answered; HubSpot has changed as well.
func TestToldBeforeTheCreate(t *testing.T) {
	d := newDesk(t, nil)
	whole := func(first string) values {
		return values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": first}
	}
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}, planner.Outgoing{})
	d.webhook(hub, values{"firstname": "Bob"})
	d.webhook(alo, whole("Cyd"))
	d.webhook(alo, whole("Ann")) // late
	write := d.sent[0]
	d.wrote(to{domain.Aloware: "Bob"})
	d.settled(write, values{"first_name": "Bob"}, nil)
	d.says(planner.LostIt, planner.InStep, nil)
	if !d.names("first_name", "Cyd") {
		t.Fatalf("no word about Cyd: %s", text(d.last))
	}
}

// TestDoubtfulMeanwhile: what may be an older value that came late is not put back, and not passed over in silence.
func TestDoubtfulMeanwhile(t *testing.T) {
	d := newDesk(t, conflict(settings.AlowareWins)).linked()
	d.webhook(alo, values{"first_name": "Old"})
	d.settled(d.sent[0], values{"firstname": "Old"}, nil)
	d.webhook(alo, values{"first_name": "Ann"})
	for len(d.sent) > 0 && d.sent[0].Kind == domain.KindRead { // Ann was there within the day
		d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "first_name": "Ann"}, d.sent[0])
	}
	d.settled(d.sent[0], values{"firstname": "Ann"}, nil)
	d.webhook(hub, values{"firstname": "Bob"})
	write := d.sent[0]
	d.webhook(alo, values{"first_name": "Old"})
	d.settled(write, values{"first_name": "Bob"}, nil)
	d.says(planner.LostIt, planner.InStep, nil)
}

// changedThere is the answer to a write that was not sent, since the target showed another first name than was expected.
func changedThere(o *domain.Outcome) {
	o.Result, o.Reason, o.Sent = domain.ResultRejected, domain.ReasonChanged, nil
	o.Refused = map[string]string{"first_name": domain.ReasonChanged}
	if o.System == domain.HubSpot {
		o.Refused = map[string]string{"firstname": domain.ReasonChanged}
	}
}

// TestChangedThere: a write that was not sent, since Aloware showed another value than it was decided on, is planned
// again from the present; when that means the same as what was expected, nothing is expected the second time.
func TestChangedThere(t *testing.T) {
	for _, c := range []struct {
		name    string
		rule    settings.Winner
		shows   string
		wrote   map[domain.System]string
		expects bool
	}{
		{"hubspot wins", settings.HubSpotWins, "Cyd", map[domain.System]string{domain.Aloware: "Bob"}, true},
		{"aloware wins", settings.AlowareWins, "Cyd", map[domain.System]string{domain.HubSpot: "Cyd"}, false},
		{"the same in other letters", settings.AlowareWins, " Ann ", map[domain.System]string{domain.Aloware: "Bob"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, conflict(c.rule)).linked()
			d.webhook(hub, values{"firstname": "Bob"})
			if e := d.sent[0].Expects["first_name"]; e.Property != "first_name" || string(e.Value) != `"Ann"` {
				t.Fatalf("expects %s of %q", e.Value, e.Property)
			}
			d.settled(d.sent[0], values{"first_name": c.shows}, changedThere)
			d.says(planner.Sent, planner.Pending, c.wrote)
			if _, ok := d.sent[0].Expects["first_name"]; ok != c.expects {
				t.Fatalf("expects %v", d.sent[0].Expects)
			}
		})
	}
}

// TestWinnerInAloware: a person changes a name in HubSpot and another in Aloware, and the write of the first is under
// way when, or before, the second is told. Whoever the rule names wins, on both sides.
func TestWinnerInAloware(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]settings.Winner{settings.HubSpotWins, settings.AlowareWins, settings.NewestWins}).Draw(t, "rule")
		s := preset(t, "default")
		conflict(rule)(&s)
		w := newWorld(t, s)
		w.unguarded = rapid.Bool().Draw(t, "the look-up before the write comes too early")
		w.create(domain.HubSpot, map[string]string{"phone_number": "+18182124567", "email": "a@example.com", "first_name": "Ann"}, "")
		w.settle()
		w.now += 3_600_000_000
		w.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "first_name", "Bob  X", false)
		w.deliver(0, false)
		for len(w.outbox) == 0 && w.plan() {
		}
		w.edit(domain.Record{System: domain.Aloware, ID: "2"}, "first_name", "Cyd", false)
		w.deliver(0, false)
		if rapid.Bool().Draw(t, "planned before the write") {
			w.plan()
		}
		w.settle()
		want := map[settings.Winner]string{settings.HubSpotWins: "Bob X", settings.AlowareWins: "Cyd", settings.NewestWins: "Cyd"}[rule]
		for sys, id := range map[domain.System]string{domain.HubSpot: "1", domain.Aloware: "2"} {
			if got := w.systems[sys][id]["first_name"]; got != want {
				t.Fatalf("%s: %s holds %q, want %q\n%s", rule, sys, got, want, w.story())
			}
		}
	})
}

// unexpected lists the values that are refused since the target shows something else than the write was decided on.
// HubSpot tells who wrote it, and what we did is in nobody's way.
func (w *world) unexpected(o planner.Outgoing) map[string]string {
	refused := map[string]string{}
	if w.unguarded {
		return refused
	}
	shown := w.raw(o.System, w.systems[o.System][o.Record.ID])
	for prop, e := range o.Expects {
		var want, got, written string
		_ = json.Unmarshal(e.Value, &want)
		_ = json.Unmarshal(shown[e.Property], &got)
		_ = json.Unmarshal(o.Values[prop], &written)
		f, _ := w.settings.FieldFor(o.System, prop)
		ours := o.System == domain.HubSpot && w.ours[o.Record.String()+f.Name]
		if got != want && got != written && !ours {
			refused[prop] = domain.ReasonChanged
		}
	}
	return refused
}
