package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound"
)

func (s *rebuildStage) acted(id ulid.ULID, kind string) int64 {
	s.Helper()
	done, err := s.app.Log.Append(s.Context(), eventstore.NewEvent{
		ID: id, Stream: "connection", Subject: eventstore.SubjectLog, Type: kind, Schema: domain.SchemaOf(kind), Actor: "test", Data: []byte(`{}`),
	})
	s.must(err)
	return done[0].Position
}

// decided records, after an act, a decision that no planner of today makes.
func (s *rebuildStage) decided(version int) {
	s.Helper()
	act, contact := s.app.NewID(), s.app.NewID()
	input := s.acted(act, domain.SyncPaused)
	data, err := json.Marshal(planner.Decision{
		Planner: version, Mode: domain.ModeOff, Input: input, Trigger: domain.SyncPaused, Contact: contact,
		Fields: []planner.Verdict{{Field: "city", Result: planner.Kept, Rule: "an old rule"}},
	})
	s.must(err)
	done, err := s.app.Log.Append(s.Context(), eventstore.NewEvent{
		ID: domain.DeriveID(act, "decision/"+contact.String(), "", 0), Stream: "contact/" + contact.String(), Subject: eventstore.SubjectLog,
		Type: domain.DecisionMade, Schema: domain.SchemaOf(domain.DecisionMade), Actor: "duolog", Causation: input, Data: data,
	})
	s.must(err)
	_, err = s.app.Store.Exec(s.Context(), "UPDATE outbound SET position = $1 WHERE connection = $2 AND live = 1", done[0].Position, "default")
	s.must(err)
	s.must(outbound.Rebuild(s.Context(), s.app.Store, s.app.Log, nil))
}

// said runs a command in this process and returns what it prints and its exit code.
func (s *rebuildStage) said(args ...string) (string, int) {
	s.Helper()
	env := map[string]string{}
	for _, v := range s.env {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	var out strings.Builder
	code := run(s.Context(), args, strings.NewReader(""), &out, s.Output(), func(name string) string { return env[name] })
	return out.String(), code
}

// TestReplayRepairTellsWhatIsUnexplained: a repair says what differs within one version of the planner, the first with
// its cause, and exits 3, whether there is something to be repaired or not.
func TestReplayRepairTellsWhatIsUnexplained(t *testing.T) {
	t.Parallel()
	s := newRebuildStage(t, "sqlite", 0)
	if out, code := s.said("settings", "apply", "--preset", "recommended", "--yes"); code != exitOK {
		t.Fatalf("exit %d\n%s", code, out)
	}
	s.acted(s.app.NewID(), domain.BaselineCompleted)
	s.env = append(s.env, s.systems()...)
	asked := []string{"replay", "--repair", "--known", "--dry-run"}
	if out, code := s.said(asked...); code != exitOK || !strings.Contains(out, "No unexplained difference") {
		t.Errorf("nothing differs: exit %d\n%s", code, out)
	}
	unexplained := []string{"1 unexplained difference: missing 1", "The first: on #", "recorded  "}
	told := func(what string, words ...string) {
		t.Helper()
		out, code := s.said(asked...)
		if code != exitPerson {
			t.Errorf("%s: exit %d", what, code)
		}
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", what, w, out)
			}
		}
	}
	s.decided(planner.Version)
	told("unexplained ones alone", unexplained...)
	s.decided(planner.Version - 1)
	told("and declared ones", append(unexplained, "1 difference by planner", "P-1")...)

	out, code := s.said(append(asked, "--json")...)
	read := json.NewDecoder(strings.NewReader(out))
	var found struct {
		OK    bool
		First *struct{ Kind string }
	}
	var plan httpapi.Plan
	if err := read.Decode(&found); err != nil || found.OK || found.First == nil || found.First.Kind != "missing" {
		t.Errorf("as JSON: %v in\n%s", err, out)
	}
	if err := read.Decode(&plan); err != nil || plan.Name != "P-2" || code != exitPerson {
		t.Errorf("exit %d, the plan: %v in\n%s", code, err, out)
	}
}
