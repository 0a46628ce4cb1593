package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/operations"
)

var update = flag.Bool("update", false, "write the golden files")

// shownPlans are plans with a bit of everything.
func shownPlans() []httpapi.Plan {
	pull := httpapi.Plan{Name: "P-31", LRNPrice: 0.002, BigJobs: "20:00-06:00"}
	pull.State = operations.Made
	pull.Plan.Plan = domain.Plan{
		PlanSpec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPull}, Filter: "city = Oakland"}, Rows: 3204,
		Counts: map[string]int64{
			domain.CountContacts: 41_378, domain.CountCreatesAloware: 2871, domain.CountUpdatesAloware: 333, domain.CountUnchanged: 37_000,
			domain.CountAmbiguous: 189, domain.CountImpossible: 885, domain.CountBlocked: 100, domain.CountNumbers: 2871,
		},
		Why: map[string]int64{
			"excluded: no usable phone_number": 885, "held for review: phone shared, emails differ": 12,
			"city: kept: initial = fill_blanks": 61,
		},
		Cost: 5_742_000, Seconds: 4806,
	}
	pull.Samples = []operations.Row{
		{Sample: &operations.Sample{Person: "Jane Cooper", System: domain.Aloware, After: "+12125550101", Why: "only in HubSpot"}},
		{Sample: &operations.Sample{Person: "Bartholomew Featherstonehaugh", System: domain.Aloware, Field: "city", Before: "Oakland", After: "San José", Why: "pull contacts"}},
		{Sample: &operations.Sample{Person: "Ada", System: domain.Aloware, Field: "company_name", After: "Analytical Engines and Sons Ltd.", Why: "fills a blank"}},
		{Sample: &operations.Sample{Erased: true}},
	}
	idle := httpapi.Plan{Name: "P-32"}
	idle.State = operations.Applied
	idle.Plan.Plan = domain.Plan{PlanSpec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpReconcile, Field: "job_title"}}, Counts: map[string]int64{
		domain.CountContacts: 7, domain.CountApart: 7,
	}}
	return []httpapi.Plan{pull, idle}
}

// TestPlanText: a plan is shown as in the golden file, in lines that fit.
func TestPlanText(t *testing.T) {
	var lines []string
	for _, p := range shownPlans() {
		lines = append(lines, planLines(p)...)
		lines = append(lines, "", "")
	}
	for _, l := range lines {
		if runewidth.StringWidth(l) > lineWidth {
			t.Errorf("wider than %d: %s", lineWidth, l)
		}
	}
	got, path := strings.Join(lines, "\n"), filepath.Join("testdata", "plan.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s\n(go test ./cmd/duolog -run PlanText -update)", got, want)
	}
}

func TestMoneyAndTime(t *testing.T) {
	for n, want := range map[int64]string{0: "$0.00", 2000: "less than $0.01", 5_742_000: "$5.74", 1_234_565_000_000: "$1,234,565.00"} {
		if got := dollars(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
