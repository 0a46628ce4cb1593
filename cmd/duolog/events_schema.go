package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/stream/contract"
)

func (c *cli) eventsSchema() *cobra.Command {
	var asyncapi bool
	cmd := &cobra.Command{
		Use: "schema [TYPE]", Short: "The JSON Schema of an event type, or the list of types", Args: atMost(1),
		Long: "What an event type's data holds, as JSON Schema: the same that is served below /schemas. A published schema is " +
			"never changed in a way that breaks who reads it; such a change gets the next number. --asyncapi prints the " +
			"AsyncAPI 3 document of all of them, which is served at /asyncapi.json.",
		Example: "  duolog events schema\n  duolog events schema contact.changed",
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case asyncapi:
				doc, err := contract.AsyncAPI("", "")
				if err == nil {
					c.printf("%s\n", doc)
				}
				return err
			case len(args) == 0:
				return c.listSchemas()
			}
			data, ok := contract.Published(args[0], contract.Version(args[0]))
			if !ok {
				return hint(usage("there is no event type %q", args[0]), "one of %s", strings.Join(contract.Types(), ", "))
			}
			c.printf("%s", data)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asyncapi, "asyncapi", false, "print the AsyncAPI 3 document")
	return cmd
}

func (c *cli) listSchemas() error {
	list := contract.List()
	if c.json {
		return c.printJSON(map[string]any{"types": list})
	}
	t := table{head: []string{"type", "schema", "served at"}}
	for _, l := range list {
		t.add(l.Type, strconv.Itoa(l.Today), l.Schemas[len(l.Schemas)-1])
	}
	t.print(c)
	return nil
}
