package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	feedbench "github.com/duolog/duolog/adapters/stream/bench"
	"github.com/duolog/duolog/cmd/internal/app"
)

const benchFeedHelp = `Read a backlog by every way consumers have, with every value opened, and compare each with one ordered scan of the same
rows that opens nothing: the NDJSON feed over HTTP, the Watermill subscriber, and on PostgreSQL stock watermill-sql with
our adapters and with its own schema, which is stopped after a while.

Then followers of the live stream hear of commits, one and many in turns; what is shown is the median of the rounds. They
stand for clients on other machines: a process of their own that only reads, on Linux with a thread for each processor
for all connections. A time is from when the append returned until the read of that follower's connection returned with
the event, by the machine's clock. Time of a processor is that of the server and of who commits; what the system does to
deliver to a client on the same machine is in it.`

func (c *cli) benchFeed() *cobra.Command {
	var events, contacts int
	o := feedbench.Config{CPUTime: cpuTime, Listener: thisProgram("bench", "listen")}
	cmd := &cobra.Command{
		Use: "feed", Short: "A backlog by every way consumers have, and live followers", Long: benchFeedHelp, Args: none,
		Example: "  duolog bench feed --events 500000 --json\n  duolog bench feed --events 20000 --followers 20 --default 2s",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if events < 1 || contacts < 1 || o.Followers < 1 || o.Commits < 1 {
			return usage("--events, --contacts, --followers and --commits are 1 or more")
		}
		var r feedbench.Result
		err := c.onBench(func(ctx context.Context, a *app.App) (benchResult, error) {
			if _, err := c.fillLog(ctx, a, events, contacts, 1.1); err != nil {
				return benchResult{}, err
			}
			o.Store, o.Log, o.URL, o.Key = a.Store, a.Log, a.DatabaseURL, a.MasterKey()
			o.Progress = func(what string, rate float64) { c.note("%s: %s events/s\n", what, number(int64(rate))) }
			var err error
			r, err = feedbench.Run(ctx, o)
			return benchResult{Bench: "feed", feed: &r}, err
		})(cmd, args)
		return err
	}
	cmd.Flags().IntVar(&events, "events", 500_000, "of the backlog")
	cmd.Flags().IntVar(&contacts, "contacts", 20_000, "the events are about")
	cmd.Flags().IntVar(&o.Followers, "followers", 200, "that follow live, compared with one")
	cmd.Flags().IntVar(&o.Rounds, "rounds", 5, "of both, one follower and many")
	cmd.Flags().IntVar(&o.Commits, "commits", 300, "the followers hear of in a round")
	cmd.Flags().DurationVar(&o.Every, "every", 20*time.Millisecond, "between two commits")
	cmd.Flags().DurationVar(&o.Default, "default", 20*time.Second, "how long watermill-sql's own schema is measured")
	return cmd
}

// benchListen is not for people: the feed's bench starts it.
func (c *cli) benchListen() *cobra.Command {
	return &cobra.Command{
		Use: "listen", Short: "The followers of bench feed, as it asks for them on standard input", Hidden: true, Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return feedbench.Listen(cmd.Context(), c.in, c.out) },
	}
}

// thisProgram starts itself once more.
func thisProgram(args ...string) func(context.Context) (*exec.Cmd, error) {
	return func(ctx context.Context) (*exec.Cmd, error) {
		path, err := os.Executable()
		return exec.CommandContext(ctx, path, args...), err
	}
}

// showFeed prints a line for each way.
func (c *cli) showFeed(r feedbench.Result) {
	c.printf("feed on %s, a backlog of %s events\n", r.Backend, number(r.Events))
	t := table{head: []string{"", "events/s", "ratio"}}
	for _, rate := range r.Rates {
		t.add(rate.Name, number(int64(rate.PerSecond)), fmt.Sprintf("%.2f", rate.Ratio))
	}
	t.print(c)
	if r.OverDefault > 0 {
		c.printf("our adapters are %.0f times as fast as watermill-sql's own schema\n", r.OverDefault)
	}
	t = table{head: []string{"followers", "heard", "p50 ms", "p99 ms", "worst ms", "µs of processor each"}}
	for _, l := range r.Live {
		t.add(fmt.Sprint(l.Followers), number(int64(l.Heard)), fmt.Sprintf("%.1f", l.P50), fmt.Sprintf("%.1f", l.P99), fmt.Sprintf("%.1f", l.Max),
			fmt.Sprintf("%.0f", l.CPU))
	}
	t.print(c)
	c.printf("many wait %.1f times as long as one (p99)\n", r.OverOne)
}
