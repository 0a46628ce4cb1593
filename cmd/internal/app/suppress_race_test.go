package app_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// refusals is a log of which something happens after so many appends were refused because their person was erased.
type refusals struct {
	eventstore.Log
	left int
	do   func()
}

func (l *refusals) Append(ctx context.Context, events ...eventstore.NewEvent) ([]eventstore.Appended, error) {
	done, err := l.Log.Append(ctx, events...)
	if errors.Is(err, eventstore.ErrErased) {
		if l.left--; l.left == 0 {
			l.do()
		}
	}
	return done, err
}

// TestRefusedAndLetIn: what an import is refused because its person was erased is stored as it is when the person is let in
// before it is stored without data; also where another process did that, and nothing was heard of it here.
func TestRefusedAndLetIn(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		r.settle()
		contact, second := r.contact("hubspot:"+her).ID, r.inAloware("phone_number", zoePhone)[0].ID
		erase := func() {
			_, err := r.aside().Erase(t.Context(), contact, httpapi.Erasing{}, tester)
			r.must(err)
			r.settle()
		}
		lift := func() {
			_, err := r.aside().Lift(t.Context(), contact, tester)
			r.must(err)
		}

		erase()
		head, a := r.head(), r.aside()
		a.Log = &refusals{Log: a.Log, left: 2, do: lift} // the first is of all rows together
		done, err := a.ImportAloware(t.Context(), strings.NewReader(r.aloneInFile(map[string]string{
			"id": second, "first_name": zoe["firstname"], "email": zoe["email"], "phone_number": zoePhone,
		})), app.Import{AsOf: time.Now()}, tester)
		if err != nil || done.Facts != 1 || done.Withheld != 0 {
			t.Errorf("imported %+v, %v", done, err)
		}
		if n := r.suppressed(head); n > 0 {
			t.Errorf("let in, and %d facts were stored without data", n)
		}
		r.settle()

		erase()
		a = r.aside()
		tells := func() error { return r.tells(a.App, "hubspot/contact/999", `{"email":"`+zoe["email"]+`"}`) }
		if err := tells(); !errors.Is(err, eventstore.ErrErased) {
			t.Errorf("erased, and stored: %v", err)
		}
		lift()
		joined, err := a.JoinErasure(t.Context(), eventstore.NewEvent{
			Stream: "hubspot/contact/999", Type: domain.RecordObserved, Data: []byte(`{"properties":{"email":"` + zoe["email"] + `"}}`),
		})
		if err == nil && !joined {
			err = tells()
		}
		if joined || err != nil {
			t.Errorf("let in by another process, and refused: joined %v, %v", joined, err)
		}
	})
}

// aloneInFile is a file of Aloware with one person.
func (r *rig) aloneInFile(cells map[string]string) string {
	columns := r.mappedColumns()
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = cells[c]
	}
	return strings.Join(columns, ",") + "\n" + strings.Join(all, ",") + "\n"
}

// TestSweepRefusedOnce: what a sweep is refused for a reason that is over at once is stored as it is.
func TestSweepRefusedOnce(t *testing.T) {
	t.Parallel()
	var c clock
	r := start(t, plan{config: c.set})
	her, err := r.hubspot.Create(zoe, "7")
	r.must(err)
	r.settle()
	r.hubspot.SetTarget("")
	log, ok := r.Log.(eventstore.Screened)
	if !ok {
		t.Fatal("no screen can be given")
	}
	refusedOnce := func(city string, sweep func()) {
		r.must(r.hubspot.Edit(her, map[string]string{"city": city}, "7"))
		var refused atomic.Int64
		log.Screen(func(_ context.Context, _ int64, events []eventstore.NewEvent) error {
			for _, e := range events {
				if e.Type == domain.RecordObserved && bytes.Contains(e.Data, []byte(city)) && refused.Add(1) < 3 { // all together, and by itself
					return eventstore.ErrErased
				}
			}
			return nil
		})
		head := r.head()
		sweep()
		r.settle()
		if n := r.suppressed(head); n > 0 || refused.Load() < 3 {
			t.Errorf("%s: tried %d times, and %d facts were stored without data", city, refused.Load(), n)
		}
		r.same("Aloware", r.inAloware("phone_number", zoePhone)[0].Properties, map[string]string{"cnam_city": city})
	}
	refusedOnce("Paris", func() {
		_, err := r.aside().Reconcile(t.Context(), tester, nil)
		r.must(err)
	})
	refusedOnce("Delft", func() {
		c.pass(16 * time.Minute)
		r.sweptSince(c.now().Add(-time.Minute))
	})
}
