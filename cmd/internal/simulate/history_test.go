package simulate

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/contacts"
)

var (
	histories = flag.Int("histories", 3, "how many random histories to prove")
	copies    = flag.Bool("copies", true, "copy every fourth to PostgreSQL and back")
)

// drawHistory is the scene of a seed in which people are erased, let in again, and looked at, drawn from a sequence of
// its own.
func drawHistory(seed uint64) scene {
	s, r := draw(seed), rng(seed, 9)
	s.proving = true
	kinds := []kind{"erase", "look", "erase", "declare a status", "let in again", "erase", "look", "let in again", "declare a status"}
	for i, k := range kinds[:4+r.IntN(len(kinds)-3)] {
		at := r.IntN(len(s.steps) + 1)
		s.steps = slices.Insert(s.steps, at, step{
			n: 500 + i, kind: k, a: r.IntN(64), b: r.IntN(64), moves: drawMoves(r), seed: r.Uint64(),
		})
	}
	return s
}

// office is the command line beside the processes.
func (w *world) office() *app.App {
	if w.desk == nil {
		a, err := app.Open(context.Background(), app.Config{
			Connection: connection, DatabaseURL: "sqlite:" + w.path, MasterKeyFile: keyBeside(w.path),
		}, w.logger)
		w.must(err)
		w.desk = a
	}
	return w.desk
}

func keyBeside(path string) string { return filepath.Join(filepath.Dir(path), "master.key") }

// person draws somebody of those that are known.
func (w *world) person(st step, which func(contacts.Contact) bool) (contacts.Contact, bool) {
	w.must(w.office().CatchUp(context.Background()))
	all, err := w.office().Contacts.List(context.Background(), contacts.Filter{})
	w.must(err)
	all = slices.DeleteFunc(all, func(c contacts.Contact) bool { return !which(c) })
	if len(all) == 0 {
		return contacts.Contact{}, false
	}
	return all[st.a%len(all)], true
}

// erase erases somebody, unless a write of theirs is on its way for longer than a person waits.
func (w *world) erase(st step) {
	c, ok := w.person(st, func(c contacts.Contact) bool { return !c.Erased })
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	done, err := w.office().Erase(ctx, c.ID, httpapi.Erasing{}, httpapi.By{Actor: "person", Reason: "asked"})
	w.note("contact %s is erased: %v at %d, %v", c.ID, done.Records, done.Position, err)
	w.erased += int(min(done.Position, 1))
	w.grown()
}

func (w *world) lift(st step) {
	c, ok := w.person(st, func(c contacts.Contact) bool { return c.Erased })
	if !ok {
		return
	}
	_, err := w.office().Lift(context.Background(), c.ID, httpapi.By{Actor: "person", Reason: "signed up again"})
	w.note("contact %s is let in again: %v", c.ID, err)
	w.grown()
}

// declare says which status of Aloware stands for one of HubSpot, or takes it back.
func (w *world) declare(st step) {
	d := httpapi.Declaration{Aloware: fmt.Sprint(1200 + st.a%2), HubSpot: []string{"NEW", "OPEN", ""}[st.b%3], Label: fmt.Sprint("n", st.n)}
	_, err := w.office().Declare(context.Background(), "contact-dispositions", d, by)
	w.note("declared %+v: %v", d, err)
	w.grown()
}

// look reads what the log has led to, so that it is folded in pieces.
func (w *world) look(step) { w.must(w.office().CatchUp(context.Background())) }

// TestHistories: after a random history, what was folded as it went is what is folded anew and what a copy folds, row for
// row and opened; and what was decided is decided again.
func TestHistories(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "duolog.db")
	if err := template.key.Save(keyBeside(path)); err != nil {
		t.Fatal(err)
	}
	var sum proved
	for s := *from; s < *from+uint64(*histories); s++ {
		v, told := bubble(t, drawHistory(s), dir, testing.Verbose() && *histories == 1)
		if v != nil {
			t.Fatalf("seed %d: %s\n%s", s, v, told)
		}
		p := proof{T: t, seed: s, path: path, key: keyBeside(path), story: told}
		sum.add(p.run(*copies && s%4 == 2))
		if t.Failed() {
			t.Fatalf("seed %d: go test ./cmd/internal/simulate -run TestHistories -v -histories 1 -first %d tells its story\n%s", s, s, told)
		}
	}
	t.Logf("%+v", sum)
	if *histories >= 3 && *copies && (sum.erasures == 0 || sum.adopted == 0 || sum.found == 0 || sum.copies == 0) {
		t.Errorf("too little was proved: %+v", sum)
	}
	_ = os.Remove(keyBeside(path))
}
