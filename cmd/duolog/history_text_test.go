package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

const story = `Jane Cooper   01JDB4Q8ZK3MT2V50000000000   Aloware 90417 ↔ HubSpot 512   linked by email
3 changes, 12 events, newest last.  Times in PST.   --field F  --since T  --raw  --csv  --json

Nov 3, 2026
 9:14:02 AM  HubSpot: created by user 7 in HubSpot  512                               #61,207-61,209
             email          –  →  jane.cooper@example.com
             first_name     –  →  Jane
             last_name      –  →  Cooper
             and 2 values no field is mapped to
             → decided: create in Aloware                                                    #61,208
                        send email to Aloware, with the new contact
             → Aloware 90417 created · 1 LRN look-up, $0.002 · 0.21 s after the change       #61,211
             ↩ Aloware told it back 0.40 s later: echo, stopped                       #61,214-61,215

Nov 12, 2026
 2:31:40 PM  Aloware: changed (Aloware does not tell by whom)  90417                        #182,960
             city           Oakland  →  San Jose
             → decided: both sides changed city: conflict                                   #182,962
                        HubSpot wins: rule city.conflict = hubspot, settings v6
               city: kept HubSpot San José   lost Aloware San Jose, kept in #182,960
             → Aloware 90417: rejected, try 2, invalid: no such city; city refused: too     #182,966
               long for this field

──── Nov 18, 2026, 4:05:00 PM  settings v7  by os:priya@acme                                #304,102
     city.conflict hubspot (was newest); CHG-2190

Nov 20, 2026
10:02:55 AM  HubSpot: deleted by CRM_UI  512                                                #348,730
             the values are erased for ever

             Now: 1 of 2 fields in step. Not: city apart (conflict = hubspot)
`

func TestHistoryReadsAsAStory(t *testing.T) {
	s, err := settings.Preset(settings.PresetRecommended)
	if err != nil {
		t.Fatal(err)
	}
	s.TimeZone = "America/Los_Angeles"
	c, out, _ := quiet()
	if err := c.showHistory(jane(), happened(), s, false); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(story, "in PST", "in "+time.Now().In(s.Env().Zone).Format("MST"), 1)
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	for line := range strings.Lines(out.String()) {
		if runewidth.StringWidth(strings.TrimSpace(line)) > lineWidth {
			t.Errorf("wider than %d: %s", lineWidth, line)
		}
	}
}

func TestHistoryOfOneField(t *testing.T) {
	s, err := settings.Preset(settings.PresetRecommended)
	if err != nil {
		t.Fatal(err)
	}
	got, err := historyFilter{field: "city", since: "2026-11-04"}.narrow(happened(), s)
	if err != nil || len(got) != 2 || got[0].Position != 182960 || got[1].Position != 304102 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := (historyFilter{field: "shoe_size"}).narrow(nil, s); err == nil {
		t.Error("a field that is not mapped was taken")
	}
}

func jane() contacts.Contact {
	value := func(v string) contacts.Value { return contacts.Value{Value: raw(v)} }
	return contacts.Contact{
		ID: ulid.MustParse("01JDB4Q8ZK3MT2V50000000000"),
		Records: []contacts.Record{
			{System: domain.Aloware, ID: "90417", State: "linked", Reason: "email"},
			{System: domain.HubSpot, ID: "512", State: "linked", Values: map[string]contacts.Value{
				"firstname": value("Jane"), "lastname": value("Cooper"),
			}},
		},
		Fields: []contacts.Field{
			{Field: "email", State: contacts.InStep}, {Field: "city", State: contacts.Apart, Reason: "conflict = hubspot"},
		},
	}
}

func raw(s string) json.RawMessage {
	b, _ := json.Marshal(s)
	return b
}

