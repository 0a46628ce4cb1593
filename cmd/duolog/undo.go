package main

import (
	"context"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const undoHelp = `Put back what Duolog wrote: what it decided from one time to another, for an operation, or under a version of the
settings. A value is put back only where what was written still stands. What was changed since, was not known before,
cannot be emptied or has no direction any more is listed and not touched (duolog plans show P-1 --csv); so are
contacts that were made: they are not removed. What workflows or people did because of a change stays done.

A field that was put back stays apart, with what the other side holds, until that changes there; otherwise the sync
would send it right back. With --include-source what the values came from is put back as well, before the rest: the
mass change that somebody made there.

It makes a plan first, with counts, reasons and ten samples. You are asked, then it runs. With --dry-run the plan is
kept, and duolog apply P-1 runs it. HubSpot is read before that, unless --known says not to. An undo can be undone:
it is an operation like any other. Directions and the mode bind, and a do-not-call is never lifted.`

// undone is which part of the history is to be undone, as it was typed.
type undone struct {
	from, to, operation string
	last                time.Duration
	undo                domain.Undo
}

func (c *cli) undo() *cobra.Command {
	o, u := &operate{spec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpUndo}}}, &undone{}
	cmd := &cobra.Command{
		Use: "undo", Short: "Put back what Duolog wrote", Long: undoHelp, Args: none,
		Example: "  duolog undo --from '2026-11-22 22:00' --to '2026-11-23 06:00' --dry-run\n" +
			"  duolog undo --last 10m --field owner --include-source\n  duolog undo --settings-version 7",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if err := u.read(ctx, a); err != nil {
				return err
			}
			o.spec.Undo = &u.undo
			return c.operate(ctx, a, o)
		}),
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&u.from, "from", "", "what was decided from this time")
	f.StringVar(&u.to, "to", "", "…to this time; without it, until now")
	f.DurationVar(&u.last, "last", 0, "what was decided in the last so many minutes or hours, as 10m")
	f.StringVar(&u.operation, "operation", "", "what an operation wrote, by its id")
	f.IntVar(&u.undo.Version, "settings-version", 0, "what was decided under this version of the settings")
	f.StringVar(&o.spec.Field, "field", "", "only this field")
	f.BoolVar(&u.undo.Source, "include-source", false, "put back as well what the values came from")
	f.BoolVar(&o.spec.Known, "known", false, "plan from what is known, without reading HubSpot first")
	return cmd
}

// read resolves what was typed.
func (u *undone) read(ctx context.Context, a *app.App) (err error) {
	if u.operation != "" {
		if u.undo.Operation, err = ulid.ParseStrict(u.operation); err != nil {
			return hint(usage("%q is no id of an operation", u.operation), "duolog operations list shows them")
		}
	}
	if u.last > 0 {
		u.undo.From = time.Now().Add(-u.last).UnixMicro()
	}
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	for _, at := range []struct {
		typed string
		into  *int64
	}{{u.from, &u.undo.From}, {u.to, &u.undo.To}} {
		if at.typed == "" {
			continue
		}
		t, err := parseTime(at.typed, zone)
		if err != nil {
			return err
		}
		*at.into = t.UnixMicro()
	}
	if !u.undo.Valid() {
		return usage("say what to undo: --from and --to, --last, --operation or --settings-version, one of them")
	}
	return nil
}
