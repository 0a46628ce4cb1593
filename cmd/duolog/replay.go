package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/replay"
)

const replayHelp = `Decide again on every input in the log, with the settings in force at each, and compare with the decisions that
were recorded, command for command. It works in memory, changes nothing and cannot send.

State evolves by what was recorded, so one difference stays one. A difference within one version of the planner is a
fault of the program, or of the log: exit 3, with the first one and its cause. Another version of the planner may
decide otherwise, as CHANGES says: those differences are counted apart, exit 0. So a new version can be tried on the
log of a running one before it takes its place. What was decided with regard to somebody who was erased since is taken
as it is.

--from and --to are positions of the log, or times: what lies before them is taken as it was recorded.

With --repair, what another version of the planner decided otherwise becomes a plan, which you are asked about or which
duolog apply runs later: what would be written today is written, and what would not is put back to what was there
before, both only where what was written then still stands. The rest is listed. What the replay found is told first,
in JSON as a document of its own, and what differs unexplained is exit 3 here as well, however the repair ends.
--unexplained repairs differences within one version, too: find their cause first.`

// part is which part of the log is asked about.
type part struct{ from, to, contact string }

func (p *part) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.from, "from", "", "the first position, or a time")
	cmd.Flags().StringVar(&p.to, "to", "", "the last position, or a time")
	cmd.Flags().StringVar(&p.contact, "contact", "", "only this contact")
}

// positions resolves what was typed.
func (p *part) positions(ctx context.Context, a *app.App) (from, to int64, contact ulid.ULID, err error) {
	if from, err = place(ctx, a, p.from); err != nil {
		return 0, 0, contact, err
	}
	if from > 0 && !isPosition(p.from) {
		from++ // the first one recorded later
	}
	if to, err = place(ctx, a, p.to); err != nil {
		return 0, 0, contact, err
	}
	if p.to != "" && to < max(from, 1) {
		return 0, 0, contact, usage("nothing lies between --from and --to")
	}
	if p.contact != "" {
		k, err := findOne(ctx, a, p.contact)
		return from, to, k.ID, err
	}
	return from, to, contact, nil
}

// place is a position, or the last one recorded by a time; 0 for nothing typed.
func place(ctx context.Context, a *app.App, typed string) (int64, error) {
	if typed == "" {
		return 0, nil
	}
	if isPosition(typed) {
		return strconv.ParseInt(barePosition(typed), 10, 64)
	}
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return 0, err
	}
	t, err := parseTime(typed, zone)
	if err != nil {
		return 0, err
	}
	return a.Contacts.PositionAt(ctx, t)
}

// barePosition takes a position as it is printed, too: #61,207.
func barePosition(typed string) string {
	return strings.ReplaceAll(strings.TrimPrefix(typed, "#"), ",", "")
}

func isPosition(typed string) bool {
	n, err := strconv.ParseInt(barePosition(typed), 10, 64)
	return err == nil && n >= 0
}

func (c *cli) replay() *cobra.Command {
	var p part
	r := &repair{operate: operate{spec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpRepair}, Repair: &domain.Repair{}}}}
	cmd := &cobra.Command{
		Use: "replay", Short: "Decide again, and compare with what was decided", Long: replayHelp, Args: none,
		Example: "  duolog replay\n  duolog replay --from 2026-11-01 --to 2026-11-08\n" +
			"  duolog replay --contact jane.cooper@example.com --json\n" +
			"  duolog replay --repair --dry-run",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			var cfg replay.Config
			var err error
			if cfg.From, cfg.To, cfg.Contact, err = p.positions(ctx, a); err != nil {
				return err
			}
			defer boundMemory(decidingMemory)()
			m := c.meter("replay", "events")
			var read int64
			cfg.Progress = func(done, total int64) { read = done; m.set(done, total) }
			began := time.Now()
			sum, err := a.Replay(ctx, cfg)
			m.done()
			if err != nil {
				return err
			}
			told := c.showReplay(sum, read, time.Since(began))
			if !r.asked || failed(told) != nil {
				return told
			}
			return c.repair(ctx, a, r, sum, cfg, told)
		}),
	}
	p.flags(cmd)
	r.repairFlags(cmd)
	return cmd
}

func (c *cli) showReplay(s replay.Summary, read int64, took time.Duration) error {
	if c.json {
		out := struct {
			OK bool `json:"ok"`
			replay.Summary
			Planner         int     `json:"planner"`
			Seconds         float64 `json:"seconds"`
			EventsPerSecond float64 `json:"events_per_second"`
		}{s.Differences() == 0, s, planner.Version, took.Seconds(), float64(read) / took.Seconds()}
		return errors.Join(c.printJSON(out), personIf(!out.OK))
	}
	c.printf("Replayed %s to %s in %s: %s events/s\n", at(s.From), at(s.To), tookWord(took),
		number(int64(float64(read)/took.Seconds())))
	c.printf("%s, %s, %s decided the same\n", plural(s.Inputs, "input"), plural(s.Decisions, "decision"), number(s.Same))
	if s.Adopted > 0 {
		c.printf("%s taken as they are: they considered somebody who was erased\n", number(s.Adopted))
	}
	c.tellDeclared(s)
	return c.tellDiffering(s)
}

func (c *cli) tellDeclared(s replay.Summary) {
	for _, versions := range slices.Sorted(maps.Keys(s.Declared)) {
		c.printf("%s by planner %s, as CHANGES declares\n", plural(s.Declared[versions], "difference"), versions)
	}
	if s.FirstDeclared != nil {
		c.tellDifference("The first of them", *s.FirstDeclared)
	}
}

func (c *cli) tellDiffering(s replay.Summary) error {
	if s.Differences() == 0 {
		c.printf("No unexplained difference   %s\n", c.paint(green, "✓"))
		return nil
	}
	kinds := make([]string, 0, len(s.Differing))
	for _, k := range slices.Sorted(maps.Keys(s.Differing)) {
		kinds = append(kinds, fmt.Sprintf("%s %s", k, number(s.Differing[k])))
	}
	c.printf("%s: %s   %s\n", plural(s.Differences(), "unexplained difference"), strings.Join(kinds, ", "), c.paint(red, "✗"))
	c.tellDifference("The first", *s.First)
	return errPerson
}

// tellDifference says where a difference lies, and what was recorded and would be now.
func (c *cli) tellDifference(which string, d replay.Difference) {
	where := "nothing recorded"
	if d.Position > 0 {
		where = "recorded at " + at(d.Position)
	}
	for _, line := range []string{
		fmt.Sprintf("  %s: on %s (%s), %s", which, at(d.Input), d.Trigger, where),
		"    contact   " + d.Contact.String(),
		"    differs   " + d.What,
		"    recorded  " + orDash(d.Recorded),
		"    now       " + orDash(d.Now),
		"    rule      " + orDash(d.Rule),
	} {
		c.printf("%s\n", fitted(line, "              ", true))
	}
}
