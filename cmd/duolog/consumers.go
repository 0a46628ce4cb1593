package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/stream"
	consumer "github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/cmd/internal/app"
)

const consumersHelp = `Named readers of the event stream. Duolog keeps their checkpoint: everything up to it is acknowledged. The work of
a consumer is divided into 16 partitions, by the record an event is about, which its members share; when one is gone,
the others take over within seconds. Members ask over HTTP, or are services with Watermill: adapters/stream/README.md.

Over HTTP a consumer belongs to the token that made it. One made here belongs to operators, and to tokens it is granted.`

func (c *cli) consumers() *cobra.Command {
	return group(&cobra.Command{Use: "consumers", Short: "Named readers of the event stream, and how far they are", Long: consumersHelp},
		c.consumersCreate(), c.consumersDelete(), c.consumersList(), c.consumersShow(), c.consumersReset(), c.consumersPark(), c.consumersGrant())
}

func (c *cli) consumersCreate() *cobra.Command {
	var view, types, fields, systems, after, token string
	var lease time.Duration
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a named reader", Args: exactly(1),
		Example: "  duolog consumers create warehouse --token 01J8ZQ4M3N5P7R9S1T3V5W7X9Y\n  duolog consumers create crm --view contacts --after head",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			f, err := stream.NewFilter(view, types, fields, systems)
			if err != nil {
				return usageError{err}
			}
			from, err := beginning(after)
			if err != nil {
				return err
			}
			if token != "" {
				if err := tokenKnown(ctx, a, token); err != nil {
					return err
				}
			}
			err = a.Groups.Create(ctx, consumer.Spec{Name: args[0], Filter: f, After: from, Lease: lease, Token: token})
			if err != nil {
				return consumerHint(err)
			}
			return c.showConsumer(ctx, a, args[0])
		}),
	}
	cmd.Flags().StringVar(&after, "after", "0", "the position to begin after, or head: what comes from now on")
	cmd.Flags().StringVar(&view, "view", stream.Log, "log, or contacts: net changes only")
	complete(cmd, "view", stream.Log, stream.Contacts)
	cmd.Flags().StringVar(&types, "type", "", "only these event types, separated by commas; record.* is a family")
	cmd.Flags().StringVar(&fields, "field", "", "only events that name one of these fields or properties")
	cmd.Flags().StringVar(&systems, "system", "", "only events of records in hubspot or aloware")
	cmd.Flags().StringVar(&token, "token", "", "the id of the token that may move it over HTTP: duolog tokens list")
	cmd.Flags().DurationVar(&lease, "lease", consumer.DefaultLease, "how long a silent member keeps its partitions")
	return cmd
}

// beginning reads a position, or head.
func beginning(text string) (int64, error) {
	if text == "head" {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, hint(usage("%q is no position", text), "a number, 0 for the start, or head")
	}
	return n, nil
}

func consumerHint(err error) error {
	switch {
	case errors.Is(err, consumer.ErrUnknown):
		return hint(err, "duolog consumers list shows them; duolog consumers create NAME makes one")
	case errors.Is(err, consumer.ErrBadSpec):
		return usageError{err}
	case errors.Is(err, consumer.ErrBeyond):
		return hint(err, "--after head, or --to head, means the end")
	case errors.Is(err, consumer.ErrNotGranted):
		return hint(err, "duolog consumers show NAME says which tokens may move it")
	case errors.Is(err, consumer.ErrNotParked):
		return hint(err, "duolog consumers park NAME lists what is")
	}
	return err
}

