package explain_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/history/explain"
)

var (
	write = ulid.MustParse("01JDB4Q8ZK0000000000000001")
	hub   = domain.Record{System: domain.HubSpot, ID: "512"}
	alo   = domain.Record{System: domain.Aloware, ID: "90417"}
	start = time.Date(2026, 11, 3, 17, 14, 2, 0, time.UTC)
)

func raw(text string) json.RawMessage {
	b, _ := json.Marshal(text) //nolint:errchkjson // a string
	return b
}

// pair is a contact whose city differs: HubSpot's changed last, at #20, and was decided at #21.
func pair(t *testing.T, state, reason string) explain.Question {
	t.Helper()
	s, err := settings.Preset(settings.PresetRecommended)
	if err != nil {
		t.Fatal(err)
	}
	s.Version = 7
	value := func(text string, position int64, by string) contacts.Value {
		return contacts.Value{Value: raw(text), Position: position, OccurredAt: start.Add(time.Duration(position) * time.Minute), By: by}
	}
	q := explain.Question{
		Field: "city", Env: s.Env(), Sync: history.Sync{Settings: s, Mode: domain.ModeLive, Mapped: map[string]int64{"city": 1}},
		Contact: contacts.Contact{Status: contacts.InStep, Position: 21, Records: []contacts.Record{
			{System: domain.Aloware, ID: alo.ID, State: "linked", Values: map[string]contacts.Value{"cnam_city": value("Oakland", 11, "duolog")}},
			{System: domain.HubSpot, ID: hub.ID, State: "linked", Values: map[string]contacts.Value{"city": value("San José", 20, "CRM_UI userId:7")}},
		}},
	}
	if state != "" {
		q.Contact.Fields = []contacts.Field{{Field: "city", State: state, Reason: reason, Position: 21}}
	}
	return q
}

// decide puts a decision about the city, and an outcome, into the timeline.
func decide(q *explain.Question, v history.Verdict, o *history.Outcome) {
	v.Field = "city"
	if v.From == "" {
		v.From = domain.HubSpot
	}
	e := history.Entry{
		Position: 20, At: start, Kind: history.KindChanged, System: domain.HubSpot, Record: hub, Via: "webhook", Vendor: "contact.propertyChange",
		Steps: []history.Step{{Position: 21, Kind: history.StepDecided, At: start, Decision: &history.Decision{Settings: 7, Verdicts: []history.Verdict{v}}}},
	}
	if o != nil {
		e.Steps = append(e.Steps, history.Step{Position: 22, Kind: history.StepSettled, At: start, Outcome: o})
	}
	q.Entries = append(q.Entries, e)
}

// whole puts a later change of HubSpot's city, and a decision about the contact as such, into the timeline.
func whole(q *explain.Question, result planner.Result, rule string) {
	for _, r := range q.Contact.Records {
		if v, ok := r.Values["city"]; ok {
			v.Position = 30
			r.Values["city"] = v
		}
	}
	q.Entries = append(q.Entries, history.Entry{Position: 30, Kind: history.KindChanged, Record: hub, Steps: []history.Step{{
		Position: 31, Kind: history.StepDecided, Decision: &history.Decision{Whole: &planner.Whole{Result: result, Rule: rule}},
	}}})
}

// same makes both sides show one city.
func same(q *explain.Question) {
	v := q.Contact.Records[0].Values["cnam_city"]
	v.Value = raw("San José")
	q.Contact.Records[0].Values["cnam_city"] = v
}

