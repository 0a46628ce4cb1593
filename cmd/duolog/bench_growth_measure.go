package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound"
)

// growthThings are what is measured, in this order.
var growthThings = []string{"append", "planner", "contact by id", "contact by email", "contact by phone", "contact at a time", "history"}

// growthPasses is how many times each contact's turn may come: once a thing, in two measurements. Append and planner are
// one thing.
const growthPasses = 12

// growthLog is one of the two logs.
type growthLog struct {
	growthBench
	contacts, events int
	life             *benchLife
	filled           int64 // the position it was filled to
	next             int   // whose turn is next
	medians          [][]float64
}

// measure measures everything once.
func (g *growthLog) measure(ctx context.Context, a *app.App, _ []string) error {
	took := make([][]time.Duration, len(growthThings))
	filled, err := g.whenFilled(ctx, a)
	if err != nil {
		return err
	}
	if err := g.changes(ctx, a, took); err != nil {
		return err
	}
	looks := []func(who int, values map[string]string) error{
		func(who int, _ map[string]string) error { return g.find(ctx, a, g.life.contacts[who].String()) },
		func(_ int, values map[string]string) error { return g.find(ctx, a, values["email"]) },
		func(_ int, values map[string]string) error { return g.find(ctx, a, values["phone_number"]) },
		func(who int, _ map[string]string) error {
			_, err := a.Contacts.At(ctx, g.life.contacts[who], filled)
			return err
		},
		func(who int, _ map[string]string) error {
			entries, err := a.History.Timeline(ctx, g.life.contacts[who])
			if err == nil && len(entries) == 0 {
				err = fmt.Errorf("contact %d has no history", who)
			}
			return err
		},
	}
	for range g.samples { // in turn: what one brings into memory helps them all alike
		for i, look := range looks {
			who := g.whose()
			values := g.life.values(who)
			began := time.Now()
			if err := look(who, values); err != nil {
				return err
			}
			took[2+i] = append(took[2+i], time.Since(began))
		}
	}
	medians := make([]float64, len(took))
	for i, all := range took {
		slices.Sort(all)
		medians[i] = float64(all[len(all)/2].Microseconds()) / 1000
	}
	g.medians = append(g.medians, medians)
	return nil
}

// whenFilled is the time at which the log was filled: everybody was known, and changes came since.
func (g *growthLog) whenFilled(ctx context.Context, a *app.App) (contacts.Moment, error) {
	last, err := a.Log.Get(ctx, g.filled)
	if err != nil || len(last) != 1 {
		return contacts.Moment{}, fmt.Errorf("the last event of the filling: %d found, %w", len(last), err)
	}
	return contacts.Moment{Time: time.UnixMicro(last[0].RecordedAt)}, nil
}

// whose names a contact whose turn has not come yet; they do not lie side by side.
func (g *growthLog) whose() int {
	g.next++
	return g.next * 7_919 % g.contacts
}

func (g *growthLog) find(ctx context.Context, a *app.App, typed string) error {
	found, err := a.Contacts.Find(ctx, typed)
	if err == nil && len(found) == 0 {
		err = errors.New("a contact of the log was not found")
	}
	return err
}

// changes appends changed values one by one, each when the one before is decided, while a planner is at work.
func (g *growthLog) changes(ctx context.Context, a *app.App, took [][]time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	decided, ended := make(chan struct{}, 1), make(chan error, 1)
	p := outbound.New(outbound.Config{
		DB: a.Store, Log: a.Log, Logger: a.Logger, Planned: func(int) {
			select {
			case decided <- struct{}{}:
			default:
			}
		},
	})
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		<-ended //nolint:errcheck // it ends of what it was just told
	}()
	for range g.samples {
		g.life.edit(g.whose())
		began := time.Now()
		if _, err := a.Log.Append(ctx, g.life.take()...); err != nil {
			return err
		}
		took[0] = append(took[0], time.Since(began))
		select {
		case <-decided:
		case <-time.After(10 * time.Second):
			return errors.New("a change was not decided within 10 s")
		case <-ctx.Done():
			return ctx.Err()
		}
		took[1] = append(took[1], time.Since(began))
	}
	return nil
}
