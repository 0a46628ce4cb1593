package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/contract"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

const eventsHelp = `Print the log in order, one event a line. With --json each line is a CloudEvents 1.0 document, the same that the
HTTP feed serves. With --follow it goes on with new events until Ctrl-C.

With --json whole values are shown, and that somebody looks at them is an act in the log.

--view contacts shows net changes only: one contact.changed with before and after for each real change, without echoes,
decisions and outcomes. --samples prints one event of each type, made up, for the tests of a consumer.`

// eventsPage is how many events are read at a time.
const eventsPage = 500

// eventsFlags say which events.
type eventsFlags struct {
	after                        int64
	limit                        int
	follow, samples              bool
	view, types, fields, systems string
}

func (c *cli) events() *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use: "events", Short: "Print the log, as it stands or as net changes", Long: eventsHelp, Args: none,
		Example: "  duolog events --limit 20\n  duolog events --after 8412 --follow --json | jq .type\n" +
			"  duolog events --view contacts --field phone\n  duolog events --type record.* --system hubspot\n" +
			"  duolog events --samples > samples.ndjson",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.samples {
				return c.eventSamples()
			}
			return c.on(func(ctx context.Context, a *app.App, _ []string) error { return c.printEvents(ctx, a, f) })(cmd, args)
		},
	}
	cmd.Flags().Int64Var(&f.after, "after", 0, "begin after this position")
	cmd.Flags().IntVar(&f.limit, "limit", 0, "at most so many; 0: all there are")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on with new events")
	cmd.Flags().StringVar(&f.view, "view", stream.Log, "log, or contacts: net changes only")
	complete(cmd, "view", stream.Log, stream.Contacts)
	cmd.Flags().StringVar(&f.types, "type", "", "only these event types, separated by commas; record.* is a family")
	cmd.Flags().StringVar(&f.fields, "field", "", "only events that name one of these fields or properties")
	cmd.Flags().StringVar(&f.systems, "system", "", "only events of records in hubspot or aloware")
	cmd.Flags().BoolVar(&f.samples, "samples", false, "one event of each type instead, for tests")
	cmd.AddCommand(c.eventsSchema())
	return cmd
}

func (c *cli) printEvents(ctx context.Context, a *app.App, f eventsFlags) error {
	if f.after < 0 || f.limit < 0 {
		return usage("--after and --limit cannot be negative")
	}
	filter, err := stream.NewFilter(f.view, f.types, f.fields, f.systems)
	if err != nil {
		return usageError{err}
	}
	p, err := c.eventPrinter(ctx, a)
	if err != nil {
		return err
	}
	return p.run(ctx, a.Log, filter, f)
}

// eventSamples prints a sample of each type; there need be no log.
func (c *cli) eventSamples() error {
	enc := cloudevent.New("default", eventstore.Head{Generation: 1}, cloudevent.Full)
	for _, e := range contract.Samples() {
		if _, err := c.out.Write(enc.Line(nil, e)); err != nil {
			return err
		}
	}
	return nil
}

// eventPrinter writes events as CloudEvents or as lines for people.
type eventPrinter struct {
	c    *cli
	enc  cloudevent.Encoder
	zone *time.Location
	// looks says in the log that somebody looks at the events' values.
	looks func(context.Context) error
}

func (c *cli) eventPrinter(ctx context.Context, a *app.App) (*eventPrinter, error) {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	zone, err := zoneOf(ctx, a)
	return &eventPrinter{
		c: c, enc: cloudevent.New(a.Connection, head, cloudevent.Full), zone: zone,
		looks: func(ctx context.Context) error { return a.Looked(ctx, domain.AccessFeed, by(a, "")) },
	}, err
}

func (p *eventPrinter) run(ctx context.Context, log eventstore.Log, filter stream.Filter, f eventsFlags) error {
	after := f.after
	for left := f.limit; f.limit == 0 || left > 0; {
		n := eventsPage
		if f.limit > 0 && filter.All() {
			n = min(n, left)
		}
		page, err := filter.Read(ctx, log, after, n)
		if err != nil {
			return p.ended(err, f.follow)
		}
		if p.c.json && len(page.Events) > 0 {
			if err := p.looks(ctx); err != nil {
				return err
			}
		}
		for _, e := range page.Events {
			if f.limit > 0 && left == 0 {
				return nil
			}
			if err := p.print(e); err != nil {
				return err
			}
			left--
		}
		ended := page.Through < after+int64(n)
		after = page.Through
		switch {
		case !ended:
		case !f.follow:
			return nil
		default:
			if err := log.Wait(ctx, after); err != nil {
				return p.ended(err, f.follow)
			}
		}
	}
	return nil
}

