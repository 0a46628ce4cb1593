package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
)

const tokensHelp = `Bearer tokens of the HTTP API, for this connection. The log holds their SHA-256, never the token.

  auditor    reads everything, personal values too; exports, replays, tries other settings
  operator   works the sync: mode and pauses, reviews, commands, bulk work, imports, catalogs,
             everybody's consumers
  engineer   reads everything, personal values too; replays, rebuilds, keeps consumers of its own
  consumer   reads the event feed and keeps consumers of its own: ids and property names, unless
             --data grants more
  admin      everything, and alone settings, tokens, erasures and holds`

var (
	roles     = []string{"auditor", "operator", "engineer", "consumer", "admin"}
	dataKinds = []string{httpapi.DataIDs, httpapi.DataMasked, httpapi.DataFull}
)

func (c *cli) tokens() *cobra.Command {
	return group(&cobra.Command{Use: "tokens", Short: "Bearer tokens of the HTTP API", Long: tokensHelp},
		c.tokensCreate(), c.tokensList(), c.tokensRevoke())
}

func (c *cli) tokensCreate() *cobra.Command {
	var r httpapi.TokenRequest
	var role, expires, reason string
	cmd := &cobra.Command{
		Use: "create", Short: "Make a token and print it, this once", Long: tokensHelp, Args: none,
		Example: "  duolog tokens create --role consumer --name warehouse --expires 90d\n" +
			"  duolog tokens create --role consumer --data masked --reason CHG-2214",
		RunE: c.onAny(func(ctx context.Context, a *app.App, _ []string) error {
			r.Role = httpapi.Role(role)
			if !slices.Contains(roles, role) {
				return hint(usage("there is no role %q", role), "--role %s", strings.Join(roles, "|"))
			}
			if !slices.Contains(dataKinds, r.Data) {
				return hint(usage("--data is %q", r.Data), "one of %s", strings.Join(dataKinds, ", "))
			}
			var err error
			if r.Expires, err = expiry(expires, time.Now()); err != nil {
				return err
			}
			secret, t, err := a.CreateToken(ctx, r, by(a, reason))
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(httpapi.NewlyMade{Token: t, Secret: secret})
			}
			c.printf("%s\n\nIt is shown this once. Revoke it with: duolog tokens revoke %s\n", secret, t.ID)
			return nil
		}),
	}
	cmd.Flags().StringVar(&role, "role", "", "what it is for: "+strings.Join(roles, ", "))
	complete(cmd, "role", roles...)
	cmd.Flags().StringVar(&r.Data, "data", httpapi.DataIDs, "what of personal values the feed shows: ids, masked or full")
	complete(cmd, "data", dataKinds...)
	cmd.Flags().StringVar(&r.Name, "name", "", "who holds it, for tokens list")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: 90d, 12h, or a date; never when left out")
	reasonFlag(cmd, &reason)
	return cmd
}

// expiry reads 90d, 12h or a date.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return now.AddDate(0, 0, n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	t, err := parseTime(text, time.Local)
	if err != nil || !t.After(now) {
		return t, hint(usage("--expires is %q", text), "90d, 12h, or a date in the future such as 2027-01-31")
	}
	return t, nil
}

func (c *cli) tokensList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List tokens, without their secrets", Args: none, Example: "  duolog tokens list",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			list, err := a.Tokens(ctx)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(httpapi.TokenList{Tokens: list})
			}
			if len(list) == 0 && !asCSV {
				c.printf("There are no tokens but the one of the configuration.\n")
				return nil
			}
			t := table{head: []string{"token", "name", "role", "data", "ends"}}
			for _, k := range list {
				ends := "never"
				if k.Expires != nil {
					ends = k.Expires.Local().Format(dateLayout)
				}
				if k.Expired {
					ends = "ended " + ends
				}
				t.add(k.ID, orDash(k.Name), k.Role, k.Data, ends)
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

func (c *cli) tokensRevoke() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "revoke TOKEN", Short: "End a token, everywhere, within two seconds", Args: exactly(1),
		Example: "  duolog tokens revoke 01JDB4Q8ZK3MT2V5W6X7Y8Z9A0 --reason \"left the company\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			id, err := ulid.ParseStrict(args[0])
			if err != nil {
				return hint(usage("that is no token's id"), "duolog tokens list shows them; never type the token itself")
			}
			done, err := a.RevokeToken(ctx, id, by(a, reason))
			return c.acted(done, err, fmt.Sprintf("%s revoked", id))
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}
