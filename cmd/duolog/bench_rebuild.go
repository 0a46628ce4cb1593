package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound"
)

func (c *cli) benchRebuild() *cobra.Command {
	var events int
	var name string
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Rebuilding a projection from the log", Args: none,
		Long: "Fill a log with facts of made-up people and the decisions on them, then rebuild a projection from it. The\n" +
			"baseline stores as many rows of the events' sizes without reading, opening or folding anything.",
		Example: "  duolog bench rebuild --events 50000 --json",
		RunE: c.onBench(func(ctx context.Context, a *app.App) (benchResult, error) {
			if err := c.fillLog(ctx, a, events); err != nil {
				return benchResult{}, fmt.Errorf("fill the log: %w", err)
			}
			m := c.meter("rebuild "+name, "events")
			r, err := a.Runner.BenchRebuild(ctx, name, m.set)
			m.done()
			return benchResult{
				Bench: "rebuild " + name, Backend: a.Store.Backend(), Events: r.Events, EventsPerSecond: r.EventsPerSecond,
				BaselineEventsPerSecond: r.BaselineEventsPerSecond, Ratio: r.Ratio,
			}, err
		}),
	}
	cmd.Flags().IntVar(&events, "events", 20000, "facts in the log; decisions come on top")
	cmd.Flags().StringVar(&name, "projection", contacts.Name, "which one")
	return cmd
}

// fillLog appends facts about made-up people, about ten each, and has the real planner decide on them; in mode
// observe that sends nothing.
func (c *cli) fillLog(ctx context.Context, a *app.App, facts int) error {
	s, err := settings.Preset(settings.PresetRecommended)
	if err != nil {
		return err
	}
	s.Mode = domain.ModeObserve
	by := httpapi.By{Actor: "duolog", Reason: "bench"}
	if _, err := a.ApplySettings(ctx, s, 0, by); err != nil {
		return err
	}
	for kind, payload := range map[string]any{
		domain.ConnectionOpened:  domain.Opened{Portal: strconv.Itoa(ingestPortal)},
		domain.BaselineCompleted: domain.Act{}, domain.ModeChanged: domain.Act{Mode: domain.ModeObserve},
	} {
		if _, err := a.Act(ctx, kind, payload, by); err != nil {
			return err
		}
	}
	m := c.meter("fill", "facts")
	defer m.done()
	g := factMaker{people: sandboxkit.People(1, max(facts/10, 1)), id: a.NewID}
	for done := 0; done < facts; {
		page := make([]eventstore.NewEvent, min(eventsPage, facts-done))
		for i := range page {
			if page[i], err = g.fact(done + i); err != nil {
				return err
			}
		}
		if _, err := a.Log.Append(ctx, page...); err != nil {
			return err
		}
		done += len(page)
		m.set(int64(done), int64(facts))
	}
	return plan(ctx, outbound.New(outbound.Config{DB: a.Store, Log: a.Log, Logger: a.Logger}))
}

const ingestPortal = 62515

func plan(ctx context.Context, p *outbound.Process) error {
	for {
		n, err := p.Step(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}

// factMaker makes facts: everybody is seen in both systems, then their cities change.
type factMaker struct {
	people []sandboxkit.Person
	id     func() ulid.ULID
}

func (g factMaker) fact(n int) (eventstore.NewEvent, error) {
	who, round := n%len(g.people), n/len(g.people)
	p := g.people[who]
	record := domain.Record{System: domain.HubSpot, ID: strconv.Itoa(1000 + who)}
	values := p.HubSpot
	if round%2 == 1 && p.Aloware != nil {
		record.System, values = domain.Aloware, p.Aloware
	}
	f := domain.Fact{Via: "webhook", Clock: time.Now().UnixMicro(), Properties: domain.Properties{}}
	kind := domain.RecordUpdated
	if round < 2 {
		kind, f.Via, f.Complete = domain.RecordObserved, "scan", true
		for name, v := range values {
			raw, err := json.Marshal(v)
			if err != nil {
				return eventstore.NewEvent{}, err
			}
			f.Properties[name] = raw
		}
	} else {
		f.Properties["city"] = json.RawMessage(strconv.Quote("City " + strconv.Itoa(round)))
	}
	data, err := json.Marshal(f)
	return eventstore.NewEvent{
		ID: g.id(), Stream: record.Stream(), Type: kind, Schema: domain.SchemaOf(kind), OccurredAt: f.Clock,
		Actor: string(record.System), Subject: record.Stream(), Data: data,
	}, err
}
