package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/replay"
	"github.com/duolog/duolog/projections/report"
)

var (
	jane = ulid.MustParseStrict("01JDB4Q8ZK3MT2V5W6X7Y8Z9A0")
	stop = ulid.MustParseStrict("01JDB4Q8ZK3MT2V5W6X7Y8Z9A1")
)

// writer appends events to a log and remembers where they lie.
type writer struct {
	*testing.T
	log  eventstore.Log
	last int64
}

func (w *writer) put(kind, stream, actor string, payload any) int64 {
	w.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		w.Fatal(err)
	}
	subject := eventstore.SubjectLog
	if strings.HasPrefix(kind, "record.") {
		subject = stream
	}
	done, err := w.log.Append(w.Context(), eventstore.NewEvent{
		ID: ulid.Make(), Stream: stream, Type: kind, Schema: domain.SchemaOf(kind), Actor: actor, Subject: subject, Data: data,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.last = done[0].Position
	return w.last
}

func (w *writer) settings(version int, change func(*settings.Settings)) {
	w.Helper()
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		w.Fatal(err)
	}
	change(&s)
	raw, err := json.Marshal(s)
	if err != nil {
		w.Fatal(err)
	}
	w.put(domain.SettingsChanged, "settings", "os:priya@desk", domain.SettingsAct{Version: version, Reason: "CHG-9", Settings: raw})
}

