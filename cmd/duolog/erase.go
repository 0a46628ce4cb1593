package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
)

const eraseHelp = `Erase a person for good: the keys of every record that means the person are destroyed, merged ones and bodies that could
not be read included, and what waits to be sent is withdrawn. The log stays as it is and still verifies; what was the
person's can be read by nobody any more. Formerly linked records that were parted are not touched.

What the systems tell of the person later is stored as suppressed, without data, and never synced, until --lift lets the
person in again. Under another id as well: keyed hashes of emails and numbers are kept, and a record that shows one is
erased, too; --forget-identifiers keeps none. A contact on hold is not erased: duolog hold. Of who was erased before,
--certificate writes the certificate again.

--lift lets in every record of the person, those that joined the erasure included, and removes the hashes. An email or a
number that is kept of somebody else who was erased, too, counts for nobody from then on, since the person who is let in
would be taken for the other: the command says of how many that is so. The other stays erased, and is known by whatever else
is kept.`

func (c *cli) erase() *cobra.Command {
	var dry, yes, lift bool
	var how httpapi.Erasing
	var certificate, reason string
	cmd := &cobra.Command{
		Use: "erase CONTACT", Short: "Erase a person for good", Long: eraseHelp, Args: exactly(1),
		Example: "  duolog erase jane.cooper@example.com --dry-run\n" +
			"  duolog erase hubspot:512 --reason \"request of 3 May\" --certificate jane.json\n" +
			"  duolog erase hubspot:512 --lift --reason \"signed up again\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if reason == "" && !dry {
				return hint(usage("an erasure needs a reason"), "--reason says why; it stays in the log")
			}
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			if lift {
				done, err := a.Lift(ctx, k.ID, by(a, reason))
				return c.lifted(done, err, shortName(k))
			}
			if k.Erased && certificate != "" && !dry {
				return c.certifyAgain(ctx, a, k.ID, certificate)
			}
			plan, err := a.Erasure(ctx, k.ID, how)
			if err != nil {
				return err
			}
			if dry && c.json {
				return c.printJSON(plan)
			}
			c.showErasure(plan)
			if dry {
				return nil
			}
			if err := c.confirm(yes, "Erase this person for good?"); err != nil {
				return err
			}
			return c.eraseNow(k.ID.String(), certificate, func() (httpapi.Erasure, error) {
				return a.Erase(ctx, k.ID, how, by(a, reason))
			})
		}),
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what it takes")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&lift, "lift", false, "let a person who was erased in again")
	cmd.Flags().StringVar(&certificate, "certificate", "", "file to write, which says that it was done and names nobody")
	cmd.Flags().BoolVar(&how.ForgetIdentifiers, "forget-identifiers", false, "keep no keyed hashes of emails and numbers")
	cmd.MarkFlagsMutuallyExclusive("lift", "forget-identifiers")
	cmd.MarkFlagsMutuallyExclusive("lift", "dry-run")
	cmd.MarkFlagsMutuallyExclusive("lift", "certificate")
	reasonFlag(cmd, &reason)
	return cmd
}

// lifted says who was let in again.
func (c *cli) lifted(done httpapi.Lifted, err error, name string) error {
	switch {
	case err != nil:
		return err
	case c.json:
		return c.printJSON(done)
	}
	c.printf("%s is let in again; what is told from now on counts  %s\n", name, c.paint(faint, at(done.Position)))
	c.printf("  records  %s\n", strings.Join(done.Records, " "))
	c.notes(done.Notes)
	return nil
}

func (c *cli) notes(notes []string) {
	for _, n := range notes {
		c.printf("%s\n", strings.Join(wrap("- "+n, lineWidth), "\n  "))
	}
}

// eraseNow opens the certificate's file before anything is destroyed: afterwards it would be too late to find that it
// cannot be written.
func (c *cli) eraseNow(contact, certificate string, erase func() (httpapi.Erasure, error)) (err error) {
	var file *os.File
	if certificate != "" {
		if file, err = os.OpenFile(certificate, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return fmt.Errorf("write the certificate: %w", err)
		}
	}
	done, err := erase()
	if file != nil {
		err = errors.Join(err, writeCertificate(file, done.Certificate))
		if done.Certificate == nil {
			err = errors.Join(err, os.Remove(certificate))
		}
	}
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(done)
	}
	c.printf("Contact %s is erased  %s\n", contact, c.paint(faint, at(done.Position)))
	c.notes(done.Notes)
	return nil
}

// certifyAgain writes the certificate of an erasure that is done.
func (c *cli) certifyAgain(ctx context.Context, a *app.App, contact ulid.ULID, path string) error {
	return c.eraseNow(contact.String(), path, func() (httpapi.Erasure, error) {
		cert, err := a.Certificate(ctx, contact)
		if err != nil {
			return httpapi.Erasure{}, err
		}
		return httpapi.Erasure{
			Contact: contact.String(), Position: cert.Position, At: &cert.At, Records: []string{}, Certificate: &cert,
			Notes: []string{"It was erased before: nothing was done but to write the certificate again."},
		}, nil
	})
}

func writeCertificate(file *os.File, cert *httpapi.Certificate) error {
	if cert == nil {
		return file.Close()
	}
	enc := json.NewEncoder(file)
	enc.SetIndent("", "  ")
	return errors.Join(enc.Encode(cert), file.Sync(), file.Close())
}

// showErasure says what an erasure takes.
func (c *cli) showErasure(e httpapi.Erasure) {
	out := c.printf
	if c.json {
		out = c.note
	}
	out("Contact %s\n", e.Contact)
	out("  records            %s\n", strings.Join(e.Records, " "))
	out("  commands waiting   %d\n", e.Commands)
	out("  unread bodies      %d\n", e.Raw)
	out("  parked items       %d\n", e.Parked)
	out("  keyed hashes kept  %d, of emails and numbers (pseudonymous data)\n", e.Identifiers)
	if e.Held != "" {
		out("  on hold            %s\n", e.Held)
	}
}

const holdHelp = `A contact on hold is not erased, neither by a person nor by a privacy deletion in HubSpot, until it is released.`

func (c *cli) hold() *cobra.Command {
	return group(&cobra.Command{Use: "hold", Short: "Keep contacts from being erased", Long: holdHelp},
		c.holdAct("set CONTACT", "Keep a contact from being erased", "on hold",
			"  duolog hold set hubspot:512 --reason \"case 7/2027\"", (*app.App).Hold),
		c.holdAct("release CONTACT", "End a hold", "released",
			"  duolog hold release hubspot:512 --reason \"case closed\"", (*app.App).Release),
		c.holdList())
}

// holding is an act on a contact's hold.
type holding = func(*app.App, context.Context, ulid.ULID, httpapi.By) (httpapi.Done, error)

func (c *cli) holdAct(use, short, said, example string, do holding) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: exactly(1),
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if reason == "" {
				return hint(usage("a hold needs a reason"), "--reason says why; it stays in the log")
			}
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			done, err := do(a, ctx, k.ID, by(a, reason))
			return c.acted(done, err, shortName(k)+" "+said)
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) holdList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List contacts that may not be erased", Args: none, Example: "  duolog hold list",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			holds, err := a.Holds(ctx)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(httpapi.HoldList{Holds: holds})
			}
			if len(holds) == 0 && !asCSV {
				c.printf("Nobody is on hold.\n")
				return nil
			}
			zone, err := zoneOf(ctx, a)
			if err != nil {
				return err
			}
			t := table{head: []string{"contact", "since", "by", "why"}}
			for _, h := range holds {
				t.add(h.Contact.String(), h.At.In(zone).Format(time.DateTime), h.By, h.Reason)
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
