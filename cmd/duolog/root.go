package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"
)

const rootHelp = `Duolog keeps contacts in step between Aloware and HubSpot, and can tell why for every single value.
Every change from either side is stored as an immutable event; what is sent, and what is not, follows from
those events by a decision that is stored as well.

Start with two pretend CRMs:       duolog demo
Connect your own:                  duolog serve --help
See how it stands:                 duolog status
Ask about one person:              duolog contact history jane.cooper@example.com

CONTACT is a ULID, hubspot:ID, aloware:ID, an email or a phone. Exit codes: 0 all well, 1 it failed,
2 it was called wrongly, 3 a check found differences or a person is needed.`

// orderOfUse has cobra list groups and commands in the order they are added in. Its switch is one for the whole process,
// in which tests run the program several times at once.
var orderOfUse = sync.OnceFunc(func() { cobra.EnableCommandSorting = false })

// root builds the tree of commands.
func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use: "duolog", Short: "Keep contacts in step between Aloware and HubSpot", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true,
		// Cobra looks for flags that exclude each other later, and does not tell that mistake from a failure.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateFlagGroups(); err != nil {
				return hint(usageError{err}, "%s --help lists the flags", cmd.CommandPath())
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.file, "config", "", "configuration file (YAML); environment and flags override it")
	flags.StringVar(&c.connection, "connection", "default", "which connection: one portal paired with one account")
	flags.StringVar(&c.database, "database-url", "", "sqlite:PATH or postgres://… (DUOLOG_DATABASE_URL)")
	flags.StringVar(&c.data, "data", "", "folder of the SQLite file and its key (DUOLOG_DATA; default duolog-data)")
	flags.BoolVar(&c.json, "json", false, "print JSON, for programs")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(usageError{err}, "%s --help lists the flags", cmd.CommandPath())
	})
	orderOfUse()
	for _, g := range c.groups() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title + ":"})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	root = group(root)
	root.SetHelpCommand(helpCommand())
	fitHelp(root)
	return root
}

// fitHelp keeps the help of a command and those below it as wide as everything else: running text is filled anew, and
// lines that begin with a blank, which are tables, are left alone.
func fitHelp(cmd *cobra.Command) {
	cmd.Long = filled(cmd.Long)
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", lineWidth)))
	for _, sub := range cmd.Commands() {
		fitHelp(sub)
	}
}

func filled(text string) string {
	var out []string
	for _, part := range strings.Split(text, "\n\n") {
		if !strings.HasPrefix(part, " ") && !strings.Contains(part, "\n ") && !strings.Contains(part, ":  ") {
			part = strings.Join(wrap(part, lineWidth), "\n")
		}
		out = append(out, part)
	}
	return strings.Join(out, "\n\n")
}

// complete has the shell offer a flag's words.
func complete(cmd *cobra.Command, flag string, words ...string) {
	// It fails only for a flag that is not there, which the first call of any command would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// commandGroup is a heading of the help.
type commandGroup struct {
	id, title string
	commands  []*cobra.Command
}

func (c *cli) groups() []commandGroup {
	return []commandGroup{
		{"run", "Run, try, set up, look", []*cobra.Command{
			c.demo(), c.serve(), c.sandbox(), c.status(), c.doctor(), c.connect(), c.disconnect(), c.connections(), c.tokens(), c.webhooks(),
		}},
		{"policy", "Policy", []*cobra.Command{c.mode(), c.pause(), c.resume(), c.settings(), c.mapping(), c.whatif()}},
		{"bulk", "Bulk work: a plan first, then it runs", []*cobra.Command{
			c.push(), c.pull(), c.match(), c.reconcile(), c.undo(), c.importing(), c.plans(), c.apply(), c.operations(),
		}},
		{"people", "People", []*cobra.Command{
			c.contact(), c.review(), c.duplicates(), c.catalogs(), c.commands(), c.erase(), c.hold(),
		}},
		{"readers", "Auditors, and services that read along", []*cobra.Command{
			c.events(), c.consumers(), c.reports(), c.verify(), c.heads(), c.export(), c.verifyExport(),
		}},
		{"engineers", "Engineers, operations", []*cobra.Command{
			c.replay(), c.projections(), c.rebuild(), c.backup(), c.restore(), c.recover(), c.copy(), c.keys(), c.migrate(), c.bench(), c.version(),
		}},
	}
}
