package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	alowarebox "github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/adapters/httpapi"
	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/projections/operations"
)

// killedOn says on which databases an operation is killed: on one each, unless DATABASE says which, or both.
func killedOn(verb string) []string {
	switch database := os.Getenv("DATABASE"); {
	case database == "both":
		return []string{"sqlite", "postgres"}
	case database != "":
		return []string{database}
	case verb == "pull":
		return []string{"sqlite"}
	}
	return []string{"postgres"}
}

// databaseOf is a database of a stage's own.
func databaseOf(t *testing.T, kind, dir string) string {
	switch kind {
	case "sqlite":
		return "sqlite:" + filepath.Join(dir, "duolog.db")
	case "postgres":
		return eventstoretest.PostgresURL(t)
	}
	t.Fatalf("DATABASE=%s: want sqlite, postgres or both", kind)
	return ""
}

// campaign says how often and among how many an operation is killed: KILLS and CONTACTS, for make plans.
func campaign(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// stage is two sandboxes in this process, and Duolog in others.
type stage struct {
	*testing.T
	hubspot *hubspotbox.Sandbox
	aloware *alowarebox.Sandbox
	env     []string
	dir     string
}

// newStage seeds n people: a third stands on both sides with another city on each, a third in HubSpot alone.
func newStage(t *testing.T, n int, database string) *stage {
	t.Helper()
	s := &stage{T: t, dir: t.TempDir()}
	systems := s.systems()
	var people []sandboxkit.Person
	for i := range n {
		f := sandboxkit.Fields{
			"first_name": "P" + strconv.Itoa(i), "email": fmt.Sprintf("p%d@people.example", i),
			"phone_number": fmt.Sprintf("+1212%07d", 5_550_000+i), "city": "London",
		}
		p := sandboxkit.Person{HubSpot: f.HubSpot()}
		if i%2 == 0 {
			p.Aloware = maps.Clone(f)
			p.Aloware["city"] = "Paris"
		}
		people = append(people, p)
	}
	s.must(s.hubspot.Seed(people))
	s.must(s.aloware.Seed(people))
	s.env = append(append(os.Environ(),
		"DUOLOG_DATA="+s.dir, "DUOLOG_DATABASE_URL="+databaseOf(t, database, s.dir),
		"DUOLOG_MASTER_KEY_FILE="+filepath.Join(s.dir, "master.key"), "DUOLOG_ADDR=127.0.0.1:0", "DUOLOG_PUBLIC_URL=http://127.0.0.1:1",
	), systems...)
	settings := filepath.Join(s.dir, "settings.yaml")
	s.must(os.WriteFile(settings, []byte("preset: recommended\nmode: observe\nlimits:\n  hubspot_share: 100 %\n  aloware_per_second: 60\n"), 0o600))
	s.duolog("migrate", "up")
	s.duolog("settings", "apply", settings, "--yes")
	s.serve(func(n int) bool { return s.contacts() == int64(n) }, len(people))
	s.duolog("mode", "live")
	return s
}

// systems runs both sandboxes and returns how they are reached.
func (s *stage) systems() []string {
	s.hubspot = hubspotbox.New(hubspotbox.Config{Faults: sandboxkit.Faults{RateLimit: -1}, SearchRate: -1})
	s.aloware = alowarebox.New(alowarebox.Config{WebhookToken: "sandbox", Faults: sandboxkit.Faults{RateLimit: -1}})
	h, a := httptest.NewServer(s.hubspot), httptest.NewServer(s.aloware)
	s.Cleanup(func() {
		s.hubspot.Close()
		s.aloware.Close()
		h.Close()
		a.Close()
	})
	return []string{
		"HUBSPOT_BASE_URL=" + h.URL, "HUBSPOT_ACCESS_TOKEN=any", "HUBSPOT_CLIENT_SECRET=sandbox",
		"ALOWARE_BASE_URL=" + a.URL, "ALOWARE_API_TOKEN=any", "ALOWARE_WEBHOOK_TOKEN=sandbox",
	}
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// duolog runs a command and returns what it prints.
func (s *stage) duolog(args ...string) []byte {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "duolog", args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		s.Fatalf("duolog %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return out
}

func (s *stage) contacts() (all int64) {
	s.Helper()
	var st httpapi.Status
	s.must(json.Unmarshal(s.duolog("status", "--json"), &st))
	for _, n := range st.Contacts {
		all += n
	}
	if st.Lag["outbound"] > 0 || st.Lag["contacts"] > 0 {
		return -1
	}
	return all
}

// serve runs a service until a condition holds, and ends it in order.
func (s *stage) serve(until func(int) bool, n int) {
	s.Helper()
	p := s.start("serve")
	defer p.end(os.Interrupt)
	for began := time.Now(); !until(n); {
		if time.Since(began) > 5*time.Minute {
			s.Fatal("waited in vain")
		}
		p.rest(300 * time.Millisecond)
	}
}

// process is a duolog that runs.
type process struct {
	*stage
	cmd   *exec.Cmd
	owned chan struct{}
	over  chan struct{}
}

var ownedLine = regexp.MustCompile(`msg="connection owned"`)

func (s *stage) start(args ...string) *process {
	s.Helper()
	p := &process{stage: s, cmd: exec.CommandContext(s.Context(), "duolog", args...), owned: make(chan struct{}), over: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir = s.env, s.dir
	log := &lineWatch{p: p}
	p.cmd.Stderr = log
	s.must(p.cmd.Start())
	go func() {
		defer close(p.over)
		_ = p.cmd.Wait() // how it ended is seen in what it left
	}()
	return p
}

// lineWatch tells when the process owns the connection.
type lineWatch struct {
	p    *process
	seen strings.Builder
	done bool
}

func (l *lineWatch) Write(b []byte) (int, error) {
	l.seen.Write(b)
	if !l.done && ownedLine.MatchString(l.seen.String()) {
		l.done = true
		close(l.p.owned)
	}
	return len(b), nil
}

func (p *process) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.over:
	}
}

func (p *process) end(how os.Signal) {
	_ = p.cmd.Process.Signal(how)
	<-p.over
}

// TestKilledOperations: kill -9, again and again in the midst of a push and of a pull, ends where an undisturbed run
// ends: nobody is made twice, nobody is left out, and every value is the same. The processes are real.
func TestKilledOperations(t *testing.T) {
	kills, people := campaign("KILLS", 2), campaign("CONTACTS", 60)
	for _, verb := range []string{"pull", "push"} {
		for _, database := range killedOn(verb) {
			t.Run(verb+"/"+database, func(t *testing.T) {
				t.Parallel()
				undisturbed := newStage(t, people, database)
				undisturbed.duolog(verb, "contacts", "--yes")
				newStage(t, people, database).survives(kills, verb, undisturbed.held())
			})
		}
	}
}

// survives has an operation killed again and again, and ends where an undisturbed one did.
func (s *stage) survives(kills int, verb string, want []string) {
	s.Helper()
	var plan httpapi.Plan
	s.must(json.Unmarshal(s.duolog(verb, "contacts", "--dry-run", "--json"), &plan))
	if plan.Rows == 0 {
		s.Fatal("nothing to do")
	}
	done := s.killed(kills, verb)
	s.serve(func(int) bool { return s.ended() }, 0)
	s.Logf("%d kills, with %v of %d writes answered at each", kills, done, plan.Rows)
	if got := s.held(); !slices.Equal(got, want) {
		s.Errorf("after %d kills\n%s\nundisturbed\n%s", kills, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	op := s.operation()
	if op.Counts[domain.CountSettled] != op.Counts[domain.CountDecided] || op.Counts[domain.CountSkipped] > 0 {
		s.Errorf("%+v", op)
	}
	s.duolog("verify")
}

// killed applies the plan and kills whoever does it: soon after it began to, and the next time in the midst of what it
// writes. It returns how far it was each time.
func (s *stage) killed(kills int, verb string) (done []int64) {
	s.Helper()
	chance := sandboxkit.NewChance(uint64(len(verb)), "kills")
	args := []string{"apply", "P-1", "--yes"}
	for i := range kills {
		p := s.start(args...)
		if args[0] == "serve" {
			select {
			case <-p.owned:
			case <-p.over:
				s.Fatal("serve ended by itself")
			}
		} else {
			for began := time.Now(); s.operation().ID == "" && time.Since(began) < time.Minute; {
				p.rest(100 * time.Millisecond)
			}
		}
		if i%2 == 1 {
			p.writes()
		}
		p.rest(time.Duration(chance.Intn(300)) * time.Millisecond)
		p.end(os.Kill)
		op := s.operation()
		done = append(done, op.Counts[domain.CountSettled])
		if op.EndedAt != nil {
			slog.Info("ended before it was killed", slog.Int("kills", i+1))
			break
		}
		args = []string{"serve"}
	}
	return done
}

// writes waits until something more is written in one of the systems, as long as a slow machine may take to begin.
func (p *process) writes() {
	before := p.hubspot.Writes() + p.aloware.Writes()
	for began := time.Now(); p.hubspot.Writes()+p.aloware.Writes() == before && time.Since(began) < 20*time.Second; {
		p.rest(2 * time.Millisecond)
	}
}

// operation is the one that applies the plan; the zero one before it was started.
func (s *stage) operation() (found httpapi.Operation) {
	s.Helper()
	var list httpapi.OperationList
	s.must(json.Unmarshal(s.duolog("operations", "list", "--json"), &list))
	for _, o := range list.Operations {
		if o.Plan != "" {
			found = o
		}
	}
	return found
}

func (s *stage) ended() bool {
	s.Helper()
	op := s.operation()
	if op.State == operations.Failed {
		s.Fatalf("it failed: %s", op.Failure)
	}
	return op.EndedAt != nil
}

// held is what both systems hold, sorted, without the ids they gave.
func (s *stage) held() []string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 3*time.Minute)
	defer cancel()
	s.must(s.hubspot.Quiesce(ctx))
	s.must(s.aloware.Quiesce(ctx))
	var out []string
	for _, c := range s.hubspot.All() {
		out = append(out, fmt.Sprint("hubspot ", c.Properties["phone"], c.Properties["email"], c.Properties["firstname"], c.Properties["city"]))
	}
	for _, c := range s.aloware.All() {
		p := c.Properties
		out = append(out, fmt.Sprint("aloware ", p["phone_number"], p["email"], p["first_name"], p["cnam_city"]))
	}
	slices.Sort(out)
	return out
}
