package app_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// grown makes two databases of n people each that were kept apart: 30 % of them stand in both, found by email or by a
// number that is written otherwise, and of these some are ambiguous: for 2 % of all, two people of HubSpot have the
// number of one in Aloware.
func grown(n int) (people []sandboxkit.Person, overlap, ambiguous int) {
	values := func(i int) sandboxkit.Fields {
		return sandboxkit.Fields{
			"first_name": "P" + strconv.Itoa(i), "last_name": "Q", "email": fmt.Sprintf("p%d@people.example", i),
			"phone_number": fmt.Sprintf("+1%03d%07d", 205+i/4_000_000, 2_220_000+i%4_000_000), "city": "London",
		}
	}
	written := func(i int, e164 string) string {
		area, office, line := e164[2:5], e164[5:8], e164[8:]
		return []string{e164, "(" + area + ") " + office + "-" + line, area + "." + office + "." + line, "1 " + area + " " + office + " " + line}[i%4]
	}
	for i := range n {
		h := values(i)
		phone := h["phone_number"]
		h["phone_number"] = written(i, phone)
		p := sandboxkit.Person{HubSpot: h.HubSpot()}
		switch {
		case i%50 == 0: // one in Aloware, and two in HubSpot under its number
			ambiguous++
			a := values(i)
			delete(a, "email")
			p.Aloware = a
			delete(p.HubSpot, "email")
			twin := maps.Clone(p.HubSpot)
			twin["firstname"], twin["phone"] = "Twin of "+twin["firstname"], written(i+1, phone)
			people = append(people, sandboxkit.Person{HubSpot: twin})
		case i%10 < 3:
			overlap++
			a := values(i)
			if i%2 == 0 {
				delete(a, "email") // by number alone
			} else {
				a["email"] = strings.ToUpper(a["email"])
			}
			p.Aloware = a
		}
		people = append(people, p)
	}
	for i := range n - overlap - ambiguous { // those Aloware alone has
		people = append(people, sandboxkit.Person{Aloware: values(n + i)})
	}
	return people, overlap, ambiguous
}

// TestPullOfGrownDatabases: two databases that grew apart are pulled under the recommended preset: nobody is made twice,
// everybody who is ambiguous is held, and a second pull finds nothing to do. PEOPLE says of how many (default 100).
func TestPullOfGrownDatabases(t *testing.T) {
	t.Parallel()
	n := 100
	if env := os.Getenv("PEOPLE"); env != "" {
		n, _ = strconv.Atoi(env)
	}
	eachBackend(t, func(t *testing.T, database string) {
		people, overlap, ambiguous := grown(n)
		r := sandboxes(t, plan{database: database, posters: 16, patience: enough + time.Duration(n)*time.Second})
		r.must(r.hubspot.Seed(inHubSpotOf(people)))
		r.must(r.aloware.Seed(inAlowareOf(people)))
		a, err := app.Open(t.Context(), r.config, r.logger)
		r.must(err)
		s, err := settings.Preset(settings.PresetRecommended)
		r.must(err)
		s.Mode, s.Limits.AlowarePerSecond, s.Limits.HubSpotShare = domain.ModeObserve, 1000, 100
		_, err = a.ApplySettings(t.Context(), s, 0, tester)
		r.must(err)
		r.must(a.Close())
		began := time.Now()
		r.node = r.boot()
		r.patient()
		took("first scan", began, n)
		r.told("mode", map[string]string{"mode": "live", "reason": "test"})
		r.patient()

		began = time.Now()
		p := r.planned("pull/contacts", nil)
		took("plan", began, n)
		alone := int64(n - overlap - ambiguous)
		r.counted("pull", p.Counts, map[string]int64{
			domain.CountCreatesAloware: alone, domain.CountNumbers: alone, domain.CountAmbiguous: int64(2 * ambiguous),
		})
		before := len(r.aloware.All())
		r.aloware.Injector().Set(sandboxkit.Faults{FailAfterCommitRate: 0.05}) // whose answer is lost is made all the same
		began = time.Now()
		o := r.applied(p)
		r.aloware.Injector().Set(sandboxkit.Faults{})
		took("pull", began, int(alone))
		r.counted("pulled", o.Counts, map[string]int64{domain.CountLRN: alone, domain.CountSkipped: 0, domain.CountRefused: 0})
		if made := len(r.aloware.All()) - before; made != int(alone) {
			t.Errorf("%d made in Aloware, want %d", made, alone)
		}
		seen := map[string]bool{}
		for _, c := range r.aloware.All() {
			if seen[c.Properties["phone_number"]] {
				t.Fatal("somebody stands twice in Aloware")
			}
			seen[c.Properties["phone_number"]] = true
		}
		head, writes := r.head(), r.hubspot.Writes()+r.aloware.Writes()
		began = time.Now()
		again := r.planned("pull/contacts", nil)
		took("second plan", began, n)
		if again.Rows != 0 || r.hubspot.Writes()+r.aloware.Writes() != writes {
			t.Errorf("a second pull would do %v", again.Counts)
		}
		r.since(head, func(e eventstore.Event) { // the acts that made its plan are new; a sweep may have ended, too
			if strings.HasPrefix(e.Type, "record.") || e.Type == domain.DecisionMade || e.Type == domain.CommandSettled {
				t.Errorf("a second pull appended %s", e.Type)
			}
		})
		fmt.Printf("%d people a side: %s at most, sandboxes included\n", n, peak())
	})
}

func took(what string, began time.Time, n int) {
	d := time.Since(began)
	fmt.Printf("%s: %s, %.0f people/s\n", what, d.Round(time.Millisecond), float64(n)/d.Seconds())
}

// peak is the most memory this process has held, as far as the system tells.
func peak() string {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); name == "VmHWM" {
			return strings.TrimSpace(value)
		}
	}
	return "memory unknown"
}

// patient is settle for many people.
func (r *rig) patient() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	for {
		c, _, err := r.Control(ctx)
		if err == nil && c.Baseline {
			break
		}
		r.must(err)
		time.Sleep(50 * time.Millisecond)
	}
	r.must(r.WaitIdle(ctx))
}

func inHubSpotOf(people []sandboxkit.Person) (out []sandboxkit.Person) {
	for _, p := range people {
		if p.HubSpot != nil {
			out = append(out, p)
		}
	}
	return out
}

func inAlowareOf(people []sandboxkit.Person) (out []sandboxkit.Person) {
	for _, p := range people {
		if p.Aloware != nil {
			out = append(out, p)
		}
	}
	return out
}