func (c *cli) showConsumer(ctx context.Context, a *app.App, name string) error {
	i, err := a.Groups.Get(ctx, name)
	if err != nil {
		return consumerHint(err)
	}
	if c.json {
		return c.printJSON(httpapi.ConsumerOf(i))
	}
	c.printf("%s (%s)   at %s, %s behind%s\n", i.Name, i.Kind, at(i.Position), strconv.FormatInt(i.Lag, 10), behindSince(i))
	c.printf("reads      %s\n", readsOf(i.Filter))
	c.printf("moved by   operators%s\n", strings.Join(append([]string{""}, i.Tokens...), ", "))
	c.printf("parked     %d\n", i.Parked)
	if !i.PolledAt.IsZero() {
		c.printf("asked      %s ago\n", time.Since(i.PolledAt).Round(time.Second))
	}
	t := table{head: []string{"partition", "acknowledged", "member"}}
	for _, p := range i.Partitions {
		t.add(strconv.Itoa(p.Number), at(p.Position), orDash(p.Member))
	}
	t.print(c)
	return nil
}

func behindSince(i consumer.Info) string {
	if i.Age < time.Second {
		return ""
	}
	return fmt.Sprintf(" since %s", i.Age.Round(time.Second))
}

// readsOf says what a filter lets through.
func readsOf(f stream.Filter) string {
	if f.All() {
		return "everything"
	}
	var parts []string
	if f.View == stream.Contacts {
		parts = append(parts, "net changes")
	}
	if len(f.Types) > 0 {
		parts = append(parts, strings.Join(f.Types, ", "))
	}
	if len(f.Fields) > 0 {
		parts = append(parts, "fields "+strings.Join(f.Fields, ", "))
	}
	for _, s := range f.Systems {
		parts = append(parts, s.Title())
	}
	return strings.Join(parts, "; ")
}

func (c *cli) consumersDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Forget a consumer and its checkpoint", Args: exactly(1),
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if err := a.Groups.Delete(ctx, args[0]); err != nil {
				return consumerHint(err)
			}
			if c.json {
				return c.printJSON(map[string]string{"deleted": args[0]})
			}
			c.printf("%s is forgotten.\n", args[0])
			return nil
		}),
	}
}

func (c *cli) consumersList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "All consumers: position, how far behind, and since when", Args: none,
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all, err := a.Groups.List(ctx)
			if err != nil {
				return err
			}
			if c.json {
				out := httpapi.ConsumerList{Consumers: []httpapi.ConsumerInfo{}}
				for _, i := range all {
					out.Consumers = append(out.Consumers, httpapi.ConsumerOf(i))
				}
				return c.printJSON(out)
			}
			if len(all) == 0 && !asCSV {
				c.printf("There are no consumers. Make one with: duolog consumers create NAME\n")
				return nil
			}
			t := table{head: []string{"consumer", "kind", "reads", "at", "behind", "since", "parked", "members"}}
			for _, i := range all {
				t.add(i.Name, i.Kind, readsOf(i.Filter), at(i.Position), strconv.FormatInt(i.Lag, 10),
					orDash(strings.TrimPrefix(behindSince(i), " since ")), strconv.Itoa(i.Parked), strconv.Itoa(len(i.Members)))
			}
			if asCSV {
				return t.csv(c.out)
			}
			t.print(c)
			return nil
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

func (c *cli) consumersShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "One consumer, partition by partition", Args: exactly(1),
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error { return c.showConsumer(ctx, a, args[0]) }),
	}
}

func (c *cli) consumersReset() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "reset NAME --to POSITION", Short: "Have a consumer go on after another position", Args: exactly(1),
		Long:    "Have a consumer go on after another position: to get events once more, to skip some, or after a restore of the log.",
		Example: "  duolog consumers reset warehouse --to 8412\n  duolog consumers reset warehouse --to head",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if to == "" {
				return hint(usage("where to?"), "--to POSITION, 0 for the start, or head")
			}
			after, err := beginning(to)
			if err == nil {
				err = a.Groups.Reset(ctx, args[0], after)
			}
			if err != nil {
				return consumerHint(err)
			}
			return c.showConsumer(ctx, a, args[0])
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "the position to go on after, or head")
	return cmd
}