// ended makes a Ctrl-C the proper end of following.
func (p *eventPrinter) ended(err error, follow bool) error {
	if follow && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (p *eventPrinter) print(e eventstore.Event) error {
	if p.c.json {
		_, err := p.c.out.Write(p.enc.Line(nil, e))
		return err
	}
	when := time.UnixMicro(e.RecordedAt).In(p.zone).Format("Jan 2 15:04:05")
	line := fmt.Sprintf("%9s  %-15s  %-17s  %-15s  %s", at(e.Position), when, e.Type, shortStream(e.Stream), gist(e))
	_, err := fmt.Fprintln(p.c.out, strings.TrimRight(cut(line, lineWidth), " "))
	return err
}

// shortStream names a record as people type it.
func shortStream(stream string) string {
	if r, err := domain.ParseRecord(stream); err == nil {
		return r.String()
	}
	if id, ok := strings.CutPrefix(stream, "contact/"); ok && len(id) > 6 { // the last digits tell apart, the first are a time
		return "contact …" + id[len(id)-6:]
	}
	return stream
}

// gist says in a few words what an event holds; it never shows a value.
func gist(e eventstore.Event) string {
	switch {
	case e.Erased:
		return "erased"
	case e.Type == domain.DecisionMade:
		return decisionGist(e)
	case e.Type == stream.ContactChanged:
		var c stream.Changed
		if json.Unmarshal(e.Data, &c) != nil { // it is made when it is asked for
			return ""
		}
		return strings.TrimSpace(c.What + " " + strings.Join(slices.Sorted(maps.Keys(c.Fields)), " ") + " in " + c.Source.Title())
	case e.Type == domain.CommandSettled:
		var o domain.Outcome
		if domain.Decode(e.Type, e.Schema, e.Data, &o) != nil {
			return ""
		}
		return strings.TrimSpace(strings.Join([]string{o.Kind, "in", o.System.Title() + ":", o.Result, o.Reason}, " "))
	case strings.HasPrefix(e.Type, "record."):
		var f domain.Fact
		if domain.Decode(e.Type, e.Schema, e.Data, &f) != nil {
			return ""
		}
		return f.Via + ": " + strings.Join(slices.Sorted(maps.Keys(f.Properties)), " ")
	default:
		return actGist(e)
	}
}

func decisionGist(e eventstore.Event) string {
	var d planner.Decision
	if domain.Decode(e.Type, e.Schema, e.Data, &d) != nil {
		return ""
	}
	var parts []string
	if d.Whole != nil {
		parts = append(parts, strings.TrimSpace(string(d.Whole.Result)+" "+d.Whole.Rule))
	}
	counts := map[planner.Result]int{}
	var order []planner.Result
	for _, v := range d.Fields {
		if counts[v.Result]++; counts[v.Result] == 1 {
			order = append(order, v.Result)
		}
	}
	for _, r := range order {
		parts = append(parts, fmt.Sprintf("%d %s", counts[r], r))
	}
	return "on " + at(d.Input) + ": " + strings.Join(parts, ", ")
}

func actGist(e eventstore.Event) string {
	var act struct {
		domain.Act
		Version int    `json:"version"`
		Portal  string `json:"portal"`
	}
	if domain.Decode(e.Type, e.Schema, e.Data, &act) != nil {
		return "by " + e.Actor
	}
	parts := []string{}
	for _, word := range []string{string(act.Mode), act.Name, act.Field, act.Portal, act.Reason} {
		if word != "" {
			parts = append(parts, word)
		}
	}
	if act.Version > 0 {
		parts = append(parts, fmt.Sprintf("v%d", act.Version))
	}
	return strings.Join(append(parts, "by "+e.Actor), " ")
}
