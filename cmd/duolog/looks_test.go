package main

import (
	"encoding/csv"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
)

// TestEveryLookIsAnAct: each command that shows personal data says so in the log, in the name of whoever gave it; those
// that show none do not.
func TestEveryLookIsAnAct(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, "sqlite")
	both := s.hubspot.All()[0].ID
	s.must(s.hubspot.Edit(both, map[string]string{"phone": "+12125559999"}, "7"))
	s.duolog("reconcile", "--yes")
	s.duolog("pull", "contacts", "--dry-run")
	who := "hubspot:" + both
	looks := []struct {
		actor, what string // none: it shows nobody
		args        []string
	}{
		{"list", domain.AccessList, []string{"contact", "list"}},
		{"show", domain.AccessContact, []string{"contact", "show", who}},
		{"history", domain.AccessHistory, []string{"contact", "history", who}},
		{"raw", domain.AccessHistory, []string{"contact", "history", who, "--raw"}},
		{"explain", domain.AccessContact, []string{"contact", "explain", who, "city"}},
		{"card", domain.AccessCard, []string{"contact", "card", who}},
		{"report", domain.AccessReport, []string{"report", "--no-verify"}},
		{"review", domain.AccessReview, []string{"review", "show", who}},
		{"plan", domain.AccessPlan, []string{"plans", "show", "P-1"}},
		{"plan-csv", domain.AccessPlan, []string{"plans", "show", "P-1", "--csv"}},
		{"dry-run", domain.AccessPlan, []string{"pull", "contacts", "--dry-run"}},
		{"apply", domain.AccessPlan, []string{"apply", "P-1"}}, // which asks, and nobody answers
		{"events", domain.AccessFeed, []string{"events", "--json", "--limit", "1"}},
		{"changes", domain.AccessFeed, []string{"events", "--json", "--view", "contacts"}},
		{"lines", "", []string{"events"}},
		{"reviews", "", []string{"review", "list"}},
		{"plans", "", []string{"plans", "list"}},
		{"values", "", []string{"report", "--no-verify", "--no-values"}},
	}
	for _, l := range looks {
		cmd := exec.CommandContext(t.Context(), "duolog", l.args...)
		cmd.Env, cmd.Dir = append(slices.Clone(s.env), "USER="+l.actor), s.dir
		if out, err := cmd.CombinedOutput(); err != nil && l.actor != "apply" {
			t.Fatalf("%s: %v\n%s", l.actor, err, out)
		}
	}
	told := s.looked()
	for _, l := range looks {
		want := []string{l.what}
		if l.what == "" {
			want = nil
		}
		if got := told[l.actor]; !slices.Equal(got, want) {
			t.Errorf("duolog %s: looks %q, want %q", strings.Join(l.args, " "), got, want)
		}
	}
}

// looked lists what each user looked at.
func (s *stage) looked() map[string][]string {
	s.Helper()
	in := csv.NewReader(strings.NewReader(string(s.duolog("report", "--actors", "--format", "csv"))))
	in.FieldsPerRecord = -1
	lines, err := in.ReadAll()
	s.must(err)
	told := map[string][]string{}
	for _, l := range lines { // section, table, position, at, by, act, about, reason
		if len(l) == 8 && l[5] == domain.AccessMade {
			user, _, _ := strings.Cut(strings.TrimPrefix(l[4], "os:"), "@")
			told[user] = append(told[user], l[6])
		}
	}
	return told
}