func (c *cli) consumersGrant() *cobra.Command {
	var withdraw bool
	cmd := &cobra.Command{
		Use: "grant NAME TOKEN", Short: "Let another token move a consumer", Args: exactly(2),
		Long: "Let the holder of a token fetch, acknowledge, park, reset and delete over HTTP, besides the token that made the " +
			"consumer. TOKEN is its id, as duolog tokens list shows it; what is refused over HTTP says it, too.",
		Example: "  duolog consumers grant warehouse 01J8ZQ4M3N5P7R9S1T3V5W7X9Y\n" +
			"  duolog consumers grant warehouse 01J8ZQ4M3N5P7R9S1T3V5W7X9Y --withdraw",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			var err error
			if withdraw {
				err = a.Groups.Withdraw(ctx, args[0], args[1])
			} else if err = tokenKnown(ctx, a, args[1]); err == nil {
				err = a.Groups.Grant(ctx, args[0], args[1])
			}
			if err != nil {
				return consumerHint(err)
			}
			return c.showConsumer(ctx, a, args[0])
		}),
	}
	cmd.Flags().BoolVar(&withdraw, "withdraw", false, "it may no longer")
	return cmd
}

func tokenKnown(ctx context.Context, a *app.App, id string) error {
	all, err := a.Tokens(ctx)
	if err == nil && !slices.ContainsFunc(all, func(t httpapi.Token) bool { return t.ID == id }) {
		err = hint(usage("there is no token %q", id), "duolog tokens list shows their ids")
	}
	return err
}

func (c *cli) consumersPark() *cobra.Command {
	var reason string
	var retry, drop, all bool
	cmd := &cobra.Command{
		Use: "park NAME [POSITION]", Short: "Events put aside: list, put aside, retry, drop", Args: cobra.RangeArgs(1, 2),
		Long: "Without a position, list what a consumer put aside. With one, put that event aside: it is not delivered to this " +
			"consumer any more, and the others go on. --retry has it delivered once more, --drop never again.",
		Example: "  duolog consumers park warehouse\n  duolog consumers park warehouse 8413 --reason \"no such column\"\n" +
			"  duolog consumers park warehouse 8413 --retry\n  duolog consumers park warehouse --retry --all",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			name, position := args[0], int64(0)
			if len(args) == 2 {
				var err error
				if position, err = beginning(args[1]); err != nil || position < 1 {
					return usage("%q is no position of an event", args[1])
				}
			}
			err := c.park(ctx, a.Groups, name, position, reason, retry, drop, all)
			if err != nil {
				return consumerHint(err)
			}
			return c.listParked(ctx, a.Groups, name)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "what went wrong")
	cmd.Flags().BoolVar(&retry, "retry", false, "deliver it once more")
	cmd.Flags().BoolVar(&all, "all", false, "with --retry: everything")
	cmd.Flags().BoolVar(&drop, "drop", false, "never deliver it")
	return cmd
}

func (c *cli) park(ctx context.Context, g *consumer.Groups, name string, position int64, reason string, retry, drop, all bool) error {
	switch {
	case retry && drop:
		return usage("--retry delivers it once more, --drop never: give one of them")
	case (retry && !all || drop) && position == 0:
		return hint(usage("which event?"), "name its position, or --retry --all")
	case retry:
		_, err := g.Retry(ctx, name, position)
		return err
	case drop:
		return g.Drop(ctx, name, position)
	case position > 0:
		return g.Park(ctx, name, position, reason)
	}
	return nil
}

func (c *cli) listParked(ctx context.Context, g *consumer.Groups, name string) error {
	all, err := g.Parked(ctx, name)
	if err != nil {
		return consumerHint(err)
	}
	if c.json {
		if all == nil {
			all = []consumer.Parked{}
		}
		return c.printJSON(httpapi.ParkedList{Parked: all})
	}
	if len(all) == 0 {
		c.printf("Nothing is put aside.\n")
		return nil
	}
	t := table{head: []string{"event", "parked", "times", "why", ""}}
	for _, p := range all {
		again := ""
		if p.Again {
			again = "comes again"
		}
		t.add(at(p.Position), p.At.Local().Format("Jan 2 15:04"), strconv.Itoa(p.Attempts), orDash(p.Reason), again)
	}
	t.print(c)
	return nil
}