func TestWhy(t *testing.T) {
	sentNow := history.Verdict{Result: planner.Sent, Command: write}
	for _, c := range []struct {
		name          string
		state, reason string
		set           func(q *explain.Question)
		cause         explain.Cause
		says          []string // in the sentence, the reasons or the advice
	}{
		{"not mapped", "", "", func(q *explain.Question) { q.Field = "shoe_size" }, explain.NotMapped, []string{"shoe_size is not mapped", "No fact", "settings set 'fields.shoe_size="}},
		{"never told", "", "", func(q *explain.Question) {
			q.Contact.Records[0].Values, q.Contact.Records[1].Values = nil, nil
			q.Sync.Mapped["city"] = 3001
		}, explain.NeverTold, []string{"never told", "ever carried the field", "#3001", "contact resync aloware:90417"}},
		{"another value live", "in_step", "", func(q *explain.Question) {
			same(q)
			q.Hooked = map[string]bool{}
			q.Live = map[domain.System]explain.Live{domain.HubSpot: {Value: raw("Fresno")}, domain.Aloware: {Value: raw("San José")}}
		}, explain.NeverTold, []string{"never told", "no webhook ever told of its property city"}},
		{"the same live", "in_step", "", func(q *explain.Question) {
			same(q)
			q.Live = map[domain.System]explain.Live{domain.HubSpot: {Value: raw("San José")}, domain.Aloware: {Error: "down"}}
		}, explain.Same, []string{"the same in both", "user 7 in HubSpot"}},
		{"erased", "", "", func(q *explain.Question) { q.Contact.Erased = true }, explain.Erased, []string{"erased for ever"}},
		{"excluded", "", "", func(q *explain.Question) {
			q.Contact.Status, q.Contact.Records = contacts.Excluded, q.Contact.Records[1:]
			whole(q, planner.OutOfScope, "no usable phone_number")
		}, explain.Excluded, []string{"takes no part", "no usable phone_number"}},
		{"not made there", "", "", func(q *explain.Question) {
			q.Contact.Status, q.Contact.Records = contacts.Unlinked, q.Contact.Records[:1]
			whole(q, planner.Blocked, "contacts.create = to_aloware")
		}, explain.Alone, []string{"one system only", "contacts.create = to_aloware"}},
		{"deleted", "", "", func(q *explain.Question) {
			q.Contact.Records[1].State = "deleted"
			whole(q, planner.Gone, "on_delete = unlink")
		}, explain.Gone, []string{"deleted", "on_delete = unlink"}},
		{
			"rendered", "in_step", "", func(q *explain.Question) {
				decide(q, sentNow, &history.Outcome{Command: write, Result: domain.ResultApplied})
			},
			explain.Rendered,
			[]string{"in its own way", "written to Aloware"},
		},
		{"lost a conflict", "in_step", "", func(q *explain.Question) {
			same(q)
			decide(q, history.Verdict{Result: planner.Sent, Rule: "conflict = hubspot", Command: write, Lost: &history.Value{Record: alo, Position: 19}}, nil)
		}, explain.LostOne, []string{"as HubSpot had it: Aloware's value lost a conflict", "conflict = hubspot"}},
		{"on its way", "pending", "", func(q *explain.Question) {
			decide(q, sentNow, nil)
			q.Waiting = []explain.Waiting{{Command: write, System: domain.Aloware, Kind: domain.KindUpdate, Before: 210}}
		}, explain.OnItsWay, []string{"on its way to Aloware", "one of 210"}},
		{"tried again", "pending", "", func(q *explain.Question) {
			decide(q, sentNow, nil)
			q.Waiting = []explain.Waiting{{Command: write, Kind: domain.KindUpdate, Attempts: 2, Error: "retry: HTTP 502"}}
		}, explain.Retrying, []string{"has not taken it yet", "tried 2 times", "HTTP 502", "--system aloware"}},
		{"dead letter", "pending", "", func(q *explain.Question) {
			decide(q, sentNow, nil)
			q.Waiting = []explain.Waiting{{Command: write, Kind: domain.KindUpdate, Attempts: 9, Dead: true, Error: "retry: HTTP 502"}}
		}, explain.DeadLetter, []string{"tries ran out", "commands retry " + write.String()}},
		{"discarded", "failing", "discarded: by a person", func(q *explain.Question) {
			decide(q, sentNow, &history.Outcome{Command: write, Result: domain.ResultDiscarded, Reason: domain.ReasonPerson})
		}, explain.Discarded, []string{"a person discarded"}},
		{"refused", "failing", "rejected: invalid", func(q *explain.Question) {
			decide(q, sentNow, &history.Outcome{Command: write, Result: domain.ResultRejected, Reason: domain.ReasonInvalid, Attempts: 2, Detail: "no such city"})
		}, explain.Refused, []string{"Aloware refused HubSpot's value", "does not take this value, try 2 (no such city)"}},
		{"a system's own word", "failing", "rejected: INVALID_OPTION", func(q *explain.Question) {
			decide(q, history.Verdict{Result: planner.Refused, Rule: "INVALID_OPTION"}, nil)
		}, explain.Refused, []string{"INVALID_OPTION"}},
		{"invalid", "failing", "invalid: this is no date", func(q *explain.Question) {
			decide(q, history.Verdict{Result: planner.Invalid, Rule: "this is no date"}, nil)
		}, explain.Invalid, []string{"cannot be written in Aloware", "this is no date"}},
		{"impossible", "held", "impossible there: Aloware cannot change a phone", func(q *explain.Question) {
			decide(q, history.Verdict{Result: planner.Impossible, Rule: "Aloware cannot change a phone"}, nil)
		}, explain.Impossible, []string{"Aloware cannot take it", "make a second one", "by hand"}},
		{"the field's direction", "apart", "blocked by direction: city is to_hubspot", func(q *explain.Question) {
			decide(q, history.Verdict{Result: planner.Blocked, Rule: "city is to_hubspot"}, nil)
			f, _ := q.Sync.Settings.Field("city")
			for i := range q.Sync.Settings.Fields {
				if q.Sync.Settings.Fields[i].Name == f.Name {
					q.Sync.Settings.Fields[i].Direction = settings.ToHubSpot
				}
			}
		}, explain.Direction, []string{"a direction keeps it so", "flows to HubSpot only", "no, by the field", "city.direction=both"}},
		{"the direction of updates", "apart", "blocked by direction: contacts.update = to_aloware", func(q *explain.Question) {
			decide(q, history.Verdict{Result: planner.Blocked, Rule: "contacts.update = to_aloware", From: domain.Aloware}, nil)
			q.Sync.Settings.Contacts.Update = settings.ToAloware
		}, explain.Direction, []string{"Why HubSpot does not have Aloware's value", "no, by the updates"}},
		{"filter", "apart", "excluded: contacts.only", nil, explain.Filter, []string{"contacts.only"}},
		{"blank", "apart", "kept: blank = keep", nil, explain.Blank, []string{"city.blank=send"}},
		{"overwrite", "apart", "kept: overwrite = never", nil, explain.Overwrite, []string{"not written over"}},
		{"first value", "apart", "kept: initial = fill_blanks", nil, explain.FirstValue, []string{"first-value rule", "review accept aloware:90417 --field city"}},
		{"review", "held", "held for review: conflict = review", nil, explain.Review, []string{"waits for a person"}},
		{"left by a person", "apart", "kept: left so by a person", nil, explain.Person, []string{"as a person decided"}},
		{"a lift", "held", "held for review: consent = sticky: a lift waits for a person", nil, explain.Consent, []string{"lifted by people"}},
		{"gate", "apart", "waiting: gate: no such property", nil, explain.Gate, []string{"does not fit"}},
		{"guard", "apart", "held for review: guard: max_changed_share", nil, explain.Guard, []string{"duolog resume"}},
		{"observe", "apart", "withheld by mode: mode = observe", nil, explain.Observe, []string{"mode live", "reconcile --field city"}},
		{"pilot", "apart", "withheld by mode: mode = pilot: not in its filter", nil, explain.Pilot, []string{"the pilot did not"}},
		{"standing", "apart", "withheld by mode: going live sends nothing retroactively", nil, explain.Standing, []string{"before the sync went live"}},
		{"matched", "apart", "kept: match writes nothing", nil, explain.Matched, []string{"a match writes nothing"}},
		{"asked first", "apart", "waiting: Aloware is asked first", nil, explain.Asking, []string{"waits for an answer"}},
		{"paused", "in_step", "", func(q *explain.Question) { whole(q, planner.Withheld, "paused") }, explain.Paused, []string{"the sync is paused", "the sync was paused"}},
		{"another field while paused", "apart", "kept: blank = keep", func(q *explain.Question) {
			whole(q, planner.Withheld, "paused")
			v := q.Contact.Records[1].Values["city"]
			v.Position = 20
			q.Contact.Records[1].Values["city"] = v
		}, explain.Blank, nil},
		{"off", "in_step", "", func(q *explain.Question) { whole(q, planner.Withheld, "mode = off") }, explain.Off, []string{"while the sync is off"}},
		{"the whole gate", "in_step", "", func(q *explain.Question) { whole(q, planner.Withheld, "gate shut") }, explain.Gate, []string{"gate is shut"}},
		{"parked", "in_step", "", func(q *explain.Question) { whole(q, planner.Parked, "error") }, explain.Parked, []string{"could not be decided"}},
		{"stale", "in_step", "", func(q *explain.Question) {
			decide(q, history.Verdict{Result: planner.Stale, Rule: "a newer value was seen"}, nil)
		}, explain.Stale, []string{"older than what was known"}},
		{"mapped later", "", "", func(q *explain.Question) { q.Sync.Mapped["city"] = 40 }, explain.MappedLater, []string{"since it was mapped"}},
		{"not decided yet", "", "", nil, explain.Undecided, []string{"nothing is decided about it yet"}},
		{"told since", "in_step", "", func(q *explain.Question) {
			decide(q, sentNow, nil)
			q.Contact.Fields[0].Position = 15
		}, explain.Undecided, []string{"webhook contact.propertyChange, authenticated"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := pair(t, c.state, c.reason)
			if c.set != nil {
				c.set(&q)
			}
			a := explain.Explain(q)
			b, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			if a.Cause != c.cause {
				t.Errorf("cause %q, want %q: %s", a.Cause, c.cause, b)
			}
			for _, text := range c.says {
				if !strings.Contains(string(b), text) {
					t.Errorf("%q is not in %s", text, b)
				}
			}
			if strings.ContainsAny(a.Says+a.About, "{}") {
				t.Errorf("a name is missing in %q, %q", a.Says, a.About)
			}
		})
	}
}