// october writes a month of everything a report counts, and returns its first position.
func october(w *writer) int64 {
	hub, alo := domain.Record{System: domain.HubSpot, ID: "512"}, domain.Record{System: domain.Aloware, ID: "9"}
	w.settings(1, func(*settings.Settings) {})
	w.put(domain.SyncPaused, "connection", "os:early@desk", domain.Act{Reason: "before the month"})
	w.put(domain.SubjectHeld, domain.StreamPrivacy, "os:legal@desk", domain.Act{Contact: jane, Reason: "CASE-1"})
	w.put(domain.SubjectHeld, domain.StreamPrivacy, "os:legal@desk", domain.Act{Contact: stop, Reason: "CASE-2"})
	first := w.last + 1
	w.settings(2, func(s *settings.Settings) {
		s.Fields[0].Conflict, s.Fields[1].Consent = settings.NewestWins, settings.ConsentSticky
	})
	fact := w.put(domain.RecordUpdated, hub.Stream(), "hubspot", domain.Fact{
		Via: "webhook", Properties: domain.Properties{"city": json.RawMessage(`"Bern | <b>"`)}, Origin: domain.Origin{Source: "CRM_UI"},
	})
	w.put(domain.DecisionMade, "contact/"+jane.String(), "duolog", planner.Decision{
		Planner: 1, Settings: 2, Contact: jane, At: time.Now().UnixMicro(),
		Whole: &planner.Whole{Result: planner.LinkedUp, Rule: "email", Others: []domain.Record{hub, alo}},
		Fields: []planner.Verdict{
			{Field: "city", Result: planner.LostIt, Rule: "conflict = aloware", From: domain.Aloware, Loser: &planner.Ref{Record: hub, Property: "city", Position: fact}},
			{Field: "title", Result: planner.Blocked, Rule: "direction"},
		},
		Commands: []planner.Command{{ID: stop, Kind: domain.KindUpdate, System: domain.HubSpot, Record: hub, Urgent: true}},
	})
	w.put(domain.CommandSettled, hub.Stream(), "hubspot", domain.Outcome{
		Command: stop, Kind: domain.KindUpdate, System: domain.HubSpot, Record: hub, Result: domain.ResultApplied, Attempts: 3,
	})
	w.put(domain.CommandSettled, "aloware/contact/77", "aloware", domain.Outcome{
		Kind: domain.KindCreate, System: domain.Aloware, Result: domain.ResultApplied, Created: true,
		Record: domain.Record{System: domain.Aloware, ID: "77"},
	})
	w.put(domain.CommandSettled, hub.Stream(), "hubspot", domain.Outcome{
		Kind: domain.KindUpdate, System: domain.HubSpot, Result: domain.ResultRejected, Reason: domain.ReasonInvalid,
	})
	w.put(domain.RecordMerged, "aloware/contact/9", "aloware", domain.Fact{Via: "webhook", Merged: []domain.Record{{System: domain.Aloware, ID: "77"}}})
	w.put(domain.DuplicateResolved, "connection", "token:ann", domain.Act{Verdict: domain.VerdictSame, Contact: jane})
	for range 2 {
		w.put(domain.AccessMade, "access", "token:ann", domain.Act{Access: &domain.Access{What: domain.AccessHistory, Contacts: []ulid.ULID{jane}}})
	}
	w.put(domain.ExportMade, "connection", "os:priya@desk", domain.Act{Reason: "CASE-7", Contact: jane, Export: &domain.Export{Events: 12}})
	w.put(domain.ExportMade, "connection", "os:priya@desk", domain.Act{
		Name: domain.ExportedHead, Export: &domain.Export{Head: 9, To: "auditor@example.com"},
	})
	w.put(domain.TokenCreated, "connection", "os:priya@desk", domain.Act{Token: &domain.Token{ID: jane, Name: "warehouse", Role: "consumer"}})
	w.put(domain.TokenRevoked, "connection", "os:priya@desk", domain.Act{Token: &domain.Token{ID: jane, Name: "warehouse"}})
	w.put(domain.SubjectReleased, domain.StreamPrivacy, "os:legal@desk", domain.Act{Contact: stop, Reason: "closed"})
	w.put(domain.SubjectErased, domain.StreamPrivacy, "os:legal@desk", domain.Act{Contact: stop, Reason: "asked to"})
	w.put(domain.SubjectLifted, domain.StreamPrivacy, "os:legal@desk", domain.Act{Contact: stop, Reason: "came back"})
	w.put(domain.RecordSuppressed, "aloware/contact/5", "aloware", domain.Fact{Via: "webhook"})
	s, _ := settings.Preset(settings.PresetDefault)
	w.put(domain.ReviewSettled, "connection", "token:ann", domain.Act{Contact: jane, Field: s.Fields[1].Name, Verdict: domain.VerdictTake, Reason: "she called"})
	w.put(domain.ReviewSettled, "connection", "token:ann", domain.Act{Contact: jane, Field: s.Fields[0].Name, Verdict: domain.VerdictTake, Reason: "no consent"})
	w.put(domain.SweepCompleted, "connection", "duolog", domain.Act{Sweeps: []domain.Sweep{{System: domain.Aloware, Looked: 40, Drift: 3}}})
	return first
}

// row returns the cells of the first row of a table that begins with the texts.
func row(t *testing.T, r report.Report, section, name string, begins ...string) []string {
	t.Helper()
	for _, s := range r.Sections {
		for _, table := range s.Tables {
			for _, cells := range table.Rows {
				var texts []string
				for _, c := range cells {
					texts = append(texts, r.Cell(c))
				}
				if s.Key == section && table.Key == name && slices.Equal(texts[:len(begins)], begins) {
					return texts
				}
			}
		}
	}
	t.Errorf("no row %q in %s/%s", begins, section, name)
	return make([]string, 9)
}

