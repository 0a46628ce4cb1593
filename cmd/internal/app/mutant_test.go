package app_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/replay"
)

const fills = "fills a blank"

// mutant builds the program into dir, with a planner that leaves blanks as they are.
func mutant(dir string) error {
	file := filepath.Join("..", "..", "..", "domain", "planner", "field_rules.go")
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	rule := regexp.MustCompile(`p\.flow\(w, domain\.\w+, "` + fills + `"\)`)
	if len(rule.FindAll(source, -1)) != 2 {
		return errors.New("the rule is not where it was")
	}
	text := rule.ReplaceAll(source, []byte(`p.apart(Verdict{Result: Kept, Rule: "`+fills+`"})`))
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	listed, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err := errors.Join(err, os.WriteFile(changed, text, 0o600), os.WriteFile(overlay, listed, 0o600)); err != nil {
		return err
	}
	out, err := exec.Command("go", "build", "-overlay", overlay, "-o", filepath.Join(dir, "duolog"), "../../duolog").CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// TestReplayFindsAMutant: a program whose planner was broken on purpose is found by replay, at the first decision that the
// broken rule made.
func TestReplayFindsAMutant(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := mutant(dir); err != nil {
		t.Fatal(err)
	}
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: sandboxkit.People(5, 8)})
		r.settle()
		sandboxkit.Traffic{Aloware: r.aloware, HubSpot: r.hubspot, Seed: 1, CreateShare: 0.4, FirstPerson: 100}.Do(30)
		r.settle()
		first, broken := int64(0), int64(0)
		r.each(func(e eventstore.Event) {
			var d planner.Decision
			if e.Type != domain.DecisionMade {
				return
			}
			r.must(json.Unmarshal(e.Data, &d))
			if !slices.ContainsFunc(d.Fields, func(v planner.Verdict) bool { return v.Rule == fills }) {
				return
			}
			broken++
			if first == 0 {
				first = e.Position
			}
		})
		r.stop()
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "duolog"), "replay", "--json")
		cmd.Env = append(os.Environ(), "DUOLOG_DATABASE_URL="+r.config.DatabaseURL, "DUOLOG_MASTER_KEY_FILE="+r.config.MasterKeyFile)
		cmd.Stderr = t.Output()
		out, err := cmd.Output()
		var sum replay.Summary
		r.must(json.Unmarshal(out, &sum))
		if cmd.ProcessState.ExitCode() != 3 || err == nil || sum.First == nil || sum.First.Position != first || sum.Differences() != broken {
			t.Errorf("exit %v, %d decisions differ, first %+v; the rule made %d, the first at %d", err, sum.Differences(), sum.First, broken, first)
		}
	})
}