func happened() []history.Entry {
	day := func(d, h, m, s int) time.Time { return time.Date(2026, 11, d, h+8, m, s, 0, time.UTC) }
	hs, aw := domain.Record{System: domain.HubSpot, ID: "512"}, domain.Record{System: domain.Aloware, ID: "90417"}
	created := history.Entry{
		Position: 61207, At: day(3, 9, 14, 2), RecordedAt: day(3, 9, 14, 2), Kind: history.KindCreated,
		System: domain.HubSpot, Record: hs, By: "CRM_UI userId:7", ByKnown: true,
		Changes: []history.Change{
			{Property: "email", After: raw("jane.cooper@example.com")},
			{Property: "hs_object_id", After: raw("512")},
			{Property: "createdate", After: raw("x")},
		},
		Steps: []history.Step{
			{Position: 61208, Kind: history.StepDecided, Decision: &history.Decision{
				Settings: 6, Whole: &planner.Whole{Result: planner.Creating, System: domain.Aloware},
				Verdicts: []history.Verdict{{
					Field: "email", Result: planner.Sent, Rule: "with the new contact", From: domain.HubSpot,
				}},
			}},
			{
				Position: 61211, Kind: history.StepSettled, System: domain.Aloware, Record: aw, After: 210 * time.Millisecond,
				Outcome: &history.Outcome{Result: domain.ResultApplied, Created: true, Attempts: 1},
			},
			{Position: 61214, Kind: history.StepEcho, System: domain.Aloware, Record: aw, After: 400 * time.Millisecond},
			{Position: 61215, Kind: history.StepDecided, Decision: &history.Decision{ // told by the line above
				Verdicts: []history.Verdict{{Field: "email", Result: planner.Echo}},
			}},
		},
	}
	conflict := history.Entry{
		Position: 182960, At: day(12, 14, 31, 40), RecordedAt: day(12, 14, 31, 40), Kind: history.KindChanged,
		System: domain.Aloware, Record: aw, By: "Aloware does not tell by whom",
		Changes: []history.Change{{Property: "cnam_city", Before: raw("Oakland"), After: raw("San Jose")}},
		Steps: []history.Step{
			{Position: 182962, Kind: history.StepDecided, Decision: &history.Decision{Settings: 6, Verdicts: []history.Verdict{{
				Field: "city", Result: planner.LostIt, Rule: "conflict = hubspot",
				Kept: &history.Value{Record: hs, Property: "city", Position: 182961, Value: raw("San José")},
				Lost: &history.Value{Record: aw, Property: "cnam_city", Position: 182960, Value: raw("San Jose")},
			}}}},
			{Position: 182966, Kind: history.StepSettled, System: domain.Aloware, Record: aw, Outcome: &history.Outcome{
				Result: domain.ResultRejected, Attempts: 2, Reason: domain.ReasonInvalid, Detail: "no such city",
				Refused: map[string]string{"city": "too long for this field"},
			}},
		},
	}
	applied := history.Entry{
		Position: 304102, At: day(18, 16, 5, 0), RecordedAt: day(18, 16, 5, 0), Kind: history.KindSettings,
		By: "os:priya@acme", ByKnown: true,
		Act: &history.Act{
			Settings: 7, Fields: []string{"city"}, Reason: "CHG-2190",
			Changed: []settings.Change{{Key: "city.conflict", Was: "newest", Now: "hubspot"}},
		},
	}
	deleted := history.Entry{
		Position: 348730, At: day(20, 10, 2, 55), RecordedAt: day(20, 10, 2, 55), Kind: history.KindDeleted,
		System: domain.HubSpot, Record: hs, By: "CRM_UI", ByKnown: true, Erased: true,
	}
	told := func(position int64, property, value string) history.Entry {
		return history.Entry{
			Position: position, At: day(3, 9, 14, 3), RecordedAt: day(3, 9, 14, 3), Kind: history.KindChanged,
			System: domain.HubSpot, Record: hs, By: created.By, ByKnown: true,
			Changes: []history.Change{{Property: property, After: raw(value)}},
		}
	}
	return []history.Entry{created, told(61208, "firstname", "Jane"), told(61209, "lastname", "Cooper"), conflict, applied, deleted}
}