// ends lists, sorted, what the rows of a table say of act or verdict, and why.
func ends(r report.Report, section, name string) (all []string) {
	for _, s := range r.Sections {
		for _, table := range s.Tables {
			if s.Key != section || table.Key != name {
				continue
			}
			what := slices.IndexFunc(table.Columns, func(c string) bool { return c == "act" || c == "verdict" || c == "contact" && name == "holds" })
			for _, cells := range table.Rows {
				all = append(all, fmt.Sprint(cells[what], " ", cells[len(cells)-1]))
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestMonthlyCountsAPeriod(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		w := &writer{T: t, log: log}
		o := report.Options{Log: log, From: october(w), Through: w.last, Values: true, Standing: map[string]int64{"suspected": 4}}
		w.put(domain.SyncPaused, "connection", "os:late@desk", domain.Act{Reason: "after the month"})
		w.put(domain.SubjectReleased, domain.StreamPrivacy, "os:late@desk", domain.Act{Contact: jane})
		o.Effects = []report.Effect{{Version: 2, Before: 1, Forecast: replay.Forecast{
			Inputs: 7, Contacts: 5, Begin: 2, Later: 3, First: []replay.Divergence{
				{Input: 4, Field: "city", Was: "sent", Would: "lost a conflict", Rule: "newest"},
				{Input: 6, Field: "city", Was: "sent", Would: "lost a conflict", Rule: "newest"},
			},
		}}}
		r, err := report.Monthly(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			section, table string
			begins         []string
			want           string // the last cell
		}{
			{"summary", "summary", []string{"facts taken in"}, "3"},
			{"changes", "effects", []string{"v2", "v1", "7", "5", "2", "3"}, "0"},
			{"changes", "different", []string{"v2", "city", "sent", "lost a conflict", "newest", "#4"}, "2"},
			{"privacy", "holds", []string{jane.String()}, "CASE-1"},
			{"reliability", "lag", []string{"2 decided, after it was heard", "", "1", "1"}, "0.0"},
			{"reliability", "lag", []string{"3 written, after it was decided", "hubspot", "1"}, "0.0"},
			{"changes", "decisions", []string{"v2"}, "1"},
			{"volume", "facts", []string{"hubspot", "record.updated", "webhook", "CRM_UI"}, "1"},
			{"volume", "writes", []string{"aloware", "create"}, "1"},
			{"not_sent", "fields", []string{"blocked by direction", "direction", "title"}, "1"},
			{"not_sent", "writes", []string{"hubspot", "rejected", "invalid"}, "1"},
			{"conflicts", "fields", []string{"city", "aloware", "conflict = aloware"}, "1"},
			{"conflicts", "samples", []string{"city"}, "Bern | <b>"},
			{"duplicates", "prevented", []string{"email", "hubspot"}, "1"},
			{"duplicates", "merged", []string{"aloware", "Duolog"}, "1"},
			{"duplicates", "resolved", []string{"same"}, "1"},
			{"duplicates", "standing", []string{"suspected"}, "4"},
			{"reliability", "sweeps", []string{"aloware", "1", "40", "3"}, "0"},
			{"reliability", "retries", []string{"hubspot", "2", "3"}, "1"},
		} {
			if got := row(t, r, tt.section, tt.table, tt.begins...); got[len(got)-1] != tt.want {
				t.Errorf("%s/%s: %q, want %s", tt.section, tt.table, got, tt.want)
			}
		}
		for table, want := range map[string][]string{
			"privacy/acts":  {"export.made CASE-7", "subject.erased asked to", "subject.lifted came back", "subject.released closed"},
			"consent/lifts": {"take she called"}, "people/tokens": {"token.created ", "token.revoked "},
		} {
			section, name, _ := strings.Cut(table, "/")
			if got := ends(r, section, name); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", table, got, want)
			}
		}
		if got := ends(r, "privacy", "holds"); len(got) != 1 {
			t.Errorf("holds in force: %q", got)
		}
		if got := r.Sections[8].Notes; len(got) != 1 || !strings.HasSuffix(got[0], ": 1.") {
			t.Errorf("who came back: %q", got)
		}
		if got := row(t, r, "changes", "changed", fmt.Sprint("#", o.From)); got[3] != "settings v2" || !strings.Contains(got[5], "newest") {
			t.Errorf("settings: %q", got)
		}
		if got := row(t, r, "consent", "stops", "hubspot"); got[1] != "1" || got[2] != "1" {
			t.Errorf("stops: %q", got)
		}
		if got := row(t, r, "people", "acts", "token:ann", domain.AccessMade); got[2] != "2" {
			t.Errorf("acts: %q", got)
		}
		if got := row(t, r, "people", "reads", "token:ann", "history"); got[2] != "2" || got[3] != "1" {
			t.Errorf("reads: %q", got)
		}
		if got := row(t, r, "proof", "holders"); got[3] != "auditor@example.com" || got[4] != "9" {
			t.Errorf("holders: %q", got)
		}
		if got := row(t, r, "people", "exports"); got[3] != "contact "+jane.String() || got[4] != "12" {
			t.Errorf("exports: %q", got)
		}
		all := written(t, r, report.Markdown)
		for _, foreign := range []string{"os:early", "os:late", "everybody's"} {
			if strings.Contains(all, foreign) {
				t.Errorf("an act outside the period is told: %s", foreign)
			}
		}
		o.Values = false
		if r, err = report.Monthly(t.Context(), o); err != nil || strings.Contains(written(t, r, report.JSON), "Bern") {
			t.Errorf("a value is shown to who asked for none: %v", err)
		}
		if r, err = report.Actors(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if got := row(t, r, "actors", "os:priya@desk"); got[3] != domain.SettingsChanged || got[5] != "CHG-9" {
			t.Errorf("acts of one actor: %q", got)
		}
		checkFormats(t, o)
	})
}

// TestEveryEventCanBeReported: there is no type of event, in no schema, that a report stumbles over.
func TestEveryEventCanBeReported(t *testing.T) {
	store := backends.SQLite(t)
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range domain.EventTypes() {
		if kind == domain.SettingsChanged {
			continue // its sample holds no settings
		}
		for schema := 1; schema <= domain.SchemaOf(kind); schema++ {
			_, err := log.Append(t.Context(), eventstore.NewEvent{
				ID: ulid.Make(), Stream: "connection", Type: kind, Schema: schema, Actor: "hubspot", Subject: eventstore.SubjectLog,
				Data: domain.Sample(kind, schema),
			})
			if err != nil {
				t.Fatal(kind, err)
			}
		}
	}
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.Monthly(t.Context(), report.Options{Log: log, From: 1, Through: head.Position, Values: true}); err != nil {
		t.Error(err)
	}
}

func written(t *testing.T, r report.Report, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkFormats: no value breaks out of its cell, whatever the report is written as.
func checkFormats(t *testing.T, o report.Options) {
	t.Helper()
	o.Values = true
	r, err := report.Monthly(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if md := written(t, r, report.Markdown); !strings.Contains(md, `Bern \| &lt;b&gt; |`) || !strings.Contains(md, "## 11 Proof") {
		t.Errorf("markdown:\n%s", md)
	}
	if page := written(t, r, report.HTML); !strings.Contains(page, "Bern | &lt;b&gt;</td>") {
		t.Errorf("html:\n%s", page)
	}
	in := csv.NewReader(strings.NewReader(written(t, r, report.CSV)))
	in.FieldsPerRecord = -1
	if lines, err := in.ReadAll(); err != nil || !slices.ContainsFunc(lines, func(l []string) bool { return l[len(l)-1] == "Bern | <b>" }) {
		t.Errorf("csv: %v %q", err, lines)
	}
	var back struct {
		Sections []struct {
			Key    string
			Tables []struct {
				Key  string
				Rows []map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(written(t, r, report.JSON)), &back); err != nil || len(back.Sections) != 11 {
		t.Fatalf("json: %v, %d sections", err, len(back.Sections))
	}
	if got := back.Sections[0].Tables[0].Rows[0]; got["what"] != "facts taken in" || got["count"] != 3.0 {
		t.Errorf("json: %v", got)
	}
	if err := r.Write(new(bytes.Buffer), "pdf"); !errors.Is(err, report.ErrFormat) {
		t.Errorf("an unknown format: %v", err)
	}
}
