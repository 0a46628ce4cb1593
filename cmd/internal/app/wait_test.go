package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// wait polls until a condition holds.
func (r *rig) wait(what string, holds func(ctx context.Context) (bool, error)) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := holds(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, eventstore.ErrUnavailable) {
			r.t.Fatalf("%s: %v", what, err)
		}
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			r.t.Fatalf("waited in vain: %s\n%s", what, r.status())
		case <-tick.C:
		}
	}
}

// baseline waits for both sides to have been read.
func (r *rig) baseline() {
	r.t.Helper()
	r.wait("baseline", func(ctx context.Context) (bool, error) {
		c, _, err := r.Control(ctx)
		return c.Baseline, err
	})
}

// settle waits until webhooks are delivered and everything is planned, sent and folded: until a whole round of that
// has moved nothing.
func (r *rig) settle() {
	r.t.Helper()
	r.baseline()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	for before := int64(-1); ; {
		for _, step := range []func(context.Context) error{r.hubspot.Quiesce, r.aloware.Quiesce, r.WaitIdle} {
			err := step(ctx)
			for errors.Is(err, eventstore.ErrUnavailable) && ctx.Err() == nil {
				err = step(ctx) // a connection that was broken on purpose, met for the first time
			}
			if err != nil {
				r.t.Fatalf("not idle: %v\n%s", err, r.status())
			}
		}
		head := r.head()
		if head == before {
			return
		}
		before = head
	}
}

func (r *rig) head() int64 {
	r.t.Helper()
	h, err := r.Log.Head(r.t.Context())
	r.must(err)
	return h.Position
}

func (r *rig) status() string {
	s, err := r.Status(context.Background())
	if err != nil {
		return err.Error()
	}
	b, _ := json.MarshalIndent(s, "", " ")
	return string(b)
}

// verified checks every event of the log.
func (r *rig) verified() {
	r.t.Helper()
	report, err := eventstore.Verify(r.t.Context(), r.Store, "default", nil)
	if err != nil || !report.OK() {
		r.t.Error("verify:", err, report)
	}
}
